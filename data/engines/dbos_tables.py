"""DBOS's system tables, as far as they are read; columns as this version has them.

Columns come and go with DBOS's migrations, so they are looked up, never assumed: what
is optional and not there is read as NULL. Instants are epoch milliseconds on both
databases.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Table,
    Text,
    func,
    inspect,
    literal_column,
    null,
)

from data.engines.rights import grant, may
from data.exceptions import AccessDeniedError, SchemaMismatchError

#: Where DBOS keeps its tables on PostgreSQL when nobody says otherwise.
DEFAULT_SCHEMA: Final = "dbos"
_NUMBERS: Final = frozenset(
    {
        "created_at",
        "updated_at",
        "started_at_epoch_ms",
        "completed_at",
        "completed_at_epoch_ms",
        "delay_until_epoch_ms",
        "recovery_attempts",
        "function_id",
        "priority",
        "workflow_timeout_ms",
    }
)
#: What DBOS 3 has and nothing works without.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "workflow_status": (
        "workflow_uuid",
        "status",
        "name",
        "queue_name",
        "executor_id",
        "recovery_attempts",
        "created_at",
        "started_at_epoch_ms",
        "completed_at",
        "delay_until_epoch_ms",
        "serialization",
    ),
    "operation_outputs": (
        "workflow_uuid",
        "function_id",
        "function_name",
        "error",
        "started_at_epoch_ms",
        "completed_at_epoch_ms",
    ),
}
_OPTIONAL: Final[Mapping[str, tuple[str, ...]]] = {
    "workflow_status": (
        "class_name",
        "config_name",
        "application_name",
        "priority",
        "queue_partition_key",
        "workflow_timeout_ms",
        "authenticated_user",
        "authenticated_roles",
        "attributes",
        "inputs",
        "output",
        "error",
    ),
}
#: Since 3.x the long texts have tables of their own.
_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "workflow_input": ("workflow_uuid", "inputs"),
    "workflow_output": ("workflow_uuid", "output", "error"),
}


class Tables:
    """The tables of one database."""

    def __init__(
        self, schema: str | None, columns: Mapping[str, frozenset[str]]
    ) -> None:
        metadata = MetaData(schema=schema)

        def made(name: str, wanted: tuple[str, ...]) -> Table:
            there = columns.get(name, frozenset())
            return Table(
                name, metadata, *(_column(one) for one in wanted if one in there)
            )

        optional = _OPTIONAL["workflow_status"]
        self.runs = made("workflow_status", _NEEDED["workflow_status"] + optional)
        self.steps = made("operation_outputs", _NEEDED["operation_outputs"])
        self.inputs = _if_there(columns, "workflow_input", made)
        self.outputs = _if_there(columns, "workflow_output", made)

    def optional(self, name: str) -> ColumnElement[Any]:
        """A column of ``workflow_status``, NULL in versions that do not have it."""
        return self.runs.c[name] if name in self.runs.c else null()

    @property
    def params(self) -> ColumnElement[Any]:
        """A run's serialised input, wherever this version keeps it."""
        return _first(self.inputs, "inputs", self.optional("inputs"))

    @property
    def result(self) -> ColumnElement[Any]:
        """A run's serialised output."""
        return _first(self.outputs, "output", self.optional("output"))

    @property
    def error(self) -> ColumnElement[Any]:
        """A run's serialised error."""
        return _first(self.outputs, "error", self.optional("error"))

    def with_texts(self) -> Any:
        """``workflow_status`` joined to the tables with the long texts."""
        joined: Any = self.runs
        for table in filter(lambda one: one is not None, (self.inputs, self.outputs)):
            same = table.c.workflow_uuid == self.runs.c.workflow_uuid  # type: ignore[union-attr]
            joined = joined.outerjoin(table, same)
        return joined


def expected(schema: str | None) -> Tables:
    """The tables as DBOS 3.4 makes them."""
    everything = {**_NEEDED, **_TEXTS}
    return Tables(
        schema, {name: frozenset(found) for name, found in everything.items()}
    )


def find_tables(connection: Connection, schema: str | None, source: str) -> Tables:
    """The tables that are there.

    Raises SchemaMismatchError when DBOS never ran here or is too old, and
    AccessDeniedError when this user may not read.
    """
    place = f"{schema}." if schema else ""
    columns = dict(_columns(connection, schema))
    for name, needed in _NEEDED.items():
        if name not in columns:
            message = f"{source}: there is no table {place}{name}."
            mend = (
                "Start a DBOS application on this database once: it makes its tables."
            )
            raise SchemaMismatchError(message, mend=mend)
        missing = [column for column in needed if column not in columns[name]]
        if missing:
            message = f"{source}: {place}{name} has no column {', '.join(missing)}."
            mend = (
                "Start an application with DBOS 3.4 or newer: it migrates its tables."
            )
            raise SchemaMismatchError(message, mend=mend)
    tables = Tables(schema, columns)
    for table in (tables.runs, tables.steps, tables.inputs, tables.outputs):
        if table is not None and not may(connection, table, "SELECT"):
            message = f"{source}: this user may not read {table.fullname}."
            raise AccessDeniedError(message, mend=grant(connection, table, "SELECT"))
    return tables


def version_of(connection: Connection, schema: str | None) -> int | None:
    """The number of the last migration, None when nobody says."""
    if not inspect(connection).has_table("dbos_migrations", schema=schema):
        return None
    table = Table(
        "dbos_migrations", MetaData(schema=schema), Column("version", BigInteger)
    )
    return connection.scalar(func.max(table.c.version).select())


def _columns(
    connection: Connection, schema: str | None
) -> Iterator[tuple[str, frozenset[str]]]:
    looked = inspect(connection)
    for name in (*_NEEDED, *_TEXTS):
        if looked.has_table(name, schema=schema):
            found = looked.get_columns(name, schema=schema)
            yield name, frozenset(column["name"] for column in found)


def _column(name: str) -> Column[Any]:
    if name == "workflow_uuid":
        return Column(name, Text, primary_key=True)
    return Column(name, BigInteger if name in _NUMBERS else Text)


def _if_there(
    columns: Mapping[str, frozenset[str]], name: str, made: Any
) -> Table | None:
    return made(name, _TEXTS[name]) if name in columns else None


def _first(
    table: Table | None, name: str, old: ColumnElement[Any]
) -> ColumnElement[Any]:
    """The text in its own table, or where older versions keep it."""
    return old if table is None else func.coalesce(table.c[name], old)


def quoted(word: str) -> ColumnElement[str]:
    """A literal: the partial indexes are found by literals only, on SQLite."""
    return literal_column(f"'{word}'")
