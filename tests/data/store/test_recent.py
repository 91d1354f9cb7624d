"""The figures of the last day, against the same figures counted by hand."""

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
)
from data.store import Store
from tests.conftest import FakeClock
from tests.data.store.runs import Run, Runs, dice


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
        since=clock.now_ms - clock.now_ms % HOUR_MS - DAY_MS,
        as_of=clock.now_ms,
        succeeded=0,
        failed=0,
        succeeded_before=0.0,
        failed_before=0.0,
        top_failing=None,
        succeeded_by_hour=(0,) * 25,
        failed_by_hour=(0,) * 25,
        running_by_hour=(0.0,) * 25,
        pending_by_hour=(0.0,) * 25,
        stalled_by_day=(0,) * 7,
        complete=True,
    )


def test_the_figures_are_those_counted_by_hand(store: Store, clock: FakeClock) -> None:
    runs = Runs()
    runs.add_some(dice(7), clock.now_ms - 9 * DAY_MS, clock.now_ms, 4_000)

    recent = recent_of(store, runs, clock.now_ms)

    def by_hour(state: JobState) -> tuple[int, ...]:
        found = [
            (run.finished_at - recent.since) // HOUR_MS
            for run in runs.rows
            if run.state is state
        ]
        return tuple(found.count(hour) for hour in range(25))

    day = [run for run in runs.rows if run.finished_at >= recent.since]
    assert recent.succeeded_by_hour == by_hour(JobState.SUCCEEDED)
    assert recent.failed_by_hour == by_hour(JobState.FAILED)
    left = 1 - clock.now_ms % HOUR_MS / HOUR_MS
    first, *others = recent.succeeded_by_hour
    assert recent.succeeded == round(first * left + sum(others))
    first, *others = recent.failed_by_hour
    assert recent.failed == round(first * left + sum(others))
    assert sum(recent.running_by_hour) == pytest.approx(
        sum(run.duration_ms for run in day) / HOUR_MS
    )
    assert sum(recent.pending_by_hour) == pytest.approx(
        sum(run.wait_ms for run in day) / HOUR_MS
    )
    failed = [run.job_name for run in day if run.state is JobState.FAILED]
    assert recent.top_failing == max(sorted(set(failed)), key=failed.count)


def test_the_day_before_a_week_counts_the_present_hour_as_far_as_it_has_come(
    store: Store, clock: FakeClock
) -> None:
    clock.advance_ms(15 * MINUTE_MS - clock.now_ms % HOUR_MS)
    then = clock.now_ms - WEEK_MS
    hour = then - 15 * MINUTE_MS
    runs = Runs(
        [
            *[Run(hour + minute * MINUTE_MS) for minute in range(0, 60, 15)],
            Run(hour - 1),
            Run(hour - DAY_MS),
            Run(hour - DAY_MS - 1),
            Run(hour + HOUR_MS),
            Run(hour, state=JobState.FAILED),
        ]
    )

    recent = recent_of(store, runs, clock.now_ms)

    assert recent.succeeded_before == 1 + 4 * 0.25 + 1 * 0.75
    assert recent.failed_before == 0.25


def test_the_last_day_has_24_hours_at_every_minute_of_the_hour(
    store: Store, clock: FakeClock
) -> None:
    clock.advance_ms(59 * MINUTE_MS - clock.now_ms % HOUR_MS)
    minutes = range(26 * 60)
    runs = Runs([Run(clock.now_ms - minute * MINUTE_MS) for minute in minutes])

    recent = recent_of(store, runs, clock.now_ms)

    assert abs(recent.succeeded - 24 * 60) <= 1


def test_a_week_before_is_not_known_until_the_back_fill_has_come_that_far(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms)])
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    known = []
    while True:
        recent = store.rollups.recent("orders", clock.now_ms)
        assert recent is not None
        known.append((recent.succeeded_before, recent.complete))
        if not store.rollups.backfill_step("orders", runs.read, clock.now_ms):
            break

    recent = store.rollups.recent("orders", clock.now_ms)
    assert recent is not None
    assert set(known) == {(None, False), (0.0, True)}
    assert (recent.succeeded_before, recent.complete) == (0.0, True)


def test_of_types_that_fail_equally_often_the_first_by_code_points_is_named(
    store: Store, clock: FakeClock
) -> None:
    names = ["émail", "zebra", "apple", "Zebra"]
    runs = Runs([Run(clock.now_ms, name, JobState.FAILED) for name in names])

    assert recent_of(store, runs, clock.now_ms).top_failing == "Zebra"


def test_stalled_runs_are_counted_in_spans_of_24_hours_that_end_now(
    store: Store, clock: FakeClock
) -> None:
    now = clock.now_ms
    for n, seen_at in enumerate(
        [
            now + 2 * DAY_MS,  # by a clock that was ahead
            now,
            now - DAY_MS + 1,
            now - DAY_MS,
            now - 7 * DAY_MS + 1,
            now - 7 * DAY_MS,
        ]
    ):
        see_stalled(store, str(n), seen_at)

    assert recent_of(store, Runs(), now).stalled_by_day == (1, 0, 0, 0, 0, 1, 3)
    assert store.episodes.count_since("orders", now - DAY_MS) == 4


def test_sums_beyond_32_bits_are_exact(store: Store, clock: FakeClock) -> None:
    runs = Runs([Run(clock.now_ms, duration_ms=2**52 + 1)])

    recent = recent_of(store, runs, clock.now_ms)

    assert recent.running_by_hour[-1] == (2**52 + 1) / HOUR_MS
