"""A lease has one holder, whatever the clocks and threads do."""

from threading import Barrier, Lock, Thread

from sqlalchemy import select

from data.clock import DAY_MS, HOUR_MS
from data.store import Store
from data.store.tables import lease
from tests.conftest import FakeClock

TTL_MS = 30_000


def test_a_lease_is_taken_by_the_first_and_renewed_by_its_holder(
    store: Store, clock: FakeClock
) -> None:
    assert store.leases.acquire("monitor", "a", clock.now_ms, TTL_MS)
    assert not store.leases.acquire("monitor", "b", clock.now_ms, TTL_MS)
    assert store.leases.acquire("monitor", "a", clock.now_ms, TTL_MS)
    assert store.leases.acquire("pruning", "b", clock.now_ms, TTL_MS)


def test_a_lease_is_free_exactly_when_it_has_expired(
    store: Store, clock: FakeClock
) -> None:
    store.leases.acquire("monitor", "a", clock.now_ms, TTL_MS)

    clock.advance_ms(TTL_MS - 1)
    assert not store.leases.acquire("monitor", "b", clock.now_ms, TTL_MS)
    clock.advance_ms(1)
    assert store.leases.acquire("monitor", "b", clock.now_ms, TTL_MS)
    assert not store.leases.acquire("monitor", "a", clock.now_ms, TTL_MS)


def test_only_its_holder_can_give_a_lease_up(store: Store, clock: FakeClock) -> None:
    store.leases.acquire("monitor", "a", clock.now_ms, TTL_MS)

    store.leases.release("monitor", "b")
    assert not store.leases.acquire("monitor", "b", clock.now_ms, TTL_MS)
    store.leases.release("monitor", "a")
    assert store.leases.acquire("monitor", "b", clock.now_ms, TTL_MS)


def test_a_lease_from_a_clock_that_was_far_ahead_binds_nobody(
    store: Store, clock: FakeClock
) -> None:
    store.leases.acquire("monitor", "a", clock.now_ms + DAY_MS, TTL_MS)

    assert store.leases.acquire("monitor", "b", clock.now_ms, TTL_MS)


def test_threads_that_race_never_hold_a_lease_together(
    store: Store, clock: FakeClock
) -> None:
    threads, rounds = 6, 25
    start, counting = Barrier(threads), Lock()
    inside: set[str] = set()
    most_at_once: list[int] = []

    def compete(holder: str) -> None:
        start.wait()
        for _ in range(rounds):
            if store.leases.acquire("monitor", holder, clock.now_ms, TTL_MS):
                with counting:
                    inside.add(holder)
                    most_at_once.append(len(inside))
                with counting:
                    inside.remove(holder)
                store.leases.release("monitor", holder)

    racing = [Thread(target=compete, args=(f"t{n}",)) for n in range(threads)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()

    assert set(most_at_once) == {1}


def test_of_threads_that_ask_at_once_for_an_expired_lease_one_gets_it(
    store: Store, clock: FakeClock
) -> None:
    threads = 6
    for _ in range(10):
        clock.advance_ms(TTL_MS)
        start = Barrier(threads)
        won: list[str] = []

        def ask(holder: str, start: Barrier = start, won: list[str] = won) -> None:
            start.wait()
            if store.leases.acquire("monitor", holder, clock.now_ms, TTL_MS):
                won.append(holder)

        asking = [
            Thread(target=ask, args=(f"t{n} at {clock.now_ms}",))
            for n in range(threads)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert len(won) == 1


def test_a_lease_that_nobody_gave_up_is_forgotten_an_hour_after_its_end(
    store: Store, clock: FakeClock
) -> None:
    store.leases.acquire("once 1", "killed", clock.now_ms, TTL_MS)
    store.leases.acquire("once 2", "a clock far ahead", clock.now_ms, 9 * DAY_MS)
    clock.advance_ms(TTL_MS + HOUR_MS)
    store.leases.acquire("source orders", "alive", clock.now_ms, TTL_MS)

    assert store.prune(clock.now_ms, 90 * DAY_MS)["leases"] == 1
    clock.advance_ms(1)
    assert store.leases.prune(clock.now_ms) == 1

    rows = store.database.fetch(select(lease.c.name))
    assert [name for (name,) in rows] == ["source orders"]
