"""Is the native table there, whole, readable, writable, indexed? And if not, what helps.

Every message names the table or column and every mend is a statement to paste.
"""

from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Index,
    MetaData,
    Table,
    inspect,
)
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.schema import (
    CreateColumn,
    CreateIndex,
    CreateTable,
    ExecutableDDLElement,
)

from data.engines.base import Diagnosis, Finding, Grade
from data.engines.native_columns import TableFacts
from data.engines.native_lookalike import find_lookalike, view_statement
from data.engines.native_table import INSTANTS
from data.engines.rights import grant, may, quoted
from data.exceptions import AccessDeniedError, SchemaMismatchError

_WHOLE: Final = ("int2", "int4", "int8", "numeric")
_NUMBERS: Final = (*_WHOLE, "float4", "float8")
#: On PostgreSQL: the names of the types that a column may have, in words, and the usual one.
_TYPES: Final[dict[str, tuple[tuple[str, ...], str, str]]] = {
    "id": (_WHOLE, "a whole number", "bigint"),
    "attempt": (_NUMBERS, "a number", "integer"),
    "max_attempts": (_NUMBERS, "a number", "integer"),
    "progress": (_NUMBERS, "a number", "double precision"),
    **dict.fromkeys(INSTANTS, (("timestamptz",), "timestamptz", "timestamptz")),
}


def require_table(
    connection: Connection, table: Table, facts: TableFacts, source: str
) -> None:
    """Raise SchemaMismatchError or AccessDeniedError when ``table`` cannot be read."""
    if not facts.columns:
        raise _no_table(connection, table, source)
    missing = [name for name in table.c.keys() if name not in facts.columns]  # noqa: SIM118
    if missing:
        message = f"{source}: {table.fullname} has no column {', '.join(missing)}."
        mend = "\n".join(_add_column(connection, table, name) for name in missing)
        raise SchemaMismatchError(message, mend=mend)
    if connection.dialect.name == "postgresql":
        _require_types(connection, table, facts, source)
    if not may(connection, table, "SELECT"):
        message = f"{source}: this user may not read {table.fullname}."
        raise AccessDeniedError(message, mend=grant(connection, table, "SELECT"))


def missing_indexes(connection: Connection, table: Table) -> list[Finding]:
    """The indexes of the contract that are not there, by the columns they start with."""
    found = [
        (index["column_names"], _is_partial(index))
        for index in inspect(connection).get_indexes(table.name, schema=table.schema)
    ]
    return [
        Finding(
            f"{table.fullname} has no index {_described(index)}.",
            f"{CreateIndex(index).compile(connection)}".strip() + ";",
        )
        for index in _indexes(table)
        if not any(
            columns[: len(index.columns)] == index.columns.keys()
            and partial == _wants_partial(index)
            for columns, partial in found
        )
    ]


def heartbeat_indexes(connection: Connection, table: Table) -> list[Diagnosis]:
    """Indexes that make every heartbeat write twice, and answer nothing."""
    found = inspect(connection).get_indexes(table.name, schema=table.schema)
    return [
        Diagnosis(
            "index",
            Grade.MEND,
            f"The index {index['name']} holds heartbeat_at: each heartbeat writes it anew.",
            f"DROP INDEX {index['name']};",
        )
        for index in found
        if "heartbeat_at" in index["column_names"]
    ]


def create_statements(connection: Connection, table: Table) -> str:
    """The DDL that makes ``table`` and its indexes on this database."""
    statements: list[ExecutableDDLElement] = [CreateTable(table)]
    statements += [CreateIndex(index) for index in _indexes(table)]
    made = [str(statement.compile(connection)).strip() for statement in statements]
    return ";\n".join(made) + ";"


def _described(index: Index) -> str:
    columns = f"on ({', '.join(index.columns.keys())})"
    return f"{columns} for failed runs" if _wants_partial(index) else columns


def _wants_partial(index: Index) -> bool:
    return any("where" in key for key in index.kwargs)


def _indexes(table: Table) -> list[Index]:
    return sorted(table.indexes, key=lambda index: str(index.name))


def _require_types(
    connection: Connection, table: Table, facts: TableFacts, source: str
) -> None:
    """Raise SchemaMismatchError for a column that could not be read as what it is."""
    for name, (kinds, wanted, type_) in _TYPES.items():
        column = facts.columns[name]
        if column.kind in kinds:
            continue
        message = f"{source}: {table.fullname}.{name} is {column.type}, not {wanted}."
        if facts.is_view:
            raise SchemaMismatchError(f"{message} Select it as {name}::{type_}.")
        place = quoted(connection, table)
        change = f"ALTER TABLE {place} ALTER COLUMN {name} TYPE {type_}"
        mend = f"{change};" if name in INSTANTS else f"{change} USING {name}::{type_};"
        raise SchemaMismatchError(message, mend=mend)


def _no_table(connection: Connection, table: Table, source: str) -> SchemaMismatchError:
    """There is none of that name; a table that holds jobs needs a view, not another one."""
    message = f"{source}: there is no table {table.fullname}."
    found = find_lookalike(connection, table.schema)
    if found is None:
        return SchemaMismatchError(message, mend=create_statements(connection, table))
    lacks = ", ".join(found.missing) or "none"
    message += (
        f" The table {found.name} seems to hold jobs; columns that it has none for: {lacks}. "
        "A view is enough to look: docs/connect.md says what each column means."
    )
    return SchemaMismatchError(message, mend=view_statement(connection, table, found))


def _add_column(connection: Connection, table: Table, name: str) -> str:
    """Without NOT NULL, unless a default fills it: there may be rows already."""
    wanted = table.c[name]
    nullable = wanted.server_default is None
    column = Column(
        name, wanted.type, server_default=wanted.server_default, nullable=nullable
    )
    Table(table.name, MetaData(), column)
    words = str(CreateColumn(column).compile(connection)).strip()
    return f"ALTER TABLE {quoted(connection, table)} ADD COLUMN {words};"


def _is_partial(index: ReflectedIndex) -> bool:
    options = index.get("dialect_options", {})
    return any("where" in str(option) for option in options)
