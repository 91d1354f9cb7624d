"""The figures of the last day, against the same figures counted by hand."""

from collections import Counter
from collections.abc import Iterator

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from data.model import (
    Evidence,
    JobState,
    Liveness,
    Recent,
    StallRule,
    StallState,
    Verdict,
    Weeks,
)
from data.store import Store, open_store
from data.store.rollups import LEAST_KEPT_MS
from tests.conftest import FakeClock
from tests.data.store.runs import Run, Runs, dice


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store that keeps as little as it may."""
    opened = open_store(store_url, retention_ms=DAY_MS)
    yield opened
    opened.close()


def recent_of(store: Store, runs: Runs, now_ms: int) -> Recent:
    store.rollups.refresh("orders", runs.read, now_ms)
    while store.rollups.backfill_step("orders", runs.read, now_ms):
        pass
    recent = store.rollups.recent("orders", now_ms)
    assert recent is not None
    return recent


def see_stalled(store: Store, run_id: str, at_ms: int) -> None:
    evidence = Evidence(at_ms - HOUR_MS, None, Liveness.NONE, None)
    verdict = Verdict(
        StallState.OVERDUE, StallRule.DEFAULT_LIMIT, MINUTE_MS, HOUR_MS, evidence
    )
    store.episodes.record("orders", {run_id: verdict}, {run_id: "send-mail"}, at_ms)


def test_nothing_is_known_of_a_source_that_was_never_read(
    store: Store, clock: FakeClock
) -> None:
    assert store.rollups.recent("orders", clock.now_ms) is None


def test_an_empty_source_has_zeros_everywhere(store: Store, clock: FakeClock) -> None:
    recent = recent_of(store, Runs(), clock.now_ms)

    assert recent == Recent(
        since=clock.now_ms - clock.now_ms % HOUR_MS + HOUR_MS - DAY_MS,
        as_of=clock.now_ms,
        succeeded=0,
        failed=0,
        weeks=Weeks(0, 0, 0, 0, until=clock.now_ms - clock.now_ms % HOUR_MS + HOUR_MS),
        failed_by_job={},
        rated_by_hour=((0, 0),) * 24,
        rates_from=None,
        known_since=clock.now_ms - clock.now_ms % DAY_MS - LEAST_KEPT_MS,
        succeeded_by_hour=(0,) * 24,
        failed_by_hour=(0,) * 24,
        running_by_hour=(0.0,) * 24,
        pending_by_hour=(0.0,) * 24,
        stalled_by_day=(0,) * 8,
        complete=True,
    )


def test_the_figures_are_those_counted_by_hand(store: Store, clock: FakeClock) -> None:
    runs = Runs()
    runs.add_some(dice(7), clock.now_ms - 9 * DAY_MS, clock.now_ms, 1_500)

    recent = recent_of(store, runs, clock.now_ms)

    def by_hour(state: JobState) -> tuple[int, ...]:
        found = [
            (run.finished_at - recent.since) // HOUR_MS
            for run in runs.rows
            if run.state is state
        ]
        return tuple(found.count(hour) for hour in range(24))

    day = [run for run in runs.rows if run.finished_at >= recent.since]
    assert recent.succeeded_by_hour == by_hour(JobState.SUCCEEDED)
    assert recent.failed_by_hour == by_hour(JobState.FAILED)
    assert recent.succeeded == sum(recent.succeeded_by_hour)
    assert recent.failed == sum(recent.failed_by_hour)
    assert sum(recent.running_by_hour) == pytest.approx(
        sum(run.duration_ms for run in day) / HOUR_MS
    )
    assert sum(recent.pending_by_hour) == pytest.approx(
        sum(run.wait_ms for run in day) / HOUR_MS
    )
    failed = [run.job_name for run in day if run.state is JobState.FAILED]
    assert recent.failed_by_job == Counter(failed)


def test_both_weeks_are_those_counted_by_hand(store: Store, clock: FakeClock) -> None:
    runs = Runs()
    runs.add_some(dice(8), clock.now_ms - 20 * DAY_MS, clock.now_ms, 1_500)

    recent = recent_of(store, runs, clock.now_ms)

    until = clock.now_ms - clock.now_ms % HOUR_MS + HOUR_MS
    middle, start = until - WEEK_MS, until - 2 * WEEK_MS
    now = Counter(run.state for run in runs.rows if run.finished_at >= middle)
    before = Counter(
        run.state for run in runs.rows if start <= run.finished_at < middle
    )
    good, bad, off = JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED
    assert recent.weeks == Weeks(
        now[bad],
        now[good] + now[bad],
        before[bad],
        before[good] + before[bad],
        until=until,
        cancelled=now[off],
        cancelled_before=before[off],
    )


def test_two_weeks_are_not_known_until_the_back_fill_has_come_that_far(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms)])
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    known = []
    while True:
        recent = store.rollups.recent("orders", clock.now_ms)
        assert recent is not None
        known.append((recent.weeks is not None, recent.complete))
        if not store.rollups.backfill_step("orders", runs.read, clock.now_ms):
            break

    assert known == sorted(known)
    assert set(known) == {(False, False), (True, True)}


def test_stalled_runs_are_counted_by_whole_days_and_today(
    store: Store, clock: FakeClock
) -> None:
    now, today = clock.now_ms, clock.now_ms - clock.now_ms % DAY_MS
    for n, seen_at in enumerate(
        [
            now,
            today,
            today - 1,
            today - DAY_MS,
            today - 7 * DAY_MS,
            today - 7 * DAY_MS - 1,
        ]
    ):
        see_stalled(store, str(n), seen_at)

    assert recent_of(store, Runs(), now).stalled_by_day == (1, 0, 0, 0, 0, 0, 2, 2)


def test_sums_beyond_32_bits_are_exact(store: Store, clock: FakeClock) -> None:
    runs = Runs([Run(clock.now_ms, duration_ms=2**52 + 1)])

    recent = recent_of(store, runs, clock.now_ms)

    assert recent.running_by_hour[-1] == (2**52 + 1) / HOUR_MS
