"""A critical job type is counted by itself, however many types there are."""

from collections.abc import Iterator

import pytest

from data.clock import HOUR_MS, SECOND_MS
from data.model import AlertState, JobState
from data.monitor.alerting import Alerting
from data.store import Store, open_store
from data.store.job_types import CAP, OTHER
from tests.conftest import FakeClock
from tests.data.store.runs import Run, Runs

PAYROLL = "payroll"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url, critical_jobs=[PAYROLL])
    yield opened
    opened.close()


def many(now_ms: int) -> Runs:
    """More types than have places."""
    return Runs([Run(now_ms, f"import-tenant-{n:04}") for n in range(CAP + 100)])


def failed(now_ms: int) -> Run:
    return Run(now_ms, PAYROLL, JobState.FAILED)


def counted(store: Store, now_ms: int, name: str) -> int:
    start = now_ms - now_ms % HOUR_MS
    cells = store.trends.hours("orders", start, start + HOUR_MS, name)
    return sum(cell.runs for cell in cells)


def test_a_critical_job_that_comes_after_five_hundred_types_alerts(
    store: Store, clock: FakeClock
) -> None:
    runs = many(clock.now_ms)
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    clock.advance_ms(5 * SECOND_MS)
    runs.rows.append(failed(clock.now_ms))
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    Alerting({}, store, critical_jobs=[PAYROLL]).do(clock.now_ms)

    assert counted(store, clock.now_ms, PAYROLL) == 1
    states = {one.label: one.state for one in store.alerts.standings() if one.label}
    assert states == {f"orders/{PAYROLL}": AlertState.FIRING}


def test_one_that_became_critical_late_counts_from_the_next_hour_on_and_once(
    store_url: str, clock: FakeClock
) -> None:
    first = clock.now_ms
    runs = many(first)
    runs.rows.append(failed(first))
    before = open_store(store_url)
    before.rollups.refresh("orders", runs.read, first)
    others = counted(before, first, OTHER)
    before.close()

    store = open_store(store_url, critical_jobs=[PAYROLL])
    clock.advance_ms(5 * SECOND_MS)
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    assert counted(store, first, OTHER) == others == 101
    assert counted(store, first, PAYROLL) == 0

    clock.advance_ms(HOUR_MS)
    runs.rows.append(failed(clock.now_ms))
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    assert counted(store, first, OTHER) == others
    assert counted(store, clock.now_ms, PAYROLL) == 1
    store.close()
