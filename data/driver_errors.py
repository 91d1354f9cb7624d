"""What a driver's error means, in one place for both databases.

The same fault has another class on each: a missing table is an OperationalError on
SQLite and a ProgrammingError on PostgreSQL. PostgreSQL is read by its SQLSTATE,
SQLite by the words of its message (its codes are coarser). What nobody foresaw keeps
the driver's own sentence: nothing else says what to do about it.
"""

import re
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from psycopg.errors import ConnectionTimeout
from sqlalchemy.exc import (
    DBAPIError,
    InvalidRequestError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)

from data.exceptions import (
    AccessDeniedError,
    DataError,
    SchemaMismatchError,
    SourceBusyError,
    SourceFullError,
    SourceSilentError,
    SourceTooSlowError,
    SourceUnavailableError,
    StatementRefusedError,
)
from data.rules.scrub import FILTERED, scrub_text

_Meaning = tuple[type[DataError], str]

_BUSY: Final = "the database is busy: another session holds a lock; try again"
_FULL: Final = "the disk is full"
_SLOW: Final = "the database did not answer in time"
_READ_ONLY: Final = "the database is read-only"
_SQLITE: Final[tuple[tuple[str, type[DataError], str], ...]] = (
    ("no such table", SchemaMismatchError, "a table is missing"),
    ("no such column", SchemaMismatchError, "a column is missing"),
    ("has no column named", SchemaMismatchError, "a column is missing"),
    ("readonly database", AccessDeniedError, _READ_ONLY),
    ("locked", SourceBusyError, _BUSY),
    ("interrupted", SourceTooSlowError, _SLOW),
    ("disk is full", SourceFullError, _FULL),
    ("disk I/O error", SourceUnavailableError, "the disk cannot be read or written"),
    ("in time", SourceSilentError, _SLOW),
    ("unable to open", SourceUnavailableError, "the database cannot be opened"),
    ("not a database", SourceUnavailableError, "the file is not a SQLite database"),
    ("malformed", SourceUnavailableError, "the database file is damaged"),
    ("constraint failed", StatementRefusedError, "a rule of the table forbids this"),
    ("cannot modify", StatementRefusedError, "this view cannot be written"),
)
_POSTGRESQL: Final[dict[str, _Meaning]] = {
    "42P01": (SchemaMismatchError, "a table is missing"),
    "42703": (SchemaMismatchError, "a column is missing"),
    "42501": (AccessDeniedError, "this user may not do that"),
    "25006": (AccessDeniedError, _READ_ONLY),
    "28P01": (AccessDeniedError, "the database refused the sign-in"),
    "28000": (AccessDeniedError, "the database refused the sign-in"),
    "3D000": (SourceUnavailableError, "there is no such database"),
    "57014": (SourceTooSlowError, _SLOW),
    "55P03": (SourceBusyError, _BUSY),
    "40P01": (SourceBusyError, _BUSY),
    "40001": (SourceBusyError, "another session changed the same rows; try again"),
    "53100": (SourceFullError, _FULL),
    "53200": (SourceFullError, "the server is out of memory"),
    "53300": (SourceFullError, "the server has no connection left"),
    "22P02": (StatementRefusedError, "a value does not fit its column"),
    "42804": (StatementRefusedError, "a value does not fit its column"),
    "42883": (StatementRefusedError, "a value does not fit its column"),
    "23502": (StatementRefusedError, "a column needs a value that is not known here"),
    "23505": (StatementRefusedError, "there is a row with this value already"),
    "55000": (StatementRefusedError, "this table or view cannot be written"),
    "0A000": (StatementRefusedError, "the database cannot do that"),
    "25P02": (StatementRefusedError, "the transaction was given up"),
    "25P03": (SourceTooSlowError, "the transaction was idle for too long"),
    "25P04": (SourceTooSlowError, "the transaction took too long"),
}
#: By the first two characters of the SQLSTATE, when the whole is not known.
_CLASSES: Final[dict[str, _Meaning]] = {
    "22": (StatementRefusedError, "a value does not fit its column"),
    "23": (StatementRefusedError, "a rule of the table forbids this"),
    "28": (AccessDeniedError, "the database refused the sign-in"),
    "40": (SourceBusyError, "another session was in the way; try again"),
    "44": (StatementRefusedError, "a rule of the view forbids this"),
    "P0": (StatementRefusedError, "a function of the database refused"),
}
#: While it connects the driver passes on words alone; they may be in any language, then
#: it cannot be reached.
_CONNECTING: Final[tuple[tuple[str, _Meaning], ...]] = (
    ("too many clients", _POSTGRESQL["53300"]),
    ("too many connections", _POSTGRESQL["53300"]),
    ("remaining connection slots", _POSTGRESQL["53300"]),
    ("no more connections allowed", _POSTGRESQL["53300"]),
    ("authentication failed", _POSTGRESQL["28P01"]),
    ("no password supplied", _POSTGRESQL["28P01"]),
    ("no pg_hba.conf entry", _POSTGRESQL["28000"]),
)
_NO_SUCH: Final = (
    (re.compile(r'FATAL: +database "[^"]*" does not exist'), _POSTGRESQL["3D000"]),
    (re.compile(r'FATAL: +role "[^"]*" does not exist'), _POSTGRESQL["28000"]),
)
#: SQLSTATE classes that mean the server is gone, full, or going down.
_AWAY: Final = ("08", "53", "57", "58")
#: What the server says of a COMMIT when nobody can know what became of it.
_UNKNOWN_COMMIT: Final = (*_AWAY, "40003", "XX")
#: The SQLSTATE class of values that cannot be what they should.
_DATA_EXCEPTION: Final = "22"
#: Values, constraints, views WITH CHECK OPTION, functions that raise.
_VALUES: Final = ("22", "23", "44", "P0")
_NOT_NULL: Final = "23502"
_UNREACHABLE: Final = (SourceUnavailableError, "the database cannot be reached")
_UNREADABLE: Final = (SchemaMismatchError, "a column has a type that cannot be read")
_REFUSED: Final = (StatementRefusedError, "the database refused the statement")
#: A value of a row that a server repeats in its sentence: its beginning is enough.
_LONG_VALUE: Final = re.compile(r"([\"'])([^\"']{40})[^\"']*\1")
_LONGEST: Final = 200


