"""Undo: puts back what a clean-up marked, where nobody touched it since."""

from collections.abc import Mapping, Sequence
from typing import Final

from data.actions.outcomes import NOT_REACHED, Undone, not_reached
from data.clock import MINUTE_MS
from data.engines.base import Marked
from data.exceptions import UndoExpiredError
from data.snapshot import Source
from data.store.audit import AuditEntry, AuditLog, AuditRow

#: How long a clean-up can be undone.
UNDO_FOR_MS: Final = 10 * MINUTE_MS


def undoable(audit: AuditLog, token: str, now_ms: int) -> list[AuditRow]:
    """The rows of the clean-up that ``token`` undoes, without those dealt with already.

    Raises UndoExpiredError when the token is unknown, used, or too old.
    """
    dealt_with = audit.undone_runs(token, but_for=NOT_REACHED)
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
    done, refused = place.engine.unmark_stalled([_marked(row) for row in rows])
    outcomes: dict[str, tuple[str, Mapping[str, object]]] = {
        row.run_id: ("restored", row.before)
        if row.run_id in done
        else ("changed since", {})
        for row in rows
    }
    audit.conclude(batch, outcomes | not_reached(refused))
    ids = [row.run_id for row in rows]
    return Undone(
        restored=[run_id for run_id in ids if run_id in done],
        changed_since=[run_id for run_id in ids if run_id not in {*done, *refused}],
        not_reached=[run_id for run_id in ids if run_id in refused],
        reasons=refused,
    )


def _marked(row: AuditRow) -> Marked:
    return Marked(
        row.run_id,
        row.before["started_at"],
        row.after["finished_at"],
        row.before["cancel_requested_at"],
    )
