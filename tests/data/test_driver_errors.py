"""The same fault has the same meaning on both databases, whatever its driver calls it."""

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from data.driver_errors import translated
from data.exceptions import (
    AccessDeniedError,
    DataError,
    SchemaMismatchError,
    SourceTooSlowError,
    SourceUnavailableError,
)


def on_sqlite(message: str) -> DataError:
    orig = sqlite3.OperationalError(message)
    return translated(OperationalError("SELECT 1", {}, orig), "orders")


def on_postgresql(state: str, message: str = "it says no") -> DataError:
    orig = psycopg.errors.lookup(state)(message)
    return translated(DatabaseError("SELECT 1", {}, orig), "orders")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("no such table: job_runs", SchemaMismatchError),
        ("no such column: worker", SchemaMismatchError),
        ("attempt to write a readonly database", AccessDeniedError),
        ("database is locked", SourceUnavailableError),
        ("database table is locked: job_runs", SourceUnavailableError),
        ("interrupted", SourceTooSlowError),
        ("unable to open database file", SourceUnavailableError),
        ("file is not a database", SourceUnavailableError),
        ("database disk image is malformed", SourceUnavailableError),
        ('near "FORM": syntax error', DataError),
    ],
)
def test_sqlite_is_read_by_its_words(message: str, kind: type[DataError]) -> None:
    error = on_sqlite(message)

    assert type(error) is kind
    assert str(error).startswith("orders: ")
    assert str(error).endswith(f"({message}).")


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("42P01", SchemaMismatchError),
        ("42703", SchemaMismatchError),
        ("42501", AccessDeniedError),
        ("25006", AccessDeniedError),
        ("28P01", AccessDeniedError),
        ("3D000", SourceUnavailableError),
        ("57014", SourceTooSlowError),
        ("55P03", SourceUnavailableError),
        ("40P01", SourceUnavailableError),
        ("08006", SourceUnavailableError),
        ("53300", SourceUnavailableError),
        ("57P01", SourceUnavailableError),
        ("57P03", SourceUnavailableError),
        ("58030", SourceUnavailableError),
        ("42601", DataError),
        ("22003", DataError),
        ("23505", DataError),
    ],
)
def test_postgresql_is_read_by_its_state(state: str, kind: type[DataError]) -> None:
    assert type(on_postgresql(state)) is kind


def test_words_of_sqlite_in_a_postgresql_message_mean_nothing() -> None:
    assert type(on_postgresql("42601", "syntax error at or near locked")) is DataError


def test_a_connection_that_never_was_has_no_state_and_is_out_of_reach() -> None:
    orig = psycopg.OperationalError("connection refused")
    error = translated(OperationalError("SELECT 1", {}, orig), "orders")

    assert type(error) is SourceUnavailableError


def test_a_value_that_the_driver_cannot_read_is_no_outage() -> None:
    orig = psycopg.DataError("timestamp too large (after year 10K)")
    error = translated(DatabaseError("SELECT 1", {}, orig), "orders")

    assert type(error) is DataError


def test_a_connection_that_broke_is_an_outage_whatever_is_said() -> None:
    orig = psycopg.ProgrammingError("the connection is closed")
    broken = ProgrammingError("SELECT 1", {}, orig, connection_invalidated=True)

    assert type(translated(broken, "orders")) is SourceUnavailableError


@pytest.mark.parametrize("message", ["", "\n", "x" * 10_000, "one\ntwo\nthree"])
def test_a_message_is_one_line_of_readable_length(message: str) -> None:
    said = str(on_sqlite(message))

    assert "\n" not in said
    assert len(said) < 300
    assert "two" not in said
