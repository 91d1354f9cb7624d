"""Rollups of finished runs: hour or day x job type x status.

The job table is somebody else's and may change behind our back: rows come late, are
edited in place, deleted, pruned. ``refresh`` reads the last hours again as a whole,
``audit_step`` some older hours after the others. What was counted stays counted when its
rows are deleted, see ``data.store.counted``; while a source deletes rows of the last 48 h
what ended since the last refresh is added up.

Hours are kept for whole days, as long as everything else is but for eight days at
least; the days that are folded from them for longer.

Every step reads the source first and then writes once. It writes nothing when another
process did so since, and repeating a step changes nothing: a crash costs nothing.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.db import Database
from data.model import HourCell, Recent
from data.store.cells import (
    SEALED_AFTER_MS,
    day_of,
    hour_of,
    storable_cells,
    stored_hours,
    write_hours,
)
from data.store.counted import has_shrunk, keep_counted, reopened
from data.store.job_types import OTHER, placed, reserve, with_cap
from data.store.recent import recent_of
from data.store.tables import rollup_day, rollup_hour, rollup_state
from data.store.texts import storable_key
from data.store.trends import LOSING_MS, TrendLog
from data.store.upserts import insert_into

#: Asks an engine for the cells of ``since_ms <= finished_at < until_ms``.
ReadCells = Callable[[int, int], list[HourCell]]

#: How many hours are kept at least, besides the present day: rules of alerts compare two
#: weeks.
LEAST_KEPT_MS: Final = 15 * DAY_MS
#: How long days are kept at least.
DAYS_KEPT_MS: Final = 400 * DAY_MS
#: How far behind the last refresh rows may still come late: long transactions, clocks.
_OVERLAP_MS: Final = HOUR_MS
#: Away for longer than this, the gap is filled a day at a time, newest first.
_GAP_MS: Final = DAY_MS
#: Away for longer than this, nobody may have seen a run become stalled.
_UNWATCHED_MS: Final = 2 * MINUTE_MS
#: An audit reads so much at once: little, because it never ends.
_AUDITED_MS: Final = HOUR_MS
#: Job types that ended within this time are offered to people.
_OFFERED_MS: Final = 90 * DAY_MS

_c: Final = rollup_state.c
_STATE: Final = select(
    _c.generation,
    _c.refreshed_until,
    _c.backfilled_from,
    _c.complete,
    _c.audited_hour,
    _c.episodes_from,
    _c.counted_from,
    _c.counted_until,
    _c.rows_lost_at,
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
    #: everything that is to be kept is in
    complete: bool
    #: the audit goes on with the hours before this one
    audited_hour: int
    #: runs that took too long before somebody watched are known since then
    episodes_from: int
    #: hours since this one were counted as runs ended, and not read afterwards
    counted_from: int = 0
    #: runs that ended before then are counted, as far as they were committed
    counted_until: int = 0
    #: the newest hour of which rows of counted runs are missing, 0 for none
    rows_lost_at: int = 0

    @property
    def loses_rows(self) -> bool:
        """Does the source delete rows of runs that ended a short while ago?"""
        return self.rows_lost_at > max(0, self.refreshed_until - LOSING_MS)


class _Reading(NamedTuple):
    """What the source said at ``at`` about the hours from ``since`` to ``until``."""

    since: int
    until: int
    cells: list[HourCell]
    at: int
    #: of the runs that ended since the last refresh
    added: Sequence[HourCell] = ()


class Rollups:
    """The rollups of all sources."""

    def __init__(
        self, database: Database, *, kept_ms: int, own: Collection[str] = ()
    ) -> None:
        """``own`` are job types that have rollups of their own, however many there are."""
        self._db = database
        self._kept_ms = kept_ms
        self._own = frozenset(map(storable_key, own))

    def refresh(self, source: str, read: ReadCells, now_ms: int) -> bool:
        """Read the last hours again, from an hour before the last refresh on.

        Returns whether a cell changed.
        """
        before = self._state(source)
        since, after = _refreshed(before, now_ms)
        until = after.counted_until
        apart = before is not None and before.loses_rows
        cells = [] if apart else read(since, until)
        reading = _Reading(since, until, cells, now_ms)
        if before and (apart or self._has_shrunk(source, reading)):
            reading = _apart(read, reading, before.counted_until or until)
        return self._write(source, before, after, reading)

    def backfill_step(self, source: str, read: ReadCells, now_ms: int) -> bool:
        """Read one older day, the newest that is missing; True when more are missing."""
        before = self._state(source)
        if before is None:
            self.refresh(source, read, now_ms)
            return True
        oldest = self._oldest(now_ms)
        until = before.backfilled_from
        if until <= oldest and before.complete:
            return False
        since = min(until, max(day_of(until - 1), oldest))
        after = before._replace(
            backfilled_from=since, complete=before.complete or since <= oldest
        )
        cells = read(since, until) if since < until else []
        self._write(source, before, after, _Reading(since, until, cells, now_ms))
        return since > oldest

    def audit_step(self, source: str, read: ReadCells, now_ms: int) -> bool:
        """Read some older hours again, the next in turn; returns whether a cell changed."""
        before = self._state(source)
        if before is None:
            return False
        newest = hour_of(now_ms - _OVERLAP_MS)
        oldest = max(before.backfilled_from, self._oldest(now_ms))
        if oldest >= newest:
            return False
        in_turn = oldest < before.audited_hour <= newest
        until = before.audited_hour if in_turn else newest
        since = max(until - _AUDITED_MS, oldest)
        after = before._replace(audited_hour=since)
        cells = read(since, until)
        return self._write(source, before, after, _Reading(since, until, cells, now_ms))

    def prune(self, now_ms: int) -> int:
        """Forget what is too old, of all sources; how many rows."""
        oldest = self._oldest(now_ms)
        oldest_day = min(oldest, day_of(now_ms - DAYS_KEPT_MS))
        with self._db.writing() as connection:
            connection.execute(
                update(rollup_state)
                .where(_c.backfilled_from < oldest)
                .values(backfilled_from=oldest)
            )
            return sum(
                connection.execute(
                    # by source, because keys begin with it
                    delete(at.table).where(
                        at.table.c.source.in_(select(_c.source)), at < start
                    )
                ).rowcount
                for at, start in (
                    (rollup_hour.c.hour, oldest),
                    (rollup_day.c.day, oldest_day),
                )
            )

    def recent(self, source: str, now_ms: int) -> Recent | None:
        """The figures of the last day; None when the source was never read."""
        state = self._state(source)
        if state is None:
            return None
        trends = TrendLog(self._db, kept_ms=self._kept_ms)
        return recent_of(self._db, trends, source, now_ms, complete=state.complete)

    def sources(self) -> list[str]:
        """Every source that was ever rolled up."""
        return [name for (name,) in self._db.fetch(select(_c.source))]

    def job_names(self, source: str) -> list[str]:
        """The job types that finished in the last ninety days, most used first."""
        state = self._state(source)
        if state is None:
            return []
        c = rollup_day.c
        statement = (
            select(c.job_name)
            .where(c.source == source)
            .where(c.day >= day_of(state.refreshed_until - _OFFERED_MS))
            .where(c.job_name != OTHER)
            .group_by(c.job_name)
            .order_by(func.sum(c.runs).desc(), c.job_name)
        )
        return [name for (name,) in self._db.fetch(statement)]

    def durations(self, source: str, day: int) -> list[tuple[str, bytes]]:
        """Job types and histograms of run times of one day, a few of each type."""
        c = rollup_day.c
        statement = select(c.job_name, c.durations).where(
            c.source == source, c.day == day
        )
        return [(name, durations) for name, durations in self._db.fetch(statement)]

    def unwatched_until(self, source: str) -> int | None:
        """Runs that took too long before then may not be known.

        None while hours are missing that could tell.
        """
        state = self._state(source)
        return state.episodes_from if state and state.complete else None

    def note_watched(self, source: str, before: int, since: int) -> None:
        """They are known since ``since`` now, when until now it was ``before``."""
        with self._db.writing() as connection:
            connection.execute(
                update(rollup_state)
                .where(_c.source == source, _c.episodes_from == before)
                .values(episodes_from=since)
            )

    def generation(self, source: str) -> int:
        """Differs when a cell changed since the last call; 0 before the first read."""
        state = self._state(source)
        return state.generation if state else 0

    def _has_shrunk(self, source: str, reading: "_Reading") -> bool:
        """Must what ended since the last refresh be counted apart?"""
        with self._db.connection() as connection:
            span = (reading.since, reading.until)
            stored = stored_hours(connection, source, span)
            fresh = placed(connection, source, storable_cells(reading.cells))
        return has_shrunk(stored, fresh)

    def _oldest(self, now_ms: int) -> int:
        """Whole days: a day is folded from all of its hours, or not any more."""
        return day_of(now_ms - self._kept_ms)

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
            reserve(connection, source, self._own, _next_hour(reading.at))
            sealed_before = hour_of(reading.at - SEALED_AFTER_MS)
            stored = stored_hours(
                connection, source, (hour_of(reading.since), reading.until)
            )
            counted = keep_counted(
                stored,
                with_cap(connection, source, storable_cells(reading.cells)),
                with_cap(connection, source, storable_cells(reading.added)),
                reopened(
                    connection,
                    source,
                    reading.at,
                    before.refreshed_until if before else reading.at,
                ),
            )
            changed = write_hours(
                connection, source, stored, counted.cells, sealed_before=sealed_before
            )
            if changed:
                connection.execute(_BUMP.where(_c.source == source))
            lost_at = max(counted.lost, default=0)
            if lost_at >= max(sealed_before, 1):
                younger = (_c.source == source) & (_c.rows_lost_at < lost_at)
                connection.execute(
                    update(rollup_state).where(younger).values(rows_lost_at=lost_at)
                )
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


def _apart(read: ReadCells, reading: _Reading, start: int) -> _Reading:
    """``reading`` read again, with what ended at ``start`` or later apart.

    The newer runs are read once, last: each that counts as added is in the cells too,
    whatever is committed meanwhile, and a run that ends anew meanwhile is not missed.
    """
    since, until = reading.since, reading.until
    start = min(max(start, since), until)
    older = read(since, start) if since < start else []
    added = read(start, until) if start < until else []
    return reading._replace(cells=[*older, *added], added=added)


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
            episodes_from=_next_hour(now_ms),
            counted_from=_next_hour(now_ms),
            counted_until=now_ms + 1,
            rows_lost_at=before.rows_lost_at if before else 0,
        )
    since = hour_of(min(before.refreshed_until, now_ms) - _OVERLAP_MS)
    after = before._replace(
        refreshed_until=now_ms, counted_until=_counted(before.counted_until, now_ms)
    )
    if now_ms - before.refreshed_until > _UNWATCHED_MS:
        next_hour = _next_hour(now_ms)
        after = after._replace(episodes_from=next_hour, counted_from=next_hour)
    return since, after


def _counted(before: int, now_ms: int) -> int:
    """Until when runs are counted: up to now, and not less when a clock was ahead a bit."""
    return max(now_ms + 1, before if before < now_ms + HOUR_MS else 0)


def _read_state(connection: Connection, source: str) -> RollupState | None:
    row = connection.execute(_STATE.where(_c.source == source)).first()
    return RollupState(*row) if row else None


def _next_hour(now_ms: int) -> int:
    return hour_of(now_ms) + HOUR_MS
