"""What is not finished when the demo starts: two stalled runs, some that wait."""

from collections.abc import Iterator
from random import Random
from typing import Final

from data.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from data.demo.catalog import BY_NAME, params_of
from data.model import JobState

#: One row of INSERT.
OpenRun = tuple[str | int | float | None, ...]
INSERT: Final = """
INSERT INTO job_runs (job_name, queue, status, params, max_attempts, progress, worker,
  enqueued_at, scheduled_at, started_at, heartbeat_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

#: Holds the run that takes too long and is alive; the demo worker beats for it.
SLOW_WORKER: Final = "worker-2"
_LOST_WORKER: Final = "worker-3"
#: name, started ago, last heartbeat ago, progress, worker
_STALLED: Final = (
    ("nightly-invoices", 125 * MINUTE_MS, 0, 0.62, SLOW_WORKER),
    ("match-scores", 72 * MINUTE_MS, 41 * MINUTE_MS, 0.31, _LOST_WORKER),
)
#: name, enqueued ago
_PENDING: Final = (
    ("thumbnails", 9 * SECOND_MS),
    ("sync-catalog", 6 * SECOND_MS),
    ("order-emails", 4 * SECOND_MS),
    ("match-scores", 1 * SECOND_MS),
)
#: name, due in
_SCHEDULED: Final = (
    ("exchange-rates", 90 * SECOND_MS),
    ("parcel-tracking", 6 * MINUTE_MS),
    ("newsletter", 25 * MINUTE_MS),
    ("backup-check", 3 * HOUR_MS),
)


def open_runs(now_ms: int, rng: Random) -> Iterator[OpenRun]:
    """The rows, oldest first."""
    for name, ago, beat_ago, progress, worker in _STALLED:
        started, beat = now_ms - ago, now_ms - beat_ago
        rest: OpenRun = (progress, worker, started - 3 * SECOND_MS, None, started, beat)
        yield (*_head(name, JobState.RUNNING, rng), *rest)
    for name, due_in in _SCHEDULED:
        rest = (None, None, now_ms - 5 * MINUTE_MS, now_ms + due_in, None, None)
        yield (*_head(name, JobState.SCHEDULED, rng), *rest)
    for name, ago in _PENDING:
        yield (
            *_head(name, JobState.PENDING, rng),
            None,
            None,
            now_ms - ago,
            *[None] * 3,
        )


def _head(name: str, status: JobState, rng: Random) -> OpenRun:
    job = BY_NAME[name]
    return (name, job.queue, status.value, params_of(job, rng.getrandbits(32)), 3)
