"""Pages of runs: keysets by index, and searches backwards in bounded windows.

Open runs come first, newest id first; then finished ones by (finished_at, id), newest
first; last those whose end is no instant (odd_ends). OFFSET is never used: its cost
grows with what is skipped.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from data.clock import HOUR_MS
from data.db import Database
from data.engines.native_cursors import (
    LEAST_ID,
    Before,
    cursor_of,
    earlier,
    moment_of,
    number_of,
    place_of,
    to_ms,
)
from data.engines.native_queries import CALENDAR, by_index
from data.engines.native_types import can_hold, equals, is_any, plain
from data.engines.odd_ends import Columns, OddEnds, id_of_odd, odd_cursor_of, page_of
from data.engines.rows import STATES, to_jobs
from data.engines.windows import search_back
from data.model import FINISHED, OPEN, JobState, RunFilter, RunPage
from data.rules.texts import is_storable_filter

_MICROSECONDS: Final = 1000
#: Where ``finished_at`` stands in a row of ``select_runs``.
_FINISHED_AT: Final = 11
#: What an index answers in the order of the history.
_EVERYTHING: Final = RunFilter(states=FINISHED)
_OF_A_JOB: Final = RunFilter(states=FINISHED, job_name="")
_FAILED: Final = RunFilter(states=frozenset({JobState.FAILED}))


class History:
    """The runs of one table, newest first."""

    def __init__(
        self,
        database: Database,
        table: Table,
        select_runs: Select[Any],
        *,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = database
        self._table = table
        self._select = select_runs
        self._stopwatch = stopwatch
        ids, ends = table.c.id, table.c.finished_at
        columns = Columns(ends, ids, ids, CALENDAR[database.dialect])
        self._odd = OddEnds(database, columns, select_runs, stopwatch=stopwatch)
        self._by_index = {
            (filter_, is_older): self._prepared(filter_, is_older=is_older)
            for filter_ in (_EVERYTHING, _OF_A_JOB, _FAILED)
            for is_older in (False, True)
        }

    def page(self, filter_: RunFilter, *, after: str | None, limit: int) -> RunPage:
        """At most ``limit`` runs from ``after`` on: see ``JobEngine.page``."""
        if (odd := id_of_odd(after)) is not None:
            return self._odd_page(filter_, [], number_of(odd), limit)
        before = earlier(place_of(after), filter_.until_ms)
        if not self._is_possible(filter_):
            return RunPage([], None)
        rows: list[Row[*tuple[Any, ...]]] = []
        if before is None or before.finished_us is None:
            rows += self._open(filter_, before, limit + 1)
            before = None
        if len(rows) <= limit:
            found, searched_to = self._finished(filter_, before, limit + 1 - len(rows))
            rows += found
            if len(rows) <= limit and searched_to is not None:
                next_ = cursor_of(searched_to, LEAST_ID)
                cursors = tuple(map(_cursor_of, rows))
                return RunPage(to_jobs(rows), next_, searched_to, cursors=cursors)
        return self._odd_page(filter_, rows, None, limit)

    def _odd_page(
        self,
        filter_: RunFilter,
        rows: Sequence[Row[*tuple[Any, ...]]],
        after: int | None,
        limit: int,
    ) -> RunPage:
        """``rows``, and after them runs whose end is no instant while there is room."""
        wanted = self._odd_conditions(filter_)
        last: list[Row[*tuple[Any, ...]]] = []
        stopped: int | None = None
        if len(rows) <= limit and wanted is not None:
            last, stopped = self._odd.read(wanted, after, limit + 1 - len(rows))
        return page_of(
            to_jobs([*rows, *last]),
            [*map(_cursor_of, rows), *(odd_cursor_of(row[0]) for row in last)],
            limit,
            stopped,
        )

    def count(self, filter_: RunFilter, up_to: int) -> int | None:
        """Counted to ``up_to`` where an index answers, None elsewhere."""
        if not _is_indexed(filter_) or not self._is_possible(filter_):
            return None
        counted = 0
        for conditions in (self._open_conditions, self._finished_conditions):
            if (wanted := conditions(filter_)) is not None:
                some = select(self._table.c.id).where(*wanted).limit(up_to)
                total = select(func.count()).select_from(some.subquery())
                with self._db.reading() as connection:
                    by_index(connection)
                    counted += int(connection.scalar(total) or 0)
        if (odd := self._odd_conditions(filter_)) is not None:
            counted += self._odd.count(odd, up_to)
        return min(counted, up_to)

    def latest(self, job_name: str, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
        """Rows of the last finished runs of one job type, newest first."""
        filter_ = RunFilter(states=FINISHED, job_name=job_name)
        return (
            self._read(filter_, None, None, limit) if self._is_possible(filter_) else []
        )

    def _is_possible(self, filter_: RunFilter) -> bool:
        """Can there be such a run?"""
        job = filter_.job_name
        has_name = job is None or can_hold(self._table.c.job_name, job)
        return has_name and is_storable_filter(filter_)

    def _open(
        self, filter_: RunFilter, before: Before | None, limit: int
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        wanted = self._open_conditions(filter_)
        if wanted is None:
            return []
        c = self._table.c
        if before is not None:
            wanted.append(c.id < before.run_id)
        # by finished_at as well, or PostgreSQL walks the whole primary key
        order = (c.finished_at.desc(), c.id.desc())
        statement = self._select.where(*wanted).order_by(*order).limit(limit)
        with self._db.reading() as connection:
            by_index(connection)
            return connection.execute(statement).all()

    def _finished(
        self, filter_: RunFilter, before: Before | None, limit: int
    ) -> tuple[Sequence[Row[*tuple[Any, ...]]], int | None]:
        """Rows, and how far back they were searched when the search was stopped."""
        if not (filter_.states or FINISHED) & FINISHED:
            return [], None
        if _is_indexed(filter_):
            return self._read_by_index(filter_, before, limit), None
        return self._search(filter_, before, limit)

    def _read_by_index(
        self, filter_: RunFilter, before: Before | None, limit: int
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        kind = _kind_of(filter_)
        if kind is None:
            return self._read(filter_, before, None, limit)
        values: dict[str, object] = {"rows": limit}
        if filter_.job_name is not None:
            values["job"] = filter_.job_name
        if before is not None:
            values["at"] = moment_of(before, self._db.dialect)
            values["run"] = before.run_id
        return self._db.fetch(self._by_index[kind, before is not None], values)

    def _prepared(self, kind: RunFilter, *, is_older: bool) -> Select[Any]:
        """A select made once: to make it costs more than to fetch a page."""
        c = self._table.c
        place = None
        if is_older:
            at = bindparam("at", type_=self._moments)
            place = tuple_(c.finished_at, c.id) < tuple_(at, bindparam("run"))
        states = RunFilter(states=kind.states)
        wanted = self._finished_conditions(states, place=place) or []
        if kind.job_name is not None:
            wanted.append(equals(c.job_name, bindparam("job")))
        order = (c.finished_at.desc(), c.id.desc())
        found = self._select.where(*wanted).order_by(*order)
        return found.limit(bindparam("rows", type_=Integer()))

    def _search(
        self, filter_: RunFilter, before: Before | None, limit: int
    ) -> tuple[list[Row[*tuple[Any, ...]]], int | None]:
        bounds = self._bounds(filter_)
        if bounds is None:
            return [], None
        oldest, newest = bounds
        last = newest + 1 if before is None else min(to_ms(before), newest) + 1

        def read(start: int, end: int, room: int) -> Sequence[Row[*tuple[Any, ...]]]:
            place = before if end == last else None
            return self._read(filter_, place, (start, end), room)

        return search_back(
            read,
            end_ms=last,
            oldest_ms=oldest,
            limit=limit,
            stopwatch=self._stopwatch,
        )

    def _bounds(self, filter_: RunFilter) -> tuple[int, int] | None:
        """The first and the last end of a run, within the filter's; None without any."""
        ends = self._table.c.finished_at
        sane = ends.between(*CALENDAR[self._db.dialect])
        first, last = (
            self._db.fetch(select(ends).where(sane).order_by(order).limit(1))
            for order in (ends.asc(), ends.desc())
        )
        if not first or not last:
            return None
        oldest = max(first[0][0], filter_.since_ms or first[0][0])
        newest = min(last[0][0], (filter_.until_ms or last[0][0] + 1) - 1)
        return oldest, newest

    def statement(
        self, filter_: RunFilter, *, after: str | None, limit: int
    ) -> Select[Any]:
        """What ``page`` asks of finished runs where an index answers."""
        return self._statement(filter_, place_of(after), None, limit + 1)

    def questions(self, job_name: str, now_ms: int) -> dict[str, Select[Any]]:
        """What a page asks, in words: for those who look at the database's plans."""
        of_job = replace(_OF_A_JOB, job_name=job_name)
        window = (now_ms - HOUR_MS, now_ms)
        before = Before(now_ms * _MICROSECONDS, 1)
        return {
            "The history": self._statement(_EVERYTHING, None, None, 51),
            "The history, older": self._statement(_EVERYTHING, before, None, 51),
            "The history of a job": self._statement(of_job, None, None, 51),
            "The history of a job, older": self._statement(of_job, before, None, 51),
            "Failed runs": self._statement(_FAILED, None, None, 51),
            "Failed runs, older": self._statement(_FAILED, before, None, 51),
            "A window of a search": self._statement(
                RunFilter(states=FINISHED, queue="default"), before, window, 51
            ),
        }

    def _read(
        self,
        filter_: RunFilter,
        before: Before | None,
        window: tuple[int, int] | None,
        limit: int,
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        return self._db.fetch(self._statement(filter_, before, window, limit))

    def _statement(
        self,
        filter_: RunFilter,
        before: Before | None,
        window: tuple[int, int] | None,
        limit: int,
    ) -> Select[Any]:
        c = self._table.c
        place = None
        if before is not None:
            at = literal(moment_of(before, self._db.dialect), self._moments)
            place = tuple_(c.finished_at, c.id) < tuple_(at, literal(before.run_id))
        wanted = self._finished_conditions(filter_, window, place) or []
        order = (c.finished_at.desc(), c.id.desc())
        return self._select.where(*wanted).order_by(*order).limit(limit)

    def _open_conditions(self, filter_: RunFilter) -> list[ColumnElement[bool]] | None:
        """None when no open run can be meant."""
        states = filter_.states or OPEN
        if not states & OPEN:
            return None
        c = self._table.c
        wanted = [c.finished_at.is_(None), *self._common(filter_)]
        if not states >= OPEN:
            wanted.append(self._has_state(states & OPEN))
        if filter_.since_ms is not None:
            wanted.append(c.enqueued_at >= filter_.since_ms)
        if filter_.until_ms is not None:
            wanted.append(c.enqueued_at < filter_.until_ms)
        return wanted

    def _finished_conditions(
        self,
        filter_: RunFilter,
        window: tuple[int, int] | None = None,
        place: ColumnElement[bool] | None = None,
    ) -> list[ColumnElement[bool]] | None:
        """None when no finished run can be meant; ``place`` is where a page goes on."""
        states = filter_.states or FINISHED
        if not states & FINISHED:
            return None
        wanted = [*self._ended(filter_, window, place), *self._common(filter_)]
        if not states >= FINISHED:
            wanted.append(self._has_state(states & FINISHED))
        return wanted

    def _odd_conditions(self, filter_: RunFilter) -> list[ColumnElement[bool]] | None:
        """None when no run without an instant for its end can be meant: it is in no span."""
        states = filter_.states or FINISHED
        is_of_a_span = filter_.since_ms is not None or filter_.until_ms is not None
        if is_of_a_span or not states & FINISHED or not self._is_possible(filter_):
            return None
        wanted = self._common(filter_)
        if not states >= FINISHED:
            wanted.append(self._has_state(states & FINISHED))
        return wanted

    def _ended(
        self,
        filter_: RunFilter,
        window: tuple[int, int] | None,
        place: ColumnElement[bool] | None,
    ) -> list[ColumnElement[bool]]:
        """One lower and one upper bound.

        Of two upper ones both databases may start at the wrong one, and walk over
        everything that was shown before.
        """
        ends = self._table.c.finished_at
        since, until = window or (None, None)
        lower = [at for at in (since, filter_.since_ms) if at is not None]
        upper = [at for at in (until, filter_.until_ms) if at is not None]
        first, last = CALENDAR[self._db.dialect]
        if place is None:
            place = ends < min(upper) if upper else ends <= last
        return [ends >= (max(lower) if lower else first), place]

    def _common(self, filter_: RunFilter) -> list[ColumnElement[bool]]:
        c = self._table.c
        wanted: list[ColumnElement[bool]] = []
        if filter_.job_name is not None:
            wanted.append(equals(c.job_name, filter_.job_name))
        if filter_.queue is not None:
            wanted.append(equals(c.queue, filter_.queue))
        if filter_.text:
            texts = (plain(c.error), cast(c.params, Text))
            wanted.append(
                or_(*(x.icontains(filter_.text, autoescape=True) for x in texts))
            )
        return wanted

    def _has_state(self, states: frozenset[JobState]) -> ColumnElement[bool]:
        """Literal words: SQLite ignores a partial index that a parameter hides."""
        status = self._table.c.status
        meant = [is_any(status, state) for state in sorted(states - {JobState.OTHER})]
        if JobState.OTHER in states:
            known = (not_(is_any(status, state)) for state in STATES.values())
            meant.append(and_(*known))
        return or_(false(), *meant)

    @property
    def _moments(self) -> TypeEngine[Any]:
        """PostgreSQL's instants are finer than milliseconds, and so is the order."""
        is_file = self._db.dialect == "sqlite"
        return Integer() if is_file else DateTime(timezone=True)


def _cursor_of(row: Row[*tuple[Any, ...]]) -> str:
    at = row[_FINISHED_AT]
    return f"o{row[0]}" if at is None else cursor_of(at, row[0])


def _is_indexed(filter_: RunFilter) -> bool:
    """Does an index give the finished runs in their order?"""
    if filter_.text or filter_.queue is not None:
        return False
    finished = (filter_.states or FINISHED) & FINISHED
    if finished in (frozenset(), FINISHED):
        return True
    return finished == {JobState.FAILED} and filter_.job_name is None


def _kind_of(filter_: RunFilter) -> RunFilter | None:
    """Which of the prepared selects gives these runs; None for none of them."""
    if filter_.since_ms is not None or filter_.until_ms is not None:
        return None
    if filter_.job_name is not None:
        return _OF_A_JOB
    is_failed = (filter_.states or FINISHED) & FINISHED == _FAILED.states
    return _FAILED if is_failed else _EVERYTHING
