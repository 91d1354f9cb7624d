"""A row of DBOS's that somebody has locked stops no other, and is told by its reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from data.actions import Actions, seen_of
from data.clock import HOUR_MS
from data.db import Database
from data.engines.base import LOCKED
from data.engines.dbos import DbosEngine
from data.exceptions import SourceBusyError
from data.model import Job, JobState
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.audit import AuditFilter
from tests.conftest import FakeClock
from tests.factories import NOW
from tests.flows import Flows

RUNS = ("a", "b", "c")
LIMITS = StallLimits()


class House(NamedTuple):
    """Three runs of DBOS, and what acts on them."""

    flows: Flows
    source: Source
    actions: Actions
    store: Store

    def jobs(self) -> dict[str, Job]:
        return {job.run_id: job for job in self.source.engine.runs(RUNS)}

    def states(self) -> dict[str, JobState]:
        return {id_: job.state for id_, job in sorted(self.jobs().items())}

    def audited(self) -> dict[str, tuple[str, Any]]:
        rows = self.store.audit.page(AuditFilter(), limit=50)
        return {row.run_id: (row.outcome, row.after.get("reason")) for row in rows}

    @contextmanager
    def locked(self, statement: str) -> Iterator[None]:
        """Somebody's transaction that has done this, and goes on."""
        with self.flows.owner.connect() as other:
            other.exec_driver_sql(statement)
            yield


@pytest.fixture
def house(
    postgresql_flows_url: str, own_store_url: str, clock: FakeClock
) -> Iterator[House]:
    flows = Flows(postgresql_flows_url)
    store = open_store(own_store_url)
    engine = DbosEngine(Database(postgresql_flows_url, name="flows"))
    reader = SnapshotReader(
        "flows", engine, limits=LIMITS, clock=clock, poll_every_ms=2_000
    )
    source = Source(
        name="flows", label="flows", engine=engine, dialect="postgresql", reader=reader
    )
    actions = Actions(
        {"flows": source},
        store,
        limits=LIMITS,
        clock=clock,
        changed=lambda _name: None,
    )
    yield House(flows, source, actions, store)
    engine.close()
    store.close()
    flows.owner.dispose()


ROW = "SELECT 1 FROM dbos.workflow_status WHERE workflow_uuid = 'b' FOR UPDATE"


def test_a_clean_up_passes_over_the_locked_run_and_so_says_the_audit(
    house: House, clock: FakeClock
) -> None:
    start = clock.now_ms - 9 * HOUR_MS
    for run_id in RUNS:
        house.flows.add(run_id, started_at_epoch_ms=start, created_at=start)
    seen = seen_of(house.source.reader.refresh())
    assert {run.run_id for run in seen} == {*RUNS}
    with house.locked(ROW):
        done = house.actions.clean_up("flows", seen, actor="ann")

    assert (sorted(done.cleaned), done.not_reached) == (["a", "c"], ["b"])
    assert done.reasons == {"b": LOCKED}
    assert (done.came_back, done.finished_meanwhile) == ([], [])
    assert house.audited() == {
        "a": ("cleaned", None),
        "b": ("not reached", LOCKED),
        "c": ("cleaned", None),
    }
    assert house.states() == {
        "a": JobState.CANCELLED,
        "b": JobState.RUNNING,
        "c": JobState.CANCELLED,
    }


def test_a_cancel_passes_over_the_locked_run_and_so_says_the_audit(
    house: House,
) -> None:
    house.flows.add("a")
    house.flows.add("b")
    house.flows.add("c", "ENQUEUED")
    with house.locked(ROW):
        done = house.actions.cancel("flows", RUNS, actor="ann")

    assert (done.cancelled, done.asked, done.not_reached) == (["c"], ["a"], ["b"])
    assert done.reasons == {"b": LOCKED}
    assert house.audited() == {
        "a": ("asked to stop", None),
        "b": ("not reached", LOCKED),
        "c": ("cancelled", None),
    }


def test_a_retry_passes_over_the_locked_run(house: House) -> None:
    for run_id in RUNS:
        house.flows.done(run_id, "CANCELLED")
    with house.locked(ROW):
        done = house.actions.retry("flows", RUNS, actor="ann")

    assert (done.started, done.reasons) == ({"a": "a", "c": "c"}, {"b": LOCKED})
    assert house.audited()["b"] == ("not reached", LOCKED)


def test_a_run_that_is_locked_between_look_and_cancel_stops_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in RUNS:
        house.flows.add(run_id)
    engine = house.source.engine
    assert isinstance(engine, DbosEngine)
    looks = iter([[*RUNS]])
    free = engine._free
    monkeypatch.setattr(engine, "_free", lambda ids: next(looks, None) or free(ids))
    with house.locked(ROW):
        done = engine.cancel(RUNS, at_ms=NOW)

    assert (sorted(done.asked), done.refused) == (["a", "c"], {"b": LOCKED})


def test_a_table_that_is_locked_as_a_whole_is_busy_and_nothing_was_done(
    house: House,
) -> None:
    house.flows.add("a")
    with (
        house.locked("LOCK TABLE dbos.workflow_status IN EXCLUSIVE MODE"),
        pytest.raises(SourceBusyError, match="busy"),
    ):
        house.actions.cancel("flows", ["a"], actor="ann")

    assert house.jobs()["a"].state is JobState.RUNNING
