"""The stall rule, on both sides of every limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.clock import DAY_MS, MINUTE_MS
from data.model import (
    Anomaly,
    Evidence,
    Job,
    JobState,
    Judgement,
    Liveness,
    StallRule,
    StallState,
    Verdict,
)
from data.rules.stalls import (
    CLOCK_TOLERANCE_MS,
    StallLimits,
    anomaly_of,
    judge,
    liveness_of,
    verdict_of,
)
from tests.factories import NOW, make_job

LIMITS = StallLimits(by_type={"match-scores": 2 * 60 * MINUTE_MS, "ping": 1_000})
DURATIONS = st.integers(1, 400 * DAY_MS)

_names = st.sampled_from(["send-mail", "match-scores", "ping", ""])
_near = st.one_of(
    st.none(),
    st.integers(NOW - 3 * 60 * MINUTE_MS, NOW + 2 * CLOCK_TOLERANCE_MS),
    st.sampled_from(
        [
            NOW - limit + apart
            for limit in (30 * MINUTE_MS, 120 * MINUTE_MS, 1_000, 0)
            for apart in (-1, 0, 1)
        ]
    ),
)
JOBS = st.builds(
    lambda name, state, started, beat: make_job(
        job_name=name, state=state, started_at=started, heartbeat_at=beat
    ),
    _names,
    st.sampled_from(JobState),
    _near,
    _near,
)


@given(limit_ms=DURATIONS, now_ms=st.integers(NOW, 2**45))
def test_exactly_the_limit_is_not_stalled_and_one_millisecond_more_is(
    limit_ms: int, now_ms: int
) -> None:
    limits = StallLimits(default_ms=limit_ms)
    in_time = make_job(started_at=now_ms - limit_ms)
    late = make_job(started_at=now_ms - limit_ms - 1)

    assert verdict_of(in_time, now_ms=now_ms, limits=limits) is None
    assert verdict_of(late, now_ms=now_ms, limits=limits)
    assert not judge([in_time], now_ms=now_ms, limits=limits).verdicts
    assert judge([late], now_ms=now_ms, limits=limits).verdicts


def test_a_verdict_tells_everything_it_rests_on() -> None:
    started = NOW - 31 * MINUTE_MS
    job = make_job(started_at=started, heartbeat_at=NOW - 1_000, worker="host:7")

    assert verdict_of(job, now_ms=NOW, limits=LIMITS) == Verdict(
        StallState.OVERDUE,
        StallRule.DEFAULT_LIMIT,
        30 * MINUTE_MS,
        31 * MINUTE_MS,
        Evidence(started, NOW - 1_000, Liveness.FRESH, "host:7"),
    )


@pytest.mark.parametrize(
    ("name", "elapsed_ms", "rule"),
    [
        ("match-scores", 31 * MINUTE_MS, None),
        ("match-scores", 120 * MINUTE_MS, None),
        ("match-scores", 120 * MINUTE_MS + 1, StallRule.TYPE_LIMIT),
        ("ping", 1_000, None),
        ("ping", 1_001, StallRule.TYPE_LIMIT),
        ("send-mail", 30 * MINUTE_MS, None),
        ("send-mail", 30 * MINUTE_MS + 1, StallRule.DEFAULT_LIMIT),
    ],
)
def test_a_type_with_its_own_limit_is_judged_by_it(
    name: str, elapsed_ms: int, rule: StallRule | None
) -> None:
    job = make_job(job_name=name, started_at=NOW - elapsed_ms)

    verdict = judge([job], now_ms=NOW, limits=LIMITS).verdicts.get("1")

    assert (verdict and verdict.rule) == rule


@pytest.mark.parametrize("state", sorted(set(JobState) - {JobState.RUNNING}))
def test_only_running_runs_are_judged(state: JobState) -> None:
    job = make_job(state=state, started_at=0)

    assert verdict_of(job, now_ms=NOW, limits=LIMITS) is None
    assert not judge([job], now_ms=NOW, limits=LIMITS).verdicts


@pytest.mark.parametrize(
    ("job", "anomaly"),
    [
        pytest.param(make_job(started_at=None), Anomaly.NO_START, id="no start"),
        pytest.param(
            make_job(started_at=NOW + CLOCK_TOLERANCE_MS), None, id="start tolerated"
        ),
        pytest.param(
            make_job(started_at=NOW + CLOCK_TOLERANCE_MS + 1),
            Anomaly.CLOCK_DIFFERS,
            id="start in the future",
        ),
        pytest.param(
            make_job(started_at=0, heartbeat_at=NOW + CLOCK_TOLERANCE_MS),
            None,
            id="heartbeat tolerated",
        ),
        pytest.param(
            make_job(started_at=0, heartbeat_at=NOW + CLOCK_TOLERANCE_MS + 1),
            Anomaly.CLOCK_DIFFERS,
            id="heartbeat from the future",
        ),
        pytest.param(
            make_job(state=JobState.OTHER, status_word="PAUSED", started_at=0),
            Anomaly.UNKNOWN_STATUS,
            id="unknown word",
        ),
        pytest.param(
            make_job(state=JobState.PENDING, started_at=None), None, id="waiting"
        ),
        pytest.param(make_job(), None, id="all well"),
    ],
)
def test_a_run_whose_times_cannot_be_right_is_named_and_not_judged(
    job: Job, anomaly: Anomaly | None
) -> None:
    judgement = judge([job], now_ms=NOW, limits=LIMITS)

    assert anomaly_of(job, now_ms=NOW) == anomaly
    assert judgement.anomalies == ({"1": anomaly} if anomaly else {})
    assert not (anomaly and judgement.verdicts)


@given(st.integers(1, DAY_MS))
def test_a_heartbeat_is_lost_one_millisecond_after_its_limit(limit_ms: int) -> None:
    limits = StallLimits(heartbeat_ms=limit_ms)
    fresh = make_job(heartbeat_at=NOW - limit_ms)
    lost = make_job(heartbeat_at=NOW - limit_ms - 1)

    assert liveness_of(fresh, now_ms=NOW, limits=limits) is Liveness.FRESH
    assert liveness_of(lost, now_ms=NOW, limits=limits) is Liveness.LOST
    never = make_job(heartbeat_at=None)
    assert liveness_of(never, now_ms=NOW, limits=limits) is Liveness.NONE


def test_a_lost_heartbeat_alone_stalls_nobody() -> None:
    job = make_job(started_at=NOW - 10 * MINUTE_MS, heartbeat_at=NOW - 9 * MINUTE_MS)

    assert judge([job], now_ms=NOW, limits=LIMITS) == Judgement({}, {})


@given(st.lists(JOBS, max_size=30))
def test_judging_all_gives_what_judging_each_gives(jobs: list[Job]) -> None:
    jobs = [job._replace(run_id=str(number)) for number, job in enumerate(jobs)]
    each = [
        (job.run_id, verdict_of(job, now_ms=NOW, limits=LIMITS), anomaly)
        for job in jobs
        for anomaly in [anomaly_of(job, now_ms=NOW)]
    ]

    assert judge(jobs, now_ms=NOW, limits=LIMITS) == Judgement(
        {run_id: verdict for run_id, verdict, _ in each if verdict},
        {run_id: anomaly for run_id, _, anomaly in each if anomaly},
    )


@given(st.lists(JOBS, max_size=20))
def test_the_order_of_the_runs_is_kept(jobs: list[Job]) -> None:
    jobs = [job._replace(run_id=str(number)) for number, job in enumerate(jobs)]
    verdicts, anomalies = judge(jobs, now_ms=NOW, limits=LIMITS)

    assert list(verdicts) == sorted(verdicts, key=int)
    assert list(anomalies) == sorted(anomalies, key=int)
