"""Of DBOS too an action is offered, and reported, as the database has it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from data.db import Database
from data.engines.base import (
    IGNORED,
    NOT_KEPT,
    Cancelled,
    Restarted,
    Seen,
    Written,
)
from data.engines.dbos import DbosEngine
from data.exceptions import DataError
from tests.factories import NOW
from tests.flows import Flows


@pytest.fixture
def flows(sqlite_flows_url: str) -> Iterator[Flows]:
    made = Flows(sqlite_flows_url)
    yield made
    made.owner.dispose()


def test_a_run_that_a_trigger_takes_away_is_not_reported_as_started(
    flows: Flows,
) -> None:
    flows.done("old")
    flows.done("failed", "ERROR")
    flows.execute(
        "CREATE TRIGGER gone AFTER INSERT ON workflow_status BEGIN "
        "DELETE FROM workflow_status WHERE workflow_uuid = NEW.workflow_uuid; END"
    )
    engine = DbosEngine(Database(flows.url, name="flows"))
    engine.check()

    with pytest.raises(DataError):
        engine.enqueue("flow", "{}", queue=None, run_at_ms=None, at_ms=NOW)
    again = engine.enqueue_again(["failed"], at_ms=NOW, params="{}")

    assert again == Restarted({}, {"failed": NOT_KEPT})
    engine.close()


def test_a_cancel_that_a_trigger_swallows_is_refused_with_the_reason(
    flows: Flows,
) -> None:
    for run_id in ("a", "b", "free"):
        flows.add(run_id)
    flows.execute(
        "CREATE TRIGGER held BEFORE UPDATE ON workflow_status "
        "WHEN OLD.workflow_uuid <> 'free' BEGIN SELECT RAISE(IGNORE); END"
    )
    engine = DbosEngine(Database(flows.url, name="flows"))
    engine.check()
    seen = [
        Seen(job.run_id, job.started_at, job.heartbeat_at, guard_heartbeat=True)
        for job in engine.runs(["a"])
    ]

    cleaned = engine.mark_stalled(seen, reason="", at_ms=NOW)
    cancelled = engine.cancel(["b", "free"], at_ms=NOW)

    assert cleaned == Written({}, {"a": IGNORED})
    assert cancelled == Cancelled([], ["free"], {"b": IGNORED})
    engine.close()


def test_a_server_that_takes_no_writes_has_no_actions(
    postgresql_flows_url: str,
) -> None:
    flows = Flows(postgresql_flows_url)
    name = make_url(postgresql_flows_url).database
    flows.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    engine = DbosEngine(Database(postgresql_flows_url, name="flows"))

    engine.check()

    able = engine.capabilities
    actions = (able.clean_up, able.cancel, able.enqueue, able.retry)
    assert actions == (False,) * 4
    assert "default_transaction_read_only" in able.reason
    engine.close()
    flows.owner.dispose()
