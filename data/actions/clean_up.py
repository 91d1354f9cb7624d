"""Clean-up: marks stalled runs as failed where they still are as the person saw them."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from data.actions.outcomes import failed, not_reached
from data.clock import MINUTE_MS, from_ms
from data.engines.base import Remedy, Seen, Written
from data.exceptions import DataError, OutcomeUnknownError
from data.model import (
    FINISHED,
    Job,
    JobState,
    LifeSign,
    Liveness,
    Snapshot,
    Verdict,
)
from data.rules.stalls import StallLimits, is_alive, verdict_of
from data.snapshot import Source
from data.store import Store
from data.store.audit import AuditEntry

log = logging.getLogger(__name__)

_SIGNS: Final = {
    LifeSign.HEARTBEAT: {
        Liveness.FRESH: "its worker still sent heartbeats",
        Liveness.LOST: "its heartbeat was lost",
        Liveness.NONE: "it never sent a heartbeat",
    },
    LifeSign.STEP: {
        Liveness.FRESH: "it finished a step a short time before",
        Liveness.LOST: "it had finished no step for some time",
        Liveness.NONE: "it never finished a step",
    },
}
_DONE: Final = {
    Remedy.MARK_FAILED: "Marked as failed",
    Remedy.CANCEL: "Cancelled",
}


def seen_of(snapshot: Snapshot) -> list[Seen]:
    """Every stalled run of ``snapshot`` as it stands there: the guard of a clean-up."""
    return [
        seen_as(run_id, verdict)
        for run_id, verdict in snapshot.judgement.verdicts.items()
    ]


def ticked_of(snapshot: Snapshot) -> list[Seen]:
    """Those of ``seen_of`` that a clean-up takes unless somebody chooses otherwise.

    Lost, silent, and of types that never send a heartbeat. What still gives signs of
    life is slow, not dead.
    """
    return [
        seen_as(run_id, verdict)
        for run_id, verdict in snapshot.judgement.verdicts.items()
        if not is_alive(verdict)
    ]


def seen_as(run_id: str, verdict: Verdict) -> Seen:
    """The guard that ``verdict`` rests on."""
    known = verdict.evidence
    return Seen(run_id, known.started_at, known.heartbeat_at, not is_alive(verdict))


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A clean-up about to be tried: the runs that are still stalled and still as seen."""

    place: Source
    actor: str
    now_ms: int
    runs: Sequence[Seen]
    jobs: Mapping[str, Job]
    #: by run id, the sentence that the run will keep
    reasons: Mapping[str, str]
    #: by run id, the same without who did it: what the audit keeps beforehand
    evidence: Mapping[str, str]


def attempt_of(
    place: Source, seen: Iterable[Seen], *, actor: str, now_ms: int, limits: StallLimits
) -> Attempt:
    """Read the runs again and keep those that are still stalled and as seen."""
    once = {run.run_id: run for run in seen}
    jobs = jobs_by_id(place, list(once))
    able = place.engine.capabilities
    verdicts = {
        run_id: verdict
        for run_id, job in jobs.items()
        if _is_as_seen(job, once[run_id])
        and (verdict := verdict_of(job, now_ms=now_ms, limits=limits))
    }
    reasons = {
        run_id: reason_of(verdict, able.remedy, actor=actor, at_ms=now_ms)
        for run_id, verdict in verdicts.items()
    }
    runs = [run for run in once.values() if run.run_id in verdicts]
    return Attempt(
        place=place,
        actor=actor,
        now_ms=now_ms,
        runs=runs,
        jobs=jobs,
        reasons=reasons,
        evidence={run_id: evidence_of(found) for run_id, found in verdicts.items()},
    )


@dataclass(frozen=True, kw_only=True)
class Marked:
    """What came of an attempt, and the audit's token ("" when none was tried)."""

    #: by run id when it finished, as its row says now
    done: Mapping[str, int | None] = field(default_factory=dict)
    #: by run id why it was not done: locked, refused, or the database was lost
    reasons: Mapping[str, str] = field(default_factory=dict)
    token: str = ""


def mark(attempt: Attempt, store: Store) -> Marked:
    """Write down what is about to be done, do it, write down what came of it.

    Raises the database's error when nothing was marked, OutcomeUnknownError when it
    was lost and cannot be asked.
    """
    if not attempt.runs:
        return Marked()
    token = store.audit.open_batch(
        attempt.actor,
        attempt.place.name,
        "clean up",
        [
            AuditEntry(
                run.run_id,
                attempt.jobs[run.run_id].job_name,
                _before(attempt.jobs[run.run_id]),
                attempt.evidence[run.run_id],
            )
            for run in attempt.runs
        ],
        attempt.now_ms,
    )
    try:
        written = _mark_all(attempt)
    except DataError as error:
        done = _marked_after_all(attempt)
        lost = [run.run_id for run in attempt.runs if run.run_id not in done]
        if not done:
            store.audit.conclude(token, failed(lost, error))
            raise error from None
        reasons = dict.fromkeys(lost, str(error))
        _conclude(attempt, store, token, Written(done, reasons))
        return Marked(done=done, reasons=reasons, token=token)
    try:
        _conclude(attempt, store, token, written)
    except DataError as error:
        log.warning("what was marked could not be written down: %s", error)
        token = ""
    return Marked(done=written.done, reasons=written.refused, token=token)


