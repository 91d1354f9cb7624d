"""Behind PgBouncer in transaction mode everything works, and nobody's session is changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from data import connecting
from data.clock import HOUR_MS, utc_now
from data.db import Database
from data.engines.base import Cancelled, Grade, Marked, Seen, Written
from data.engines.dbos import DbosEngine
from data.engines.native import NativeEngine
from data.exceptions import AccessDeniedError, SourceTooSlowError
from data.model import JobState, RunFilter
from data.store import open_store
from tests.bouncer import bouncer
from tests.factories import (
    NOW,
    JobTable,
    finished_run,
    job_table,
    make_run,
    native_engine,
)
from tests.flows import Flows


@pytest.fixture
def pooled(postgresql_url: str) -> Iterator[str]:
    with bouncer(postgresql_url) as address:
        yield address


@pytest.fixture
def database(pooled: str) -> Iterator[Database]:
    opened = Database(pooled, name="orders")
    yield opened
    opened.close()


@pytest.fixture
def table(postgresql_url: str) -> Iterator[JobTable]:
    with job_table(postgresql_url) as made:
        yield made


def _settings(database: Database) -> list[str]:
    names = ("TimeZone", "statement_timeout", "transaction_read_only")
    with database.reading() as connection:
        return [str(connection.execute(text(f"SHOW {n}")).scalar()) for n in names]


def test_limits_hold_within_our_transactions_and_nowhere_else(
    database: Database, pooled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "STATEMENT_LIMIT_S", 2.0)
    plain = pooled.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as other:
        [before] = other.execute("SHOW statement_timeout").fetchall()

        assert _settings(database) == ["UTC", "2s", "on"]
        with database.lent() as engine, engine.begin() as connection:
            limit = connection.execute(text("SHOW statement_timeout")).scalar()
        assert limit == "2s"
        with pytest.raises(SourceTooSlowError):
            database.fetch(text("SELECT pg_sleep(30)"))
        with pytest.raises(AccessDeniedError):
            database.fetch(text("CREATE TABLE no (words TEXT)"))

        assert other.execute("SHOW statement_timeout").fetchall() == [before]


def test_the_same_statements_from_many_threads_share_one_connection(
    database: Database,
) -> None:
    def ask(number: int) -> int:
        rows = database.fetch(text("SELECT CAST(:number AS int)"), {"number": number})
        database.probe()
        return int(rows[0][0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(160))) == list(range(160))


def test_the_engine_reads_acts_and_undoes(pooled: str, table: JobTable) -> None:
    [stalled] = table.add(make_run(job_name="import"))
    [waiting] = table.add(make_run(job_name="import", status="PENDING"))
    table.add(*(finished_run(job_name="import") for _ in range(30)))
    with native_engine(pooled) as engine:
        assert engine.check() == []
        assert engine.capabilities.clean_up
        assert len(engine.open_runs().jobs) == 2
        page = engine.page(RunFilter(), limit=10)
        assert len(page.jobs) == 10
        assert len(engine.page(RunFilter(), after=page.next, limit=10).jobs) == 10

        seen = Seen(stalled, NOW - HOUR_MS, None, guard_heartbeat=True)
        marked = engine.mark_stalled([seen], reason="it hung", at_ms=NOW)
        assert marked == Written({stalled: NOW})
        row = table.row(stalled)
        assert (row["status"], row["finished_at"]) == ("FAILED", NOW)
        assert (row["error"], row["cancel_requested_at"]) == ("it hung", NOW)

        again = Marked(stalled, NOW - HOUR_MS, NOW, None)
        assert engine.unmark_stalled([again]) == Written({stalled: None})
        row = table.row(stalled)
        assert (row["status"], row["finished_at"]) == ("RUNNING", None)
        assert (row["error"], row["cancel_requested_at"]) == (None, None)

        cancelled = engine.cancel([stalled, waiting], at_ms=NOW)
        assert cancelled == Cancelled([waiting], [stalled])
        assert table.row(waiting)["status"] == "CANCELLED"
        assert table.row(stalled)["cancel_requested_at"] == NOW

        new = engine.enqueue_again([waiting], at_ms=NOW).started[waiting]
        assert table.row(new)["status"] == "PENDING"
        assert table.row(new)["job_name"] == "import"

        other = _start(engine)
        assert table.row(other)["status"] == "PENDING"
        assert {job.run_id for job in engine.open_runs().jobs} == {stalled, new, other}


def test_the_trial_of_the_actions_leaves_nothing_behind_it(
    pooled: str, table: JobTable
) -> None:
    [run_id] = table.add(make_run())
    before = table.rows()
    with native_engine(pooled) as engine:
        found = [one for one in engine.examine(utc_now) if one.what == "rights"]

    assert [(one.grade, one.message) for one in found] == [
        (
            Grade.OK,
            "Every action is possible: each was tried, and rolled back.",
        )
    ]
    assert list(before) == [run_id]
    assert table.rows() == before


def test_runs_of_dbos_are_started_cancelled_and_run_again(
    postgresql_url: str, pooled: str
) -> None:
    flows = Flows(postgresql_url)
    flows.add("stalled")
    flows.add("open")
    engine = DbosEngine(Database(pooled, name="flows"))
    engine.check()

    new = engine.enqueue("flow", "{}", queue="work", run_at_ms=None, at_ms=NOW)
    assert _states(engine, new) == [JobState.PENDING]
    seen = Seen("stalled", NOW - HOUR_MS, None, guard_heartbeat=True)
    assert [*engine.mark_stalled([seen], reason="", at_ms=NOW).done] == ["stalled"]
    assert engine.cancel([new, "open"], at_ms=NOW) == Cancelled([new], ["open"])
    assert _states(engine, new, "open", "stalled") == [JobState.CANCELLED] * 3
    assert engine.enqueue_again(["open"], at_ms=NOW).started == {"open": "open"}
    assert _states(engine, "open") == [JobState.PENDING]
    assert Grade.MEND not in {
        one.grade for one in engine.examine(utc_now) if one.what == "rights"
    }

    engine.close()
    flows.owner.dispose()


def test_the_store_may_lie_behind_it(pooled: str) -> None:
    store = open_store(pooled)

    assert store.leases.acquire("monitor", "me", 1_000, 1_000)
    assert store.problem() == ""
    store.close()


def test_what_the_address_says_stays_and_is_joined_with_ours(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "STATEMENT_LIMIT_S", 3.0)
    made = JobTable(postgresql_url)
    made.execute("CREATE SCHEMA elsewhere")
    made.execute("CREATE TABLE elsewhere.note (words TEXT)")
    made.close()
    asked = "options=-c%20search_path%3Delsewhere%20-c%20work_mem%3D8MB"
    database = Database(
        f"{postgresql_url}&{asked}&application_name=mine", name="orders"
    )

    assert database.fetch(text("SELECT words FROM note")) == []
    assert database.fetch(text("SHOW work_mem"))[0][0] == "8MB"
    assert database.fetch(text("SHOW application_name"))[0][0] == "mine"
    assert _settings(database) == ["UTC", "3s", "on"]
    database.close()


def _start(engine: NativeEngine) -> str:
    return engine.enqueue(
        "import", "{}", queue=None, run_at_ms=None, at_ms=2_000, idempotency_key="k"
    )


def _states(engine: DbosEngine, *run_ids: str) -> list[JobState]:
    return [engine.runs([run_id])[0].state for run_id in run_ids]
