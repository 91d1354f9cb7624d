"""Pages of DBOS's runs: open ones first, then finished ones, newest first.

Last come those whose end is no instant (odd_ends).

DBOS has an index on the end of a run and none on its name, queue or state: those are
searched for backwards in bounded windows.
"""

import re
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from data.clock import FIRST_MS, LAST_MS
from data.db import Database
from data.engines.dbos_queries import (
    OPEN_WORDS,
    READABLE,
    STATES,
    has_word,
    is_open,
    select_runs,
    to_jobs,
    words_of,
)
from data.engines.dbos_tables import Tables, quoted
from data.engines.odd_ends import Columns, OddEnds, id_of_odd, odd_cursor_of, page_of
from data.engines.windows import not_a_cursor, search_back
from data.model import FINISHED, OPEN, Job, RunFilter, RunPage
from data.rules.texts import is_storable, is_storable_filter

#: Open or finished, the instant, and the id; of a long id its hash.
_CURSOR: Final = re.compile(r"([of])(-?\d{1,18})(?:\.(.*)|#([0-9a-f]{64}))", re.DOTALL)
#: An id is anything that a job made up: a cursor goes into an address.
_LONGEST_ID: Final = 200
#: Where a row of ``select_runs`` keeps when it was made, and when it ended.
_CREATED_AT: Final = 7
_FINISHED_AT: Final = 11
_CALENDAR: Final[tuple[ColumnElement[int], ColumnElement[int]]] = (
    literal_column(str(FIRST_MS)),
    literal_column(str(LAST_MS)),
)
_Rows = Sequence[Row[*tuple[Any, ...]]]


class _Before(NamedTuple):
    """A place in the order: everything older comes after it."""

    is_open: bool
    at: int
    run_id: str


