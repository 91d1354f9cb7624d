"""Stalled episodes are kept once each, whoever sees them and however often."""

from threading import Barrier, Thread

from sqlalchemy import select

from data.clock import MINUTE_MS
from data.model import Evidence, Liveness, StallRule, StallState, Verdict
from data.store import Store, open_store
from data.store.episodes import Episode
from data.store.tables import stall_episode
from tests.conftest import FakeClock
from tests.data.store.episodes import episodes_of

STARTED_AT = 1_000_000
NAMES = {"1": "send-mail", "2": "make-report"}


def verdict(started_at: int = STARTED_AT) -> Verdict:
    evidence = Evidence(started_at, None, Liveness.NONE, "host:1")
    return Verdict(
        StallState.OVERDUE, StallRule.TYPE_LIMIT, MINUTE_MS, 2 * MINUTE_MS, evidence
    )


def open_ids(store: Store) -> list[str]:
    return [episode.run_id for episode in store.episodes.open("orders")]


def test_an_episode_is_recorded_with_what_the_verdict_rests_on(
    store: Store, clock: FakeClock
) -> None:
    store.episodes.record("orders", {"1": verdict()}, NAMES, clock.now_ms)

    assert store.episodes.open("orders") == [
        Episode(
            "1",
            "send-mail",
            STARTED_AT,
            StallState.OVERDUE,
            StallRule.TYPE_LIMIT,
            MINUTE_MS,
            clock.now_ms,
        )
    ]
    assert store.episodes.open("others") == []


def test_the_first_sight_counts_over_restarts(store_url: str, clock: FakeClock) -> None:
    first_seen = clock.now_ms
    for _ in range(3):
        store = open_store(store_url)
        store.episodes.record("orders", {"1": verdict()}, NAMES, clock.now_ms)
        [episode] = store.episodes.open("orders")
        assert episode.first_seen_at == first_seen
        store.close()
        clock.advance_ms(MINUTE_MS)


def test_two_processes_that_see_the_same_runs_record_them_once(
    store: Store, store_url: str, clock: FakeClock
) -> None:
    other = open_store(store_url)
    verdicts = {str(n): verdict() for n in range(200)}
    backwards = dict(reversed(verdicts.items()))
    start = Barrier(2)
    failed: list[Exception] = []

    def record(place: Store, seen: dict[str, Verdict]) -> None:
        start.wait()
        try:
            place.episodes.record("orders", seen, NAMES, clock.now_ms)
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    recording = [
        Thread(target=record, args=(store, verdicts)),
        Thread(target=record, args=(other, backwards)),
    ]
    for thread in recording:
        thread.start()
    for thread in recording:
        thread.join()

    other.close()
    assert failed == []
    assert episodes_of(store, "orders") == 200


def test_an_episode_ends_once_with_its_outcome(store: Store, clock: FakeClock) -> None:
    store.episodes.record(
        "orders", {"1": verdict(), "2": verdict()}, NAMES, clock.now_ms
    )

    clock.advance_ms(MINUTE_MS)
    store.episodes.close("orders", {"1": "cleaned", "unknown": "gone"}, clock.now_ms)
    store.episodes.close("orders", {"1": "failed"}, clock.now_ms + MINUTE_MS)
    store.episodes.close("orders", {}, clock.now_ms)

    assert open_ids(store) == ["2"]
    assert ended(store) == [(clock.now_ms, "cleaned")]


def test_episodes_of_another_source_stay_open(store: Store, clock: FakeClock) -> None:
    for source in ("orders", "others"):
        store.episodes.record(source, {"1": verdict()}, NAMES, clock.now_ms)

    store.episodes.close("others", {"1": "gone"}, clock.now_ms)

    assert open_ids(store) == ["1"]


def test_a_run_that_starts_again_has_an_episode_of_its_own(
    store: Store, clock: FakeClock
) -> None:
    store.episodes.record("orders", {"1": verdict()}, NAMES, clock.now_ms)
    store.episodes.close("orders", {"1": "resumed"}, clock.now_ms)

    store.episodes.record("orders", {"1": verdict(STARTED_AT + 1)}, NAMES, clock.now_ms)

    assert episodes_of(store, "orders") == 2
    assert open_ids(store) == ["1"]


def test_an_episode_goes_on_when_its_clean_up_was_undone(
    store: Store, clock: FakeClock
) -> None:
    first_seen = clock.now_ms
    store.episodes.record("orders", {"1": verdict()}, NAMES, clock.now_ms)
    store.episodes.close("orders", {"1": "cleaned"}, clock.now_ms)

    clock.advance_ms(MINUTE_MS)
    store.episodes.record("orders", {"1": verdict()}, NAMES, clock.now_ms)

    [episode] = store.episodes.open("orders")
    assert episode.first_seen_at == first_seen
    assert episodes_of(store, "orders") == 1


def test_names_and_ids_that_no_database_takes_are_recorded_all_the_same(
    store: Store, clock: FakeClock
) -> None:
    odd = {"nul\0": verdict(), "x" * 10_000: verdict(), "half \ud83d": verdict()}
    names = dict.fromkeys(odd, "\0\udfff<script>")

    store.episodes.record("orders", odd, names, clock.now_ms)
    assert len(store.episodes.open("orders")) == 3
    store.episodes.close("orders", dict.fromkeys(odd, "gone"), clock.now_ms)

    assert store.episodes.open("orders") == []


def test_runs_without_a_name_are_recorded_without_one(
    store: Store, clock: FakeClock
) -> None:
    store.episodes.record("orders", {"1": verdict()}, {}, clock.now_ms)

    assert [episode.job_name for episode in store.episodes.open("orders")] == [""]


def ended(store: Store) -> list[tuple[int, str]]:
    c = stall_episode.c
    statement = select(c.ended_at, c.outcome).where(c.ended_at.is_not(None))
    return [(at, outcome) for at, outcome in store.database.fetch(statement)]
