"""Cells of finished runs in SQL: buckets of ``data.rules.histogram``, sums, workers."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Integer,
    Select,
    case,
    cast,
    func,
    literal_column,
    select,
)

from data.clock import DAY_MS
from data.connecting import BUCKET_FUNCTION
from data.rules.histogram import GAMMA, LAST, LN_GAMMA

_LN_GAMMA: Final = literal_column(repr(LN_GAMMA), Double)
_FIRST: Final = literal_column("0", Integer)
_LAST: Final = literal_column(str(LAST), Integer)
_SHORT_MS: Final = literal_column("1", BigInteger)
#: No run takes ten years: one of its instants is in another unit than the other.
_LONGEST_MS: Final = 3_652 * DAY_MS
#: What is longer is in the last bucket.
_LONG_MS: Final = literal_column(str(int(GAMMA ** (LAST - 1))), BigInteger)


def cells_of(ended: Select[Any], dialect: str, *, parts: int = 1) -> Select[Any]:
    """Rows for ``to_cells`` of rows (hour, job_name, status, ran, waited).

    Run times and waits are in ``parts`` of a millisecond, NULL where they are not known.
    """
    c = ended.subquery("ended").c
    longest = literal_column(str(_LONGEST_MS * parts), BigInteger)
    ran = case((c.ran.between(-longest, longest), c.ran))
    whole_ms = ran // literal_column(str(parts), BigInteger)
    bucket = _bucket_of(whole_ms, dialect).label("bucket")
    waited = case((c.waited.between(-longest, longest), c.waited))
    sums = (func.coalesce(func.sum(column), 0) for column in (ran, waited))
    kinds = (c.hour, c.job_name, c.status, bucket)
    return select(*kinds, func.count(), *sums).group_by(*kinds)


def workers_of(ended: Select[Any]) -> Select[Any]:
    """Rows (hour, job_name, status, worker, runs) of rows with these columns."""
    c = ended.subquery("ended").c
    kinds = (c.hour, c.job_name, c.status, c.worker)
    return select(*kinds, func.count()).where(c.worker != "").group_by(*kinds)


def _bucket_of(ran_ms: ColumnElement[int], dialect: str) -> ColumnElement[int]:
    """NULL for NULL. Not every SQLite has logarithms: there it is a function of ours."""
    if dialect == "sqlite":
        bucket: ColumnElement[int] = getattr(func, BUCKET_FUNCTION)(ran_ms)
        return bucket
    between = func.ceil(func.ln(cast(ran_ms, Double)) / _LN_GAMMA)
    return case(
        (ran_ms <= _SHORT_MS, _FIRST),
        (ran_ms > _LONG_MS, _LAST),
        else_=cast(between, Integer),
    )
