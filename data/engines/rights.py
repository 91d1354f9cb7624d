"""What a database user may do with a table, and what a file lets us do."""

import os
from pathlib import Path

from sqlalchemy import Connection, Table, func, literal, select

from data.db import Database


def why_not_written(path: Path | None, *, read_only: bool) -> str:
    """Why this source is never written, "" when it may be; ``path`` None is a server."""
    if read_only:
        return "This source is configured as read-only."
    if path is not None and not os.access(path, os.W_OK):
        return f"The file {path.name} may not be written by this user."
    if path is not None and not _takes_journal(path):
        return f"The folder of {path.name} may not be written: SQLite keeps a journal there."
    return ""


def _takes_journal(path: Path) -> bool:
    """May SQLite write its journal, or the write-ahead log that is there?"""
    log = path.with_name(f"{path.name}-wal")
    return os.access(path.parent, os.W_OK) or os.access(log, os.W_OK)


def why_server_is_not_written(database: Database) -> str:
    """Why a server takes no writes from anybody, or not from this user; "" when it does."""
    if database.dialect != "postgresql":
        return ""
    with database.writing() as connection:
        is_standby = connection.scalar(select(func.pg_is_in_recovery()))
        mode = connection.exec_driver_sql("SHOW transaction_read_only").scalar()
    if is_standby:
        return "This server is a standby: it can only be read."
    if mode == "on":
        return "This server is read-only for this user (default_transaction_read_only)."
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
