"""What a database user may do with a table, and what a file lets us do."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, func, literal, select, text

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
    return f"GRANT {right} ON {quoted(connection, table)} TO {_user(connection)};"


def why_no_numbers(connection: Connection, table: Table, given: Collection[str]) -> str:
    """Why no new row can be numbered, "" when it can.

    ``given`` are columns that a new row is given. An identity needs no right.
    """
    if connection.dialect.name != "postgresql":
        return ""
    place = quoted(connection, table)
    asked = text(_SEQUENCES)
    refused = connection.execute(asked, {"name": place, "given": [*given]}).all()
    if not refused:
        return ""
    names = ", ".join(row.sequence for row in refused)
    verb = "numbers" if len(refused) == 1 else "number"
    return (
        f"This database user may not use {names}, which {verb} new runs. "
        f"What helps: GRANT USAGE ON SEQUENCE {names} TO {_user(connection)};"
    )


def _user(connection: Connection) -> str:
    user = str(connection.scalar(select(func.current_user())))
    return connection.dialect.identifier_preparer.quote_identifier(user)


#: Either right lets one take the next number.
_SEQUENCES: Final = """
SELECT DISTINCT d.refobjid::regclass::text AS sequence
FROM pg_attrdef ad
JOIN pg_attribute a ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = ad.oid
  AND d.refclassid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = d.refobjid
WHERE ad.adrelid = to_regclass(CAST(:name AS text))
  AND NOT a.attname::text = ANY(CAST(:given AS text[]))
  AND CASE s.relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE')
    ELSE false END
ORDER BY sequence
"""


def quoted(connection: Connection, table: Table) -> str:
    """The table's name as a statement spells it."""
    return str(connection.dialect.identifier_preparer.format_table(table))
