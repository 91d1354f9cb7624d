"""What a database user may do with a table, and what a file lets us do."""

import os
from pathlib import Path

from sqlalchemy import Connection, Table, func, literal, select


def why_not_written(path: Path | None, *, read_only: bool) -> str:
    """Why this source is never written, "" when it may be; ``path`` None is a server."""
    if read_only:
        return "This source is configured as read-only."
    if path is not None and not os.access(path, os.W_OK):
        return f"The file {path.name} may not be written by this user."
    return ""


def may(connection: Connection, table: Table, right: str) -> bool:
    """Has this user the right (SELECT, INSERT, UPDATE) on the table?"""
    if connection.dialect.name != "postgresql":
        return True
    place = quoted(connection, table)
    asked = select(func.has_table_privilege(literal(place), literal(right)))
    return bool(connection.scalar(asked))


def grant(connection: Connection, table: Table, right: str) -> str:
    """The statement that gives this user the right."""
    user = str(connection.scalar(select(func.current_user())))
    user = connection.dialect.identifier_preparer.quote_identifier(user)
    return f"GRANT {right} ON {quoted(connection, table)} TO {user};"


def quoted(connection: Connection, table: Table) -> str:
    """The table's name as a statement spells it."""
    return str(connection.dialect.identifier_preparer.format_table(table))
