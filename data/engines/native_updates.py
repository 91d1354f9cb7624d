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
    or_,
)

from data.engines.base import Marked, Seen
from data.engines.native_queries import among, to_ms_of
from data.engines.native_types import is_any
from data.engines.native_writer import Change
from data.model import JobState

#: What a cleaned-up run keeps as its ``error_type``.
ERROR_TYPE: Final = "Stalled"


def stalled(
    table: Table, dialect: str, batch: Sequence[Seen], *, reason: str, at_ms: int
) -> Change:
    """Marks as FAILED what still is as seen."""
    c = table.c
    return Change(
        _as_seen(table, dialect, batch),
        {
            "status": JobState.FAILED.value,
            "finished_at": at_ms,
            "error_type": ERROR_TYPE,
            "error": reason,
            "cancel_requested_at": func.coalesce(
                c.cancel_requested_at, literal(at_ms, c.cancel_requested_at.type)
            ),
        },
        and_(is_any(c.status, JobState.FAILED), c.finished_at.is_not(None)),
    )


def restored(
    table: Table,
    dialect: str,
    batch: Sequence[Marked],
    cancel_requested_at: ColumnElement[Any],
) -> Change:
    """Puts back to RUNNING what nobody touched since."""
    c = table.c
    as_left = among(
        _fingerprint(c.id, [c.started_at, c.finished_at], dialect),
        [f"{run.run_id} {run.started_at} {run.finished_at}" for run in batch],
        dialect,
    )
    return Change(
        and_(is_any(c.status, JobState.FAILED), as_left, c.error_type == ERROR_TYPE),
        {
            "status": JobState.RUNNING.value,
            "finished_at": None,
            "error_type": None,
            "error": None,
            "cancel_requested_at": cancel_requested_at,
        },
        and_(is_any(c.status, JobState.RUNNING), c.finished_at.is_(None)),
    )


def called_off(table: Table, at_ms: int) -> Change:
    """Cancels what still waits."""
    c = table.c
    waits = is_any(c.status, JobState.PENDING, JobState.SCHEDULED)
    return Change(
        and_(waits, c.finished_at.is_(None)),
        {"status": JobState.CANCELLED.value, "finished_at": at_ms},
        is_any(c.status, JobState.CANCELLED),
    )


def asked_to_stop(table: Table, at_ms: int) -> Change:
    """Asks what still runs to stop, keeping an earlier request."""
    c = table.c
    requested = c.cancel_requested_at
    return Change(
        and_(is_any(c.status, JobState.RUNNING), c.finished_at.is_(None)),
        {
            "cancel_requested_at": func.coalesce(
                requested, literal(at_ms, requested.type)
            )
        },
        requested.is_not(None),
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
        is_any(c.status, JobState.RUNNING),
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
