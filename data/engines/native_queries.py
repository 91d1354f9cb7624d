"""What is read of the native table: selects, built once or from plain values."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    DateTime,
    Double,
    Select,
    Table,
    Text,
    any_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    type_coerce,
)

from data.clock import FIRST_MS, HOUR_MS, LAST_MS
from data.engines.cells import cells_of, workers_of
from data.engines.failures import both_ends
from data.engines.native_table import INSTANTS
from data.engines.native_types import is_any, plain
from data.model import FINISHED

#: Characters of a long text that are read: what a person can make use of.
TEXT_LIMIT: Final = 200_000
#: In how many parts of a millisecond each database counts.
PARTS: Final = {"sqlite": 1, "postgresql": 1000}
_EPOCH: Final[ColumnElement[str]] = literal_column("'epoch'")
#: Beyond the calendar lie PostgreSQL's infinities, which Python cannot read, and in
#: SQLite's order of things every text and blob.
CALENDAR: Final[dict[str, tuple[ColumnElement[Any], ColumnElement[Any]]]] = {
    "sqlite": (literal_column(str(FIRST_MS)), literal_column(str(LAST_MS))),
    "postgresql": (
        literal_column("timestamptz '0001-01-02T00:00:00Z'"),
        literal_column("timestamptz '9999-12-31T00:00:00Z'"),
    ),
}


#: Statistics that are hours old make a walk over the whole table look cheap.
GUIDE: Final = ("SET LOCAL enable_seqscan = off",)


def by_index(connection: Connection) -> None:
    """For the rest of the transaction an index is used wherever there is one."""
    if connection.dialect.name == "postgresql":
        for setting in GUIDE:
            connection.exec_driver_sql(setting)


def among(
    column: ColumnElement[Any], values: Sequence[Any], dialect: str
) -> ColumnElement[bool]:
    """Is the column one of these?

    One array on PostgreSQL: 500 parameters cost its driver more than the rows cost it.
    """
    if dialect == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    return column.in_(values)


def select_runs(table: Table, dialect: str, *, tell_odd: bool = False) -> Select[Any]:
    """All columns of ``Job`` in its order; no filter, no order.

    ``tell_odd`` adds what ``rows.to_jobs`` takes for odd, where the database cannot hand
    it over: PostgreSQL's instants beyond the calendar.
    """
    c = table.c
    instants: list[ColumnElement[Any]] = [c[name] for name in INSTANTS]
    if dialect == "postgresql":
        # as datetimes: rows turns whole columns into milliseconds
        plain = DateTime(timezone=True)
        instants = [type_coerce(_sane(x, dialect), plain) for x in instants]
    return select(
        c.id,
        c.job_name,
        c.queue,
        c.status,
        c.attempt,
        c.worker,
        c.progress,
        *instants,
        *([_odd_instants(table)] if tell_odd and dialect == "postgresql" else []),
    )


def select_details(table: Table, dialect: str) -> Select[Any]:
    """``select_runs`` and max_attempts, params, result, error_type, error; texts cut.

    A text that is longer than ``TEXT_LIMIT`` comes with one character more.
    """
    c = table.c
    texts = [
        func.substr(cast(column, Text), 1, TEXT_LIMIT + 1)
        for column in (c.params, c.result, c.error_type, c.error)
    ]
    runs = select_runs(table, dialect, tell_odd=True)
    return runs.add_columns(c.max_attempts, *texts)


def select_failures(table: Table, dialect: str) -> Select[Any]:
    """``select_runs`` and error_type, error, params; of a long text both ends."""
    c = table.c
    texts = (c.error_type, c.error, c.params)
    ends = (both_ends(cast(column, Text)) for column in texts)
    return select_runs(table, dialect).add_columns(*ends)


def select_open(table: Table, runs: Select[Any], limit: int) -> Select[Any]:
    """At most ``limit`` of ``runs`` that are not finished, in the order of the index."""
    c = table.c
    open_ = runs.where(c.finished_at.is_(None))
    return open_.order_by(c.finished_at, c.id).limit(limit)


def select_open_counts(table: Table) -> Select[Any]:
    """Rows (status word, runs) over everything that is not finished."""
    c = table.c
    return (
        select(c.status, func.count()).where(c.finished_at.is_(None)).group_by(c.status)
    )


def select_cells(
    table: Table, dialect: str, since_ms: int, until_ms: int
) -> tuple[Select[Any], Select[Any]]:
    """Rows for ``to_cells`` of runs with ``since_ms <= finished_at < until_ms``.

    Of the cells, their sums in the database's own ``PARTS`` of a millisecond, and of
    the workers.
    """
    c = table.c
    ended = select(
        _hour_of(c.finished_at, dialect).label("hour"),
        c.job_name,
        c.status,
        plain(c.worker).label("worker"),
        _apart(c.finished_at, c.started_at, dialect).label("ran"),
        _apart(c.started_at, c.enqueued_at, dialect).label("waited"),
    ).where(*_ended(table, since_ms, until_ms))
    return cells_of(ended, dialect, parts=PARTS[dialect]), workers_of(ended)


def select_long(
    table: Table, dialect: str, since_ms: int, until_ms: int, longer_than_ms: int
) -> Select[Any]:
    """``select_runs`` of runs that ended in the span and took longer, newest first."""
    c = table.c
    ran = _apart(c.finished_at, c.started_at, dialect)
    return (
        select_runs(table, dialect)
        .where(*_ended(table, since_ms, until_ms))
        .where(ran > longer_than_ms * PARTS[dialect])
        .order_by(c.finished_at.desc(), c.id.desc())
    )


def to_ms_of(column: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    """An instant column as epoch milliseconds, rounded down as ``Instant`` does."""
    instant = _sane(column, dialect)
    if dialect == "sqlite":
        return cast(type_coerce(instant, BigInteger), BigInteger)
    milliseconds = func.extract("epoch", instant) * 1000
    return func.floor(milliseconds).cast(BigInteger)


def _sane(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """The column where it holds an instant, NULL where it holds anything else."""
    return case((column.between(*CALENDAR[dialect]), column))


def _odd_instants(table: Table) -> ColumnElement[Any]:
    """JSON of the instants that no calendar has, as text; NULL where there is none."""
    odd = {name: ~table.c[name].between(*CALENDAR["postgresql"]) for name in INSTANTS}
    told = func.jsonb_build_object(
        *chain.from_iterable(
            (
                literal_column(f"'{name}'"),
                case((is_odd, cast(table.c[name], Text)), else_=null()),
            )
            for name, is_odd in odd.items()
        )
    )
    return case((or_(*odd.values()), cast(func.jsonb_strip_nulls(told), Text)))


def _ended(
    table: Table, since_ms: int, until_ms: int
) -> tuple[ColumnElement[bool], ...]:
    """Did it end in the span? That is an instant, whatever else the column takes."""
    c = table.c
    is_finished = is_any(c.status, *FINISHED)
    return c.finished_at >= since_ms, c.finished_at < until_ms, is_finished


def _hour_of(ended_at: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    """The start of its hour, of an instant of the calendar."""
    hour_ms = literal_column(str(HOUR_MS), BigInteger)
    if dialect == "sqlite":
        whole_ms = cast(type_coerce(ended_at, BigInteger), BigInteger)
        return whole_ms - whole_ms % hour_ms
    # twice as fast as date_trunc
    seconds = func.date_part(_EPOCH, ended_at, type_=Double)
    hours = func.floor(seconds / literal_column("3600", Double))
    return cast(hours, BigInteger) * hour_ms


def _apart(
    later: ColumnElement[Any], earlier: ColumnElement[Any], dialect: str
) -> ColumnElement[int]:
    """The distance in ``PARTS`` of a millisecond; NULL for a missing or reversed pair."""
    if dialect == "sqlite":
        later, earlier = to_ms_of(later, dialect), to_ms_of(earlier, dialect)
        apart: ColumnElement[int] = later - earlier
    else:
        later, earlier = _sane(later, dialect), _sane(earlier, dialect)
        # in integers: ten times as fast as PostgreSQL's decimals
        seconds = func.date_part(_EPOCH, later - earlier, type_=Double)
        apart = cast(seconds * literal_column("1e6", Double), BigInteger)
    return case((type_coerce(later >= earlier, Boolean), apart))
