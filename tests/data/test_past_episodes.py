"""Runs that took too long while nobody watched are found afterwards, and say so."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from data.db import Database
from data.engines.base import BATCH
from data.engines.native import NativeEngine
from data.exceptions import SourceTooSlowError
from data.model import Evidence, Job, Liveness, StallRule, StallState, Verdict
from data.monitor.past_episodes import PastEpisodes
from data.rules.stalls import StallLimits
from data.store import Store, open_store
from data.store.tables import stall_episode
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table

pytestmark = pytest.mark.one_database

LIMITS = StallLimits(by_type={"make-report": 2 * HOUR_MS, "ping": 10 * SECOND_MS})
DAYS = 20


@dataclass
class House:
    table: JobTable
    engine: NativeEngine
    store: Store
    clock: FakeClock

    def add(self, ran_ms: int, ago_ms: int = 0, **values: Any) -> str:
        ended = NOW - ago_ms
        row = finished_run(finished_at=ended, started_at=ended - ran_ms, **values)
        return self.table.add(row)[0]

    def fill(self) -> None:
        read, now = self.engine.finished_cells, self.clock.now_ms
        self.store.rollups.refresh("orders", read, now)
        while self.store.rollups.backfill_step("orders", read, now):
            pass

    def past(self, limits: StallLimits = LIMITS) -> PastEpisodes:
        return PastEpisodes(self.store, limits, kept_ms=DAYS * DAY_MS)

    def walk(self, limits: StallLimits = LIMITS) -> int:
        past, steps = self.past(limits), 1
        while past.step_back("orders", self.engine, self.clock.now_ms):
            steps += 1
        return steps

    def episodes(self) -> dict[str, Any]:
        rows = self.store.database.fetch(stall_episode.select())
        return {row.run_id: row for row in rows}


@pytest.fixture
def house(database_url: str, own_store_url: str, clock: FakeClock) -> Iterator[House]:
    store = open_store(own_store_url, retention_ms=DAYS * DAY_MS)
    with job_table(database_url) as table:
        engine = NativeEngine(Database(table.url, name="orders"))
        yield House(table, engine, store, clock)
        engine.close()
    store.close()


def test_runs_that_took_longer_than_their_own_limit_are_recorded(house: House) -> None:
    over = house.add(30 * MINUTE_MS + 1, 3 * DAY_MS, status="FAILED")
    house.add(30 * MINUTE_MS, 3 * DAY_MS)
    ping = house.add(11 * SECOND_MS, 5 * DAY_MS, job_name="ping")
    house.add(2 * HOUR_MS, 5 * DAY_MS, job_name="make-report")
    report = house.add(3 * HOUR_MS, 9 * DAY_MS, job_name="make-report")
    house.add(5 * HOUR_MS, (DAYS + 1) * DAY_MS)
    house.fill()

    house.walk()

    found = house.episodes()
    assert found.keys() == {over, ping, report}
    assert {row.origin for row in found.values()} == {"durations"}
    ended = NOW - 3 * DAY_MS
    row = found[over]
    assert (row.run_started_at, row.limit_ms) == (
        ended - 30 * MINUTE_MS - 1,
        30 * MINUTE_MS,
    )
    assert (row.first_seen_at, row.ended_at, row.outcome) == (
        ended - 1,
        ended,
        "failed",
    )
    assert (row.state, row.rule) == ("overdue", "default limit")
    assert found[report].rule == "limit of this job type"


def test_the_table_is_not_asked_about_days_whose_histograms_say_no(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add(HOUR_MS, 3 * DAY_MS)
    house.add(HOUR_MS, 4 * DAY_MS, job_name="make-report")
    house.add(5 * SECOND_MS, 5 * DAY_MS, job_name="ping")
    house.fill()
    asked: list[tuple[int, int, int]] = []
    ask = house.engine.long_runs

    def noted(since: int, until: int, *, longer_than_ms: int, limit: int) -> list[Job]:
        asked.append((since, until, longer_than_ms))
        return ask(since, until, longer_than_ms=longer_than_ms, limit=limit)

    monkeypatch.setattr(house.engine, "long_runs", noted)

    steps = house.walk()

    day = (NOW - 3 * DAY_MS) // DAY_MS * DAY_MS
    assert steps == DAYS + 1
    assert asked == [(day, day + DAY_MS, 30 * MINUTE_MS)]


def test_it_waits_until_the_rollups_are_complete_and_is_done_once(
    house: House,
) -> None:
    house.add(HOUR_MS, HOUR_MS)
    read = house.engine.finished_cells
    house.store.rollups.refresh("orders", read, NOW)
    assert not house.past().step_back("orders", house.engine, NOW)
    assert house.episodes() == {}

    house.fill()
    house.walk()
    assert len(house.episodes()) == 1
    assert house.walk() == 1


def test_a_watched_episode_is_never_overwritten(house: House) -> None:
    run_id = house.add(HOUR_MS)
    evidence = Evidence(NOW - HOUR_MS, None, Liveness.NONE, None)
    verdict = Verdict(
        StallState.OVERDUE, StallRule.DEFAULT_LIMIT, MINUTE_MS, HOUR_MS, evidence
    )
    house.store.episodes.record("orders", {run_id: verdict}, {run_id: "x"}, NOW - 5)
    before = house.episodes()
    house.fill()

    house.walk()

    assert house.episodes() == before
    assert before[run_id].origin == "watched"


def test_after_some_minutes_in_which_nobody_watched_they_are_looked_for_again(
    house: House,
) -> None:
    house.fill()
    house.walk()
    house.clock.advance_ms(5 * MINUTE_MS)
    run_id = house.add(HOUR_MS, -4 * MINUTE_MS)
    assert house.walk() == 1

    house.fill()
    house.walk()

    assert house.episodes().keys() == {run_id}


def test_more_long_runs_than_are_read_at_once_are_all_found(house: House) -> None:
    runs = 2 * BATCH + 7
    at_once = BATCH + 3
    rows = [
        finished_run(
            finished_at=NOW - max(0, n - at_once) * 7, started_at=NOW - 2 * DAY_MS
        )
        for n in range(runs)
    ]
    house.table.add(*rows)
    house.fill()

    house.walk()

    # of those that ended in the very same millisecond so many as are read at once
    assert len(house.episodes()) == runs - (at_once + 1 - BATCH)


def test_a_source_too_slow_for_a_day_is_read_in_parts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {house.add(HOUR_MS, 4 * DAY_MS), house.add(HOUR_MS, 4 * DAY_MS + HOUR_MS)}
    house.fill()
    ask = house.engine.long_runs

    def slow(since: int, until: int, *, longer_than_ms: int, limit: int) -> list[Job]:
        if until - since > 3 * HOUR_MS:
            message = "too slow"
            raise SourceTooSlowError(message)
        return ask(since, until, longer_than_ms=longer_than_ms, limit=limit)

    monkeypatch.setattr(house.engine, "long_runs", slow)

    house.walk()

    assert house.episodes().keys() == found


def test_repeating_a_step_after_a_crash_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add(HOUR_MS)
    house.fill()
    with monkeypatch.context() as patch:
        patch.setattr(
            house.store.rollups,
            "note_watched",
            lambda *_: (_ for _ in ()).throw(OSError),
        )
        with pytest.raises(OSError):  # noqa: PT011
            house.past().step_back("orders", house.engine, NOW)
    before = house.episodes()

    house.walk()

    assert len(before) == 1
    assert house.episodes() == before
