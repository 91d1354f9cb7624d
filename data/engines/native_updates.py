"""What is written to the native table: every update repeats what the person saw."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Table,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from data.engines.base import Marked, Seen
from data.engines.native_queries import among, to_ms_of
from data.engines.native_table import Instant
from data.model import JobState

#: What a cleaned-up run keeps as its ``error_type``.
ERROR_TYPE: Final = "Stalled"


def update_stalled(
    table: Table, dialect: str, batch: Sequence[Seen], *, reason: str, at_ms: int
) -> ReturningUpdate[Any]:
    """Marks as FAILED what still is as seen; returns the ids that were."""
    c = table.c
    return (
        update(table)
        .where(_as_seen(table, dialect, batch))
        .values(
            status=JobState.FAILED.value,
            finished_at=at_ms,
            error_type=ERROR_TYPE,
            error=reason,
            cancel_requested_at=func.coalesce(
                c.cancel_requested_at, literal(at_ms, Instant())
            ),
        )
        .returning(c.id)
    )


def update_restored(
    table: Table,
    dialect: str,
    batch: Sequence[Marked],
    cancel_requested_at: ColumnElement[Any],
) -> ReturningUpdate[Any]:
    """Puts back to RUNNING what nobody touched since; returns the ids that were."""
    c = table.c
    as_left = among(
        _fingerprint(c.id, [c.started_at, c.finished_at], dialect),
        [f"{run.run_id} {run.started_at} {run.finished_at}" for run in batch],
        dialect,
    )
    return (
        update(table)
        .where(c.status == literal_column("'FAILED'"))
        .where(among(c.id, [int(run.run_id) for run in batch], dialect), as_left)
        .where(c.error_type == ERROR_TYPE)
        .values(
            status=JobState.RUNNING.value,
            finished_at=None,
            error_type=None,
            error=None,
            cancel_requested_at=cancel_requested_at,
        )
        .returning(c.id)
    )


def update_cancelled(
    table: Table, dialect: str, run_ids: Sequence[int], at_ms: int
) -> ReturningUpdate[Any]:
    """Calls off what still waits; returns the ids that were."""
    c = table.c
    waits: list[ColumnElement[str]] = [
        literal_column("'PENDING'"),
        literal_column("'SCHEDULED'"),
    ]
    return (
        update(table)
        .where(
            among(c.id, run_ids, dialect), c.status.in_(waits), c.finished_at.is_(None)
        )
        .values(status=JobState.CANCELLED.value, finished_at=at_ms)
        .returning(c.id)
    )


def update_asked(
    table: Table, dialect: str, run_ids: Sequence[int], at_ms: int
) -> ReturningUpdate[Any]:
    """Asks what still runs to stop, keeping an earlier request; returns the ids."""
    c = table.c
    asked_at = func.coalesce(c.cancel_requested_at, literal(at_ms, Instant()))
    runs = c.status == literal_column("'RUNNING'")
    return (
        update(table)
        .where(among(c.id, run_ids, dialect), runs, c.finished_at.is_(None))
        .values(cancel_requested_at=asked_at)
        .returning(c.id)
    )


def _as_seen(table: Table, dialect: str, batch: Sequence[Seen]) -> ColumnElement[bool]:
    """The guard: still RUNNING, the same start, and no newer heartbeat where it counts."""
    c = table.c
    started = [f"{r.run_id} {r.started_at}" for r in batch if not r.guard_heartbeat]
    silent = [
        f"{run.run_id} {run.started_at} {_or_dash(run.heartbeat_at)}"
        for run in batch
        if run.guard_heartbeat
    ]
    return and_(
        among(c.id, [int(run.run_id) for run in batch], dialect),
        c.status == literal_column("'RUNNING'"),
        c.finished_at.is_(None),
        or_(
            among(_fingerprint(c.id, [c.started_at], dialect), started, dialect),
            among(
                _fingerprint(c.id, [c.started_at, c.heartbeat_at], dialect),
                silent,
                dialect,
            ),
        ),
    )


def _fingerprint(
    run_id: ColumnElement[int], instants: Sequence[ColumnElement[Any]], dialect: str
) -> ColumnElement[str]:
    """Id and instants of a row in one text, "-" for NULL.

    A list of texts is hashed. With a list of tuples PostgreSQL compares every row with
    every tuple: 250 ms for 500 runs instead of 10, and their locks are held as long.
    """
    found: ColumnElement[str] = cast(run_id, Text)
    for instant in instants:
        words = cast(to_ms_of(instant, dialect), Text)
        found = found.concat(" ").concat(func.coalesce(words, "-"))
    return found


def _or_dash(instant: int | None) -> int | str:
    return "-" if instant is None else instant
