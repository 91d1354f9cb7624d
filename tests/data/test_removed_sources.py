"""A source that was renamed or removed neither alerts nor holds up anything for ever."""

from pathlib import Path

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.model import Evidence, HourCell, Liveness, StallRule, StallState, Verdict
from data.monitor.alerting import Alerting
from data.rules.alarms import checked
from data.rules.judging import judge_stalls
from data.rules.series import stalls_at
from data.snapshot import Source
from data.store import Store, open_store
from data.store.signs import stalled_between
from tests.conftest import WEDNESDAY, FakeClock

NOW = FakeClock(WEDNESDAY).now_ms


def nothing(_since: int, _until: int) -> list[HourCell]:
    return []


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'store.db'}")


def stall(store: Store, source: str, run_id: str, at: int) -> None:
    evidence = Evidence(at - HOUR_MS, None, Liveness.NONE, None)
    rule = StallRule.DEFAULT_LIMIT
    verdict = Verdict(StallState.OVERDUE, rule, 30 * MINUTE_MS, HOUR_MS, evidence)
    store.episodes.record(source, {run_id: verdict}, {run_id: "payroll"}, at)


def firing(store: Store) -> list[str]:
    return [one.rule for one in store.alerts.standings() if one.firing]


class Quiet:
    """A source that answers, and whose runs nobody asks for."""

    label = "Orders"


def judged(store: Store, sources: dict[str, Source], at: int) -> None:
    Alerting(sources, store, critical_jobs=["payroll"]).do(at)


def test_a_stalled_run_of_a_removed_source_alerts_nobody(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall(store, "jobs", "17", NOW)
    store.rollups.refresh("jobs", nothing, NOW)
    judged(store, {}, NOW + MINUTE_MS)
    assert firing(store) == ["CriticalStalled"]  # another process reads it
    judged(store, {}, NOW + 2 * HOUR_MS)
    assert firing(store) == []


def test_open_episodes_of_a_removed_source_end_with_the_retention(store: Store) -> None:
    stall(store, "jobs", "17", NOW)
    stall(store, "orders", "18", NOW)
    later = NOW + 91 * DAY_MS
    store.rollups.refresh("orders", nothing, later)
    store.prune(later, 90 * DAY_MS)
    assert store.episodes.open("jobs") == []
    assert [one.run_id for one in store.episodes.open("orders")] == ["18"]


def test_all_sources_are_read_when_those_that_are_left_are(store: Store) -> None:
    store.rollups.refresh("jobs", nothing, NOW)
    store.rollups.backfill_step("jobs", nothing, NOW)
    later = NOW + 2 * DAY_MS
    store.rollups.refresh("orders", nothing, later)
    while store.rollups.backfill_step("orders", nothing, later):
        pass
    assert store.trends.progress("jobs") is not None
    assert store.trends.progress("") is None
    assert store.trends.known_since("") == store.trends.known_since("orders")


def test_a_source_that_is_still_read_counts_for_all(store: Store) -> None:
    store.rollups.refresh("jobs", nothing, NOW)
    store.rollups.refresh("orders", nothing, NOW)
    while store.rollups.backfill_step("orders", nothing, NOW):
        pass
    assert store.trends.progress("") is not None


@pytest.mark.parametrize("days", [1, 7, 90])
def test_a_short_retention_leaves_alerts_what_they_compare_with(
    tmp_path: Path, days: int
) -> None:
    kept = open_store(f"sqlite:///{tmp_path / 'kept.db'}", retention_ms=days * DAY_MS)
    for day in range(35):
        at = NOW - (35 - day) * DAY_MS
        for n in range(2):
            run_id = f"{day}-{n}"
            stall(kept, "jobs", run_id, at)
            kept.episodes.close("jobs", {run_id: "failed"}, at + HOUR_MS)
        kept.prune(at + HOUR_MS, days * DAY_MS)
    kept.prune(NOW, days * DAY_MS)
    known_since = NOW - 35 * DAY_MS
    found = stalls_at(
        lambda a, b: stalled_between(kept.database, a, b), NOW, known_since
    )
    assert found.usual == (2.0, 28)
    three = found._replace(today=3, last_day=3)
    assert not judge_stalls(three, checked("StalledFrequency", {})).breach
