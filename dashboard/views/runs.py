"""A run as programs get it."""

from dataclasses import dataclass

from dashboard.views.instants import odd_values
from data.all_sources import ALL, parted
from data.model import Job, JobState, Judgement, Verdict
from data.rules.units import wrong_unit


@dataclass(frozen=True, kw_only=True)
class VerdictView:
    """Why a run counts as stalled."""

    state: str
    rule: str
    limit_ms: int
    elapsed_ms: int
    evidence: dict[str, str | int | None]


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One run; instants are epoch milliseconds."""

    source: str
    run_id: str
    job_name: str
    queue: str
    status: str
    attempt: int
    worker: str | None
    progress: float | None
    enqueued_at: int | None
    scheduled_at: int | None
    started_at: int | None
    heartbeat_at: int | None
    finished_at: int | None
    cancel_requested_at: int | None
    verdict: VerdictView | None
    #: by field what its row holds that is no instant, or no number, as text
    odd: dict[str, str]
    #: why a run could not be judged: "time in seconds"; null when it could, or need not be
    not_judged: str | None


def run_view(source: str, job: Job, judgement: Judgement) -> RunView:
    """One run of ``source``, and what was made of it if it is open."""
    name, run_id = parted(job.run_id) if source == ALL else (source, job.run_id)
    is_known = job.state is not JobState.OTHER
    odd = odd_values(job)
    return RunView(
        source=name,
        run_id=run_id,
        job_name=job.job_name,
        queue=job.queue,
        status=job.state.value if is_known else job.status_word,
        attempt=job.attempt,
        worker=job.worker,
        progress=None if "progress" in odd else job.progress,
        enqueued_at=job.enqueued_at,
        scheduled_at=job.scheduled_at,
        started_at=job.started_at,
        heartbeat_at=job.heartbeat_at,
        finished_at=job.finished_at,
        cancel_requested_at=job.cancel_requested_at,
        verdict=verdict_view(judgement.verdicts.get(job.run_id)),
        not_judged=judgement.anomalies.get(job.run_id) or wrong_unit(job),
        odd=odd,
    )


def verdict_view(verdict: Verdict | None) -> VerdictView | None:
    """A verdict with its evidence, None for a run that is not stalled."""
    if verdict is None:
        return None
    return VerdictView(
        state=verdict.state.value,
        rule=verdict.rule.value,
        limit_ms=verdict.limit_ms,
        elapsed_ms=verdict.elapsed_ms,
        evidence={
            "started_at": verdict.evidence.started_at,
            "heartbeat_at": verdict.evidence.heartbeat_at,
            "heartbeat": verdict.evidence.liveness.value,
            "worker": verdict.evidence.worker,
        },
    )
