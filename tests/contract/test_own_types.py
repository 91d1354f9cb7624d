"""Columns of an enum, a domain or a number type are read, written and compared as such."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from data.clock import HOUR_MS
from data.engines.base import Marked, Seen
from data.engines.native import NativeEngine
from data.model import FINISHED, JobState, RunFilter
from tests.factories import (
    NOW,
    JobTable,
    make_run,
    native_engine,
)

STATES = "'SCHEDULED','PENDING','RUNNING','SUCCEEDED','FAILED','CANCELLED'"
#: By what the columns are: statements that make them so.
SHAPES = {
    "enum status": f"""
        CREATE TYPE job_state AS ENUM ({STATES});
        ALTER TABLE job_runs ALTER COLUMN status TYPE job_state
            USING status::job_state""",
    "domain over an enum": f"""
        CREATE TYPE job_state AS ENUM ({STATES});
        CREATE DOMAIN checked AS job_state NOT NULL;
        ALTER TABLE job_runs ALTER COLUMN status TYPE checked
            USING status::job_state""",
    "quoted enum in a schema": f"""
        CREATE SCHEMA "Own types";
        CREATE TYPE "Own types"."Job State" AS ENUM ({STATES});
        ALTER TABLE job_runs ALTER COLUMN status TYPE "Own types"."Job State"
            USING status::"Own types"."Job State" """,
    "domains": f"""
        CREATE DOMAIN word AS text CHECK (VALUE <> '');
        CREATE DOMAIN state AS word CHECK (VALUE IN ({STATES}));
        CREATE DOMAIN moment AS timestamptz;
        CREATE DOMAIN number AS bigint;
        CREATE DOMAIN document AS jsonb;
        ALTER TABLE job_runs ALTER COLUMN job_name TYPE word;
        ALTER TABLE job_runs ALTER COLUMN status TYPE state;
        ALTER TABLE job_runs ALTER COLUMN params TYPE document;
        ALTER TABLE job_runs ALTER COLUMN attempt TYPE number;
        ALTER TABLE job_runs ALTER COLUMN enqueued_at TYPE moment;
        ALTER TABLE job_runs ALTER COLUMN started_at TYPE moment;
        ALTER TABLE job_runs ALTER COLUMN finished_at TYPE moment;
        ALTER TABLE job_runs ALTER COLUMN cancel_requested_at TYPE moment""",
    "numeric": """
        ALTER TABLE job_runs ALTER COLUMN id DROP IDENTITY;
        CREATE SEQUENCE numbers START 1;
        ALTER TABLE job_runs ALTER COLUMN id TYPE numeric(20, 0);
        ALTER TABLE job_runs ALTER COLUMN id SET DEFAULT nextval('numbers');
        ALTER TABLE job_runs ALTER COLUMN attempt TYPE numeric(5, 0);
        ALTER TABLE job_runs ALTER COLUMN max_attempts TYPE numeric;
        ALTER TABLE job_runs ALTER COLUMN progress TYPE numeric(3, 2)""",
    "small integers": """
        ALTER TABLE job_runs ALTER COLUMN id TYPE integer;
        ALTER TABLE job_runs ALTER COLUMN attempt TYPE smallint;
        ALTER TABLE job_runs ALTER COLUMN progress TYPE real""",
    "padded and short texts": """
        ALTER TABLE job_runs ALTER COLUMN status TYPE char(20);
        ALTER TABLE job_runs ALTER COLUMN job_name TYPE varchar(40);
        ALTER TABLE job_runs ALTER COLUMN queue TYPE char(12)""",
    "enum name and queue": """
        CREATE TYPE job AS ENUM ('send-mail', 'make-report');
        CREATE TYPE lane AS ENUM ('default', 'slow');
        ALTER TABLE job_runs ALTER COLUMN job_name TYPE job USING job_name::job;
        ALTER TABLE job_runs ALTER COLUMN queue DROP DEFAULT;
        ALTER TABLE job_runs ALTER COLUMN queue TYPE lane USING queue::lane""",
    "texts for JSON": """
        ALTER TABLE job_runs ALTER COLUMN params TYPE text;
        ALTER TABLE job_runs ALTER COLUMN result TYPE json""",
    "uuid worker": """
        ALTER TABLE job_runs ALTER COLUMN worker TYPE uuid USING NULL""",
}


class Place(NamedTuple):
    """A table of an odd shape, and the engine over it."""

    table: JobTable
    engine: NativeEngine

    def add(self, **values: Any) -> str:
        """A row as its owner writes it: words as literals, instants in milliseconds."""
        row = {name: value for name, value in values.items() if value is not None}
        instants = {"enqueued_at", "started_at", "finished_at", "heartbeat_at"}
        spelled = [
            f"to_timestamp({value} / 1000.0)" if name in instants else f"'{value}'"
            for name, value in row.items()
        ]
        return str(
            self.table.written(
                f"INSERT INTO job_runs ({', '.join(row)}) "  # noqa: S608
                f"VALUES ({', '.join(spelled)}) RETURNING id"
            )
        )

    def status(self, run_id: str) -> str:
        asked = "SELECT trim(status::text) FROM job_runs WHERE id = :id"
        return str(self.table.scalar(asked, id=int(run_id)))


class OwnTable(JobTable):
    def written(self, statement: str) -> Any:
        with self.owner.begin() as connection:
            return connection.exec_driver_sql(statement).scalar()


def run(**changes: Any) -> dict[str, Any]:
    made = {**make_run(**changes), "max_attempts": 3}
    for name in (
        "error",
        "error_type",
        "scheduled_at",
        "cancel_requested_at",
        "worker",
    ):
        del made[name]
    return made


def ended(**changes: Any) -> dict[str, Any]:
    return run(**{"status": "SUCCEEDED", "finished_at": NOW, **changes})


@pytest.fixture(params=[*SHAPES])
def place(request: pytest.FixtureRequest, postgresql_url: str) -> Iterator[Place]:
    table = OwnTable(postgresql_url).create()
    table.execute("DROP INDEX job_runs_failed")
    table.execute("ALTER TABLE job_runs DROP CONSTRAINT job_runs_status")
    table.execute(SHAPES[request.param])
    status = "status" + ("::job_state" if "domain over" in request.param else "")
    table.execute(
        "CREATE INDEX job_runs_failed ON job_runs (finished_at, id) "
        f"WHERE {status} = 'FAILED'"
    )
    with native_engine(postgresql_url) as engine:
        assert engine.check() == []
        yield Place(table, engine)
    table.close()


def test_every_action_is_offered_and_works(place: Place) -> None:
    engine = place.engine
    stuck = place.add(**run())
    waiting = place.add(**run(status="PENDING", started_at=None))
    failed = place.add(**ended(status="FAILED", params="{}"))
    seen = Seen(stuck, run()["started_at"], None, guard_heartbeat=True)

    able = engine.capabilities
    marked = engine.mark_stalled([seen], reason="it hung", at_ms=NOW)

    assert able.reason == ""
    assert all((able.clean_up, able.cancel, able.enqueue, able.retry))
    assert (marked.done, marked.refused) == ({stuck: NOW}, {})
    assert place.status(stuck) == "FAILED"
    undone = engine.unmark_stalled([Marked(stuck, seen.started_at, NOW, None)])
    assert (undone.done, undone.refused) == ({stuck: None}, {})
    assert place.status(stuck) == "RUNNING"
    cancelled = engine.cancel([waiting, stuck], at_ms=NOW)
    assert cancelled == ([waiting], [stuck], {})
    assert place.status(waiting) == "CANCELLED"
    again = engine.enqueue_again([failed], at_ms=NOW, params='{"n": 1}')
    assert place.status(again.started[failed]) == "PENDING"
    new = engine.enqueue("send-mail", "{}", queue=None, run_at_ms=NOW + 1, at_ms=NOW)
    assert place.status(new) == "SCHEDULED"
    details = engine.details(again.started[failed])
    assert details is not None
    assert (details.params or "").replace(" ", "") == '{"n":1}'


def test_every_read_understands_the_columns(place: Place) -> None:
    engine = place.engine
    stuck = place.add(**run(attempt=2, progress=0.25))
    place.add(**run(status="PENDING", started_at=None))
    failed = place.add(**ended(status="FAILED", queue="slow"))
    done = place.add(**ended())

    jobs, counts = engine.open_runs()

    assert counts == {JobState.RUNNING: 1, JobState.PENDING: 1}
    [job] = [job for job in jobs if job.run_id == stuck]
    assert (job.job_name, job.queue, job.status_word) == (
        "send-mail",
        "default",
        "RUNNING",
    )
    assert (job.attempt, job.progress, job.started_at) == (2, 0.25, run()["started_at"])
    every = RunFilter(states=FINISHED)
    pages = {
        (): (every, {failed, done}),
        ("status",): (replace(every, states=frozenset({JobState.FAILED})), {failed}),
        ("job",): (replace(every, job_name="send-mail"), {failed, done}),
        ("queue",): (replace(every, queue="slow"), {failed}),
        ("none",): (replace(every, job_name="nobody"), set()),
        ("no queue",): (replace(every, queue="nowhere"), set()),
        ("text",): (replace(every, text="nothing of this"), set()),
    }
    for filter_, ids in pages.values():
        assert {job.run_id for job in engine.page(filter_).jobs} == ids
    assert [job.run_id for job in engine.latest("send-mail", limit=1)] == [done]
    assert engine.latest("nobody", limit=1) == []
    assert engine.count(every, up_to=10) == 2
    cells = engine.finished_cells(NOW - HOUR_MS, NOW + HOUR_MS)
    assert {(cell.status, cell.runs) for cell in cells} == {
        (JobState.FAILED, 1),
        (JobState.SUCCEEDED, 1),
    }
    assert [f.job.run_id for f in engine.failures([failed])] == [failed]
    details = engine.details(failed)
    assert details is not None
    assert details.max_attempts == 3
    assert isinstance(details.max_attempts, int)


@pytest.fixture
def lacking(postgresql_url: str) -> Iterator[Place]:
    """A status that knows neither SCHEDULED nor CANCELLED."""
    table = OwnTable(postgresql_url).create()
    table.execute(
        "CREATE TYPE job_state AS ENUM ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED');"
        "DROP INDEX job_runs_failed;"
        "ALTER TABLE job_runs DROP CONSTRAINT job_runs_status;"
        "ALTER TABLE job_runs ALTER COLUMN status TYPE job_state USING status::job_state;"
        "CREATE INDEX job_runs_failed ON job_runs (finished_at, id) "
        "WHERE status = 'FAILED'"
    )
    with native_engine(postgresql_url) as engine:
        assert engine.check() == []
        yield Place(table, engine)
    table.close()


def test_an_enum_that_lacks_a_word_is_read_and_the_action_is_missing(
    lacking: Place,
) -> None:
    running = lacking.add(**run())
    waiting = lacking.add(**run(status="PENDING", started_at=None))
    done = lacking.add(**ended())
    engine = lacking.engine

    able = engine.capabilities

    assert (able.clean_up, able.enqueue, able.retry, able.cancel) == (True,) * 3 + (
        False,
    )
    assert able.why_not("cancel") == (
        "job_runs.status is of type job_state, which has no CANCELLED."
    )
    assert engine.open_runs().counts == {JobState.RUNNING: 1, JobState.PENDING: 1}
    for states, ids in (
        ({JobState.CANCELLED}, set()),
        ({JobState.SCHEDULED}, set()),
        ({JobState.PENDING, JobState.SCHEDULED}, {waiting}),
        ({JobState.OTHER}, set()),
        (set(), {running, waiting, done}),
    ):
        page = engine.page(RunFilter(states=frozenset(states)))
        assert {job.run_id for job in page.jobs} == ids
    assert len(engine.finished_cells(NOW - HOUR_MS, NOW + HOUR_MS)) == 1
