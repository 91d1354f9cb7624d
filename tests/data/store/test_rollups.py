"""The rollups follow a table that changes behind their back."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from data.exceptions import SourceUnavailableError
from data.model import HourCell, JobState
from data.store import Store, open_store
from data.store.cells import SEALED_AFTER_MS
from data.store.rollups import LEAST_KEPT_MS as KEPT_MS
from tests.conftest import FakeClock
from tests.data.store.runs import (
    STATES,
    Run,
    Runs,
    by_day,
    dice,
    stored_cells,
    stored_days,
)

#: Steps of the audit until it has been everywhere: nine days, an hour at a time.
A_ROTATION = (KEPT_MS // DAY_MS + 1) * 24 + 1


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store that keeps as little as it may."""
    opened = open_store(store_url, retention_ms=DAY_MS)
    yield opened
    opened.close()


@pytest.fixture
def runs(clock: FakeClock) -> Runs:
    """Ten days of runs, more than is kept."""
    made = Runs()
    made.add_some(dice(1), clock.now_ms - 10 * DAY_MS, clock.now_ms, 1_000)
    return made


def fill(store: Store, runs: Runs, now_ms: int) -> None:
    store.rollups.refresh("orders", runs.read, now_ms)
    while store.rollups.backfill_step("orders", runs.read, now_ms):
        pass


def expected(runs: Runs, now_ms: int) -> set[HourCell]:
    """A full recomputation of whole days and the present one."""
    oldest = now_ms - KEPT_MS
    return set(runs.read(oldest - oldest % DAY_MS, now_ms - now_ms % HOUR_MS + HOUR_MS))


def assert_exact(store: Store, runs: Runs, now_ms: int) -> None:
    """Every hour and every day is what a full recomputation gives."""
    cells = expected(runs, now_ms)
    assert stored_cells(store, "orders") == cells
    since = now_ms - KEPT_MS
    assert stored_days(store, "orders", since - since % DAY_MS) == by_day(cells)


def test_the_first_refresh_and_back_fill_hold_the_kept_days_exactly(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)

    assert_exact(store, runs, clock.now_ms)


@pytest.mark.one_database
def test_the_back_fill_goes_newest_first_a_day_at_a_time(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)

    spans = runs.reads
    assert [since for since, _ in spans] == sorted((s for s, _ in spans), reverse=True)
    assert all(later[0] == older[1] for later, older in pairwise(spans))
    assert max(until - since for since, until in spans) == DAY_MS


