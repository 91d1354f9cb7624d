"""One statement for many rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable


def execute_many(
    connection: Connection, statement: Executable, rows: Sequence[Mapping[str, object]]
) -> None:
    """Execute a statement once for each row; all rows have the same keys.

    The values must be what the driver takes as it is: SQLAlchemy's own way looks at
    each of them, which costs as much as writing them.
    """
    compiled: Any = statement.compile(connection, column_keys=list(rows[0]))  # type: ignore[attr-defined]
    constants = {key: compiled.params[key] for key in compiled.params.keys() - rows[0]}
    values: list[Any] = [{**constants, **row} for row in rows] if constants else [*rows]
    if compiled.positional:
        values = [tuple(map(row.__getitem__, compiled.positiontup)) for row in values]
    connection.exec_driver_sql(str(compiled), values)
