"""Pages of runs whose end is no instant: they come after all others, and none is left out.

What lies beyond the calendar is at the two ends of the index on the end of a run: numbers
that no date has, PostgreSQL's infinities, and whatever else SQLite takes. Their order is
that of the index, greatest id first among equals.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    literal,
    select,
    tuple_,
)

from data.db import Database
from data.engines.native_queries import among, by_index
from data.engines.windows import SEARCH_LIMIT_S
from data.exceptions import InvalidRequestError
from data.model import Job, RunPage

#: Rows that are looked at in one statement, wanted or not.
AT_ONCE: Final = 500
#: What a cursor that goes on after one of these runs begins with.
_MARK: Final = "x"
_GONE: Final = (
    "The run that this page goes on after has changed since: "
    'start again without "after".'
)
_Rows = list[Row[*tuple[Any, ...]]]


class Columns(NamedTuple):
    """Where a table of runs has what their order goes by."""

    #: when a run ended
    end: ColumnElement[Any]
    #: its id, and the same in the order of pages
    id: ColumnElement[Any]
    ordered_id: ColumnElement[Any]
    #: the first and the last instant that an end can be
    calendar: tuple[ColumnElement[Any], ColumnElement[Any]]


def odd_cursor_of(run_id: object) -> str:
    """Everything that comes after this run."""
    return f"{_MARK}{run_id}"


def id_of_odd(cursor: str | None) -> str | None:
    """The run that the cursor goes on after; None for a cursor of any other run."""
    if cursor is None or not cursor.startswith(_MARK):
        return None
    return cursor.removeprefix(_MARK)


def page_of(
    jobs: list[Job], cursors: Sequence[str], limit: int, stopped: object
) -> RunPage:
    """At most ``limit`` runs, where to go on after each, and after the last one read.

    ``stopped`` is the run of these that a search was stopped at, None at the end.
    """
    next_ = None if stopped is None else odd_cursor_of(stopped)
    if len(jobs) > limit:
        next_ = cursors[limit - 1]
    return RunPage(jobs[:limit], next_, cursors=tuple(cursors[:limit]))


class OddEnds:
    """The runs of one table whose end is no instant."""

    def __init__(
        self,
        database: Database,
        columns: Columns,
        select_runs: Select[Any],
        *,
        stopwatch: Callable[[], float],
    ) -> None:
        first, last = columns.calendar
        self._db = database
        self._columns = columns
        self._select = select_runs
        self._stopwatch = stopwatch
        self._later = columns.end > last
        self._earlier = columns.end < first
        self._order = (columns.end.desc(), columns.ordered_id.desc())

    def read(
        self, wanted: Sequence[ColumnElement[bool]], after: Any, limit: int
    ) -> tuple[_Rows, Any]:
        """At most ``limit`` rows after the run ``after`` (None: from the first on).

        The id that a search was stopped at comes with them, None when it is complete.
        InvalidRequestError when ``after`` is not among these any more.
        """
        began = self._stopwatch()
        rows: _Rows = []
        with self._db.reading() as connection:
            by_index(connection)
            for side, start in self._sides(connection, after):
                for ids in self._batches(connection, side, start):
                    rows += self._some(connection, ids, wanted, limit - len(rows))
                    if len(rows) >= limit:
                        return rows, None
                    if self._stopwatch() - began >= SEARCH_LIMIT_S:
                        return rows, ids[-1]
        return rows, None

    def count(self, wanted: Sequence[ColumnElement[bool]], up_to: int) -> int:
        """How many there are, counted to ``up_to``."""
        counted = 0
        with self._db.reading() as connection:
            by_index(connection)
            for side in (self._later, self._earlier):
                some = select(self._columns.id).where(side, *wanted).limit(up_to)
                total = select(func.count()).select_from(some.subquery())
                counted += int(connection.scalar(total) or 0)
        return min(counted, up_to)

    def _sides(
        self, connection: Connection, after: Any
    ) -> list[tuple[ColumnElement[bool], Any]]:
        """What is to be read on each side of the calendar, and after which run."""
        if after is None:
            return [(self._later, None), (self._earlier, None)]
        asked = select(self._later, self._earlier).where(self._columns.id == after)
        row = connection.execute(asked).first()
        if row is None or not (row[0] or row[1]):
            raise InvalidRequestError(_GONE)
        return (
            [(self._later, after), (self._earlier, None)]
            if row[0]
            else [(self._earlier, after)]
        )

    def _batches(
        self, connection: Connection, side: ColumnElement[bool], after: Any
    ) -> Iterator[list[Any]]:
        """The ids of one side in their order, some at a time."""
        end, id_, ordered_id, _ = self._columns
        while True:
            some = select(id_).where(side)
            if after is not None:
                same = select(end).where(id_ == after).scalar_subquery()
                place = tuple_(same, literal(after))
                some = some.where(tuple_(end, ordered_id) < place)
            ids = [*connection.scalars(some.order_by(*self._order).limit(AT_ONCE))]
            if ids:
                yield ids
            if len(ids) < AT_ONCE:
                return
            after = ids[-1]

    def _some(
        self,
        connection: Connection,
        ids: Sequence[Any],
        wanted: Sequence[ColumnElement[bool]],
        limit: int,
    ) -> _Rows:
        is_one = among(self._columns.id, ids, self._db.dialect)
        found = self._select.where(is_one, *wanted).order_by(*self._order)
        return [*connection.execute(found.limit(limit))]