@pytest.mark.one_database
def test_a_refresh_reads_from_an_hour_before_the_last_one(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    clock.advance_ms(5 * HOUR_MS)
    runs.reads.clear()

    store.rollups.refresh("orders", runs.read, clock.now_ms)

    this_hour = clock.now_ms - clock.now_ms % HOUR_MS
    assert runs.reads == [(this_hour - 6 * HOUR_MS, clock.now_ms + 1)]


def test_the_generation_grows_only_when_a_cell_changed(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    assert store.rollups.generation("orders") == 0
    fill(store, runs, clock.now_ms)
    filled = store.rollups.generation("orders")
    assert filled > 0

    clock.advance_ms(MINUTE_MS)
    assert not store.rollups.refresh("orders", runs.read, clock.now_ms)
    assert store.rollups.generation("orders") == filled

    runs.rows.append(Run(clock.now_ms))
    assert store.rollups.refresh("orders", runs.read, clock.now_ms)
    assert store.rollups.generation("orders") == filled + 1


@pytest.mark.one_database
def test_late_rows_and_edits_of_the_last_hour_are_found_by_a_refresh(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    edited = Run(clock.now_ms - 30 * MINUTE_MS, state=JobState.FAILED)
    runs.rows += [edited, Run(clock.now_ms - 59 * MINUTE_MS)]
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    runs.rows[runs.rows.index(edited)] = edited._replace(state=JobState.SUCCEEDED)
    clock.advance_ms(5_000)
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    assert_exact(store, runs, clock.now_ms)


def test_edits_are_found_by_one_round_of_audits(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    runs.rows = [
        run._replace(state=JobState.FAILED, duration_ms=7) if n % 5 == 1 else run
        for n, run in enumerate(runs.rows)
    ]
    runs.add_some(dice(2), clock.now_ms - KEPT_MS, clock.now_ms, 100)

    changed = [
        store.rollups.audit_step("orders", runs.read, clock.now_ms)
        for _ in range(A_ROTATION)
    ]
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    assert any(changed)
    assert_exact(store, runs, clock.now_ms)
    assert not store.rollups.audit_step("orders", runs.read, clock.now_ms)


@pytest.mark.one_database
def test_an_audit_goes_round_and_reads_an_hour_at_most(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    runs.reads.clear()

    for _ in range(A_ROTATION + 1):
        store.rollups.audit_step("orders", runs.read, clock.now_ms)

    this_hour = clock.now_ms - clock.now_ms % HOUR_MS
    oldest = clock.now_ms - KEPT_MS
    assert max(until - since for since, until in runs.reads) == HOUR_MS
    assert min(since for since, _ in runs.reads) == oldest - oldest % DAY_MS
    assert max(until for _, until in runs.reads) == this_hour - HOUR_MS
    assert runs.reads[0] in runs.reads[1:]


@pytest.mark.one_database
def test_pruning_of_the_source_does_not_erase_sealed_hours(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    before = expected(runs, clock.now_ms)
    sealed = clock.now_ms - SEALED_AFTER_MS - HOUR_MS
    runs.rows = [run for run in runs.rows if run.finished_at >= sealed]

    for _ in range(A_ROTATION):
        store.rollups.audit_step("orders", runs.read, clock.now_ms)

    assert stored_cells(store, "orders") == before


@pytest.mark.one_database
def test_a_sealed_hour_still_goes_up(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    runs.rows.append(Run(clock.now_ms - 5 * DAY_MS, "came-late", JobState.FAILED))

    for _ in range(A_ROTATION):
        store.rollups.audit_step("orders", runs.read, clock.now_ms)

    assert_exact(store, runs, clock.now_ms)


@pytest.mark.one_database
def test_after_days_away_everything_is_read_again_newest_first(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    left = clock.now_ms
    clock.advance_ms(3 * DAY_MS)
    runs.add_some(dice(3), left, clock.now_ms, 500)
    runs.reads.clear()

    store.rollups.refresh("orders", runs.read, clock.now_ms)
    away = store.rollups.recent("orders", clock.now_ms)
    assert away is not None
    assert not away.complete
    fill(store, runs, clock.now_ms)
    store.rollups.prune(clock.now_ms)

    assert max(until - since for since, until in runs.reads) == DAY_MS
    assert_exact(store, runs, clock.now_ms)


@pytest.mark.one_database
@pytest.mark.parametrize("back_ms", [MINUTE_MS, 3 * HOUR_MS, 2 * DAY_MS, 3 * WEEK_MS])
def test_a_clock_that_was_ahead_does_no_lasting_harm(
    store: Store, runs: Runs, clock: FakeClock, back_ms: int
) -> None:
    wrong_ms = clock.now_ms + back_ms
    fill(store, runs, wrong_ms)
    store.rollups.prune(wrong_ms)

    clock.advance_ms(MINUTE_MS)
    runs.rows.append(Run(clock.now_ms))
    fill(store, runs, clock.now_ms)

    recent = store.rollups.recent("orders", clock.now_ms)
    assert_exact(store, runs, clock.now_ms)
    assert recent is not None
    assert recent.complete


@pytest.mark.one_database
def test_after_a_clock_was_weeks_ahead_the_figures_do_not_pass_for_complete(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms + 3 * WEEK_MS)

    store.rollups.refresh("orders", runs.read, clock.now_ms)

    recent = store.rollups.recent("orders", clock.now_ms)
    assert recent is not None
    assert not recent.complete
    assert recent.weeks is None


@pytest.mark.one_database
def test_what_was_pruned_by_a_clock_that_was_ahead_is_read_again(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    store.rollups.prune(clock.now_ms + 2 * DAY_MS)

    fill(store, runs, clock.now_ms)

    assert_exact(store, runs, clock.now_ms)


@pytest.mark.one_database
def test_runs_of_a_worker_whose_clock_is_ahead_count_in_their_hour(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    runs.rows.append(Run(clock.now_ms + 2 * HOUR_MS, "from-the-future"))

    for _ in range(4):
        clock.advance_ms(HOUR_MS)
        store.rollups.refresh("orders", runs.read, clock.now_ms)
    store.rollups.prune(clock.now_ms)

    assert_exact(store, runs, clock.now_ms)


def test_pruning_keeps_eight_days_and_the_present_hour(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    clock.advance_ms(DAY_MS // 2)
    store.rollups.refresh("orders", runs.read, clock.now_ms)

    store.rollups.prune(clock.now_ms)

    assert_exact(store, runs, clock.now_ms)


def test_sources_do_not_touch_each_other(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    others = Runs([Run(clock.now_ms)])

    store.rollups.refresh("others", others.read, clock.now_ms)

    assert stored_cells(store, "others") == set(others.read(0, clock.now_ms + 1))
    assert_exact(store, runs, clock.now_ms)


@pytest.mark.one_database
@pytest.mark.parametrize("step", ["refresh", "backfill_step", "audit_step"])
def test_a_source_that_is_lost_while_it_is_read_costs_nothing(
    store: Store, runs: Runs, clock: FakeClock, step: str
) -> None:
    def lost(since_ms: int, until_ms: int) -> list[HourCell]:
        raise SourceUnavailableError("gone")

    store.rollups.refresh("orders", runs.read, clock.now_ms)
    before = stored_cells(store, "orders")
    clock.advance_ms(HOUR_MS)
    runs.add_some(dice(4), clock.now_ms - HOUR_MS, clock.now_ms, 50)

    with pytest.raises(SourceUnavailableError):
        getattr(store.rollups, step)("orders", lost, clock.now_ms + 2 * HOUR_MS)

    assert stored_cells(store, "orders") == before
    fill(store, runs, clock.now_ms)
    store.rollups.prune(clock.now_ms)
    assert_exact(store, runs, clock.now_ms)


@pytest.mark.parametrize("step", ["refresh", "backfill_step", "audit_step"])
def test_a_crash_in_the_middle_of_a_write_costs_nothing(
    store: Store,
    runs: Runs,
    clock: FakeClock,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    generation = store.rollups.generation("orders")
    clock.advance_ms(HOUR_MS)
    runs.add_some(dice(5), clock.now_ms - 3 * HOUR_MS, clock.now_ms, 50)
    before = stored_cells(store, "orders")

    def crash(*_args: object) -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr("data.store.cells.insert", crash)
        with pytest.raises(ConnectionAbortedError):
            getattr(store.rollups, step)("orders", runs.read, clock.now_ms + HOUR_MS)

    assert stored_cells(store, "orders") == before
    assert store.rollups.generation("orders") == generation
    fill(store, runs, clock.now_ms)
    store.rollups.prune(clock.now_ms)
    assert_exact(store, runs, clock.now_ms)


@pytest.mark.parametrize("step", ["refresh", "backfill_step", "audit_step"])
def test_nothing_is_written_when_another_process_wrote_meanwhile(
    store: Store, runs: Runs, clock: FakeClock, step: str
) -> None:
    """The slower of two processes read the source before the faster one."""
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    clock.advance_ms(HOUR_MS)

    def overtaken(since_ms: int, until_ms: int) -> list[HourCell]:
        old = runs.read(since_ms, until_ms)
        runs.rows.append(Run(clock.now_ms))
        fill(store, runs, clock.now_ms)
        return old

    getattr(store.rollups, step)("orders", overtaken, clock.now_ms)

    assert_exact(store, runs, clock.now_ms)


def test_two_processes_that_read_a_source_for_the_first_time_agree(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    def overtaken(since_ms: int, until_ms: int) -> list[HourCell]:
        store.rollups.refresh("orders", runs.read, clock.now_ms)
        return []

    assert not store.rollups.refresh("orders", overtaken, clock.now_ms)
    fill(store, runs, clock.now_ms)

    assert_exact(store, runs, clock.now_ms)


def test_names_that_no_index_or_database_takes_are_counted_apart(
    store: Store, clock: FakeClock
) -> None:
    random = dice(6)
    long = "".join(chr(random.randrange(0x4E00, 0x9FFF)) for _ in range(10_000))
    names = [f"{long}a", f"{long}b", "nul\0", "nul\ufffd", "half \ud83d", "🦉", ""]
    runs = Runs([Run(clock.now_ms, name) for name in names])

    store.rollups.refresh("orders", runs.read, clock.now_ms)
    assert not store.rollups.refresh("orders", runs.read, clock.now_ms)

    cells = stored_cells(store, "orders")
    assert sum(cell.runs for cell in cells) == len(names)
    assert len(cells) == len(names) - 1  # two of them are stored alike


@pytest.mark.one_database
@pytest.mark.parametrize(
    "seed",
    [0, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in (1, 2))],
)
def test_under_random_changes_every_cell_ends_like_a_full_recomputation(
    store: Store, clock: FakeClock, seed: int
) -> None:
    """Rows may come late and be edited; what is deleted stays counted."""
    random = dice(seed)
    runs = Runs()
    runs.add_some(random, clock.now_ms - 9 * DAY_MS, clock.now_ms, 1_000)

    def insert_late() -> None:
        runs.add_some(random, clock.now_ms - KEPT_MS, clock.now_ms, 5)

    def insert_now() -> None:
        runs.add_some(random, clock.now_ms - MINUTE_MS, clock.now_ms + 1, 5)

    def change(how: Callable[[int], object]) -> None:
        # Two hours of margin: an hour is sealed by its start, audits come later.
        young = clock.now_ms - SEALED_AFTER_MS + 30 * HOUR_MS
        found = [n for n, run in enumerate(runs.rows) if run.finished_at > young]
        if found:
            how(random.choice(found))

    def edit(n: int) -> None:
        state = random.choice(STATES)
        runs.rows[n] = runs.rows[n]._replace(state=state, duration_ms=n)

    happenings: list[Callable[[], object]] = [
        insert_late,
        insert_now,
        lambda: change(edit),
        lambda: clock.advance_ms(random.randrange(2 * HOUR_MS)),
        lambda: clock.advance_ms(-random.randrange(10 * MINUTE_MS)),
        lambda: store.rollups.prune(clock.now_ms),
        lambda: store.rollups.audit_step("orders", runs.read, clock.now_ms),
        lambda: store.rollups.backfill_step("orders", runs.read, clock.now_ms),
    ]
    for _ in range(60):
        random.choice(happenings)()
        store.rollups.refresh("orders", runs.read, clock.now_ms)
        if random.random() < 0.5:
            store.rollups.audit_step("orders", runs.read, clock.now_ms)
    fill(store, runs, clock.now_ms)
    for _ in range(A_ROTATION):
        store.rollups.audit_step("orders", runs.read, clock.now_ms)
    store.rollups.prune(clock.now_ms)

    assert_exact(store, runs, clock.now_ms)
