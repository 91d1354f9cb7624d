"""What a job run is, and what is known about the runs of a source at one instant.

Instants are epoch milliseconds (UTC), durations milliseconds. Only the standard
library is imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple


class JobState(StrEnum):
    """The canonical states; an engine maps its own words to these."""

    #: to be run at a later instant
    SCHEDULED = "SCHEDULED"
    #: waiting for a worker
    PENDING = "PENDING"
    #: held by a worker
    RUNNING = "RUNNING"
    #: ended well
    SUCCEEDED = "SUCCEEDED"
    #: ended with an error, or was cleaned up
    FAILED = "FAILED"
    #: called off
    CANCELLED = "CANCELLED"
    #: a word the engine does not document: shown, never judged
    OTHER = "OTHER"


#: The states a run ends in.
FINISHED: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
#: The states before that.
OPEN: Final = frozenset(JobState) - FINISHED


class LifeSign(StrEnum):
    """What an engine keeps as the last sign of life of a run, in ``heartbeat_at``."""

    #: the worker says now and then that it is alive
    HEARTBEAT = "heartbeat"
    #: the end of the last finished step: a long step is silent, and alive
    STEP = "step"


class Job(NamedTuple):
    """One run.

    A named tuple and not a dataclass: thousands are made at each read, and a frozen
    dataclass costs four times as much (``bench/stall_check.py``).
    """

    run_id: str
    job_name: str
    queue: str
    state: JobState
    #: the engine's own word for the state
    status_word: str
    attempt: int
    worker: str | None
    #: 0..1, None when the job does not tell
    progress: float | None
    enqueued_at: int | None
    scheduled_at: int | None
    started_at: int | None
    heartbeat_at: int | None
    finished_at: int | None
    #: when somebody asked the run to stop, None when nobody did
    cancel_requested_at: int | None
    #: what ``heartbeat_at`` means
    sign: LifeSign = LifeSign.HEARTBEAT
    #: (field, text) of what is in its row instead of a number or an instant
    odd: tuple[tuple[str, str], ...] = ()


class Step(NamedTuple):
    """A part of a run that its engine remembers."""

    name: str
    started_at: int | None
    #: None while it runs, where the engine tells
    finished_at: int | None
    failed: bool


@dataclass(frozen=True, kw_only=True)
class RunDetails:
    """One run with its long texts, each cut to what a person can read."""

    job: Job
    max_attempts: int | None
    #: JSON as it is stored; None where there is none
    params: str | None
    result: str | None
    error_type: str | None
    #: message and traceback
    error: str | None
    #: of "params", "result", "error": of these only the beginning is here
    cut: frozenset[str] = frozenset()
    #: of the same: these are there in a binary format, which is never opened
    binary: frozenset[str] = frozenset()
    #: in the order they began
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunFilter:
    """Which runs are asked for; every condition must hold."""

    #: empty: every state
    states: frozenset[JobState] = frozenset()
    job_name: str | None = None
    queue: str | None = None
    #: finished, or while open enqueued, at or after this instant
    since_ms: int | None = None
    #: the same, before this instant
    until_ms: int | None = None
    #: part of error or params whatever the case, or a run's id
    text: str = ""


class RunPage(NamedTuple):
    """Some runs: open ones first by id, then finished ones by end, newest first."""

    jobs: list[Job]
    #: where to go on; None when there is nothing older
    next: str | None
    #: a search that was stopped looked back to here; None when the page is whole
    searched_to_ms: int | None = None
    #: what could not be read, a sentence each
    missing: tuple[str, ...] = ()
    #: where to go on after each of the jobs, as ``next`` is after the last one
    cursors: tuple[str, ...] = ()


class OpenRuns(NamedTuple):
    """What is not finished."""

    #: every RUNNING run (at most the engine's cap) and the oldest of the waiting ones
    jobs: list[Job]
    #: the true number of open runs by state, whatever ``jobs`` holds
    counts: Mapping[JobState, int]


class StallState(StrEnum):
    """Why a run counts as stalled. A lost heartbeat is evidence, see ``Liveness``."""

    #: RUNNING for longer than its limit
    OVERDUE = "overdue"


class Liveness(StrEnum):
    """What the heartbeat says."""

    #: the last heartbeat is recent
    FRESH = "fresh"
    #: the last heartbeat is too old
    LOST = "lost"
    #: the run never sent one
    NONE = "none"


class StallRule(StrEnum):
    """Which limit a verdict rests on."""

    #: the limit for every type that has no other
    DEFAULT_LIMIT = "default limit"
    #: the limit set for this job type
    TYPE_LIMIT = "limit of this job type"


class Evidence(NamedTuple):
    """What was known when a run was judged."""

    started_at: int
    heartbeat_at: int | None
    liveness: Liveness
    worker: str | None
    sign: LifeSign = LifeSign.HEARTBEAT


class Verdict(NamedTuple):
    """Why a run counts as stalled."""

    state: StallState
    rule: StallRule
    limit_ms: int
    elapsed_ms: int
    evidence: Evidence


class Anomaly(StrEnum):
    """Why an open run could not be judged."""

    #: started or beating later than now: the clocks differ
    CLOCK_DIFFERS = "clock differs"
    #: RUNNING without a start time
    NO_START = "no start time"
    #: a status word nobody documents
    UNKNOWN_STATUS = "unknown status"
    #: an instant that is no epoch milliseconds, see ``data.rules.units``
    SECONDS = "time in seconds"
    MICROSECONDS = "time in microseconds"
    NANOSECONDS = "time in nanoseconds"


class Judgement(NamedTuple):
    """All open runs of a source, judged at one instant."""

    #: by run id; stalled runs only
    verdicts: dict[str, Verdict]
    #: by run id; runs that could not be judged
    anomalies: dict[str, Anomaly]


class Severity(StrEnum):
    """How much an alert matters, least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The more it matters, the greater."""
        return [*Severity].index(self)


class AlertState(StrEnum):
    """Where an alert stands."""

    INACTIVE = "inactive"
    #: breached, but not for long enough yet
    PENDING = "pending"
    FIRING = "firing"
    #: recovered a short while ago
    RESOLVED = "resolved"
    #: there is nothing to judge by: neither good nor bad
    NO_DATA = "no data"


class AlertNews(NamedTuple):
    """What is told of an alert: once for each episode, kind and step."""

    #: "fired", "escalated" or "resolved"
    kind: str
    rule: str
    #: which of the rule's alerts; "" where there is one
    label: str
    severity: Severity
    title: str
    sentence: str
    episode_id: int
    #: 0 for the first message, 1 to 3 for escalations
    step: int
    at: int
    #: the page with the cause, below the prefix: "/errors?group=v1:12ab"
    link_path: str
    #: "" where they are not known
    source: str = ""
    job_name: str = ""


class GroupStatus(StrEnum):
    """What people, or time, made of a group of errors."""

    OPEN = "open"
    RESOLVED = "resolved"
    IGNORED = "ignored"
    #: it came back after it was resolved
    REGRESSED = "regressed"


@dataclass(frozen=True, kw_only=True)
class ErrorEvent:
    """One tracked error, scrubbed and cut; made by ``data.tracking.events``."""

    #: 32 hex digits, made where the error happened: the same again is no news
    event_id: str
    #: which group it belongs to
    fingerprint: str
    #: what the group is called
    title: str
    at: int
    received_at: int
    #: "error" or "warning"
    level: str
    #: "browser", "server" or "job"
    origin: str
    kind: str
    type: str
    message: str
    #: "" where they are not known
    action: str = ""
    component: str = ""
    job_name: str = ""
    #: name of the source that the run belongs to
    source: str = ""
    run_id: str = ""
    #: a salted hash of who met it, "" for nobody
    visitor: str = ""
    #: how often it happened
    times: int = 1
    #: the event as JSON, for those who look at it
    body: str = "{}"
    #: the group it would have belonged to before errors were told apart by their codes
    before: str = ""


class Failure(NamedTuple):
    """A failed run, and what it kept of its error."""

    job: Job
    error_type: str
    #: message and traceback, cut
    error: str
    #: JSON, cut; "" where there are none
    params: str


class HourCell(NamedTuple):
    """The runs of one job type that ended in one hour with one status."""

    #: start of the hour, epoch ms UTC
    hour: int
    job_name: str
    status: JobState
    runs: int
    #: summed finished - started; runs without a start count 0
    duration_ms: int
    #: summed started - enqueued; runs without a start count 0
    wait_ms: int
    #: a histogram of finished - started, see ``data.rules.histogram``; runs without a
    #: start are not in it
    durations: bytes = b""
    #: runs by worker, see ``data.rules.by_worker``; runs without one are not in it
    workers: str = "{}"


class Weeks(NamedTuple):
    """Runs that ended in seven days, and in the seven before; see ``data.rules.weeks``."""

    failed: int
    #: succeeded or failed
    finished: int
    #: of the seven days before: all 0 where not every hour of them is counted
    failed_before: int
    finished_before: int
    #: failed runs of each of the 14 days; empty where nobody asked
    daily: tuple[int, ...] = ()
    #: the end of the newer week, epoch ms
    until: int = 0
    cancelled: int = 0
    cancelled_before: int = 0

    @property
    def rate(self) -> float | None:
        """The error rate of the newer week; None without such runs."""
        return self.failed / self.finished if self.finished else None

    @property
    def rate_before(self) -> float | None:
        """The error rate of the older week; None without such runs, or not known."""
        if not self.finished_before:
            return None
        return self.failed_before / self.finished_before

    @property
    def ended(self) -> int:
        """All runs of the newer week."""
        return self.finished + self.cancelled

    @property
    def ended_before(self) -> int:
        """All runs of the older week."""
        return self.finished_before + self.cancelled_before


@dataclass(frozen=True, kw_only=True)
class Recent:
    """The last day of a source, and its last two weeks.

    The day is the 24 hours that end with the present one, as charts show them.
    ``*_by_hour`` hold these hours, oldest first; ``stalled_by_day`` the seven whole days
    (UTC) before today, and today.
    """

    #: when these figures were made, epoch ms
    as_of: int
    #: start of the day, epoch ms
    since: int
    succeeded: int
    failed: int
    #: None when the rollups do not reach that far
    weeks: Weeks | None
    #: failed runs by job type, types without any left out
    failed_by_job: Mapping[str, int]
    #: since when every run is counted, epoch ms
    known_since: int
    #: of the hours, what error rates are made of: without hours that were read after
    #: rows may have been deleted
    rated_by_hour: tuple[tuple[int, int], ...]
    #: since when there are such hours; None where rows are not deleted early
    rates_from: int | None
    succeeded_by_hour: tuple[int, ...]
    failed_by_hour: tuple[int, ...]
    #: runs at work on average: summed durations / hour
    running_by_hour: tuple[float, ...]
    #: runs waiting on average: summed waits / hour
    pending_by_hour: tuple[float, ...]
    stalled_by_day: tuple[int, ...]
    #: False while the first back-fill has not come that far
    complete: bool


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a source could not be read, for the reader of the page."""

    #: since when it could not be read, epoch ms
    since: int
    #: False: the database answers, but not with a job table that can be read
    unreachable: bool
    message: str
    #: the command that helps, "" when there is none
    mend: str = ""
    #: of several sources: which ones
    where: str = ""
    #: others can be read
    partial: bool = False
    #: when a partial trouble's rows were read, epoch ms; None before the first time
    data_from: int | None = None
    #: the exception that nobody foresaw; None when ``message`` says it all
    cause: Exception | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What is known about one source: one read serves every viewer.

    When the source cannot be read the last known rows stay and ``trouble`` says why.
    """

    source: str
    #: grows by one with each snapshot of this process
    seq: int
    #: when the rows were read, epoch ms; None before the first successful read
    read_at: int | None
    jobs: tuple[Job, ...] = ()
    counts: Mapping[JobState, int] = field(default_factory=dict)
    judgement: Judgement = field(default_factory=lambda: Judgement({}, {}))
    #: False while stall detection is switched off
    judged: bool = True
    recent: Recent | None = None
    trouble: Trouble | None = None
    #: why there are no actions, "" when there are
    read_only_reason: str = ""
    #: why no run can be started, "" when one can
    no_start_reason: str = ""
    #: how long after this read the next one is due, ms: slow reads come less often
    every_ms: int = 0
