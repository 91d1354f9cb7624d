"""What is to be done to selected runs, and what was done: sentences and lists."""

from collections.abc import Mapping, Sequence
from typing import Final

from dashboard.format import count, shorten
from dashboard.views.active import NAME_LENGTH
from data.actions import Cancelled, Retried
from data.engines.base import Remedy
from data.model import OPEN, Job, JobState

RETRY: Final = "retry"
CANCEL: Final = "cancel"
#: (tone, sentence, run ids)
Part = tuple[str, str, list[str]]


def plan_view(
    action: str,
    jobs: Sequence[Job],
    asked: Sequence[str],
    *,
    not_copied: Sequence[str] = (),
) -> list[Part]:
    """What will happen to which run; runs that are not there any more are named too.

    ``not_copied`` are columns that a new run does not take over.
    """
    waits = [job.run_id for job in jobs if job.state in OPEN - {JobState.RUNNING}]
    runs = [job.run_id for job in jobs if job.state is JobState.RUNNING]
    over = [job.run_id for job in jobs if job.state not in OPEN]
    there = {job.run_id for job in jobs}
    gone = [run_id for run_id in asked if run_id not in there]
    if action == CANCEL:
        parts = [
            ("good", "will be called off before they start", waits),
            ("busy", "are running and will be asked to stop", runs),
            ("quiet", "have ended: nothing is done", over),
        ]
    else:
        parts = [
            ("good", "will run again with the same params", over),
            ("quiet", "have not ended: nothing is done", [*waits, *runs]),
        ]
    said = _said([*parts, ("quiet", "are not there any more", gone)])
    note = not_copied_note(not_copied) if action == RETRY and over else ""
    return [*said, ("quiet", note, [])] if note else said


def not_copied_note(columns: Sequence[str]) -> str:
    """What a retry does not take over, before the click; "" when it takes everything."""
    if not columns:
        return ""
    names = ", ".join(shorten(name, NAME_LENGTH) for name in columns)
    return f"Not copied to the new run: {names}. The database gives them new values."


def cancel_words(job: Job | None, remedy: Remedy) -> str:
    """What a cancel will do to this run, before it is done."""
    if job is None:
        return "The run is not there any more: nothing will be done."
    if job.state not in OPEN:
        return "The run has finished already: nothing will be done."
    if job.state is not JobState.RUNNING:
        return "The run is waiting. It will be cancelled before it starts."
    if remedy is Remedy.CANCEL:
        return (
            "The run is running. It will be cancelled: its code stops at its next step. "
            "This cannot be undone."
        )
    return (
        "The run is running. Its worker will be asked to stop; whether it does is up to "
        "the worker."
    )


def is_possible(action: str, jobs: Sequence[Job]) -> bool:
    """Is there any run that this can be done to?"""
    return any((job.state in OPEN) == (action == CANCEL) for job in jobs)


def cancelled_view(done: Cancelled) -> list[Part]:
    """What a cancel did."""
    return _said(
        [
            ("good", "called off", done.cancelled),
            ("busy", "asked to stop; whether it does is up to its worker", done.asked),
            ("quiet", "finished meanwhile, left alone", done.finished_meanwhile),
            ("quiet", "not there any more", done.unknown),
            *not_reached_parts(done.not_reached, done.reasons),
        ]
    )


def retried_view(done: Retried) -> list[Part]:
    """What "Run again" did; the ids of started runs are the new ones."""
    new = [new for old, new in done.started.items() if new != old]
    again = [new for old, new in done.started.items() if new == old]
    return _said(
        [
            ("good", "started as new runs", new),
            ("good", "go on after their last finished step", again),
            ("quiet", "had not ended, left alone", done.not_finished),
            ("quiet", "not there any more", done.unknown),
            *not_reached_parts(done.not_reached, done.reasons),
        ]
    )


def not_reached_parts(run_ids: Sequence[str], reasons: Mapping[str, str]) -> list[Part]:
    """One part for each reason: a tone, words that follow a number, run ids."""
    by_reason: dict[str, list[str]] = {}
    for run_id in run_ids:
        by_reason.setdefault(reasons.get(run_id, ""), []).append(run_id)
    return [
        ("bad", f"not reached: {reason or 'look again.'}", ids)
        for reason, ids in by_reason.items()
    ]


def _said(parts: Sequence[Part]) -> list[Part]:
    return [
        (tone, f"{count(len(ids))} {words}", ids) for tone, words, ids in parts if ids
    ]
