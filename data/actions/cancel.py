"""Cancel: calls off runs that wait, asks those that run to stop."""

from collections.abc import Sequence
from typing import Final

from data.actions.auditing import failures_concluded
from data.actions.batches import Stepped, in_batches, once_each
from data.actions.clean_up import jobs_by_id
from data.actions.outcomes import Cancelled, not_reached
from data.model import OPEN, Job, JobState
from data.snapshot import Source
from data.store.audit import AuditEntry, AuditLog

_CANCELLED: Final = "cancelled"
_ASKED: Final = "asked to stop"


def cancel(
    place: Source, run_ids: Sequence[str], audit: AuditLog, *, actor: str, now_ms: int
) -> Cancelled:
    """Write down what is about to be cancelled, do it, write down what came of it."""
    asked_for = once_each(run_ids)
    exact = place.engine.capabilities.guarded
    jobs = jobs_by_id(place, asked_for)
    open_ids = [id_ for id_ in asked_for if id_ in jobs and jobs[id_].state in OPEN]
    entries = [
        AuditEntry(id_, jobs[id_].job_name, _before(jobs[id_]), "") for id_ in open_ids
    ]
    token = audit.open_batch(actor, place.name, "cancel", entries, now_ms)

    def step(ids: Sequence[str]) -> Stepped:
        found = place.engine.cancel(ids, at_ms=now_ms)
        done = dict.fromkeys(found.cancelled, _CANCELLED)
        return Stepped(done | dict.fromkeys(found.asked, _ASKED), found.refused)

    def look_again(ids: Sequence[str]) -> Stepped:
        found = {
            id_: _done_to(job, now_ms, exact=exact)
            for id_, job in jobs_by_id(place, ids).items()
        }
        return Stepped({id_: word for id_, word in found.items() if word}, {})

    with failures_concluded(audit, token, open_ids):
        reached = in_batches(open_ids, step, look_again)
    done, reasons = reached.done, reached.reasons
    audit.conclude(
        token,
        {
            id_: (
                done.get(id_, "finished meanwhile"),
                _after(done.get(id_), now_ms, exact=exact),
            )
            for id_ in open_ids
            if id_ not in reasons
        }
        | not_reached(reached.not_done),
    )
    return Cancelled(
        cancelled=[id_ for id_ in asked_for if done.get(id_) == _CANCELLED],
        asked=[id_ for id_ in asked_for if done.get(id_) == _ASKED],
        finished_meanwhile=[
            id_ for id_ in asked_for if id_ in jobs and id_ not in {*done, *reasons}
        ],
        unknown=[id_ for id_ in asked_for if id_ not in jobs],
        not_reached=[*reasons],
        reasons=reasons,
    )


def _done_to(job: Job, now_ms: int, *, exact: bool) -> str:
    """What our statement of ``now_ms`` did to this run, that was open, "" for nothing.

    Where an engine writes its own instants (not ``exact``), the state has to do.
    """
    is_ours = job.finished_at == now_ms or not exact
    if job.state is JobState.CANCELLED and is_ours:
        return _CANCELLED
    return _ASKED if job.cancel_requested_at is not None else ""


def _before(job: Job) -> dict[str, object]:
    return {
        "status": job.status_word,
        "started_at": job.started_at,
        "cancel_requested_at": job.cancel_requested_at,
    }


def _after(outcome: str | None, now_ms: int, *, exact: bool) -> dict[str, object]:
    if outcome and not exact:
        return {"status": JobState.CANCELLED.value}
    if outcome == _CANCELLED:
        return {"status": JobState.CANCELLED.value, "finished_at": now_ms}
    return {"cancel_requested_at": now_ms} if outcome == _ASKED else {}
