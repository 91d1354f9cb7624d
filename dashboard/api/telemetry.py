"""What tabs tell of themselves: how fresh their data was, links that broke, reports."""

import asyncio
from typing import Annotated, Any, Final, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse, Response

from dashboard.api.errors import RESPONSES, ErrorAnswer, answer
from dashboard.api.rates import Rates
from dashboard.auth import require
from dashboard.deps import Action, Deps
from data.clock import Clock, now_ms
from data.exceptions import DataError
from data.rules.viewing import BUCKETS_S, Counters, Report, Spread, Told
from data.rules.visitors import visitor_of
from data.store.viewing import ViewingLog

#: Posts of one tab, and of all, in a minute.
PER_SESSION: Final = 20
OVERALL: Final = 6_000
#: Data that is older than so many refreshes, or than this, is stale.
REFRESHES: Final = 3
LEAST_LIMIT_MS: Final = 15_000
#: Posts that may wait to be written, and that are written at once.
_ROOM: Final = 200
_AT_ONCE: Final = 2
#: A store that did not answer is left alone for so long.
_REST_MS: Final = 5_000
_AGAIN_S: Final = 30

#: A clean shutdown is no link that broke; pages of an older version count it as one.
_SHUTDOWN: Final = "1012"
#: Why a link breaks; anything else is "other". "restart": it was shut down cleanly and
#: was not back within two minutes.
CAUSES: Final = frozenset(
    {
        *("1002", "1003", "1005", "1006", "1007", "1009", "1011", "1013"),
        *("4401", "4403", "4404", "silent", "offline", "failed", "polls", "restart"),
    }
)
_LIVE: Final = ("live", "polling")


