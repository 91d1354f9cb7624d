"""The statements of the demo worker, in the words of the contract.

Each repeats in its WHERE what the worker believes, and does nothing when somebody
has changed the run meanwhile: a run that was cleaned up stays cleaned up.
"""

import sqlite3
from typing import Final, NamedTuple

from data.demo.catalog import JobType
from data.demo.plan import Held
from data.model import JobState

_PROMOTE: Final = """
UPDATE job_runs SET status = 'PENDING'
WHERE finished_at IS NULL AND status = 'SCHEDULED' AND scheduled_at <= ?
"""
_COUNTS: Final = """
SELECT status, count(*) FROM job_runs WHERE finished_at IS NULL GROUP BY status
"""
_OLDEST: Final = """
SELECT id, job_name FROM job_runs WHERE finished_at IS NULL AND status = 'PENDING'
ORDER BY id LIMIT 1
"""
_TAKE: Final = """
UPDATE job_runs SET status = 'RUNNING', worker = ?, started_at = ?, heartbeat_at = ?,
  progress = 0 WHERE id = ? AND status = 'PENDING'
"""
_BEAT: Final = """
UPDATE job_runs SET heartbeat_at = ?, progress = ?
WHERE id = ? AND status = 'RUNNING' AND started_at = ?
"""
_END: Final = """
UPDATE job_runs SET status = ?, result = ?, error_type = ?, error = ?,
  progress = coalesce(?, progress), heartbeat_at = ?, finished_at = ?
WHERE id = ? AND status = 'RUNNING' AND started_at = ?
"""
_HAND_BACK: Final = """
UPDATE job_runs SET status = 'PENDING', worker = NULL, started_at = NULL,
  heartbeat_at = NULL, progress = NULL
WHERE id = ? AND status = 'RUNNING' AND started_at = ? AND cancel_requested_at IS NULL
"""
_ASKED_TO_STOP: Final = """
SELECT id FROM job_runs WHERE finished_at IS NULL AND status = 'RUNNING'
  AND worker = ? AND cancel_requested_at IS NOT NULL
"""
_BEAT_FOR: Final = """
UPDATE job_runs SET heartbeat_at = ? WHERE finished_at IS NULL AND status = 'RUNNING'
  AND worker = ? AND cancel_requested_at IS NULL AND heartbeat_at <= ?
"""
_CANCEL_FOR: Final = """
UPDATE job_runs SET status = 'CANCELLED', finished_at = ? WHERE finished_at IS NULL
  AND status = 'RUNNING' AND worker = ? AND cancel_requested_at IS NOT NULL
"""
_ENQUEUE: Final = """
INSERT INTO job_runs (job_name, queue, status, params, max_attempts, enqueued_at,
  scheduled_at) VALUES (?, ?, ?, ?, 3, ?, ?)
"""


class End(NamedTuple):
    """What is written when a run ends."""

    status: JobState
    result: str | None = None
    error_type: str | None = None
    error: str | None = None


class Orders:
    """The job table as one worker uses it. Transactions are the caller's."""

    def __init__(self, connection: sqlite3.Connection, worker: str) -> None:
        self._connection = connection
        self._worker = worker

    def counts(self) -> dict[str, int]:
        """How many runs are not finished, by status word."""
        return dict(self._connection.execute(_COUNTS).fetchall())

    def asked_to_stop(self) -> set[int]:
        """The ids of this worker's runs that somebody asked to stop."""
        rows = self._connection.execute(_ASKED_TO_STOP, (self._worker,))
        return {run_id for (run_id,) in rows}

    def promote(self, now_ms: int) -> None:
        """Let scheduled runs wait for a worker once they are due."""
        self._connection.execute(_PROMOTE, (now_ms,))

    def take(self, now_ms: int) -> tuple[int, str] | None:
        """Id and job name of the oldest waiting run, which now runs here; or None.

        Two statements, because RETURNING is younger than some systems' SQLite.
        """
        found: tuple[int, str] | None = self._connection.execute(_OLDEST).fetchone()
        if found is None:
            return None
        return (
            found if self._did(_TAKE, self._worker, now_ms, now_ms, found[0]) else None
        )

    def beat(self, held: Held, now_ms: int) -> bool:
        """Tell that ``held`` is alive and how far; False when it is ours no more."""
        return self._did(
            _BEAT, now_ms, held.progress(now_ms), held.run_id, held.started_at
        )

    def end(self, held: Held, end: End, now_ms: int) -> bool:
        """Write how ``held`` ended; False when it is ours no more."""
        progress = 1.0 if end.status is JobState.SUCCEEDED else None
        what = (end.status.value, *end[1:], progress, now_ms, now_ms)
        return self._did(_END, *what, held.run_id, held.started_at)

    def hand_back(self, held: Held) -> bool:
        """Let somebody else run ``held``; False when it is ours no more."""
        return self._did(_HAND_BACK, held.run_id, held.started_at)

    def beat_for(self, other: str, now_ms: int, *, every_ms: int) -> None:
        """Keep the runs of worker ``other`` alive, unless they were asked to stop."""
        self._did(_CANCEL_FOR, now_ms, other)
        self._did(_BEAT_FOR, now_ms, other, now_ms - every_ms)

    def enqueue(
        self, job: JobType, params: str, now_ms: int, *, due_at: int | None = None
    ) -> None:
        """Add a run that waits, or one that is due at ``due_at``."""
        status = JobState.SCHEDULED if due_at else JobState.PENDING
        self._did(_ENQUEUE, job.name, job.queue, status.value, params, now_ms, due_at)

    def _did(self, statement: str, *values: str | float | None) -> bool:
        return self._connection.execute(statement, values).rowcount == 1
