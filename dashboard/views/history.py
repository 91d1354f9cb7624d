"""Pages of the history as rows for its grid, and the words of its query string."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from dashboard.format import count, shorten, shorten_name
from dashboard.theme import TONES
from dashboard.views.active import NAME_LENGTH, WHOLE_NAME
from dashboard.views.details import status_words, verdict_words
from dashboard.views.instants import odd_values, ran_ms
from data.clock import DAY_MS, HOUR_MS, from_ms
from data.model import (
    FINISHED,
    OPEN,
    Failure,
    Job,
    JobState,
    RunFilter,
    RunPage,
    Verdict,
)
from data.rules.grouping import raised

#: Characters of an error's first line in its row; the dialog has all of it.
_REASON_LENGTH: Final = 200
#: Runs counted at most: beyond it "1,000+" says enough.
COUNTED_TO: Final = 1_000
#: What the status select offers, by its word in the URL; the first is not written there.
STATUSES: Final[dict[str, str]] = {
    "all": "All finished",
    "SUCCEEDED": "Succeeded",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
    "open": "Not finished",
}
#: The same for the time range, and how long it is.
RANGES: Final[dict[str, tuple[str, int]]] = {
    "any": ("Any time", 0),
    "1h": ("Last hour", HOUR_MS),
    "24h": ("Last 24 hours", DAY_MS),
    "7d": ("Last 7 days", 7 * DAY_MS),
    "30d": ("Last 30 days", 30 * DAY_MS),
}
#: A range between two instants, epoch ms: charts lead to what is behind a point.
_BETWEEN: Final = re.compile(r"(\d{1,14})-(\d{1,14})")


class HistoryRow(TypedDict):
    """One run. Instants and durations are milliseconds."""

    id: str
    job: str
    status: str
    tone: str
    queue: str
    worker: str
    attempt: int | str
    #: when it finished, None while it is open; a text is no instant, shown as it is
    at: int | str | None
    took: int | None
    open: bool
    #: class and first line of its error, or why it counts as stalled; "" for neither
    reason: str


class HistoryView(TypedDict):
    """What a search found."""

    rows: list[HistoryRow]
    #: put these in place of what is there; False: below it
    replace: bool
    next: str | None
    searched_to: int | None
    #: "1,000+ runs", "" where it was not counted
    count: str
    #: why nothing was found out, "" when it was
    problem: str


def filter_of(fields: Sequence[object], now_ms: int) -> RunFilter:
    """The filter that status, job, queue, time range and text say.

    A word that is not offered means the first one that is.
    """
    status, job, queue, span, text = map(_text, fields)
    length = RANGES.get(span, ("", 0))[1]
    since, until = between(span) or (now_ms - length if length else None, None)
    return RunFilter(
        states=_states_of(status),
        job_name=job or None,
        queue=queue or None,
        since_ms=since,
        until_ms=until,
        text=text,
    )


def between(word: str) -> tuple[int, int] | None:
    """The instants of a range like "1773792000000-1773795600000"; None of another."""
    found = _BETWEEN.fullmatch(word)
    return (int(found[1]), int(found[2])) if found else None


def ranges_with(word: str | None) -> dict[str, str]:
    """What the range select offers; a range between two instants that is asked for too."""
    offered = {key: words for key, (words, _) in RANGES.items()}
    if word and (found := between(word)):
        first, last = map(from_ms, found)
        same_day = first.date() == last.date()
        end = f"{last:%H:%M}" if same_day else f"{last.day} {last:%b %H:%M}"
        offered[word] = f"{first.day} {first:%b %H:%M} to {end} UTC"
    return offered


def history_view(
    page: RunPage,
    *,
    replace: bool,
    counted: int | None,
    verdicts: Mapping[str, Verdict],
    failures: Sequence[Failure] = (),
) -> HistoryView:
    """A page of runs; ``verdicts`` are those of stalled ones, ``failures`` of failed ones."""
    errors = {failure.job.run_id: error_words(failure) for failure in failures}
    return HistoryView(
        rows=[
            _row(job, verdicts.get(job.run_id), errors.get(job.run_id, ""))
            for job in page.jobs
        ],
        replace=replace,
        next=page.next,
        searched_to=page.searched_to_ms,
        count=count_words(counted),
        problem=" ".join(page.missing),
    )


def trouble_view(message: str) -> HistoryView:
    """A search that could not be done; the rows that are there stay."""
    return HistoryView(
        rows=[], replace=False, next=None, searched_to=None, count="", problem=message
    )


def count_words(counted: int | None) -> str:
    """How many runs there are in all, "" when nobody counted."""
    if counted is None:
        return ""
    if counted > COUNTED_TO:
        return f"{count(COUNTED_TO)}+ runs"
    return f"{count(counted)} {'run' if counted == 1 else 'runs'}"


def error_words(failure: Failure) -> str:
    """The class of an error and the first line of its message."""
    told = raised(failure.error, failure.error_type)
    line = next((line for line in told.message.splitlines() if line.strip()), "")
    parts = (told.type, line.strip())
    return shorten(": ".join(part for part in parts if part), _REASON_LENGTH)


def _row(job: Job, verdict: Verdict | None, error: str) -> HistoryRow:
    odd = odd_values(job)
    return HistoryRow(
        id=job.run_id,
        job=shorten_name(job.job_name, WHOLE_NAME),
        status=status_words(job, verdict),
        tone="warn" if verdict else TONES[job.state],
        queue=shorten(job.queue, NAME_LENGTH),
        worker=shorten(job.worker or "", NAME_LENGTH),
        attempt=odd.get("attempt", job.attempt),
        at=odd.get("finished_at", job.finished_at),
        took=ran_ms(job),
        open=job.state in OPEN,
        reason=verdict_words(verdict) if verdict else error,
    )


def _states_of(status: str) -> frozenset[JobState]:
    if status == "open":
        return OPEN
    wanted = {JobState(word) for word in status.split(",") if word in set(JobState)}
    return frozenset(wanted) or FINISHED


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
