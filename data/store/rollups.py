"""Hourly rollups of finished runs: hour x job type x status, the last eight days.

The job table is somebody else's and may change behind our back: rows come late, are
edited in place, deleted, pruned. So nothing is added up. ``refresh`` reads the last
hours again as a whole, ``audit_step`` one older day after the other, and hours that
are older than 48 h may only go up, so that pruning does not erase history.

Every step reads the source first and then writes once. It writes nothing when another
process did so since, and repeating a step changes nothing: a crash costs nothing.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from data.clock import DAY_MS, HOUR_MS
from data.db import Database
from data.model import HourCell, Recent
from data.store.cells import SEALED_AFTER_MS, hour_of, replace_cells
from data.store.recent import recent_of
from data.store.tables import rollup_hour, rollup_state
from data.store.upserts import insert_into

#: Asks an engine for the cells of ``since_ms <= finished_at < until_ms``.
ReadCells = Callable[[int, int], list[HourCell]]

#: What is kept, besides the present hour.
KEPT_MS: Final = 8 * DAY_MS
#: How far behind the last refresh rows may still come late: long transactions, clocks.
_OVERLAP_MS: Final = HOUR_MS
#: Away for longer than this, the gap is filled a day at a time, newest first.
_GAP_MS: Final = DAY_MS

_c: Final = rollup_state.c
_STATE: Final = select(
    _c.generation,
    _c.refreshed_until,
    _c.backfilled_from,
    _c.complete,
    _c.audited_hour,
    _c.episodes_from,
)
_BUMP: Final = update(rollup_state).values(generation=_c.generation + 1)


class RollupState(NamedTuple):
    """How far the rollups of one source have come."""

    #: grows by one whenever a stored cell changed
    generation: int
    #: when the newest hours were read
    refreshed_until: int
    #: every hour since this one is in
    backfilled_from: int
    #: eight days are in
    complete: bool
    #: the audit goes on with the day before this hour
    audited_hour: int
    #: runs that took too long before somebody watched are known since then
    episodes_from: int


class _Reading(NamedTuple):
    """What the source said at ``at`` about the hours from ``since`` to ``until``."""

    since: int
    until: int
    cells: list[HourCell]
    at: int


class Rollups:
    """The rollups of all sources."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def refresh(self, source: str, read: ReadCells, now_ms: int) -> bool:
        """Read the last hours again, from an hour before the last refresh on.

        Returns whether a cell changed.
        """
        before = self._state(source)
        since, after = _refreshed(before, now_ms)
        until = _next_hour(now_ms)
        cells = read(since, until)
        return self._write(source, before, after, _Reading(since, until, cells, now_ms))

    def backfill_step(self, source: str, read: ReadCells, now_ms: int) -> bool:
        """Read one older day, the newest that is missing; True when more are missing."""
        before = self._state(source)
        if before is None:
            self.refresh(source, read, now_ms)
            return True
        oldest = _oldest_hour(now_ms)
        until = before.backfilled_from
        if until <= oldest and before.complete:
            return False
        since = min(until, max(until - DAY_MS, oldest))
        after = before._replace(
            backfilled_from=since, complete=before.complete or since <= oldest
        )
        cells = read(since, until) if since < until else []
        self._write(source, before, after, _Reading(since, until, cells, now_ms))
        return since > oldest

    def audit_step(self, source: str, read: ReadCells, now_ms: int) -> bool:
        """Read one older day again, the next in turn; returns whether a cell changed."""
        before = self._state(source)
        if before is None:
            return False
        newest = hour_of(now_ms - _OVERLAP_MS)
        oldest = max(before.backfilled_from, _oldest_hour(now_ms))
        if oldest >= newest:
            return False
        in_turn = oldest < before.audited_hour <= newest
        until = before.audited_hour if in_turn else newest
        since = max(until - DAY_MS, oldest)
        after = before._replace(audited_hour=since)
        cells = read(since, until)
        return self._write(source, before, after, _Reading(since, until, cells, now_ms))

    def prune(self, now_ms: int) -> int:
        """Forget the hours that are older than eight days, of all sources; how many rows."""
        oldest = _oldest_hour(now_ms)
        with self._db.writing() as connection:
            connection.execute(
                update(rollup_state)
                .where(_c.backfilled_from < oldest)
                .values(backfilled_from=oldest)
            )
            old = delete(rollup_hour).where(rollup_hour.c.hour < oldest)
            return connection.execute(old).rowcount

    def recent(self, source: str, now_ms: int) -> Recent | None:
        """The figures of the last day; None when the source was never read."""
        with self._db.reading() as connection:
            state = _read_state(connection, source)
            if state is None:
                return None
            return recent_of(
                connection,
                source,
                now_ms,
                backfilled_from=state.backfilled_from,
                complete=state.complete,
            )

    def job_names(self, source: str) -> list[str]:
        """The job types that finished lately, most used first."""
        statement = (
            select(rollup_hour.c.job_name)
            .where(rollup_hour.c.source == source)
            .group_by(rollup_hour.c.job_name)
            .order_by(func.sum(rollup_hour.c.runs).desc(), rollup_hour.c.job_name)
        )
        return [name for (name,) in self._db.fetch(statement)]

    def generation(self, source: str) -> int:
        """Differs when a cell changed since the last call; 0 before the first read."""
        state = self._state(source)
        return state.generation if state else 0

    def _state(self, source: str) -> RollupState | None:
        with self._db.connection() as connection:
            return _read_state(connection, source)

    def _write(
        self,
        source: str,
        before: RollupState | None,
        after: RollupState,
        reading: "_Reading",
    ) -> bool:
        with self._db.writing() as connection:
            if not self._claim(connection, source, before, after):
                return False
            changed = replace_cells(
                connection,
                source,
                (reading.since, reading.until),
                reading.cells,
                sealed_before=hour_of(reading.at - SEALED_AFTER_MS),
            )
            if changed:
                connection.execute(_BUMP.where(_c.source == source))
            return changed

    def _claim(
        self,
        connection: Connection,
        source: str,
        before: RollupState | None,
        after: RollupState,
    ) -> bool:
        """Move the state on; False when it is no longer ``before``."""
        if before is None:
            insert = insert_into(rollup_state, self._db.dialect)
            new = insert.values(source=source, **after._asdict())
            claim = new.on_conflict_do_nothing().returning(_c.source)
            return connection.execute(claim).first() is not None
        unchanged = [_c[name] == value for name, value in before._asdict().items()]
        moved = update(rollup_state).where(_c.source == source, *unchanged)
        return connection.execute(moved.values(**after._asdict())).rowcount == 1


def _refreshed(before: RollupState | None, now_ms: int) -> tuple[int, RollupState]:
    """From which hour a refresh must read, and the state it leaves.

    After a long time away, or when the clock was set back to before all that is
    stored, it begins anew: what is stored stays until the back-fill reads it again.
    """
    since = hour_of(now_ms - _OVERLAP_MS)
    if (
        before is None
        or now_ms - before.refreshed_until > _GAP_MS
        or before.backfilled_from > since
    ):
        generation = before.generation if before else 0
        return since, RollupState(
            generation,
            now_ms,
            since,
            complete=False,
            audited_hour=since,
            episodes_from=now_ms,
        )
    since = hour_of(min(before.refreshed_until, now_ms) - _OVERLAP_MS)
    return since, before._replace(refreshed_until=now_ms)


def _read_state(connection: Connection, source: str) -> RollupState | None:
    row = connection.execute(_STATE.where(_c.source == source)).first()
    return RollupState(*row) if row else None


def _next_hour(now_ms: int) -> int:
    return hour_of(now_ms) + HOUR_MS


def _oldest_hour(now_ms: int) -> int:
    return hour_of(now_ms) - KEPT_MS