def _number(value: object) -> object:
    """A whole number, 5.0 too, and no text or bool that could be taken for one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = "Input should be a valid integer"
        raise PydanticCustomError("number", message)
    return value


_Count = Annotated[int, Field(ge=0, le=10**12, strict=False), BeforeValidator(_number)]
_Number = Annotated[int, Field(ge=1, le=10**12, strict=False), BeforeValidator(_number)]
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    **{status: RESPONSES[status] for status in (400, 403, 413, 422, 503)},
    429: {"model": ErrorAnswer, "description": "Too many posts; see Retry-After"},
}


class _Told(BaseModel):
    """What is not named here is dropped; what is of another type is refused."""

    model_config = ConfigDict(strict=True)


class SpreadTold(_Told):
    """How often a duration fell in which bucket, and the sum of all."""

    counts: list[_Count] = Field(
        min_length=len(BUCKETS_S) + 1, max_length=len(BUCKETS_S) + 1
    )
    sum_ms: _Count


class CountersTold(_Told):
    """What a tab counted since it was opened; seconds are those it was visible in."""

    good_s: _Count
    stale_s: _Count
    disconnected_s: _Count
    minutes: _Count
    good_minutes: _Count
    faults: dict[Annotated[str, Field(max_length=20)], _Count] = Field(max_length=20)
    attempts: _Count
    reconnects: SpreadTold
    ages: SpreadTold


class RecordTold(_Told):
    """What a tab knew of its freshness when somebody reported it."""

    #: of the data on the page; null: there never was any
    age_ms: _Count | None
    limit_ms: _Count
    link: Literal[
        "connecting", "live", "reconnecting", "stopped", "polling", "polling fails"
    ]
    #: since the link was lost, null while it is not
    lost_ms: _Count | None
    last_message_ms: _Count
    good_s: _Count
    stale_s: _Count
    disconnected_s: _Count
    faults: _Count
    errors: _Count
    page: str = Field(max_length=200)


class ReportTold(_Told):
    """What a person reports; the same id again is no news."""

    report_id: str = Field(pattern="^[0-9a-f]{32}$")
    source: str = Field(max_length=200)
    category: Literal["not_updating", "wrong_data", "other"]
    note: str = Field(max_length=500)
    record: RecordTold


class TelemetryTold(_Told):
    """One post of a tab: all that it counted, and what somebody reports."""

    session: str = Field(pattern="^[0-9a-f]{16}$")
    #: grows with each post
    number: _Number
    counters: CountersTold
    report: ReportTold | None = None


class Kept(BaseModel):
    """When it was kept, epoch ms."""

    at: int


def register(router: APIRouter, deps: Deps) -> None:
    """Attach the route."""
    rates = Rates(deps.clock, per_session=PER_SESSION, overall=OVERALL)
    desk = _Desk(deps.store.viewing, deps.clock)
    limit_ms = max(LEAST_LIMIT_MS, REFRESHES * deps.look.refresh_every_ms)

    @router.post("/telemetry", status_code=202, response_model=Kept, responses=_REFUSED)
    async def tell(post: TelemetryTold) -> Response:
        """Count what a tab saw: its counters only grow, the same again adds nothing."""
        require(deps.viewer(), Action.REPORT)
        wait_s = rates.wait_s(post.session, 1)
        if wait_s:
            return _later(429, "too_many", "Too many posts at once.", wait_s)
        visitor = visitor_of(post.session, deps.salt)
        if not await desk.take(told_of(post, visitor, limit_ms)):
            return _later(503, "busy", "It cannot be kept just now.", _AGAIN_S)
        return JSONResponse({"at": now_ms(deps.clock)}, 202)


class _Desk:
    """Hands posts to the store; no page ever waits for it, and few posts wait long."""

    def __init__(self, viewing: ViewingLog, clock: Clock) -> None:
        self._viewing = viewing
        self._clock = clock
        self._threads = CapacityLimiter(_AT_ONCE)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._resting_until = 0

    async def take(self, told: Told) -> bool:
        """Is it kept? False: the store does not answer, or too many wait."""
        if self._waiting >= _ROOM:
            return False
        self._waiting += 1
        try:
            async with self._turn:
                return await self._keep(told)
        finally:
            self._waiting -= 1

    async def _keep(self, told: Told) -> bool:
        now = now_ms(self._clock)
        if now < self._resting_until:
            return False
        try:
            await to_thread.run_sync(
                self._viewing.tell, told, now, limiter=self._threads
            )
        except DataError:
            self._resting_until = now_ms(self._clock) + _REST_MS
            return False
        return True


def told_of(post: TelemetryTold, visitor: str, limit_ms: int) -> Told:
    """A post for the store; data older than ``limit_ms`` confirms a report."""
    return Told(
        session=post.session,
        visitor=visitor,
        number=post.number,
        counters=_counters(post.counters),
        report=_report(post.report, limit_ms) if post.report else None,
    )


def _counters(told: CountersTold) -> Counters:
    numbers = told.model_dump(exclude={"faults", "reconnects", "ages"})
    faults: dict[str, int] = {}
    for cause, times in told.faults.items():
        if cause == _SHUTDOWN:
            continue
        known = cause if cause in CAUSES else "other"
        faults[known] = faults.get(known, 0) + times
    return Counters(
        **numbers,
        faults=faults,
        reconnects=_spread(told.reconnects),
        ages=_spread(told.ages),
    )


def _spread(told: SpreadTold) -> Spread:
    return Spread(tuple(told.counts), told.sum_ms)


def _report(told: ReportTold, limit_ms: int) -> Report:
    record = told.record
    is_old = record.age_ms is None or record.age_ms > limit_ms
    return Report(
        report_id=told.report_id,
        source=told.source,
        category=told.category,
        note=told.note,
        record=record.model_dump_json(),
        confirmed=is_old or record.link not in _LIVE,
    )


def _later(status: int, code: str, message: str, seconds: int) -> JSONResponse:
    made = answer(status, code, f"{message} Try again after {seconds} s.")
    made.headers["Retry-After"] = str(seconds)
    return made
