"""What a run's row holds instead of an instant or a number, shown as it is there.

Somebody else writes the job table: microseconds, a negative instant, a text in a column
of numbers. Nothing is made of it, and nobody is told that there is nothing.
"""

from math import isfinite
from typing import Final

from data.clock import from_ms, is_in_calendar
from data.model import Job

INSTANTS: Final = (
    *("enqueued_at", "scheduled_at", "started_at"),
    *("heartbeat_at", "finished_at", "cancel_requested_at"),
)


def odd_values(job: Job) -> dict[str, str]:
    """By field the text of what is no instant of the calendar, and no number."""
    found = dict(job.odd)
    for name in INSTANTS:
        at = getattr(job, name)
        if at is not None and not is_in_calendar(at):
            found[name] = str(at)
    if job.progress is not None and not isfinite(job.progress):
        found["progress"] = str(job.progress)
    return found


def sane(at: int | None) -> int | None:
    """The instant, None for one that is beyond the calendar."""
    return at if at is not None and is_in_calendar(at) else None


def ran_ms(job: Job) -> int | None:
    """How long it ran; None where that is not known."""
    ended, started = sane(job.finished_at), sane(job.started_at)
    return None if ended is None or started is None else ended - started


def iso_or_odd(job: Job, name: str, odd: dict[str, str]) -> str:
    """An instant as ISO 8601 in UTC, "" for none, or what is there instead."""
    at = getattr(job, name)
    if name in odd or at is None:
        return odd.get(name, "")
    return from_ms(at).isoformat()
