"""A job table that changes between two reads of one refresh."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from data.clock import MINUTE_MS, SECOND_MS
from data.model import HourCell, JobState
from data.store import Store, open_store
from data.store.job_types import CAP
from tests.conftest import FakeClock
from tests.data.store.runs import Run, Runs, stored_cells

GOOD, BAD, CANCELLED = JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


@dataclass
class Busy:
    """A table to which something happens after each read."""

    runs: Runs
    happens: Callable[[], object]

    def read(self, since_ms: int, until_ms: int) -> list[HourCell]:
        found = self.runs.read(since_ms, until_ms)
        self.happens()
        return found


def counted(store: Store) -> dict[tuple[str, JobState], int]:
    cells = stored_cells(store, "orders")
    return {(cell.job_name, cell.status): cell.runs for cell in cells}


def change(runs: Runs, old: Run, state: JobState) -> None:
    runs.rows[runs.rows.index(old)] = old._replace(state=state)


@pytest.mark.parametrize(
    ("was", "became"), [(BAD, GOOD), (GOOD, BAD), (GOOD, CANCELLED), (CANCELLED, BAD)]
)
def test_runs_that_end_between_the_reads_are_not_taken_for_deleted(
    store: Store, clock: FakeClock, was: JobState, became: JobState
) -> None:
    corrected = Run(clock.now_ms - 2 * SECOND_MS, "b", state=was)
    runs = Runs([corrected, Run(clock.now_ms - SECOND_MS, "a")])
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    change(runs, corrected, became)
    clock.advance_ms(5 * SECOND_MS)
    ends = Busy(runs, lambda: runs.rows.append(Run(clock.now_ms, "a")))
    store.rollups.refresh("orders", ends.read, clock.now_ms)
    assert store.trends.rates_from("orders") is None
    clock.advance_ms(5 * SECOND_MS)
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    assert counted(store) == {("b", became): 1, ("a", GOOD): len(runs.rows) - 1}
    assert store.trends.rates_from("orders") is None


def test_types_beyond_the_cap_that_end_between_the_reads_are_not_taken_for_deleted(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms, f"type-{n:04}") for n in range(CAP + 100)])
    busy = Busy(runs, lambda: runs.rows.append(Run(clock.now_ms, "type-0001")))
    for _ in range(5):
        store.rollups.refresh("orders", busy.read, clock.now_ms)
        assert store.trends.rates_from("orders") is None
        clock.advance_ms(5 * SECOND_MS)

    store.rollups.refresh("orders", runs.read, clock.now_ms)

    assert sum(counted(store).values()) == len(runs.rows)


def test_where_rows_are_deleted_what_ends_between_the_reads_is_counted_once(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms - MINUTE_MS, "a") for _ in range(9)])
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    runs.rows.clear()
    clock.advance_ms(5 * SECOND_MS)
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    assert store.trends.rates_from("orders") is not None

    clock.advance_ms(5 * SECOND_MS)
    to_come = [Run(clock.now_ms, "a"), Run(clock.now_ms, "c")]
    busy = Busy(runs, lambda: (runs.rows.extend(to_come), to_come.clear()))
    for _ in range(3):
        store.rollups.refresh("orders", busy.read, clock.now_ms)
        clock.advance_ms(5 * SECOND_MS)

    assert counted(store) == {("a", GOOD): 10, ("c", GOOD): 1}


def test_a_run_that_its_worker_tries_again_counts_for_each_end_that_was_seen(
    store: Store, clock: FakeClock
) -> None:
    failed = Run(clock.now_ms - MINUTE_MS, "a", state=BAD)
    runs = Runs([failed, Run(clock.now_ms - MINUTE_MS, "a")])
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    runs.rows.remove(failed)
    clock.advance_ms(5 * SECOND_MS)
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    clock.advance_ms(5 * SECOND_MS)
    runs.rows.append(Run(clock.now_ms, "a"))
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    assert counted(store) == {("a", BAD): 1, ("a", GOOD): 2}
    assert store.trends.rates_from("orders") is None