def translated(
    error: SQLAlchemyError, name: str, *, done: str = "", secrets: Sequence[str] = ()
) -> DataError:
    """The error of ``data.exceptions`` that ``error`` of database ``name`` means.

    ``done`` is a sentence about what was done in spite of it, or not; ``secrets`` are
    masked wherever the driver repeats them.
    """
    kind, sentence = meaning_of(error)
    words = driver_words(error, secrets)
    detail = f" ({words})" if words else ""
    return kind(f"{name}: {sentence}{detail}.{done and f' {done}'}")


def driver_words(error: SQLAlchemyError, secrets: Sequence[str] = ()) -> str:
    """The driver's own sentence, one line without secrets, parameters or whole values."""
    orig: Any = getattr(error, "orig", None) or error
    primary = getattr(getattr(orig, "diag", None), "message_primary", None)
    lines = str(primary or orig).strip().splitlines()
    first = lines[0].strip().rstrip(".") if lines else ""
    for secret in secrets:
        first = first.replace(secret, FILTERED)
    return _LONG_VALUE.sub(r"\1\2…\1", scrub_text(first))[:_LONGEST]


def meaning_of(error: SQLAlchemyError) -> _Meaning:
    """The class of ``data.exceptions`` for ``error``, and what happened in words."""
    orig = getattr(error, "orig", None)
    if isinstance(orig, sqlite3.Error):
        return _on_sqlite(str(orig))
    if isinstance(orig, ConnectionTimeout):
        return SourceSilentError, _SLOW
    if (
        type(error) is InvalidRequestError
    ):  # of a result; its subclasses mean a lost one
        return _UNREADABLE
    state: str | None = getattr(orig, "sqlstate", None)
    if state in _POSTGRESQL:
        return _POSTGRESQL[state]
    if _is_lost(error, state):
        return _UNREACHABLE if state else _on_connecting(str(orig))
    return _CLASSES.get((state or "")[:2], _REFUSED)


def is_silence(error: SQLAlchemyError) -> bool:
    """Was there no answer at all, not even a refusal?"""
    return meaning_of(error)[0] is SourceSilentError


def is_undone(error: DBAPIError) -> bool:
    """Of a COMMIT that failed: is it certain that nothing was written?

    SQLite keeps nothing of a COMMIT that fails; a connection that is closed cannot tell.
    """
    if isinstance(error.orig, sqlite3.Error):
        return not isinstance(error.orig, sqlite3.ProgrammingError)
    state = getattr(error.orig, "sqlstate", None)
    return state is not None and not state.startswith(_UNKNOWN_COMMIT)


def _is_lost(error: SQLAlchemyError, state: str | None) -> bool:
    """Is the connection gone, whatever is said?"""
    if not isinstance(error, StatementError):
        return True
    if state is None and isinstance(error, OperationalError):
        return True
    broken = isinstance(error, DBAPIError) and error.connection_invalidated
    return broken or (state or "").startswith(_AWAY)


def _on_connecting(words: str) -> _Meaning:
    for part, meaning in _CONNECTING:
        if part in words:
            return meaning
    for pattern, meaning in _NO_SUCH:
        if pattern.search(words):
            return meaning
    return _UNREACHABLE


def _on_sqlite(words: str) -> _Meaning:
    for part, kind, sentence in _SQLITE:
        if part in words:
            return kind, sentence
    return _REFUSED


def is_about_a_value(error: DBAPIError) -> bool:
    """May PostgreSQL take other values: is a rule, a type or a trigger against these?"""
    state = getattr(error.orig, "sqlstate", None) or ""
    return state.startswith(_VALUES) and state != _NOT_NULL


def is_value_refused(error: BaseException) -> bool:
    """Did PostgreSQL find that a value is none of its column's type?"""
    state = getattr(getattr(error.__cause__, "orig", None), "sqlstate", None)
    return (state or "").startswith(_DATA_EXCEPTION)
