"""Runs as CSV: page after page, so that a million rows need the memory of a few."""

import csv
import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from threading import BoundedSemaphore
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from dashboard.api.errors import RESPONSES, answer
from dashboard.api.filters import Filter
from dashboard.auth import require
from dashboard.deps import Action, Deps
from dashboard.views.instants import iso_or_odd, odd_values
from data.all_sources import AllSources
from data.exceptions import SourceUnavailableError
from data.model import Job, JobState, RunFilter, RunPage
from data.snapshot import Source

#: Exports that run at once in one process: they read somebody else's tables.
AT_ONCE: Final = 2
#: Rows between two chances for others to have the interpreter.
_PAGE: Final = 60
#: After each page it rests this many times as long: others come first.
_REST_PER_PAGE: Final = 2.5
#: A page that took longer waited for its reader, and not for us.
_LONGEST_PAGE_S: Final = 0.02
_COLUMNS: Final = (
    *("run_id", "job_name", "queue", "status", "attempt", "worker"),
    *("enqueued_at", "started_at", "heartbeat_at", "finished_at"),
)
#: What a spreadsheet takes for a formula when a cell begins with it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_NEGATIVE: Final = re.compile(r"-[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BYTE_ORDER_MARK: Final = "\ufeff"
_Source = Annotated[str | None, Query(description="without it the first one")]


def register(router: APIRouter, deps: Deps) -> None:
    """Attach ``/runs.csv``."""
    room = BoundedSemaphore(AT_ONCE)

    @router.get(
        "/runs.csv",
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/csv": {}}},
            **{status: RESPONSES[status] for status in (403, 404, 422, 503)},
        },
    )
    def export_runs(filter_: Filter, source: _Source = None) -> Response:
        """What ``/api/runs`` lists with the same words, as CSV; instants are UTC."""
        require(deps.viewer(), Action.EXPORT)
        place = deps.place(source)
        if not room.acquire(blocking=False):
            message = f"{AT_ONCE} exports are under way: try again when one has ended."
            busy = answer(503, "busy", message)
            busy.headers["Retry-After"] = "30"
            return busy
        return Lines(
            _first(place, filter_, room.release), room.release, f"runs-{place.name}"
        )


class Lines(StreamingResponse):
    """The lines, and ``done`` when the last was sent or the client is gone."""

    def __init__(
        self, lines: Iterator[str], done: Callable[[], None], name: str
    ) -> None:
        """``name`` becomes a part of the file's name.

        The file begins with a byte-order mark: without it spreadsheets take it for
        Windows-1252.
        """
        plain = "".join(c if c.isalnum() and c.isascii() else "-" for c in name)
        headers = {
            "Content-Disposition": f'attachment; filename="{plain}.csv"',
            "X-Accel-Buffering": "no",
            "Cache-Control": "no-store",
        }
        marked = chain([_BYTE_ORDER_MARK], lines)
        super().__init__(marked, media_type="text/csv; charset=utf-8", headers=headers)
        self._done = done

    async def __call__(self, *asgi: object) -> None:
        """Send all of it."""
        try:
            await super().__call__(*asgi)  # type: ignore[arg-type]  # as it came
        finally:
            self._done()


def _first(
    place: Source | AllSources, filter_: RunFilter, release: Callable[[], None]
) -> Iterator[str]:
    """The lines; what is wrong with the first page is an error and not a broken file."""
    try:
        page = _page(place, filter_)
    except BaseException:
        release()
        raise
    return _lines(place, filter_, page)


def _lines(
    place: Source | AllSources, filter_: RunFilter, page: RunPage
) -> Iterator[str]:
    yield csv_text([_COLUMNS])
    while True:
        began = time.monotonic()
        yield csv_text([_row(job) for job in page.jobs])
        if page.next is None:
            return
        page = _page(place, filter_, after=page.next)
        time.sleep(_REST_PER_PAGE * min(time.monotonic() - began, _LONGEST_PAGE_S))


def _page(
    place: Source | AllSources, filter_: RunFilter, after: str | None = None
) -> RunPage:
    """A page that lacks no source: a file says nothing of what is not in it."""
    page = place.engine.page(filter_, after=after, limit=_PAGE)
    if page.missing:
        raise SourceUnavailableError(" ".join(page.missing))
    return page


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines of CSV; cells that hold text are made ``safe`` before."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _row(job: Job) -> tuple[str, ...]:
    odd = odd_values(job)
    instants = ("enqueued_at", "started_at", "heartbeat_at", "finished_at")
    status = job.status_word if job.state is JobState.OTHER else job.state.value
    words = (job.run_id, job.job_name, job.queue, status)
    return (
        *map(safe, words),
        safe(odd.get("attempt", str(job.attempt))),
        safe(job.worker or ""),
        *(safe(iso_or_odd(job, name, odd)) for name in instants),
    )


def safe(text: str) -> str:
    """A text that no spreadsheet runs; a negative number is one."""
    if not text.startswith(_FORMULA) or _NEGATIVE.fullmatch(text):
        return text
    return f"'{text}"
