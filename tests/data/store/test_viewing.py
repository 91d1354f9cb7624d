"""What tabs tell: counted once, spread over the time it is of, exact in any crowd."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.rules.viewing import Counters, Report, Spread, Told
from data.store import Store, open_store
from data.store.viewing import SLOT_MS, USER_SLOT_MS, Viewing
from tests.factories import NOW

#: The start of a slot of all viewers and of single ones.
START = NOW // USER_SLOT_MS * USER_SLOT_MS
MINUTE = Counters(
    good_s=50,
    stale_s=6,
    disconnected_s=4,
    minutes=1,
    attempts=2,
    reconnects=Spread((0, 0, 1, 0, 0, 0, 0, 0), 4_000),
    ages=Spread((40, 10, 10, 0, 0, 0, 0, 0), 70_000),
)


def times(counters: Counters, n: int, **more: Any) -> Counters:
    """A tab that counted the same ``n`` times."""
    found: dict[str, Any] = {}
    for name, value in counters._asdict().items():
        if isinstance(value, Spread):
            found[name] = Spread(tuple(n * x for x in value.counts), n * value.sum_ms)
        elif isinstance(value, int):
            found[name] = n * value
    return Counters(**{**found, **more})


def told(counters: Counters, number: int = 1, **more: Any) -> Told:
    values: dict[str, Any] = {"session": "a" * 16, "visitor": "v1", **more}
    return Told(number=number, counters=counters, **values)


def all_of(store: Store) -> Viewing:
    """All slots as one."""
    slots = store.viewing.slots(0, NOW + DAY_MS)
    sums = [sum(column) for column in list(zip(*slots, strict=True))[1:]]
    return Viewing(0, *(sums or [0] * 6))


def test_a_minute_is_spread_over_the_time_it_is_of(store: Store) -> None:
    store.viewing.tell(told(MINUTE), START + 15_000)
    before, after = store.viewing.slots(0, NOW + DAY_MS)
    assert before == Viewing(START - SLOT_MS, 0, 0, 37, 4, 3, 0)
    assert after == Viewing(START, 1, 0, 13, 2, 1, 0)


def test_counters_go_on_where_they_were(store: Store) -> None:
    for n in (1, 2, 3):
        store.viewing.tell(told(times(MINUTE, n), n), START + n * MINUTE_MS)
    assert all_of(store)[1:] == (3, 0, 150, 18, 12, 0)
    totals = store.viewing.totals()
    assert totals["seconds", "good"] == 150
    assert totals["minutes", "bad"] == 3
    assert totals["attempts", ""] == 6
    assert totals["reconnect", "le=5"] == 3
    assert totals["reconnect", "sum_ms"] == 12_000
    assert totals["age", "le=1"] == 120


def test_a_lost_post_changes_nothing_and_neither_does_a_repeated_one(
    store: Store,
) -> None:
    first, third = told(MINUTE, 1), told(times(MINUTE, 3), 3)
    store.viewing.tell(first, START)
    store.viewing.tell(third, START + 2 * MINUTE_MS)
    store.viewing.tell(third, START + 3 * MINUTE_MS)
    assert all_of(store)[1:] == (3, 0, 150, 18, 12, 0)


def test_a_post_that_was_overtaken_tells_nothing_new(store: Store) -> None:
    store.viewing.tell(told(times(MINUTE, 2), 2), START)
    store.viewing.tell(told(MINUTE, 1), START + 1_000)
    assert all_of(store).good_s == 100


def test_smaller_counters_are_those_of_a_new_beginning(store: Store) -> None:
    store.viewing.tell(told(times(MINUTE, 5), 1), START)
    store.viewing.tell(told(MINUTE, 2), START + 2 * MINUTE_MS)
    assert all_of(store)[1:] == (6, 0, 300, 36, 24, 0)


def test_nothing_grows_faster_than_time_and_what_was_true_comes_later(
    store: Store,
) -> None:
    store.viewing.tell(told(times(MINUTE, 1), 1), START)
    store.viewing.tell(told(times(MINUTE, 2), 2), START + 57_000)
    assert sum(all_of(store)[3:6]) == 117
    store.viewing.tell(told(times(MINUTE, 3), 3), START + 120_000)
    assert all_of(store)[1:] == (3, 0, 150, 18, 12, 0)


def test_whoever_lies_is_believed_as_far_as_time_goes(store: Store) -> None:
    much = times(MINUTE, 10**9, faults={"1006": 10**12})
    store.viewing.tell(told(much, 1), START)
    first = all_of(store)
    assert first.good_s + first.stale_s + first.disconnected_s == HOUR_MS // 1000
    assert first.minutes == 60
    assert first.faults == 361
    store.viewing.tell(told(times(much, 2), 2), START + 10_000)
    assert sum(all_of(store)[3:6]) == 3_610
    assert store.viewing.totals()["age", "sum_ms"] <= 3_610 * 5_000


def test_hours_without_a_network_arrive_in_the_hours_they_are_of(store: Store) -> None:
    store.viewing.tell(told(MINUTE, 1), START)
    store.viewing.tell(told(times(MINUTE, 121), 2), START + 2 * HOUR_MS)
    slots = store.viewing.slots(START, START + 2 * HOUR_MS)
    assert {slot.good_s for slot in slots} == {250}
    assert [slot.minutes for slot in slots] == [5] * 24


def test_faults_belong_to_now_by_their_cause(store: Store) -> None:
    with_fault = MINUTE._replace(faults={"1006": 1, "silent": 2})
    store.viewing.tell(told(with_fault), START + 15_000)
    assert [slot.faults for slot in store.viewing.slots(0, NOW + DAY_MS)] == [0, 3]
    totals = store.viewing.totals()
    assert (totals["faults", "1006"], totals["faults", "silent"]) == (1, 2)


def test_viewers_are_counted_once_whatever_they_open(store: Store) -> None:
    lost = MINUTE._replace(faults={"1006": 1})
    for session, visitor, counters in (
        ("a", "v1", MINUTE),
        ("b", "v1", lost),
        ("c", "v2", MINUTE),
        ("d", "v3", Counters()),
    ):
        post = told(counters, session=session * 16, visitor=visitor)
        store.viewing.tell(post, START + 2 * MINUTE_MS)
    assert store.viewing.users(START, START + USER_SLOT_MS) == (2, 1)
    assert store.viewing.users(START + 14 * MINUTE_MS, START + HOUR_MS) == (2, 1)
    assert store.viewing.users(START + USER_SLOT_MS, START + HOUR_MS) == (0, 0)
    by = store.viewing.users_by(START, START + DAY_MS, HOUR_MS)
    assert by == [(START // HOUR_MS * HOUR_MS, 2, 1)]
    assert store.tallies.read(START + 3 * MINUTE_MS).sessions == 4
    assert store.tallies.read(START + 4 * MINUTE_MS).sessions == 0


def test_a_report_is_kept_once_with_what_the_tab_knew(store: Store) -> None:
    words = "r" * 32, "jobs", "not_updating", "stuck\x00", '{"age_ms": 1}'
    report = Report(*words, confirmed=True)
    for number in (1, 1, 2):
        post = told(MINUTE, number, report=report)
        store.viewing.tell(post, START)
    (found,) = store.viewing.reports(0, NOW + DAY_MS)
    assert found == report._replace(note="stuck\ufffd", at=START)
    assert store.viewing.reports(START + 1, NOW + DAY_MS) == []


def test_what_was_heard_of_last_is_known(store: Store) -> None:
    store.viewing.hear("page", START)
    store.viewing.hear("page", START - MINUTE_MS)
    store.viewing.tell(told(MINUTE), START + 5)
    assert store.viewing.heard() == {"page": START, "telemetry": START + 5}


def test_what_is_old_is_forgotten_and_sums_stay(store: Store) -> None:
    store.viewing.tell(told(MINUTE), START + MINUTE_MS)
    assert store.viewing.prune(START + DAY_MS) == 3
    assert store.viewing.slots(0, NOW + DAY_MS) == []
    assert store.viewing.totals()["seconds", "good"] == 50


def test_sums_are_exact_when_all_tell_at_once(store: Store, store_url: str) -> None:
    """Tabs of their own, tabs told of twice at once, and two processes."""
    other = open_store(store_url)
    rounds, tabs = 6, 8
    ready = Barrier(tabs * 2)

    def tell(tab: int, place: Store) -> None:
        ready.wait(60)
        for n in range(1, rounds + 1):
            fault = {"1006": n} if tab == 0 else {}
            counters = times(MINUTE, n, faults=fault)
            post = told(counters, n, session=f"{tab:016x}", visitor=f"v{tab}")
            place.viewing.tell(post, START + n * MINUTE_MS)

    with ThreadPoolExecutor(tabs * 2) as pool:
        work = [
            pool.submit(tell, tab, place)
            for tab in range(tabs)
            for place in (store, other)
        ]
        for one in work:
            one.result(60)
    other.close()
    n = rounds * tabs
    assert all_of(store)[1:] == (n, 0, 50 * n, 6 * n, 4 * n, rounds)
    totals = store.viewing.totals()
    assert totals["seconds", "good"] == 50 * n
    assert totals["faults", "1006"] == rounds
    assert totals["age", "sum_ms"] == 70_000 * n
    assert store.viewing.users(0, START + DAY_MS) == (tabs, 1)


@pytest.mark.parametrize("good", [0, 54, 55, 60])
def test_a_good_minute_needs_good_seconds(store: Store, good: int) -> None:
    counters = Counters(good_s=good, stale_s=60 - good, minutes=1, good_minutes=1)
    store.viewing.tell(told(counters), START)
    assert all_of(store).good_minutes == (1 if good >= 55 else 0)
