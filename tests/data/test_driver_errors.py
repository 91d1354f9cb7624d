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
    SourceBusyError,
    SourceFullError,
    SourceTooSlowError,
    SourceUnavailableError,
    StatementRefusedError,
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
        ("database is locked", SourceBusyError),
        ("database table is locked: job_runs", SourceBusyError),
        ("interrupted", SourceTooSlowError),
        ("unable to open database file", SourceUnavailableError),
        ("file is not a database", SourceUnavailableError),
        ("database disk image is malformed", SourceUnavailableError),
        ("database or disk is full", SourceFullError),
        ("disk I/O error", SourceUnavailableError),
        ("NOT NULL constraint failed: job_runs.tenant", StatementRefusedError),
        ("cannot modify job_runs because it is a view", StatementRefusedError),
        ('near "FORM": syntax error', StatementRefusedError),
        ("what nobody ever saw", StatementRefusedError),
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
        ("55P03", SourceBusyError),
        ("40P01", SourceBusyError),
        ("40001", SourceBusyError),
        ("53100", SourceFullError),
        ("08006", SourceUnavailableError),
        ("53300", SourceFullError),
        ("57P01", SourceUnavailableError),
        ("57P03", SourceUnavailableError),
        ("58030", SourceUnavailableError),
        ("42601", StatementRefusedError),
        ("22003", StatementRefusedError),
        ("22P02", StatementRefusedError),
        ("23505", StatementRefusedError),
        ("P0001", StatementRefusedError),
        ("55000", StatementRefusedError),
        ("XX000", StatementRefusedError),
    ],
)
def test_postgresql_is_read_by_its_state(state: str, kind: type[DataError]) -> None:
    assert type(on_postgresql(state)) is kind


def test_words_of_sqlite_in_a_postgresql_message_mean_nothing() -> None:
    said = on_postgresql("42601", "syntax error at or near locked")

    assert type(said) is StatementRefusedError


def test_a_connection_that_never_was_has_no_state_and_is_out_of_reach() -> None:
    orig = psycopg.OperationalError("connection refused")
    error = translated(OperationalError("SELECT 1", {}, orig), "orders")

    assert type(error) is SourceUnavailableError


def test_a_value_that_the_driver_cannot_read_is_no_outage() -> None:
    orig = psycopg.DataError("timestamp too large (after year 10K)")
    error = translated(DatabaseError("SELECT 1", {}, orig), "orders")

    assert type(error) is StatementRefusedError


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


def test_of_a_value_only_the_beginning_is_shown_and_no_secret() -> None:
    said = str(on_postgresql("22P02", f'invalid input: "{"v" * 90}" password=hunter2'))

    assert "v" * 40 in said
    assert "v" * 41 not in said
    assert "hunter2" not in said


def test_a_password_that_the_driver_repeats_is_masked() -> None:
    orig = psycopg.OperationalError('invalid sslpassword value: "s3cret"')
    error = OperationalError("SELECT 1", {}, orig)

    assert "s3cret" not in str(translated(error, "orders", secrets=["s3cret"]))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("FATAL:  sorry, too many clients already", SourceFullError),
        ("FATAL:  no more connections allowed (max_client_conn)", SourceFullError),
        ('FATAL:  password authentication failed for user "jobs"', AccessDeniedError),
        ('FATAL:  role "nobody" does not exist', AccessDeniedError),
        ('FATAL:  database "nothing" does not exist', SourceUnavailableError),
        ("FATAL:  la base de datos no existe", SourceUnavailableError),
    ],
)
def test_a_connection_that_is_refused_is_read_by_its_words(
    words: str, kind: type[DataError]
) -> None:
    orig = psycopg.OperationalError(f"connection failed: {words}")
    error = translated(OperationalError(None, None, orig), "orders")

    assert type(error) is kind
    assert words.split(":  ")[1] in str(error)
