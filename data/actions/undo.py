"""Undo: puts back what a clean-up marked, where nobody touched it since."""

from collections.abc import Mapping, Sequence
from typing import Final

from data.actions.auditing import failures_concluded
from data.actions.batches import Stepped, in_batches
from data.actions.clean_up import jobs_by_id
from data.actions.outcomes import FAILED, NOT_REACHED, Undone, not_reached
from data.clock import MINUTE_MS
from data.engines.base import Marked
from data.exceptions import DataError, OutcomeUnknownError, UndoExpiredError
from data.model import JobState
from data.snapshot import Source
from data.store.audit import AuditEntry, AuditLog, AuditRow

#: How long a clean-up can be undone.
UNDO_FOR_MS: Final = 10 * MINUTE_MS
_RESTORED: Final = "restored"


def undoable(audit: AuditLog, token: str, now_ms: int) -> list[AuditRow]:
    """The rows of the clean-up that ``token`` undoes, without those dealt with already.

    Raises UndoExpiredError when the token is unknown, used, or too old.
    """
    dealt_with = audit.undone_runs(token, but_for=[FAILED, NOT_REACHED])
    rows = [
        row
        for row in audit.batch(token)
        if row.outcome == "cleaned" and row.run_id not in dealt_with
    ]
    if not rows:
        message = "There is nothing to undo: it was undone already, or never done."
        raise UndoExpiredError(message)
    if now_ms - rows[0].at > UNDO_FOR_MS:
        message = "A clean-up can be undone for 10 minutes only."
        raise UndoExpiredError(message)
    return rows


def put_back(
    place: Source, rows: Sequence[AuditRow], audit: AuditLog, *, actor: str, now_ms: int
) -> Undone:
    """Write down what is about to be undone, undo it, write down what came of it."""
    entries = [AuditEntry(row.run_id, row.job_name, row.after, "") for row in rows]
    batch = audit.open_batch(
        actor, place.name, "undo", entries, now_ms, undo_of=rows[0].batch
    )
    by_id = {row.run_id: row for row in rows}
    ids = sorted(by_id, key=lambda id_: _was_asked_to_stop(by_id[id_]))
    with failures_concluded(audit, batch, ids):
        reached = in_batches(
            ids,
            lambda part: _unmark(place, [by_id[id_] for id_ in part]),
            lambda part: _running_again(place, [by_id[id_] for id_ in part]),
        )
    done, reasons = reached.done, reached.reasons
    outcomes: dict[str, tuple[str, Mapping[str, object]]] = {
        id_: (_RESTORED, row.before) if id_ in done else ("changed since", {})
        for id_, row in by_id.items()
        if id_ not in reasons
    }
    audit.conclude(batch, outcomes | not_reached(reached.not_done))
    return Undone(
        restored=[id_ for id_ in by_id if id_ in done],
        changed_since=[id_ for id_ in by_id if id_ not in {*done, *reasons}],
        not_reached=[id_ for id_ in by_id if id_ in reasons],
        reasons=reasons,
    )


def _unmark(place: Source, rows: Sequence[AuditRow]) -> Stepped:
    """Put these back: a statement for those that were asked to stop, one for others.

    When the second one fails, the first one is done: it is reported.
    """
    done: dict[str, str] = {}
    refused: dict[str, str] = {}
    for asked in (False, True):
        part = [row for row in rows if _was_asked_to_stop(row) is asked]
        try:
            written = place.engine.unmark_stalled([_marked(row) for row in part])
        except OutcomeUnknownError:
            raise
        except DataError as error:
            if not done:
                raise
            return Stepped(done, refused | {row.run_id: str(error) for row in part})
        done |= dict.fromkeys(written.done, _RESTORED)
        refused |= written.refused
    return Stepped(done, refused)


def _running_again(place: Source, rows: Sequence[AuditRow]) -> Stepped:
    """Which of these were put back by a statement whose answer was lost."""
    jobs = jobs_by_id(place, [row.run_id for row in rows])
    running = [id_ for id_, job in jobs.items() if job.state is JobState.RUNNING]
    return Stepped(dict.fromkeys(running, _RESTORED), {})


def _was_asked_to_stop(row: AuditRow) -> bool:
    return row.before["cancel_requested_at"] is not None


def _marked(row: AuditRow) -> Marked:
    return Marked(
        row.run_id,
        row.before["started_at"],
        row.after["finished_at"],
        row.before["cancel_requested_at"],
    )
