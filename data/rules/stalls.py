"""When is a run stalled, and why.

The fixed rule: a RUNNING run with a start time is overdue when it has run for
longer than its limit, strictly. A lost heartbeat is evidence, not a verdict of
its own. A run whose clock cannot be right (started or beating in the future, or in
seconds where milliseconds are meant) is shown and not judged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from data.clock import MINUTE_MS, SECOND_MS
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
from data.rules.units import wrong_unit

#: How far in the future an instant may lie before the clocks are said to differ.
CLOCK_TOLERANCE_MS: Final = 5 * SECOND_MS


@dataclass(frozen=True, kw_only=True)
class StallLimits:
    """How long a run may be RUNNING, and its worker silent."""

    #: for a type that has no other limit
    default_ms: int = 30 * MINUTE_MS
    #: by job name
    by_type: Mapping[str, int] = field(default_factory=dict)
    #: a heartbeat older than this is lost
    heartbeat_ms: int = 2 * MINUTE_MS

    def of(self, job_name: str) -> int:
        """The limit for runs of ``job_name``, in milliseconds."""
        return self.by_type.get(job_name, self.default_ms)

    def rule_of(self, job_name: str) -> StallRule:
        """Which of the two that limit is."""
        own = job_name in self.by_type
        return StallRule.TYPE_LIMIT if own else StallRule.DEFAULT_LIMIT

    @property
    def shortest_ms(self) -> int:
        """No run is over its limit before it is over this one."""
        return min([self.default_ms, *self.by_type.values()])


def liveness_of(job: Job, *, now_ms: int, limits: StallLimits) -> Liveness:
    """What the run's heartbeat says at ``now_ms``."""
    if job.heartbeat_at is None:
        return Liveness.NONE
    silent_ms = now_ms - job.heartbeat_at
    return Liveness.LOST if silent_ms > limits.heartbeat_ms else Liveness.FRESH


def anomaly_of(job: Job, *, now_ms: int) -> Anomaly | None:
    """Why the run cannot be judged at ``now_ms``; None when it can, or need not be."""
    if job.state is JobState.OTHER:
        return Anomaly.UNKNOWN_STATUS
    if unit := wrong_unit(job):
        return unit
    if job.state is not JobState.RUNNING:
        return None
    if job.started_at is None:
        return Anomaly.NO_START
    latest = max(job.started_at, job.heartbeat_at or job.started_at)
    return Anomaly.CLOCK_DIFFERS if latest > now_ms + CLOCK_TOLERANCE_MS else None


def verdict_of(job: Job, *, now_ms: int, limits: StallLimits) -> Verdict | None:
    """Why the run is stalled at ``now_ms``, or None when it is not.

    Exactly ``limit`` old is not stalled; one millisecond more is.
    """
    if job.state is not JobState.RUNNING or job.started_at is None:
        return None
    limit_ms = limits.of(job.job_name)
    elapsed_ms = now_ms - job.started_at
    if elapsed_ms <= limit_ms or anomaly_of(job, now_ms=now_ms):
        return None
    evidence = Evidence(
        job.started_at,
        job.heartbeat_at,
        liveness_of(job, now_ms=now_ms, limits=limits),
        job.worker,
        job.sign,
    )
    rule = limits.rule_of(job.job_name)
    return Verdict(StallState.OVERDUE, rule, limit_ms, elapsed_ms, evidence)


def is_alive(verdict: Verdict) -> bool:
    """Is a stalled run slow rather than dead: does it still give signs of life?

    Such a run is never cleaned up unless somebody chooses it by name.
    """
    return verdict.evidence.liveness is Liveness.FRESH


def was_overdue(job: Job, limits: StallLimits) -> bool:
    """Did a finished run take longer than its limit?"""
    if job.started_at is None or job.finished_at is None or wrong_unit(job):
        return False
    return job.finished_at - job.started_at > limits.of(job.job_name)


def judge(jobs: Iterable[Job], *, now_ms: int, limits: StallLimits) -> Judgement:
    """Judge open runs at ``now_ms``; the order of the jobs is kept.

    The same as ``anomaly_of`` and ``verdict_of`` run by run; a young run with a sane
    clock, as most are, is passed by at a glance.
    """
    verdicts: dict[str, Verdict] = {}
    anomalies: dict[str, Anomaly] = {}
    horizon = now_ms - limits.shortest_ms
    for job in jobs:
        state, started_at, beat = job.state, job.started_at, job.heartbeat_at
        if state is JobState.RUNNING:
            if (
                started_at
                and horizon <= started_at <= now_ms
                and (beat is None or beat <= now_ms)
                and wrong_unit(job) is None
            ):
                continue
        elif state is not JobState.OTHER and wrong_unit(job) is None:
            continue
        anomaly = anomaly_of(job, now_ms=now_ms)
        if anomaly is not None:
            anomalies[job.run_id] = anomaly
            continue
        verdict = verdict_of(job, now_ms=now_ms, limits=limits)
        if verdict is not None:
            verdicts[job.run_id] = verdict
    return Judgement(verdicts, anomalies)
