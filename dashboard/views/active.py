"""The active runs as rows for the grid."""

from heapq import nsmallest
from typing import Final, TypedDict

from dashboard.format import count, shorten, shorten_name
from dashboard.theme import TONES
from dashboard.views.signs import SHORT
from data.model import Anomaly, Job, JobState, Snapshot
from data.rules.stalls import StallLimits, liveness_of
from data.rules.units import FIXES

#: Rows on the page at most, but for stalled runs: of those every one is there.
MAX_ROWS: Final = 500
#: What people read of a job's own texts.
NAME_LENGTH: Final = 120
#: Of a name in a list that is no grid: the whole name is shown on hover.
LISTED_NAME: Final = 60
#: Of a name that the page shortens itself: whole, in all but the oddest cases.
WHOLE_NAME: Final = 255
_RANKS: Final = {JobState.RUNNING: 1, JobState.OTHER: 2, JobState.PENDING: 3}


class RowView(TypedDict, total=False):
    """One run. Absent keys mean: nothing to show."""

    id: str
    job: str
    #: words and colour of the status chip
    status: str
    tone: str
    #: 0 stalled, 1 running, then the rest: the order when nobody sorts
    rank: int
    #: when it started, or was enqueued: the order within a rank
    at: int
    #: when it started, for the elapsed bar
    started: int
    limit: int
    worker: str
    #: what is said of its liveness, and the instant it is the age of
    alive: str
    beat: int
    #: 0..1
    progress: float


class ActiveView(TypedDict):
    """The rows, and how many there are in truth."""

    rows: list[RowView]
    total: int
    count: str
    #: said when not all rows are shown, "" otherwise
    more: str


def active_view(snapshot: Snapshot, limits: StallLimits) -> ActiveView:
    """Stalled runs first, then running by start, then waiting by age."""
    total = sum(snapshot.counts.values())
    now_ms = snapshot.read_at or 0
    verdicts = snapshot.judgement.verdicts
    chosen = _chosen(snapshot)
    rows = [
        _row(
            job,
            stalled=job.run_id in verdicts,
            anomaly=snapshot.judgement.anomalies.get(job.run_id),
            limits=limits,
            now_ms=now_ms,
        )
        for job in chosen
    ]
    more = ""
    if total > len(rows):
        more = f"Showing {count(len(rows))} of {count(total)} active jobs."
    return ActiveView(
        rows=rows,
        total=total,
        count=f"{count(total)} {'job' if total == 1 else 'jobs'}",
        more=more,
    )


def _chosen(snapshot: Snapshot) -> list[Job]:
    """Every stalled run, and others up to the row limit."""
    verdicts = snapshot.judgement.verdicts
    stalled = [job for job in snapshot.jobs if job.run_id in verdicts]
    room = max(0, MAX_ROWS - len(stalled))
    others = [job for job in snapshot.jobs if job.run_id not in verdicts]
    if len(others) > room:
        others = _first(others, room)
    return stalled + others


def _first(jobs: list[Job], room: int) -> list[Job]:
    """The first in order; of thousands, mostly running, a whole sort would cost more."""
    running = [job for job in jobs if job.state is JobState.RUNNING]
    first = sorted(running, key=_began)[:room]
    if len(first) < room:
        others = [job for job in jobs if job.state is not JobState.RUNNING]
        first += nsmallest(room - len(first), others, key=_order)
    return first


def _began(job: Job) -> int:
    return job.started_at or job.enqueued_at or 0


def _order(job: Job) -> tuple[int, int]:
    return _RANKS.get(job.state, 4), _began(job)


def _row(
    job: Job,
    *,
    stalled: bool,
    anomaly: Anomaly | None,
    limits: StallLimits,
    now_ms: int,
) -> RowView:
    row = RowView(
        id=job.run_id,
        job=shorten_name(job.job_name, WHOLE_NAME),
        status="Stalled" if stalled else _status_words(job),
        tone="warn" if stalled else TONES[job.state],
        rank=0 if stalled else _order(job)[0],
        at=_order(job)[1],
        limit=limits.of(job.job_name),
    )
    if job.worker:
        row["worker"] = shorten(job.worker, NAME_LENGTH)
    if job.progress is not None:
        row["progress"] = min(1.0, max(0.0, job.progress))
    if job.state is JobState.RUNNING:
        _add_running(row, job, anomaly, limits, now_ms)
    else:
        _add_waiting(row, job, anomaly)
    return row


def _status_words(job: Job) -> str:
    if job.state is JobState.OTHER:
        return shorten(job.status_word, 40)
    return job.state.value.capitalize()


def _add_running(
    row: RowView, job: Job, anomaly: Anomaly | None, limits: StallLimits, now_ms: int
) -> None:
    if job.started_at is not None and anomaly not in FIXES:
        row["started"] = job.started_at
    if anomaly is not None:
        row["alive"] = f"{anomaly.value}, not judged"
        return
    liveness = liveness_of(job, now_ms=now_ms, limits=limits)
    row["alive"] = SHORT[job.sign][liveness]
    if job.cancel_requested_at is not None:
        row["alive"], row["beat"] = "asked to stop", job.cancel_requested_at
    elif job.heartbeat_at is not None:
        row["beat"] = job.heartbeat_at


def _add_waiting(row: RowView, job: Job, anomaly: Anomaly | None) -> None:
    if anomaly is not None:
        row["alive"] = f"{anomaly.value}, not judged"
    elif job.state is JobState.SCHEDULED and job.scheduled_at is not None:
        row["alive"], row["beat"] = "due", job.scheduled_at
    elif job.enqueued_at is not None:
        row["alive"], row["beat"] = "queued", job.enqueued_at
