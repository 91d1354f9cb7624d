"""Tracked errors for browsers and programs: told, listed, sorted, as CSV."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import chain, islice
from typing import Annotated, Any, Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from dashboard.api.errors import RESPONSES, ErrorAnswer, answer
from dashboard.api.export import Lines, csv_text, safe
from dashboard.api.rates import Rates
from dashboard.auth import require
from dashboard.deps import Action, Deps
from dashboard.views.errors import (
    EVENT_COLUMNS,
    GROUP_COLUMNS,
    event_cells,
    group_cells,
)
from data.actions.errors import ErrorActions
from data.all_sources import ALL
from data.exceptions import DataError, InvalidRequestError
from data.model import GroupStatus
from data.store.error_records import ErrorFilter, Group, KeptEvent
from data.store.errors import ErrorLog
from data.tracking import Tracker
from data.tracking.intake import Receipt

#: Of the body of a batch: bytes, events, and how deep it may be nested.
BODY_LIMIT: Final = 65_536
EVENTS: Final = 50
_DEPTH: Final = 20
_MOST_NOT_SENT: Final = 1_000_000
_RECEIPT_LIMIT_S: Final = 5.0
_LONGEST_REST_S: Final = 1.0
#: A browser that is told to wait comes back after this many seconds.
_AGAIN_S: Final = 5
#: What a browser calls a tab; anything else is nobody's.
_SESSION: Final = re.compile("[0-9a-f]{16}")

#: Events and fingerprint of the last group of a page.
_AFTER_GROUP: Final = "^[0-9]{1,15}\\.v[0-9]{1,3}:[0-9a-f]{16}$"
_MS: Final = Query(ge=0, le=253_402_214_400_000, description="epoch milliseconds")
_Text = Annotated[str, Query(max_length=500)]
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    **{status: RESPONSES[status] for status in (400, 403, 413, 422, 503)},
    415: {"model": ErrorAnswer, "description": "The body is not JSON"},
    429: {"model": ErrorAnswer, "description": "Too many errors; see Retry-After"},
}
_READ: Final[dict[int | str, dict[str, Any]]] = {
    status: RESPONSES[status] for status in (403, 404, 422, 503)
}
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {}}},
    **_READ,
}


class Told(BaseModel):
    """What became of a batch."""

    #: events that are kept now
    accepted: int
    #: events that were kept before
    duplicate: int
    #: events that were none
    dropped: int


class EventAnswer(BaseModel):
    """One event; ``event`` is what was told of it, scrubbed."""

    event_id: str
    fingerprint: str
    #: epoch ms
    at: int
    origin: str
    level: str
    kind: str
    count: int
    event: dict[str, Any]


class EventsAnswer(BaseModel):
    """Some events, newest first."""

    errors: list[EventAnswer]
    #: where to go on: hand it back as ``after``; null at the end
    next: str | None


class GroupAnswer(BaseModel):
    """Errors that are the same error; instants are epoch ms."""

    fingerprint: str
    title: str
    status: GroupStatus
    origin: str
    action: str
    component: str
    job_name: str
    #: in the asked range
    events: int
    #: since it was first seen
    users: int
    runs: int
    first_seen: int
    last_seen: int
    merged: list[str]


class GroupsAnswer(BaseModel):
    """Some groups, most frequent first."""

    groups: list[GroupAnswer]
    #: where to go on: hand it back as ``after``; null at the end
    next: str | None
    #: stored errors are being regrouped: how much is done, 0 to 1; null when all is
    regrouped: float | None


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


_Fingerprint = Annotated[str, Field(pattern="^v[0-9]{1,3}:[0-9a-f]{16}$")]


class StatusAsked(_Asked):
    """What a group is to become."""

    fingerprint: _Fingerprint
    # a group becomes regressed by itself
    status: Literal[GroupStatus.OPEN, GroupStatus.RESOLVED, GroupStatus.IGNORED]


class MergeAsked(_Asked):
    """Groups that are the same as another one."""

    into: _Fingerprint
    fingerprints: list[_Fingerprint] = Field(min_length=1, max_length=100)


class SplitAsked(_Asked):
    """A fingerprint that is to be a group of its own again."""

    fingerprint: _Fingerprint


def _filter(  # noqa: PLR0917  # one for each word of the query
    origin: _Text = "",
    action: _Text = "",
    component: _Text = "",
    job: _Text = "",
    source: _Text = "",
    q: _Text = "",
    status: Annotated[list[GroupStatus] | None, Query()] = None,
    since: Annotated[int, _MS] = 0,
    until: Annotated[int, _MS] = 0,
) -> ErrorFilter:
    return ErrorFilter(
        since=since,
        until=until,
        statuses=frozenset(status or ()),
        origin=origin,
        action=action,
        component=component,
        job_name=job,
        source="" if source == ALL else source,
        text=q,
    )


_Filter = Annotated[ErrorFilter, Depends(_filter)]


def register(router: APIRouter, deps: Deps) -> None:
    """Attach the routes; without a tracker there are none."""
    if deps.tracker is None:
        return
    _register_telling(router, deps, deps.tracker)
    _register_reading(router, deps, deps.store.errors)
    _register_sorting(router, deps)


def _register_telling(router: APIRouter, deps: Deps, tracker: Tracker) -> None:
    rates = Rates(deps.clock)
    #: one batch at a time, and a rest as long as it took: pages come first
    turn = asyncio.Lock()

    @router.post(
        "/errors",
        status_code=202,
        response_model=Told,
        responses=_REFUSED,
        openapi_extra=_BATCH,
    )
    async def tell(request: Request) -> Response:
        """Have a browser's errors kept: at most 50 in 64 KiB; the same again is none."""
        require(deps.viewer(), Action.REPORT)
        body = await _body(request)
        if body is None:
            sentence = f"The body is longer than {BODY_LIMIT:,} bytes."
            return answer(413, "too_large", sentence)
        if not request.headers.get("content-type", "").startswith("application/json"):
            return answer(415, "not_json", "The body is JSON: Content-Type says so.")
        events, session, not_sent = _batch_of(body)
        wait_s = rates.wait_s(session, len(events))
        if wait_s:
            return _later(429, "too_many", "Too many errors at once.", wait_s)
        work = tracker.report
        async with turn:
            began = time.monotonic()
            receipt, bad = await to_thread.run_sync(
                lambda: work(events, session=session)
            )
            told = receipt and await _told(receipt)
            await asyncio.sleep(min(time.monotonic() - began, _LONGEST_REST_S))
        if not told:
            why = deps.store.database.write_problem
            sentence = f"Errors cannot be kept just now. {why}".rstrip()
            return _later(503, "busy", sentence, _AGAIN_S)
        if told.accepted:  # what is told again was counted before
            tracker.intake.totals["not sent by browsers"] += not_sent
        counts = {"accepted": told.accepted, "duplicate": told.duplicate}
        return JSONResponse({**counts, "dropped": bad}, 202)


