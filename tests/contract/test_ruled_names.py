"""A table that takes the names of its jobs only takes new runs, and says so."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import CheckConstraint

from data.clock import utc_now
from data.engines.base import Grade
from data.engines.native import NativeEngine
from data.exceptions import DataError
from tests.factories import NOW, JobTable, finished_run, make_run, native_engine

NAMES = "job_name IN ('a', 'b')"
POSTGRESQL = {
    "foreign key": (
        "CREATE TABLE names (name text PRIMARY KEY);"
        "INSERT INTO names VALUES ('a'), ('b');"
        "ALTER TABLE job_runs ADD FOREIGN KEY (job_name) REFERENCES names"
    ),
    "enum": (
        "CREATE TYPE names AS ENUM ('a', 'b');"
        "ALTER TABLE job_runs ALTER job_name TYPE names USING job_name::names"
    ),
    "trigger": (
        "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NOT NEW.{NAMES} THEN RAISE EXCEPTION 'no such job'; END IF; "
        "RETURN NEW; END $$;"
        "CREATE TRIGGER watch BEFORE INSERT ON job_runs FOR EACH ROW "
        "EXECUTE FUNCTION watch()"
    ),
}
SQLITE_TRIGGERS = {
    "refuses": f"SELECT RAISE(ABORT, 'no such job') WHERE NOT NEW.{NAMES}",
    "ignores": f"SELECT RAISE(IGNORE) WHERE NOT NEW.{NAMES}",
}


@contextmanager
def ruled(
    url: str, *rules: str, check: str = ""
) -> Iterator[tuple[JobTable, NativeEngine]]:
    table = JobTable(url)
    if check:
        table.table.append_constraint(CheckConstraint(check))
    table.create()
    with table.owner.begin() as connection:
        for rule in rules:
            connection.exec_driver_sql(rule)
    with native_engine(url) as engine:
        yield table, engine
    table.close()


def fill(table: JobTable, runs: str) -> None:
    if runs == "finished":
        table.add(finished_run(job_name="a"))
    elif runs == "open":
        table.add(make_run(job_name="a"))


def assert_takes_new_runs(engine: NativeEngine) -> None:
    engine.check()
    assert engine.capabilities.enqueue, engine.capabilities.reason
    found = [d for d in engine.examine(utc_now) if d.what == "rights"]
    assert [d.grade for d in found] == [Grade.OK], found
    assert engine.enqueue("b", "{}", queue=None, run_at_ms=None, at_ms=NOW)
    with pytest.raises(DataError):
        engine.enqueue("c", "{}", queue=None, run_at_ms=None, at_ms=NOW)


@pytest.mark.parametrize("runs", ["none", "open", "finished"])
def test_a_check_of_names_leaves_run_job(database_url: str, runs: str) -> None:
    with ruled(database_url, check=NAMES) as (table, engine):
        fill(table, runs)
        assert_takes_new_runs(engine)


@pytest.mark.parametrize("runs", ["none", "open", "finished"])
@pytest.mark.parametrize("kind", SQLITE_TRIGGERS)
def test_a_trigger_on_sqlite_that_knows_the_names_leaves_run_job(
    sqlite_url: str, kind: str, runs: str
) -> None:
    body = SQLITE_TRIGGERS[kind]
    rule = f"CREATE TRIGGER t BEFORE INSERT ON job_runs BEGIN {body}; END"
    with ruled(sqlite_url, rule) as (table, engine):
        fill(table, runs)
        assert_takes_new_runs(engine)


@pytest.mark.parametrize("runs", ["none", "open", "finished"])
@pytest.mark.parametrize("kind", POSTGRESQL)
def test_names_that_postgresql_knows_leave_run_job(
    postgresql_url: str, kind: str, runs: str
) -> None:
    with ruled(postgresql_url) as (table, engine):
        fill(table, runs)
        with table.owner.begin() as connection:
            connection.exec_driver_sql(POSTGRESQL[kind])
        assert_takes_new_runs(engine)


def test_one_open_run_of_each_job_leaves_run_job(sqlite_url: str) -> None:
    once = "CREATE UNIQUE INDEX once ON job_runs (job_name) WHERE finished_at IS NULL"
    with ruled(sqlite_url, once) as (table, engine):
        table.add(make_run(job_name="a"))
        engine.check()
        assert engine.capabilities.enqueue
        assert engine.enqueue("b", "{}", queue=None, run_at_ms=None, at_ms=NOW)


@pytest.mark.parametrize("runs", [0, 1])
def test_params_that_are_checked_leave_run_job(sqlite_url: str, runs: int) -> None:
    with ruled(sqlite_url, check="params LIKE '%\"to\"%'") as (table, engine):
        for _ in range(runs):
            table.add(finished_run(params={"to": "x"}))
        engine.check()
        assert engine.capabilities.enqueue


def test_a_check_that_no_new_run_passes_takes_run_job_away(sqlite_url: str) -> None:
    with ruled(sqlite_url, check="status <> 'PENDING'") as (_table, engine):
        engine.check()
        assert "CHECK" in engine.capabilities.why_not("enqueue")


def test_a_refusal_that_no_name_helps_is_found_and_looked_at_again(
    sqlite_url: str,
) -> None:
    refuse = "SELECT RAISE(ABORT, 'paused') WHERE EXISTS (SELECT 1 FROM paused)"
    with ruled(
        sqlite_url,
        "CREATE TABLE paused (at INTEGER)",
        "INSERT INTO paused VALUES (1)",
        f"CREATE TRIGGER t BEFORE INSERT ON job_runs BEGIN {refuse}; END",
    ) as (table, engine):
        engine.check()
        assert "paused" in engine.capabilities.why_not("enqueue")

        table.execute("DELETE FROM paused")
        engine.check()
        assert engine.capabilities.enqueue
