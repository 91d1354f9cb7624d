"""Databases come, go, move and are replaced: every error is one of ours."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from data import connecting, db
from data.db import Database
from data.exceptions import (
    AccessDeniedError,
    DataError,
    OutcomeUnknownError,
    SchemaMismatchError,
    SourceUnavailableError,
    StatementRefusedError,
)
from tests.factories import JobTable

_ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


@pytest.fixture
def notes(database_url: str) -> Any:
    """A table of notes, with its owner."""
    table = JobTable(database_url)
    table.execute("CREATE TABLE note (words TEXT)")
    yield table
    table.close()


@pytest.fixture
def database(notes: JobTable) -> Any:
    opened = Database(notes.url, name="orders")
    yield opened
    opened.close()


def words(database: Database) -> list[str]:
    return [row[0] for row in database.fetch(text("SELECT words FROM note"))]


def _write_and_fail(connection: Connection) -> None:
    connection.execute(text("INSERT INTO note VALUES ('half')"))
    raise ZeroDivisionError


def write(database: Database, said: str) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO note VALUES (:said)"), {"said": said})


def test_what_was_written_is_read(database: Database) -> None:
    write(database, "hello")

    assert words(database) == ["hello"]


def test_an_error_on_the_way_rolls_everything_back(database: Database) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        database.writing() as connection,
    ):
        _write_and_fail(connection)

    assert words(database) == []
    write(database, "the next one works")


def test_one_read_transaction_sees_one_instant(
    database: Database, notes: JobTable
) -> None:
    if notes.dialect == "sqlite":
        notes.scalar("PRAGMA journal_mode = WAL")
    count = text("SELECT count(*) FROM note")
    with database.reading() as connection:
        before = connection.execute(count).scalar()
        notes.execute("INSERT INTO note VALUES ('meanwhile')")
        assert connection.execute(count).scalar() == before == 0
    assert words(database) == ["meanwhile"]


def test_reading_never_writes(database: Database) -> None:
    with (
        database.reading() as connection,
        pytest.raises(Exception, match=r"read-?only"),
    ):
        connection.execute(text("INSERT INTO note VALUES ('no')"))

    with pytest.raises(AccessDeniedError), database.reading() as connection:
        connection.execute(text("INSERT INTO note VALUES ('no')"))
    assert words(database) == []


def test_a_statement_that_takes_too_long_is_stopped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "STATEMENT_LIMIT_S", 2.0)
    monkeypatch.setattr(db, "STATEMENT_LIMIT_S", 2.0)
    quick = Database(database.url.render_as_string(hide_password=False), name="orders")

    with pytest.raises(SourceUnavailableError, match="did not answer in time"):
        quick.fetch(text(_ENDLESS[database.dialect]))
    assert words(quick) == []
    quick.close()


def test_a_write_that_somebody_else_holds_up_gives_up(
    database: Database, notes: JobTable
) -> None:
    lock = {
        "sqlite": "INSERT INTO note VALUES ('mine')",
        "postgresql": "LOCK TABLE note",
    }[notes.dialect]
    with notes.owner.begin() as connection:
        connection.execute(text(lock))
        with pytest.raises(SourceUnavailableError, match="busy"):
            write(database, "yours")
    write(database, "now")

    assert words(database)[-1] == "now"


def test_a_missing_table_and_column_are_told_apart_from_an_outage(
    database: Database,
) -> None:
    with pytest.raises(SchemaMismatchError, match="a table is missing"):
        database.fetch(text("SELECT 1 FROM nobody"))
    with pytest.raises(SchemaMismatchError, match="a column is missing"):
        database.fetch(text("SELECT nobody FROM note"))


def test_the_driver_is_kept_as_the_cause_and_its_parameters_are_not_shown(
    database: Database,
) -> None:
    with pytest.raises(DataError) as caught:
        database.fetch(text("SELECT :secret FROM nobody").bindparams(secret="hunter2"))

    assert caught.value.__cause__ is not None
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


# the change probe


def test_the_probe_tells_of_foreign_commits_and_of_nothing_else(
    database: Database, notes: JobTable
) -> None:
    before = database.probe()
    if notes.dialect == "sqlite":  # on PostgreSQL anybody in the cluster may move it
        assert database.probe() == before
    notes.execute("INSERT INTO note VALUES ('new')")
    after = database.probe()
    assert after != before
    write(database, "ours, by another connection")
    assert database.probe() != after


def test_the_probe_may_be_asked_by_many_at_once(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        marks = list(pool.map(lambda _: database.probe(), range(200)))

    assert len(marks) == 200


# SQLite files


def test_a_file_that_is_not_there_is_not_made(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url, name="orders")

    for ask in (database.probe, lambda: database.fetch(text("SELECT 1"))):
        with pytest.raises(SourceUnavailableError, match="there is no database file"):
            ask()
    with pytest.raises(SourceUnavailableError), database.writing():
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_owned_file_is_made_in_wal_mode(sqlite_url: str) -> None:
    database = Database(sqlite_url, name="store", owned=True)

    assert database.fetch(text("PRAGMA journal_mode"))[0][0] == "wal"
    database.close()


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "what?.db", "a#b.db", "ü.db"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "made.db"
    JobTable(f"sqlite:///{path}").execute("CREATE TABLE note (words TEXT)")
    path.rename(tmp_path / name)
    place = make_url("sqlite://").set(database=str(tmp_path / name))
    database = Database(place.render_as_string(), name="orders")

    assert words(database) == []
    database.close()


def test_a_file_that_is_moved_away_is_missed_and_found_when_it_is_back(
    sqlite_url: str, tmp_path: Path
) -> None:
    JobTable(sqlite_url).execute("CREATE TABLE note (words TEXT)")
    database = Database(sqlite_url, name="orders")
    database.probe()
    write(database, "kept")

    (tmp_path / "jobs.db").rename(tmp_path / "away.db")
    for ask in (database.probe, lambda: words(database)):
        with pytest.raises(SourceUnavailableError):
            ask()

    (tmp_path / "away.db").rename(tmp_path / "jobs.db")
    assert words(database) == ["kept"]
    database.probe()
    database.close()


def test_a_file_that_is_replaced_is_read_and_noticed(
    sqlite_url: str, tmp_path: Path
) -> None:
    JobTable(sqlite_url).execute("CREATE TABLE note (words TEXT)")
    shutil.copy(tmp_path / "jobs.db", tmp_path / "other.db")
    JobTable(f"sqlite:///{tmp_path / 'other.db'}").execute(
        "INSERT INTO note VALUES ('another file')"
    )
    database = Database(sqlite_url, name="orders")
    before = database.probe()
    assert words(database) == []

    (tmp_path / "other.db").replace(tmp_path / "jobs.db")

    assert database.probe() != before
    assert words(database) == ["another file"]
    database.close()


def test_a_file_that_comes_and_goes_never_breaks_those_who_ask(
    sqlite_url: str, tmp_path: Path
) -> None:
    JobTable(sqlite_url).execute("CREATE TABLE note (words TEXT)")
    database = Database(sqlite_url, name="orders")
    here, away = tmp_path / "jobs.db", tmp_path / "away.db"

    def ask(number: int) -> None:
        if number % 20 == 0:
            here.rename(away)
            away.rename(here)
        with suppress(DataError):
            database.probe() if number % 2 else words(database)

    def come_and_go(thread: int) -> None:
        for number in range(100):
            ask(20 * number + min(thread, 1) + number % 2 * min(thread, 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))

    assert words(database) == []
    database.close()


def test_a_file_that_is_no_database_is_said_to_be_none(
    sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "jobs.db").write_text("no database at all, " * 100)
    database = Database(sqlite_url, name="orders")

    with pytest.raises(SourceUnavailableError, match="not a SQLite database"):
        words(database)


# PostgreSQL servers


def cut(url: str, *, allow: bool) -> None:
    """Nobody may connect to the database any more, and whoever did is thrown out."""
    place = make_url(url)
    name = place.database
    server = create_engine(
        place.set(database="postgres", drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with server.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allow}"))
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = :name"
            ),
            {"name": name},
        )
    server.dispose()


def test_a_server_that_goes_away_is_missed_and_found_when_it_is_back(
    postgresql_url: str,
) -> None:
    JobTable(postgresql_url).execute("CREATE TABLE note (words TEXT)")
    database = Database(postgresql_url, name="orders")
    database.probe()
    write(database, "kept")

    cut(postgresql_url, allow=False)
    for ask in (database.probe, lambda: words(database)):
        with pytest.raises(SourceUnavailableError, match="cannot be reached"):
            ask()

    cut(postgresql_url, allow=True)
    assert words(database) == ["kept"]
    database.probe()
    database.close()


def test_a_backend_that_is_killed_is_replaced_unnoticed(postgresql_url: str) -> None:
    JobTable(postgresql_url).execute("CREATE TABLE note (words TEXT)")
    database = Database(postgresql_url, name="orders")
    write(database, "kept")

    cut(postgresql_url, allow=True)

    assert words(database) == ["kept"]
    write(database, "and more")
    database.close()


def test_a_database_or_server_that_is_not_there_is_out_of_reach(
    postgresql_url: str,
) -> None:
    place = make_url(postgresql_url)
    for wrong in (
        place.set(database="nothing"),
        place.set(username="nobody"),
        make_url("postgresql://127.0.0.1:1/nothing"),
    ):
        database = Database(wrong.render_as_string(hide_password=False), name="orders")
        with pytest.raises(DataError) as caught:
            database.fetch(text("SELECT 1"))
        assert isinstance(caught.value, SourceUnavailableError | AccessDeniedError)
        database.close()


# lost between the write and its answer


class LosingDatabase(Database):
    """Loses its connection at the moment of the commit."""

    def _commit(self, connection: Connection) -> None:
        if self.dialect == "sqlite":
            driver: Any = connection.connection.driver_connection
            driver.close()
        else:
            cut(self.url.render_as_string(hide_password=False), allow=True)
        super()._commit(connection)


def test_a_commit_without_an_answer_is_an_unknown_outcome(notes: JobTable) -> None:
    database = LosingDatabase(notes.url, name="orders")

    with pytest.raises(OutcomeUnknownError, match="lost before it answered"):
        write(database, "perhaps")

    assert words(database) == []
    database.close()


def test_text_that_is_no_utf8_is_shown_mended_from_the_second_read_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "jobs.db"
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute("CREATE TABLE job (name TEXT)")
        writer.execute("INSERT INTO job VALUES (CAST(x'66ff6f' AS TEXT))")
    database = Database(f"sqlite:///{path}", name="jobs")

    with pytest.raises(DataError):
        database.fetch(text("SELECT name FROM job"))

    assert database.fetch(text("SELECT name FROM job")) == [("f\ufffdo",)]
    database.close()


def test_a_value_that_no_column_holds_is_refused_in_words(sqlite_url: str) -> None:
    JobTable(sqlite_url).execute("CREATE TABLE note (words TEXT)")
    database = Database(sqlite_url, name="orders")

    with pytest.raises(StatementRefusedError, match="a value does not fit"):
        database.fetch(text("SELECT :number"), {"number": 2**70})
    with pytest.raises(StatementRefusedError, match=r"Nothing was written there\.$"):
        write(database, "\ud800")
    database.close()