def _register_reading(router: APIRouter, deps: Deps, errors: ErrorLog) -> None:
    @router.get("/errors", responses=_READ)
    def listed(
        filter_: _Filter,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        after: Annotated[
            str | None, Query(pattern="^[0-9]{1,15}\\.[0-9]{1,18}$")
        ] = None,
    ) -> EventsAnswer:
        """Tracked errors, newest first."""
        filter_ = _narrowed(deps, filter_)
        rows = errors.page(filter_, before=_place(after), limit=limit)
        last = f"{rows[-1].at}.{rows[-1].id}" if len(rows) == limit else None
        return EventsAnswer(errors=[_event(row) for row in rows], next=last)

    @router.get("/errors.csv", response_class=StreamingResponse, responses=_CSV)
    def listed_csv(filter_: _Filter) -> Response:
        """What ``/api/errors`` lists with the same words, as CSV; instants are UTC."""
        require(deps.viewer(), Action.EXPORT)
        filter_ = _narrowed(deps, filter_)
        return Lines(_begun(_event_lines(errors, filter_)), lambda: None, "errors")

    @router.get("/errors/groups", responses=_READ)
    def groups(
        filter_: _Filter,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        after: Annotated[str | None, Query(pattern=_AFTER_GROUP)] = None,
    ) -> GroupsAnswer:
        """Groups with errors in the range, most frequent first."""
        filter_ = _narrowed(deps, filter_)
        found = errors.groups(filter_, after=_group_place(after), limit=limit)
        return GroupsAnswer(
            groups=[_group(one) for one in found],
            next=_next_group(found) if len(found) == limit else None,
            regrouped=deps.store.regrouping.progress(),
        )

    @router.get("/errors/groups.csv", response_class=StreamingResponse, responses=_CSV)
    def groups_csv(filter_: _Filter) -> Response:
        """What ``/api/errors/groups`` lists with the same words, as CSV."""
        require(deps.viewer(), Action.EXPORT)
        filter_ = _narrowed(deps, filter_)
        lines = _begun(_group_lines(errors, filter_))
        return Lines(lines, lambda: None, "error-groups")


def _register_sorting(router: APIRouter, deps: Deps) -> None:
    desk = ErrorActions(deps.store, deps.clock)

    @router.post("/errors/status", responses=RESPONSES)
    def set_status(asked: StatusAsked) -> GroupAnswer:
        """Resolve, ignore or open a group again."""
        actor = require(deps.viewer(), Action.TRIAGE)
        return _group(desk.set_status(asked.fingerprint, asked.status, actor=actor))

    @router.post("/errors/merge", responses=RESPONSES)
    def merge(asked: MergeAsked) -> GroupAnswer:
        """Make groups part of another one."""
        actor = require(deps.viewer(), Action.TRIAGE)
        return _group(desk.merge(asked.into, asked.fingerprints, actor=actor))

    @router.post("/errors/split", responses=RESPONSES)
    def split(asked: SplitAsked) -> GroupAnswer:
        """Make what was merged a group of its own again."""
        actor = require(deps.viewer(), Action.TRIAGE)
        return _group(desk.split(asked.fingerprint, actor=actor))


