"""A run that was cleaned up counts as stalled once, whatever its engine forgets of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.actions import Actions, seen_of
from data.clock import HOUR_MS, now_ms, utc_now
from data.db import Database
from data.engines.dbos import DbosEngine
from data.model import Job, JobState
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store
from tests.data.store.episodes import episodes_of
from tests.factories import NOW, make_job
from tests.flows import Flows

LIMITS = StallLimits()


@pytest.fixture
def flows(tmp_path: Path) -> Iterator[Flows]:
    made = Flows(f"sqlite:///{tmp_path / 'flows.db'}")
    yield made
    made.owner.dispose()


def test_a_cancelled_run_of_dbos_that_lost_its_start_is_one_episode(
    store: Store, flows: Flows
) -> None:
    now = now_ms(utc_now)  # DBOS writes ends by its own clock
    start = now - 3 * HOUR_MS
    flows.add("st", started_at_epoch_ms=start, created_at=start)
    flows.step("st", 1, started_at_epoch_ms=start + 500)
    engine = DbosEngine(Database(flows.url, name="flows"))
    reader = SnapshotReader(
        "flows", engine, limits=LIMITS, clock=utc_now, poll_every_ms=2_000
    )
    source = Source(
        name="flows", label="flows", engine=engine, dialect="sqlite", reader=reader
    )
    actions = Actions(
        {"flows": source},
        store,
        limits=LIMITS,
        clock=utc_now,
        changed=lambda _name: None,
    )
    snapshot = reader.refresh()
    store.episodes.record("flows", snapshot.judgement.verdicts, {"st": "flow"}, now)

    assert actions.clean_up("flows", seen_of(snapshot), actor="ann").cleaned == ["st"]
    past = engine.long_runs(0, now + HOUR_MS, longer_than_ms=0, limit=9)
    store.episodes.record_past("flows", past, LIMITS)

    assert [(job.run_id, job.started_at) for job in past] == [("st", start + 500)]
    assert episodes_of(store, "flows") == 1
    engine.close()


def test_another_time_of_the_same_run_is_another_episode(store: Store) -> None:
    first = make_job(
        "r",
        state=JobState.CANCELLED,
        started_at=NOW - 9 * HOUR_MS,
        finished_at=NOW - 7 * HOUR_MS,
    )
    overlapping = replace_times(first, NOW - 8 * HOUR_MS, NOW - 6 * HOUR_MS)
    later = replace_times(first, NOW - 3 * HOUR_MS, NOW)

    for job in (first, overlapping, later, first):
        store.episodes.record_past("orders", [job], LIMITS)
        store.episodes.record_past("mail", [job], LIMITS)

    assert episodes_of(store, "orders") == 2
    assert episodes_of(store, "mail") == 2


def replace_times(job: Job, started_at: int, finished_at: int) -> Job:
    return job._replace(started_at=started_at, finished_at=finished_at)
