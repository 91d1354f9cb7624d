"""What is added to the native table: new runs, and old ones again."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    insert,
    literal,
    literal_column,
    select,
)
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import UserDefinedType

from data.engines.native_queries import among
from data.engines.native_table import Instant


class _Untyped(UserDefinedType[str]):
    """A text that is handed to the driver as it is, without a cast."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        """What PostgreSQL calls it."""
        return "unknown"


def insert_run(table: Table, values: Mapping[str, Any]) -> ReturningInsert[Any]:
    """One run; ``values["params"]`` is JSON text. Returns its id."""
    return (
        insert(table)
        .values({**values, "params": _json(values["params"])})
        .returning(table.c.id)
    )


def insert_again(
    table: Table,
    dialect: str,
    run_ids: Sequence[int],
    *,
    at_ms: int,
    params: str | None,
) -> ReturningInsert[Any]:
    """A new waiting run of each of these, in the order of their ids; returns the ids.

    ``params`` is JSON text in place of their own, None leaves them theirs.
    """
    c = table.c
    again = (
        select(
            c.job_name,
            c.queue,
            c.params if params is None else _json(params),
            c.max_attempts,
            literal_column("'PENDING'"),
            literal_column("1"),
            literal(at_ms, Instant()),
        )
        .where(among(c.id, run_ids, dialect))
        .order_by(c.id)
    )
    names = [
        *("job_name", "queue", "params", "max_attempts"),
        *("status", "attempt", "enqueued_at"),
    ]
    return insert(table).from_select(names, again).returning(c.id)


def _json(text: str) -> ColumnElement[Any]:
    """The text, of no type: it becomes the column's own, digit by digit.

    A cast to jsonb would change what a json or text column keeps.
    """
    return literal(text, _Untyped())
