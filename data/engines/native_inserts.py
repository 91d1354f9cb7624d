"""What is added to the native table: new runs, and old ones again."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    cast,
    insert,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import Text

from data.engines.native_queries import among
from data.engines.native_table import Instant


def insert_run(
    table: Table, dialect: str, values: Mapping[str, Any]
) -> ReturningInsert[Any]:
    """One run; ``values["params"]`` is JSON text. Returns its id."""
    params = _json(dialect, values["params"])
    return insert(table).values({**values, "params": params}).returning(table.c.id)


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
            c.params if params is None else _json(dialect, params),
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


def _json(dialect: str, text: str) -> ColumnElement[Any]:
    value = literal(text, Text())
    return cast(value, JSONB) if dialect == "postgresql" else value
