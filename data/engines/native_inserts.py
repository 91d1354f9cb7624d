"""What is added to the native table: new runs, and old ones again."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

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
from data.model import JobState

#: What a new run is where the table has no default of its own.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "queue": "default",
    "attempt": 1,
    "max_attempts": 1,
}


class _Untyped(UserDefinedType[str]):
    """A text that is handed to the driver as it is, without a cast."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        """What PostgreSQL calls it."""
        return "unknown"


def insert_run(
    table: Table,
    values: Mapping[str, Any],
    *,
    required: Sequence[str] = (),
) -> ReturningInsert[Any]:
    """One run; ``values["params"]`` is JSON text. Returns its id.

    ``required`` are columns without a default, where it matters.
    """
    given = {name: _DEFAULTS[name] for name in required if name in _DEFAULTS}
    given |= {name: value for name, value in values.items() if value is not None}
    given["params"] = _json(values["params"])
    return insert(table).values(given).returning(table.c.id)


def insert_again(
    table: Table,
    dialect: str,
    run_ids: Sequence[int],
    *,
    at_ms: int,
    params: str | None,
    own: Sequence[str] = (),
    new_id: int | None = None,
) -> ReturningInsert[Any]:
    """A new waiting run of each of these, in the order of their ids; returns the ids.

    ``params`` is JSON text in place of their own, None leaves them theirs. ``own`` are
    columns that the contract does not know: copied with the run. ``new_id`` is the id of
    the new run of a single one; None leaves it to the database.
    """
    c = table.c
    status: ColumnElement[str] = literal(JobState.PENDING.value, c.status.type)
    values: dict[str, ColumnElement[Any]] = {
        "job_name": c.job_name,
        "queue": c.queue,
        "params": c.params if params is None else _json(params),
        "max_attempts": c.max_attempts,
        "status": status,
        "attempt": literal_column("1"),
        "enqueued_at": literal(at_ms, c.enqueued_at.type),
    }
    if new_id is not None:
        values["id"] = literal(new_id, c.id.type)
    old = select(*values.values(), *(c[name] for name in own))
    old = old.where(among(c.id, run_ids, dialect)).order_by(c.id)
    return insert(table).from_select([*values, *own], old).returning(c.id)


def _json(text: str) -> ColumnElement[Any]:
    """The text, of no type: it becomes the column's own, digit by digit.

    A cast to jsonb would change what a json or text column keeps.
    """
    return literal(text, _Untyped())
