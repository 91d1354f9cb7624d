"""What a driver's error means, in one place for both databases.

The same fault has another class on each: a missing table is an OperationalError on
SQLite and a ProgrammingError on PostgreSQL. PostgreSQL is read by its SQLSTATE,
SQLite by the words of its message (it has no finer code).
"""

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError

from data.exceptions import (
    AccessDeniedError,
    DataError,
    SchemaMismatchError,
    SourceTooSlowError,
    SourceUnavailableError,
)

_SQLITE: Final[tuple[tuple[str, type[DataError], str], ...]] = (
    ("no such table", SchemaMismatchError, "a table is missing"),
    ("no such column", SchemaMismatchError, "a column is missing"),
    ("readonly database", AccessDeniedError, "the database is read-only"),
    ("locked", SourceUnavailableError, "the database is busy"),
    ("interrupted", SourceTooSlowError, "the database did not answer in time"),
    ("unable to open", SourceUnavailableError, "the database cannot be opened"),
    ("not a database", SourceUnavailableError, "the file is not a SQLite database"),
    ("malformed", SourceUnavailableError, "the database file is damaged"),
)
_POSTGRESQL: Final[dict[str, tuple[type[DataError], str]]] = {
    "42P01": (SchemaMismatchError, "a table is missing"),
    "42703": (SchemaMismatchError, "a column is missing"),
    "42501": (AccessDeniedError, "this user may not do that"),
    "25006": (AccessDeniedError, "the database is read-only"),
    "28P01": (AccessDeniedError, "the database refused the sign-in"),
    "28000": (AccessDeniedError, "the database refused the sign-in"),
    "3D000": (SourceUnavailableError, "there is no such database"),
    "57014": (SourceTooSlowError, "the database did not answer in time"),
    "55P03": (SourceUnavailableError, "the database is busy"),
    "40P01": (SourceUnavailableError, "the database is busy"),
}
#: SQLSTATE classes that mean the server is gone, full, or going down.
_POSTGRESQL_AWAY: Final = ("08", "53", "57", "58")
_UNREACHABLE: Final = (SourceUnavailableError, "the database cannot be reached")
_REFUSED: Final = (DataError, "the database refused the statement")


def translated(error: DBAPIError, name: str) -> DataError:
    """The error of ``data.exceptions`` that ``error`` of database ``name`` means."""
    kind, sentence = meaning_of(error)
    lines = str(error.orig).strip().splitlines()
    detail = f" ({lines[0][:200]})" if lines else ""
    return kind(f"{name}: {sentence}{detail}.")


def meaning_of(error: DBAPIError) -> tuple[type[DataError], str]:
    """The class of ``data.exceptions`` for ``error``, and what happened in words."""
    words = str(error.orig)
    for part, kind, sentence in _SQLITE:
        if part in words and isinstance(error.orig, sqlite3.Error):
            return kind, sentence
    state = getattr(error.orig, "sqlstate", None)
    if state in _POSTGRESQL:
        return _POSTGRESQL[state]
    if state is None and isinstance(error, OperationalError):
        state = "08"
    away = error.connection_invalidated or (state or "").startswith(_POSTGRESQL_AWAY)
    return (
        _UNREACHABLE if away and not isinstance(error.orig, sqlite3.Error) else _REFUSED
    )