def reason_of(verdict: Verdict, remedy: Remedy, *, actor: str, at_ms: int) -> str:
    """Why and by whom a run was cleaned up: the sentence it keeps as its error."""
    at = from_ms(at_ms).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{evidence_of(verdict)} {_DONE[remedy]} by {actor} at {at}."


def evidence_of(verdict: Verdict) -> str:
    """Why a run was to be cleaned up, whatever came of it: what the audit keeps."""
    beat = _SIGNS[verdict.evidence.sign][verdict.evidence.liveness]
    minutes = f"{verdict.limit_ms / MINUTE_MS:g} min"
    return (
        f"Stalled: it ran for more than {minutes} ({verdict.rule}) without completion "
        f"and {beat}."
    )


def jobs_by_id(place: Source, run_ids: Sequence[str]) -> dict[str, Job]:
    """The runs as they are now; unknown ids are left out."""
    return {job.run_id: job for job in place.engine.runs(run_ids)} if run_ids else {}


def looked_again(
    place: Source, left: Sequence[str], marked: Marked
) -> tuple[list[str], Mapping[str, str]]:
    """The ids of ``left`` that ended or are gone, and why others were not reached.

    What was marked must be reported, with its undo, though the database is lost by now.
    """
    try:
        finished = _finished_of(jobs_by_id(place, left), left)
    except DataError as error:
        if not marked.done:
            raise
        return [], {id_: marked.reasons.get(id_, str(error)) for id_ in left}
    reasons = marked.reasons.items()
    return finished, {id_: why for id_, why in reasons if id_ not in finished}


def _finished_of(jobs: Mapping[str, Job], run_ids: Sequence[str]) -> list[str]:
    return [
        run_id
        for run_id in run_ids
        if run_id not in jobs or jobs[run_id].state in FINISHED
    ]


def _is_as_seen(job: Job, run: Seen) -> bool:
    same_beat = job.heartbeat_at == run.heartbeat_at or not run.guard_heartbeat
    return job.started_at == run.started_at and same_beat


def _mark_all(attempt: Attempt) -> Written:
    by_reason: dict[str, list[Seen]] = defaultdict(list)
    for run in attempt.runs:
        by_reason[attempt.reasons[run.run_id]].append(run)
    engine = attempt.place.engine
    done: dict[str, int | None] = {}
    refused: dict[str, str] = {}
    for reason, runs in by_reason.items():
        written = engine.mark_stalled(runs, reason=reason, at_ms=attempt.now_ms)
        done |= written.done
        refused |= written.refused
    return Written(done, refused)


def _marked_after_all(attempt: Attempt) -> dict[str, int | None]:
    """What is really there, after the database was lost on the way."""
    try:
        jobs = jobs_by_id(attempt.place, [run.run_id for run in attempt.runs])
    except DataError as error:
        message = (
            f"{attempt.place.label}: the database was lost before it answered. "
            "Whether the runs were marked is unknown: look again."
        )
        raise OutcomeUnknownError(message) from error
    if attempt.place.engine.capabilities.remedy is Remedy.CANCEL:
        cancelled = [job for job in jobs.values() if job.state is JobState.CANCELLED]
        return {job.run_id: job.finished_at for job in cancelled}
    return {
        run_id: job.finished_at
        for run_id, job in jobs.items()
        if job.state is JobState.FAILED and job.finished_at == attempt.now_ms
    }


def _conclude(attempt: Attempt, store: Store, token: str, written: Written) -> None:
    outcomes: dict[str, tuple[str, Mapping[str, object]]] = {
        run.run_id: ("cleaned", _after(attempt, written.done[run.run_id]))
        if run.run_id in written.done
        else ("left alone", {})
        for run in attempt.runs
    }
    store.audit.conclude(token, outcomes | not_reached(written.refused))
    ended = dict.fromkeys(written.done, "cleaned")
    store.episodes.close(attempt.place.name, ended, attempt.now_ms)


def _after(attempt: Attempt, finished_at: int | None) -> dict[str, object]:
    if attempt.place.engine.capabilities.remedy is Remedy.MARK_FAILED:
        return {"status": JobState.FAILED.value, "finished_at": finished_at}
    return {"status": JobState.CANCELLED.value}


def _before(job: Job) -> dict[str, object]:
    return {
        "status": job.status_word,
        "started_at": job.started_at,
        "heartbeat_at": job.heartbeat_at,
        "cancel_requested_at": job.cancel_requested_at,
        "worker": job.worker,
    }
