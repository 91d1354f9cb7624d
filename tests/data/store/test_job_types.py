"""Job types by the thousand: some have cells of their own, the others are one."""

from collections.abc import Iterator

import pytest

from data.clock import DAY_MS, HOUR_MS
from data.store import Store, open_store
from data.store.job_types import CAP, OTHER
from tests.conftest import FakeClock
from tests.data.store.runs import Run, Runs, by_day, stored_cells, stored_days

A_ROTATION = 9 * 24 + 1
TOO_MANY = CAP + 300


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store that keeps as little as it may."""
    opened = open_store(store_url, retention_ms=DAY_MS)
    yield opened
    opened.close()


def fill(store: Store, runs: Runs, now_ms: int) -> None:
    store.rollups.refresh("orders", runs.read, now_ms)
    while store.rollups.backfill_step("orders", runs.read, now_ms):
        pass


def names(store: Store) -> set[str]:
    return {cell.job_name for cell in stored_cells(store, "orders")}


def total(store: Store) -> int:
    return sum(cell.runs for cell in stored_cells(store, "orders"))


def test_what_comes_after_the_cap_is_counted_together(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms, f"type-{n:04}") for n in range(TOO_MANY)])
    runs.rows += [Run(clock.now_ms, "often")] * 3

    fill(store, runs, clock.now_ms)

    [other] = [c for c in stored_cells(store, "orders") if c.job_name == OTHER]
    assert len(names(store)) == CAP + 1
    assert "often" in names(store)
    assert other.runs == TOO_MANY + 1 - CAP
    assert other.duration_ms == other.runs * runs.rows[0].duration_ms
    assert len(store.rollups.job_names("orders")) == CAP
    assert OTHER not in store.rollups.job_names("orders")


@pytest.mark.one_database
def test_types_keep_their_places_however_often_and_in_whatever_order_they_are_read(
    store: Store, clock: FakeClock
) -> None:
    now = clock.now_ms
    runs = Runs([Run(now, f"type-{n:04}") for n in range(CAP - 1)])
    fill(store, runs, now)
    runs.rows += [Run(now, f"new-{n}") for n in range(5)]
    store.rollups.refresh("orders", runs.read, now)
    first = names(store)
    assert {"new-0", OTHER} <= first

    runs.rows += [Run(now, "new-4")] * 50
    runs.rows += [Run(now - 4 * DAY_MS, f"old-{n}") for n in range(3)]
    for _ in range(A_ROTATION):
        store.rollups.audit_step("orders", runs.read, now)
    store.rollups.refresh("orders", runs.read, now)

    assert names(store) == first
    assert total(store) == len(runs.rows)
    assert stored_days(store, "orders") == by_day(stored_cells(store, "orders"))


@pytest.mark.one_database
def test_no_run_is_counted_twice_when_a_sealed_hour_is_read_again(
    store: Store, clock: FakeClock
) -> None:
    old = clock.now_ms - 6 * DAY_MS
    runs = Runs([Run(old, f"type-{n:04}") for n in range(TOO_MANY)])
    fill(store, runs, clock.now_ms)
    first = stored_cells(store, "orders")
    runs.rows = runs.rows[CAP // 2 :]
    clock.advance_ms(HOUR_MS)

    for _ in range(A_ROTATION):
        store.rollups.audit_step("orders", runs.read, clock.now_ms)

    assert stored_cells(store, "orders") == first
    assert total(store) == TOO_MANY


def test_each_source_has_places_of_its_own(store: Store, clock: FakeClock) -> None:
    runs = Runs([Run(clock.now_ms, f"type-{n:04}") for n in range(CAP)])
    fill(store, runs, clock.now_ms)

    others = Runs([Run(clock.now_ms, "another")])
    store.rollups.refresh("others", others.read, clock.now_ms)

    assert {cell.job_name for cell in stored_cells(store, "others")} == {"another"}


def test_a_type_that_is_called_like_the_others_is_one_of_them(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms, OTHER), Run(clock.now_ms, "send-mail")])
    fill(store, runs, clock.now_ms)

    assert names(store) == {OTHER, "send-mail"}
    assert store.rollups.job_names("orders") == ["send-mail"]


def test_a_refresh_misses_nothing_where_nothing_of_the_others_was_deleted(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms, f"type-{n:04}") for n in range(TOO_MANY)])
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    before = total(store)
    spans = []
    for _ in range(3):
        clock.advance_ms(5_000)
        runs.reads.clear()
        runs.rows.append(Run(clock.now_ms, "type-0700"))
        store.rollups.refresh("orders", runs.read, clock.now_ms)
        spans += runs.reads

    assert len(spans) == 3  # once each: nothing is counted apart
    assert total(store) == before + 3
    assert store.trends.rates_from("orders") is None

    runs.rows = [run for run in runs.rows if run.job_name != "type-0700"]
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    assert total(store) == before + 3
    assert store.trends.rates_from("orders") is not None
