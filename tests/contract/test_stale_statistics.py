"""Open runs are read by their index, whatever PostgreSQL's statistics believe."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from data.clock import utc_now
from data.db import Database
from data.engines.base import Grade
from data.engines.dbos import DbosEngine
from data.engines.native import NativeEngine
from data.model import JobState, RunFilter
from tests.factories import JobTable, job_table, native_engine
from tests.flows import Flows

FINISHED, WAITING = 60_000, 20_000


@pytest.fixture
def table(postgresql_url: str) -> Iterator[JobTable]:
    """A backlog that was finished after the statistics were taken."""
    with job_table(postgresql_url) as made:
        made.execute("ALTER TABLE job_runs SET (autovacuum_enabled = off)")
        fill = text(
            "INSERT INTO job_runs (job_name, status, enqueued_at, finished_at, error) "
            "SELECT 'job', CASE WHEN n > :waiting THEN 'SUCCEEDED' ELSE 'PENDING' END, "
            "now(), CASE WHEN n > :waiting THEN now() - make_interval(secs => n) END, "
            "repeat('x', 200) FROM generate_series(1, :runs) n"
        )
        with made.owner.begin() as connection:
            values = {"waiting": WAITING, "runs": FINISHED + WAITING}
            connection.execute(fill, values)
        made.execute("ANALYZE job_runs")
        made.execute(
            "UPDATE job_runs SET status = 'SUCCEEDED', finished_at = now() "
            "WHERE id > 5 AND finished_at IS NULL"
        )
        yield made


@pytest.fixture
def engine(table: JobTable) -> Iterator[NativeEngine]:
    with native_engine(table.url) as made:
        yield made


def plans_of(
    owner: Engine, engine: NativeEngine | DbosEngine, act: Callable[[], object]
) -> list[str]:
    """The plans of what ``act`` asks, with the settings it asks with."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    reading = engine._db._reading
    event.listen(reading, "before_cursor_execute", note)
    act()
    event.remove(reading, "before_cursor_execute", note)
    plans = []
    with owner.begin() as connection:
        for statement, values in asked:
            if statement.startswith("SET LOCAL enable"):
                connection.exec_driver_sql(statement)
            elif statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
                plans.append("\n".join(row[0] for row in rows))
    return plans


def test_statistics_of_before_do_not_make_the_open_runs_a_walk_over_the_table(
    table: JobTable, engine: NativeEngine
) -> None:
    unordered = "EXPLAIN SELECT * FROM job_runs WHERE finished_at IS NULL LIMIT 10001"
    with table.owner.connect() as connection:
        steps = str(connection.exec_driver_sql(unordered).all())
    assert "Seq Scan on job_runs" in steps

    for act in (
        engine.open_runs,
        lambda: engine.page(RunFilter(states=frozenset({JobState.PENDING}))),
        lambda: engine.page(RunFilter()),
        lambda: engine.count(RunFilter(), up_to=100),
    ):
        plans = plans_of(table.owner, engine, act)
        assert plans
        assert all("Seq Scan on job_runs" not in plan for plan in plans)


def test_beyond_the_cap_the_index_is_used_too(
    table: JobTable, engine: NativeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.engines.native.OPEN_LIMIT", 2)

    plans = plans_of(table.owner, engine, engine.open_runs)

    assert len(plans) == 4
    assert all("Seq Scan on job_runs" not in plan for plan in plans)


def test_the_doctor_explains_what_is_asked_every_day(
    table: JobTable, engine: NativeEngine
) -> None:
    def plans() -> dict[str, tuple[Grade, str]]:
        found = [d for d in engine.examine(utc_now) if d.what == "plan"]
        return {d.message.split(":")[0]: (d.grade, d.mend) for d in found}

    assert plans()["The open runs"] == (Grade.OK, "")
    # somebody makes index scans dear for everybody: what follows is not ours to hide
    name = table.owner.url.database
    table.execute(f'ALTER DATABASE "{name}" SET enable_indexscan = off')
    table.execute(f'ALTER DATABASE "{name}" SET enable_bitmapscan = off')
    engine.close()

    found = [d for d in engine.examine(utc_now) if d.what == "plan"]

    slow = [d for d in found if d.grade is Grade.MEND]
    assert any("Failed runs" in d.message or "The history" in d.message for d in slow)


def test_a_small_table_may_be_walked_over(postgresql_url: str) -> None:
    with job_table(postgresql_url) as table, native_engine(postgresql_url) as engine:
        table.execute("ANALYZE job_runs")
        found = [d for d in engine.examine(utc_now) if d.what == "plan"]
        assert {d.grade for d in found} == {Grade.OK}


@pytest.fixture
def flows(postgresql_url: str) -> Iterator[Flows]:
    """The same for DBOS's table."""
    made = Flows(postgresql_url)
    made.execute("ALTER TABLE dbos.workflow_status SET (autovacuum_enabled = off)")
    made.execute(
        "INSERT INTO dbos.workflow_status (workflow_uuid, status, name, queue_name, "
        "created_at, updated_at, priority, recovery_attempts, completed_at, error) "
        "SELECT n::text, CASE WHEN n > :waiting THEN 'SUCCESS' "
        "WHEN n % 2 = 0 THEN 'PENDING' ELSE 'ENQUEUED' END, 'flow', 'work', n, n, 0, 1, "
        "CASE WHEN n > :waiting THEN n END, repeat('x', 200) "
        "FROM generate_series(1, :runs) n",
        waiting=FINISHED,
        runs=FINISHED + WAITING,
    )
    made.execute("ANALYZE dbos.workflow_status")
    made.execute(
        "UPDATE dbos.workflow_status SET status = 'SUCCESS', completed_at = 1 "
        "WHERE status IN ('PENDING', 'ENQUEUED') AND created_at > 5"
    )
    yield made
    made.owner.dispose()


def test_nor_the_open_runs_of_dbos_and_the_doctor_explains_them(flows: Flows) -> None:
    engine = DbosEngine(Database(flows.url, name="flows"))
    engine.check()

    plans = plans_of(flows.owner, engine, engine.open_runs)
    found = [
        d for d in engine.examine(utc_now) if d.message.startswith("The open runs")
    ]
    engine.close()

    assert len(plans) == 3
    assert all("Seq Scan on workflow_status" not in plan for plan in plans)
    assert [d.grade for d in found] == [Grade.OK] * 3
