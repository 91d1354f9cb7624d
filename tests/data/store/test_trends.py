"""The numbers behind charts, against the same numbers counted by hand."""

from collections import Counter
from collections.abc import Iterator
from itertools import product

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.model import (
    Evidence,
    HourCell,
    JobState,
    Liveness,
    StallRule,
    StallState,
    Verdict,
)
from data.rules.by_worker import encode
from data.rules.stalls import StallLimits
from data.store import Store, open_store
from data.store.rollups import LEAST_KEPT_MS
from data.store.trends import Counts, Incident, Quantiles, StalledCell
from tests.conftest import FakeClock
from tests.data.store.runs import JOBS, Run, Runs, dice
from tests.factories import make_job
from tests.rolled import Ran, roll

BOUND = 0.048
#: What charts are made of.
STEPS_MS = [HOUR_MS, 6 * HOUR_MS, DAY_MS]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store that keeps as little as it may."""
    opened = open_store(store_url, retention_ms=DAY_MS)
    yield opened
    opened.close()


@pytest.fixture
def runs(clock: FakeClock) -> Runs:
    """Twelve days of runs, and a week without any in the middle."""
    made = Runs()
    now = clock.now_ms
    made.add_some(dice(1), now - 12 * DAY_MS, now - 10 * DAY_MS, 600)
    made.add_some(dice(2), now - 3 * DAY_MS, now, 900)
    return made


def fill(store: Store, runs: Runs, now_ms: int, source: str = "orders") -> None:
    store.rollups.refresh(source, runs.read, now_ms)
    while store.rollups.backfill_step(source, runs.read, now_ms):
        pass


def counted(runs: Runs, since: int, step_ms: int, job: str = "") -> dict[str, Counter]:
    found: dict[str, Counter] = {}
    for run in runs.rows:
        if run.finished_at >= since - since % step_ms and job in {"", run.job_name}:
            at = run.finished_at // step_ms * step_ms
            found.setdefault(run.state, Counter())[at] += 1
    return found


def test_nothing_is_told_of_a_source_that_was_never_read(
    store: Store, clock: FakeClock
) -> None:
    since, until = clock.now_ms - 90 * DAY_MS, clock.now_ms
    trends = store.trends

    for source in ("orders", ""):
        assert trends.hours(source, since, until) == []
        assert trends.days(source, since, until) == []
        assert trends.totals(source, since, until, DAY_MS) == {}
        assert trends.percentiles(source, since, until, DAY_MS) == []
        assert trends.top_jobs(source, since, until, 5) == []
        assert trends.stalled(source, since, until) == []
        assert trends.incidents(source, since, until) == []
        assert trends.known_since(source) is None
        assert trends.progress(source) is None
    assert trends.generation() == trends.generation()


def test_totals_are_those_counted_by_hand(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    since = clock.now_ms - 11 * DAY_MS

    for step_ms, job in product(STEPS_MS, ("", "send-mail", "nobody")):
        found = store.trends.totals("orders", since, clock.now_ms, step_ms, job)

        assert found == counted(runs, since, step_ms, job), (step_ms, job)


def test_hours_and_days_tell_runs_and_times_by_type_and_status_oldest_first(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    since, until = clock.now_ms - 2 * DAY_MS, clock.now_ms
    for read, step_ms in (
        (store.trends.hours, HOUR_MS),
        (store.trends.days, DAY_MS),
    ):
        sums: dict[tuple[int, str, JobState], list[int]] = {}
        for run in runs.rows:
            at = run.finished_at // step_ms * step_ms
            if at >= since - since % step_ms:
                cell = sums.setdefault((at, run.job_name, run.state), [0, 0, 0])
                cell[0] += 1
                cell[1] += run.duration_ms
                cell[2] += run.wait_ms

        found = read("orders", since, until)

        assert found == [Counts(*key, *sums[key]) for key in sorted(sums)]
        for job in JOBS:
            of_job = read("orders", since, until, job)
            assert of_job == [cell for cell in found if cell.job_name == job]


def test_all_sources_are_added_up(store: Store, runs: Runs, clock: FakeClock) -> None:
    since, until = clock.now_ms - 12 * DAY_MS, clock.now_ms
    fill(store, runs, until, "orders")
    fill(store, runs, until, "others")
    trends = store.trends

    one, both = (
        trends.totals(source, since, until, DAY_MS) for source in ("orders", "")
    )

    assert both == {
        state: {at: 2 * n for at, n in steps.items()} for state, steps in one.items()
    }
    assert [cell.runs for cell in trends.days("", since, until)] == [
        2 * cell.runs for cell in trends.days("orders", since, until)
    ]
    assert [
        row._replace(runs=row.runs // 2)
        for row in trends.percentiles("", since, until, DAY_MS)
    ] == trends.percentiles("orders", since, until, DAY_MS)


def test_percentiles_are_those_of_the_runs_up_to_the_bound(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms)
    since = clock.now_ms - 12 * DAY_MS
    for step_ms, job in product(STEPS_MS, ("", "make-report")):
        found = store.trends.percentiles(
            "orders", since, clock.now_ms, step_ms, job, status=JobState.FAILED
        )

        assert_percentiles(found, runs, step_ms, job)


def assert_percentiles(
    found: list[Quantiles], runs: Runs, step_ms: int, job: str
) -> None:
    """They are those of the failed runs."""
    lengths: dict[int, list[int]] = {}
    for run in runs.rows:
        if run.state is JobState.FAILED and job in {"", run.job_name}:
            at = run.finished_at // step_ms * step_ms
            lengths.setdefault(at, []).append(max(1, run.duration_ms))

    assert [row.at for row in found] == sorted(lengths)
    assert {row.job_name for row in found} == {job}
    for row in found:
        ran = sorted(lengths[row.at])
        assert row.runs == len(ran)
        for part, value in ((50, row.p50), (95, row.p95), (99, row.p99)):
            exact = ran[-(-len(ran) * part // 100) - 1]
            assert abs(value / exact - 1) <= BOUND


def test_overall_is_of_all_steps_together(store: Store, clock: FakeClock) -> None:
    hour = clock.now_ms // HOUR_MS * HOUR_MS
    roll(
        store,
        Ran(hour, "etl", succeeded=3, failed=9, took_ms=1_000),
        Ran(hour - DAY_MS, "etl", succeeded=1, took_ms=100_000),
        Ran(hour, "mail", succeeded=5, took_ms=7),
        source="orders",
    )
    for step_ms in (HOUR_MS, DAY_MS):
        found = store.trends.overall(
            "orders", hour - 2 * DAY_MS, hour + 1, step_ms, "etl"
        )
        assert found is not None
        assert found.runs == 4
        assert found.p50 == pytest.approx(1_000, rel=0.048)
        assert found.p99 == pytest.approx(100_000, rel=0.048)
    assert store.trends.overall("orders", hour, hour + 1, HOUR_MS, "never") is None
    assert store.trends.overall("other", hour, hour + 1, HOUR_MS) is None


def test_the_job_types_with_most_runs_come_first(
    store: Store, clock: FakeClock
) -> None:
    names = ["b"] * 3 + ["c"] * 3 + ["a"] * 2 + ["d"]
    runs = Runs([Run(clock.now_ms, name) for name in names])
    runs.rows += [Run(clock.now_ms - 20 * DAY_MS, "long ago")] * 9
    fill(store, runs, clock.now_ms)

    found = store.trends.top_jobs("orders", clock.now_ms - DAY_MS, clock.now_ms, 3)

    assert found == ["b", "c", "a"]


def test_the_first_reading_comes_from_nothing_to_everything(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    store.rollups.refresh("orders", runs.read, clock.now_ms)
    parts, known = [], []
    while store.rollups.backfill_step("orders", runs.read, clock.now_ms):
        parts.append(store.trends.progress("orders"))
        known.append(store.trends.known_since("orders"))

    assert parts == sorted(set(parts))
    assert 0 < (parts[0] or 0) < 0.1
    assert 0.9 < (parts[-1] or 0) <= 1
    assert known == sorted(set(known), reverse=True)
    assert store.trends.progress("orders") is None
    assert store.trends.progress("") is None
    oldest = clock.now_ms - LEAST_KEPT_MS
    assert store.trends.known_since("orders") == oldest - oldest % DAY_MS


def test_of_all_sources_the_one_that_is_least_far_counts(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    fill(store, runs, clock.now_ms, "orders")
    store.rollups.refresh("others", runs.read, clock.now_ms)

    assert store.trends.progress("orders") is None
    assert store.trends.progress("") == store.trends.progress("others")
    assert store.trends.known_since("") == store.trends.known_since("others")


def test_the_generation_differs_when_a_cell_or_an_episode_changed(
    store: Store, runs: Runs, clock: FakeClock
) -> None:
    now = clock.now_ms
    seen = [store.trends.generation()]

    def differs() -> bool:
        seen.append(store.trends.generation())
        return len(set(seen)) == len(seen)

    fill(store, runs, now)
    assert differs()
    store.rollups.refresh("orders", runs.read, now)
    assert not differs()
    seen.pop()
    runs.rows.append(Run(now))
    store.rollups.refresh("orders", runs.read, now)
    assert differs()
    watch(store, "7", now)
    assert differs()
    store.episodes.close("orders", {"7": "failed"}, now - DAY_MS)
    assert differs()


def test_workers_are_counted_as_by_hand(
    store: Store, clock: FakeClock, runs: Runs
) -> None:
    runs.rows += [Run(clock.now_ms, worker="") for _ in range(3)]
    fill(store, runs, clock.now_ms)
    for step_ms, job in product(STEPS_MS, ("", JOBS[0])):
        since = clock.now_ms // step_ms * step_ms - step_ms
        until = since + 2 * step_ms

        expected = Counter(
            (run.worker, run.state)
            for run in runs.rows
            if since <= run.finished_at < until and job in {"", run.job_name}
        )

        for source in ("orders", ""):
            found = store.trends.workers(source, since, until, step_ms, job)
            assert {(name, state): n for name, state, n in found} == expected
        assert store.trends.workers("others", since, until, step_ms) == []


def test_a_run_that_ended_between_the_two_reads_is_not_counted_below_nothing(
    store: Store, clock: FakeClock
) -> None:
    hour = clock.now_ms // HOUR_MS * HOUR_MS
    cell = HourCell(hour, "etl", JobState.FAILED, 1, 0, 0, workers=encode({"w1": 2}))
    store.rollups.refresh("orders", lambda _since, _until: [cell], clock.now_ms)

    found = store.trends.workers("orders", hour, hour + HOUR_MS, HOUR_MS)

    assert found == [("w1", JobState.FAILED, 2)]


def watch(store: Store, run_id: str, at_ms: int, source: str = "orders") -> None:
    evidence = Evidence(at_ms - HOUR_MS, None, Liveness.NONE, None)
    verdict = Verdict(
        StallState.OVERDUE, StallRule.DEFAULT_LIMIT, 30 * MINUTE_MS, HOUR_MS, evidence
    )
    store.episodes.record(source, {run_id: verdict}, {run_id: "send-mail"}, at_ms)


def test_stalled_episodes_and_incidents_say_how_they_became_known(
    store: Store, clock: FakeClock
) -> None:
    now = clock.now_ms
    today = now - now % DAY_MS
    fill(store, Runs([Run(now)]), now)
    for run_id in ("1", "2", "3"):
        watch(store, run_id, now)
    store.episodes.close("orders", {"1": "failed", "2": "failed"}, now + MINUTE_MS)
    late = make_job(
        "4",
        job_name="send-mail",
        state=JobState.SUCCEEDED,
        started_at=today - 2 * HOUR_MS,
        finished_at=today - HOUR_MS,
    )
    store.episodes.record_past("orders", [late], StallLimits())
    since, until = today - DAY_MS, now + DAY_MS

    assert store.trends.stalled("orders", since, until) == [
        StalledCell(today - DAY_MS, "send-mail", "succeeded", "durations", 1),
        StalledCell(today, "send-mail", "", "watched", 1),
        StalledCell(today, "send-mail", "failed", "watched", 2),
    ]
    overdue_at = today - 2 * HOUR_MS + 30 * MINUTE_MS
    began = now - 30 * MINUTE_MS
    watched = Incident("stalled", "send-mail", began, now, now + MINUTE_MS, "watched")
    assert store.trends.incidents("", since, until) == [
        Incident(
            "stalled",
            "send-mail",
            overdue_at,
            overdue_at,
            today - HOUR_MS,
            "durations",
        ),
        watched,
        watched,
    ]
    assert store.trends.stalled("orders", since, until, "nobody") == []
    assert store.trends.stalled("others", since, until) == []
    assert len(store.trends.incidents("orders", now, until)) == 2