class History:
    """The runs of one database, newest first."""

    def __init__(
        self,
        database: Database,
        tables: Tables,
        *,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = database
        self._tables = tables
        self._select = select_runs(tables)
        self._stopwatch = stopwatch
        c = tables.runs.c
        columns = Columns(c.completed_at, c.workflow_uuid, self._id, _CALENDAR)
        self._odd = OddEnds(database, columns, self._select, stopwatch=stopwatch)

    def page(self, filter_: RunFilter, *, after: str | None, limit: int) -> RunPage:
        """At most ``limit`` runs from ``after`` on: see ``JobEngine.page``."""
        if after is not None and not is_storable(after):
            raise not_a_cursor()
        if (odd := id_of_odd(after)) is not None:
            return self._odd_page(filter_, [], odd, limit)
        before = self._place_of(after)
        if not is_storable_filter(filter_):
            return RunPage([], None)
        rows: list[Any] = []
        if before is None or before.is_open:
            rows += self._open(filter_, before, limit + 1)
            before = None
        if len(rows) <= limit:
            found, searched_to = self._finished(filter_, before, limit + 1 - len(rows))
            rows += found
            if len(rows) <= limit and searched_to is not None:
                cursors = tuple(map(_cursor_of, rows))
                next_ = f"f{searched_to}."
                return RunPage(to_jobs(rows), next_, searched_to, cursors=cursors)
        return self._odd_page(filter_, rows, None, limit)

    def _odd_page(
        self, filter_: RunFilter, rows: Sequence[Any], after: str | None, limit: int
    ) -> RunPage:
        """``rows``, and after them runs whose end is no instant while there is room."""
        wanted = self._odd_wanted(filter_)
        last: Sequence[Any] = []
        stopped: str | None = None
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
        if not _is_indexed(filter_) or not is_storable_filter(filter_):
            return None
        counted = 0
        runs = self._tables.runs
        for word in _open_words(filter_):
            some = select(runs.c.workflow_uuid).where(*self._open_wanted(filter_, word))
            counted += self._counted(some, up_to)
        if (filter_.states or FINISHED) & FINISHED:
            wanted = self._ended(filter_, None, None)
            counted += self._counted(select(runs.c.workflow_uuid).where(*wanted), up_to)
        if (odd := self._odd_wanted(filter_)) is not None:
            counted += self._odd.count(odd, up_to)
        return min(counted, up_to)

    def latest(self, job_name: str, limit: int) -> list[Job]:
        """The last finished runs of one job type, as far back as a search goes."""
        filter_ = RunFilter(states=FINISHED, job_name=job_name)
        if not is_storable_filter(filter_):
            return []
        rows, _ = self._finished(filter_, None, limit)
        return to_jobs(rows)

    def questions(self, now_ms: int) -> dict[str, Select[Any]]:
        """What a page asks, in words: for those who look at the database's plans."""
        before = _Before(is_open=False, at=now_ms, run_id="x")
        return {
            "The history": self._statement(RunFilter(), None, None, 51),
            "The history, older": self._statement(RunFilter(), before, None, 51),
        }

    def _open(self, filter_: RunFilter, before: _Before | None, limit: int) -> _Rows:
        """Of each open state the newest; together the newest of all."""
        rows = [
            row
            for word in _open_words(filter_)
            for row in self._db.fetch(
                self._open_statement(filter_, word, before, limit)
            )
        ]
        rows.sort(key=lambda row: (row[_CREATED_AT], row[0].encode()), reverse=True)
        return rows[:limit]

    def _open_statement(
        self, filter_: RunFilter, word: str, before: _Before | None, limit: int
    ) -> Select[Any]:
        c = self._tables.runs.c
        wanted = self._open_wanted(filter_, word)
        if before is not None:
            wanted.append(_is_older(c.created_at, self._id, before))
        order = (c.created_at.desc(), self._id.desc())
        return self._select.where(*wanted).order_by(*order).limit(limit)

    def _open_wanted(self, filter_: RunFilter, word: str) -> list[ColumnElement[bool]]:
        created = self._tables.runs.c.created_at
        wanted = [is_open(self._tables, word), *self._common(filter_)]
        if filter_.since_ms is not None:
            wanted.append(created >= filter_.since_ms)
        if filter_.until_ms is not None:
            wanted.append(created < filter_.until_ms)
        return wanted

    def _finished(
        self, filter_: RunFilter, before: _Before | None, limit: int
    ) -> tuple[_Rows, int | None]:
        """Rows, and how far back they were searched when the search was stopped."""
        if not (filter_.states or FINISHED) & FINISHED:
            return [], None
        if _is_indexed(filter_):
            return self._read(filter_, before, None, limit), None
        bounds = self._bounds(filter_)
        if bounds is None:
            return [], None
        oldest, newest = bounds
        last = newest + 1 if before is None else min(before.at, newest) + 1

        def read(start: int, end: int, room: int) -> _Rows:
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
        ends = self._tables.runs.c.completed_at
        [(first, last)] = self._db.fetch(
            select(
                *(
                    select(ends)
                    .where(ends.between(FIRST_MS, LAST_MS))
                    .order_by(order)
                    .limit(1)
                    .scalar_subquery()
                    for order in (ends.asc(), ends.desc())
                )
            )
        )
        if first is None or last is None:
            return None
        oldest = max(first, filter_.since_ms or first)
        newest = min(last, (filter_.until_ms or last + 1) - 1)
        return oldest, newest

    def _read(
        self,
        filter_: RunFilter,
        before: _Before | None,
        window: tuple[int, int] | None,
        limit: int,
    ) -> _Rows:
        return self._db.fetch(self._statement(filter_, before, window, limit))

    def _statement(
        self,
        filter_: RunFilter,
        before: _Before | None,
        window: tuple[int, int] | None,
        limit: int,
    ) -> Select[Any]:
        wanted = [*self._ended(filter_, before, window), *self._common(filter_)]
        states = (filter_.states or FINISHED) & FINISHED
        if not states >= FINISHED:
            wanted.append(has_word(self._tables, words_of(states)))
        order = (self._tables.runs.c.completed_at.desc(), self._id.desc())
        return self._select.where(*wanted).order_by(*order).limit(limit)

    def _ended(
        self,
        filter_: RunFilter,
        before: _Before | None,
        window: tuple[int, int] | None,
    ) -> list[ColumnElement[bool]]:
        ends = self._tables.runs.c.completed_at
        since, until = window or (None, None)
        lower = [at for at in (since, filter_.since_ms) if at is not None]
        upper = [at for at in (until, filter_.until_ms) if at is not None]
        # an open run with an end would be shown twice, and have no place among these
        is_over = ~has_word(self._tables, OPEN_WORDS)
        first, last = _CALENDAR
        wanted = [ends >= (max(lower) if lower else first), is_over]
        if upper:
            wanted.append(ends < min(upper))
        elif before is None:
            wanted.append(ends <= last)
        if before is not None:
            wanted.append(_is_older(ends, self._id, before))
        return wanted

    def _odd_wanted(self, filter_: RunFilter) -> list[ColumnElement[bool]] | None:
        """None when no run without an instant for its end can be meant: it is in no span."""
        states = (filter_.states or FINISHED) & FINISHED
        is_of_a_span = filter_.since_ms is not None or filter_.until_ms is not None
        if is_of_a_span or not states or not is_storable_filter(filter_):
            return None
        wanted = [~has_word(self._tables, OPEN_WORDS), *self._common(filter_)]
        if not states >= FINISHED:
            wanted.append(has_word(self._tables, words_of(states)))
        return wanted

    def _common(self, filter_: RunFilter) -> list[ColumnElement[bool]]:
        c = self._tables.runs.c
        wanted: list[ColumnElement[bool]] = []
        if filter_.job_name is not None:
            wanted.append(c.name == filter_.job_name)
        if filter_.queue is not None:
            wanted.append(c.queue_name == filter_.queue)
        if filter_.text:
            wanted.append(self._holds(filter_.text))
        return wanted

    def _holds(self, text: str) -> ColumnElement[bool]:
        """Is the text in its params or error? Of readable ones only."""
        tables = self._tables
        c = tables.runs.c
        found = [
            tables.optional(name).icontains(text, autoescape=True)
            for name in ("inputs", "error")
            if name in c
        ]
        for table, name in ((tables.inputs, "inputs"), (tables.outputs, "error")):
            if table is not None:
                same = table.c.workflow_uuid == c.workflow_uuid
                holds = table.c[name].icontains(text, autoescape=True)
                found.append(exists().where(same, holds))
        return and_(c.serialization == quoted(READABLE), or_(*found))

    def _place_of(self, cursor: str | None) -> _Before | None:
        if cursor is None:
            return None
        found = _CURSOR.fullmatch(cursor)
        if not found:
            raise not_a_cursor()
        kind, at, run_id, hash_ = found.groups()
        if hash_ is not None:
            run_id = self._id_of(hash_, kind, int(at))
        return _Before(kind == "o", int(at), run_id)

    def _id_of(self, hash_: str, kind: str, at: int) -> str:
        """The run of this instant whose long id has this hash."""
        c = self._tables.runs.c
        instant = c.created_at if kind == "o" else c.completed_at
        is_long = func.length(c.workflow_uuid) > _LONGEST_ID
        rows = self._db.fetch(select(c.workflow_uuid).where(instant == at, is_long))
        for (run_id,) in rows:
            if _hash_of(run_id) == hash_:
                return str(run_id)
        raise not_a_cursor()

    @property
    def _id(self) -> ColumnElement[str]:
        """Ids in the order of their bytes, whatever the database's language."""
        column = self._tables.runs.c.workflow_uuid
        return column.collate("C") if self._db.dialect == "postgresql" else column

    def _counted(self, some: Select[Any], up_to: int) -> int:
        total = select(func.count()).select_from(some.limit(up_to).subquery())
        return int(self._db.fetch(total)[0][0])


def _is_older(
    column: ColumnElement[int], id_: ColumnElement[str], before: _Before
) -> ColumnElement[bool]:
    same = and_(column == before.at, id_ < before.run_id)
    return and_(column <= before.at, or_(column < before.at, same))


def _cursor_of(row: Any) -> str:
    run_id, created_at, finished_at = row[0], row[_CREATED_AT], row[_FINISHED_AT]
    at = f"o{created_at}" if finished_at is None else f"f{finished_at}"
    if len(run_id) > _LONGEST_ID:
        return f"{at}#{_hash_of(run_id)}"
    return f"{at}.{run_id}"


def _hash_of(run_id: str) -> str:
    return sha256(run_id.encode(errors="replace")).hexdigest()


def _open_words(filter_: RunFilter) -> list[str]:
    states = (filter_.states or OPEN) & OPEN
    return [word for word in OPEN_WORDS if STATES[word] in states]


def _is_indexed(filter_: RunFilter) -> bool:
    """Does an index give the finished runs in their order?"""
    if filter_.text or filter_.queue is not None or filter_.job_name is not None:
        return False
    return (filter_.states or FINISHED) & FINISHED in (frozenset(), FINISHED)
