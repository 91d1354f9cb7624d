"""Is there a job table under another name? A view over it is what helps then.

Only names of tables and columns are read, never a row.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, inspect

from data.engines.native_table import INSTANTS

#: What job tables call our columns, likeliest first.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "run_id", "job_id", "task_id"),
    "job_name": (
        *("job_name", "name", "task_name", "job_type", "job_class", "task"),
        *("kind", "type", "function"),
    ),
    "queue": ("queue", "queue_name"),
    "status": ("status", "state"),
    "params": ("params", "args", "kwargs", "payload", "arguments", "input"),
    "result": ("result", "output", "return_value"),
    "error_type": ("error_type", "exception_class", "exception"),
    "error": ("error", "error_message", "last_error", "traceback", "errors"),
    "attempt": ("attempt", "attempts", "retries"),
    "max_attempts": ("max_attempts", "max_retries"),
    "progress": ("progress",),
    "worker": ("worker", "worker_id", "locked_by", "hostname"),
    "enqueued_at": ("enqueued_at", "created_at", "queued_at", "inserted_at", "created"),
    "scheduled_at": ("scheduled_at", "run_at", "scheduled_for", "eta"),
    "started_at": ("started_at", "date_started", "started", "attempted_at"),
    "heartbeat_at": ("heartbeat_at", "last_heartbeat"),
    "finished_at": ("finished_at", "completed_at", "ended_at", "date_done", "finished"),
    "cancel_requested_at": ("cancel_requested_at",),
}
#: Without these a table is none of jobs; and of all it has so many.
_NEEDED: Final = frozenset({"id", "job_name", "status"})
_ENOUGH: Final = 5
#: Tables that are looked at.
_MOST_TABLES: Final = 200
_CONSTANTS: Final = {"queue": "'default'", "attempt": "1", "max_attempts": "1"}


class Lookalike(NamedTuple):
    """A table that seems to hold jobs."""

    name: str
    #: by column of ours the one there
    columns: Mapping[str, str]

    @property
    def missing(self) -> list[str]:
        """Our columns that it has none for."""
        return [name for name in _NAMES if name not in self.columns]


def find_lookalike(connection: Connection, schema: str | None) -> Lookalike | None:
    """The table with most of our columns; None where no table seems to hold jobs."""
    looked = inspect(connection)
    names = [*looked.get_table_names(schema=schema), *looked.get_view_names(schema)]
    found = [
        Lookalike(
            name, matched(column["name"] for column in looked.get_columns(name, schema))
        )
        for name in sorted(names)[:_MOST_TABLES]
    ]
    likely = [one for one in found if is_likely(one.columns)]
    return max(likely, key=lambda one: len(one.columns), default=None)


def matched(columns: Iterable[str]) -> dict[str, str]:
    """By column of ours the one that seems to mean the same; each is used once."""
    there = {name.lower(): name for name in columns}
    found: dict[str, str] = {}
    for ours, theirs in _NAMES.items():
        for name in theirs:
            if name in there:
                found[ours] = there.pop(name)
                break
    return found


def is_likely(columns: Mapping[str, str]) -> bool:
    """Are these enough to take a table for one of jobs?"""
    return columns.keys() >= _NEEDED and len(columns) >= _ENOUGH


def view_statement(connection: Connection, table: Table, found: Lookalike) -> str:
    """The view of that table under our names; what it has not is NULL, or a constant."""
    quote = connection.dialect.identifier_preparer.quote
    is_server = connection.dialect.name == "postgresql"
    prefix = f"{quote(table.schema)}." if table.schema else ""

    def value(name: str) -> str:
        if name in found.columns:
            there = quote(found.columns[name])
            return there if found.columns[name] == name else f"{there} AS {name}"
        constant = _CONSTANTS.get(name, "NULL")
        typed = f"CAST({constant} AS {_type(table, name, connection)})"
        return f"{typed if is_server else constant} AS {name}"

    lines = ",\n  ".join(value(name) for name in _NAMES)
    return (
        "-- Enough to look. Check first: status words, units, time zones.\n"
        f"CREATE VIEW {prefix}{quote(table.name)} AS\nSELECT\n  {lines}\n"
        f"FROM {prefix}{quote(found.name)};"
    )


def _type(table: Table, name: str, connection: Connection) -> Any:
    if name in INSTANTS:
        return "timestamptz"
    return table.c[name].type.compile(connection.dialect)