def _narrowed(deps: Deps, filter_: ErrorFilter) -> ErrorFilter:
    """The filter for one source of several. Raises UnknownSourceError."""
    if filter_.source:
        deps.source(filter_.source)
    return filter_._replace(source=deps.narrowed(filter_.source))


async def _body(request: Request) -> bytes | None:
    """The body; None when it is too long."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > BODY_LIMIT:
            return None
    return bytes(found)


def _batch_of(body: bytes) -> tuple[list[object], str, int]:
    """The events of a batch, or the one event; whose they are; how many were not sent.

    Raises InvalidRequestError, which says what is allowed.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        message = "The body is no JSON."
        raise InvalidRequestError(message) from None
    if _is_deeper(found, _DEPTH):
        message = f"The body is nested deeper than {_DEPTH} levels."
        raise InvalidRequestError(message)
    head = found if isinstance(found, dict) else {}
    events = [found] if "event_id" in head else head.get("events", found)
    if not isinstance(events, list):
        message = 'The body is {"events": [...]}, or one event.'
        raise InvalidRequestError(message)
    if len(events) > EVENTS:
        message = f"{len(events):,} events; at most {EVENTS} at once."
        raise InvalidRequestError(message)
    first = events[0] if events and isinstance(events[0], dict) else {}
    session = head.get("session", first.get("session"))
    if not isinstance(session, str) or not _SESSION.fullmatch(session):
        session = ""
    return events, session, _not_sent(head.get("dropped"))


def _not_sent(dropped: object) -> int:
    """Errors that a browser counted and, to spare us, did not tell of."""
    told = dropped if isinstance(dropped, dict) else {}
    return sum(
        min(times, _MOST_NOT_SENT)
        for reason in ("rate", "queue", "refused")
        if type(times := told.get(reason)) is int and times > 0
    )


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in parts)


async def _told(receipt: Future[Receipt]) -> Receipt | None:
    """What became of the batch; None when the store does not take it now."""
    try:
        return await asyncio.wait_for(asyncio.wrap_future(receipt), _RECEIPT_LIMIT_S)
    except (DataError, TimeoutError):
        return None


def _later(status: int, code: str, message: str, seconds: int) -> JSONResponse:
    made = answer(status, code, f"{message} Send them again after {seconds} s.")
    made.headers["Retry-After"] = str(seconds)
    return made


def _place(after: str | None) -> tuple[int, int] | None:
    if after is None:
        return None
    at, _, id_ = after.partition(".")
    return int(at), int(id_)


def _group_place(after: str | None) -> tuple[int, str] | None:
    if after is None:
        return None
    events, _, fingerprint = after.partition(".")
    return int(events), fingerprint


def _next_group(groups: list[Group]) -> str:
    return f"{groups[-1].events}.{groups[-1].fingerprint}"


def _event(row: KeptEvent) -> EventAnswer:
    return EventAnswer(
        event_id=row.event_id,
        fingerprint=row.fingerprint,
        at=row.at,
        origin=row.origin,
        level=row.level,
        kind=row.kind,
        count=row.times,
        event=json.loads(row.body),
    )


def _group(group: Group) -> GroupAnswer:
    found = group._asdict()
    return GroupAnswer(
        **{name: found[name] for name in GroupAnswer.model_fields if name in found},
        users=group.visitors,
    )


def _begun(lines: Iterator[str]) -> Iterator[str]:
    """Head and first page read: what is wrong is an error and not a broken file."""
    return chain([*islice(lines, 2)], lines)


def _event_lines(errors: ErrorLog, filter_: ErrorFilter) -> Iterator[str]:
    yield csv_text([EVENT_COLUMNS])
    for rows in errors.lines(filter_):
        yield csv_text([[*map(safe, event_cells(row))] for row in rows])


def _group_lines(errors: ErrorLog, filter_: ErrorFilter) -> Iterator[str]:
    yield csv_text([GROUP_COLUMNS])
    after = None
    while rows := errors.groups(filter_, after=after):
        yield csv_text([[*map(safe, group_cells(row))] for row in rows])
        after = rows[-1].events, rows[-1].fingerprint


_BATCH: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["events"],
                    "properties": {
                        "session": {"type": "string", "pattern": _SESSION.pattern},
                        "events": {
                            "type": "array",
                            "maxItems": EVENTS,
                            "items": {"type": "object"},
                        },
                    },
                }
            }
        },
    }
}
