"""A job table with a demo worker and a clock that the test turns."""

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

from data.clock import SECOND_MS
from data.demo.orders import Orders
from data.demo.plan import Ending, Held, Plan
from data.demo.steps import State, step
from data.model import JobState

NOON: Final = datetime(2026, 3, 4, 12, tzinfo=UTC)
RUNS: Final = 40_000
#: Far enough in the future to keep the worker from enqueuing by itself.
NEVER_MS: Final = 1 << 50


def chance() -> Random:
    """The same chance each time."""
    return Random(1)


@dataclass
class Shop:
    """The table, the worker, and what time it is."""

    connection: sqlite3.Connection
    orders: Orders
    rng: Random
    now_ms: int
    state: State = field(default_factory=State)

    def add(
        self,
        status: JobState = JobState.PENDING,
        *,
        job_name: str = "thumbnails",
        worker: str | None = None,
        started_at: int | None = None,
        scheduled_at: int | None = None,
    ) -> int:
        """The id of a new run."""
        cursor = self.connection.execute(
            "INSERT INTO job_runs (job_name, status, enqueued_at, worker, started_at,"
            " heartbeat_at, scheduled_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(job_name, status.value, self.now_ms, worker),
                *(started_at, started_at, scheduled_at),
            ),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def hold(
        self,
        ending: Ending = Ending.SUCCEEDS,
        *,
        seconds: float = 60,
        job_name: str = "thumbnails",
    ) -> int:
        """The id of a new run that the worker holds since now."""
        run_id = self.add(
            JobState.RUNNING,
            job_name=job_name,
            worker="demo-worker:1",
            started_at=self.now_ms,
        )
        plan = Plan(round(seconds * SECOND_MS), ending)
        held = Held(run_id, job_name, self.now_ms, self.now_ms, plan)
        self.state = self.state._replace(
            held=(*self.state.held, held), burst_at=NEVER_MS
        )
        return run_id

    def fill(self) -> None:
        """Let the worker hold enough long runs not to start or enqueue others."""
        for _ in range(3):
            self.hold(seconds=10_000)
        self.state = self.state._replace(taken_at=NEVER_MS)

    def step(self, seconds: float = 0) -> None:
        """Let ``seconds`` pass and the worker look around once."""
        self.now_ms += round(seconds * SECOND_MS)
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            self.state = step(self.orders, self.state, now_ms=self.now_ms, rng=self.rng)

    def run(self, run_id: int) -> sqlite3.Row:
        """The row as it is now."""
        row: sqlite3.Row = self.connection.execute(
            "SELECT * FROM job_runs WHERE id = ?", (run_id,)
        ).fetchone()
        return row

    def set(self, run_id: int, statement: str, *values: object) -> None:
        """Change the row as somebody else would."""
        self.connection.execute(statement, (*values, run_id))

    def count(self, status: JobState) -> int:
        """How many runs have this status."""
        (count,) = self.connection.execute(
            "SELECT count(*) FROM job_runs WHERE status = ?", (status.value,)
        ).fetchone()
        return int(count)
