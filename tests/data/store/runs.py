"""A job table for tests of the rollups: a plain list that anybody may change."""

from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from sqlalchemy import select

from data.clock import HOUR_MS, MINUTE_MS
from data.model import HourCell, JobState
from data.store import Store
from data.store.tables import rollup_hour

JOBS = ("send-mail", "make-report", "sync-stock")
STATES = (JobState.SUCCEEDED, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


def dice(seed: int) -> Random:
    """The same dice at every run of the tests."""
    return Random(seed)


class Run(NamedTuple):
    finished_at: int
    job_name: str = "send-mail"
    state: JobState = JobState.SUCCEEDED
    duration_ms: int = MINUTE_MS
    wait_ms: int = 1_000


@dataclass
class Runs:
    """The runs, and what an engine would say of them."""

    rows: list[Run] = field(default_factory=list)
    #: the spans that were read, oldest read first
    reads: list[tuple[int, int]] = field(default_factory=list)

    def read(self, since_ms: int, until_ms: int) -> list[HourCell]:
        self.reads.append((since_ms, until_ms))
        sums: dict[tuple[int, str, JobState], list[int]] = defaultdict(lambda: [0] * 3)
        for run in self.rows:
            if since_ms <= run.finished_at < until_ms:
                hour = run.finished_at // HOUR_MS * HOUR_MS
                cell = sums[hour, run.job_name, run.state]
                cell[0] += 1
                cell[1] += run.duration_ms
                cell[2] += run.wait_ms
        return [HourCell(*key, *cell) for key, cell in sums.items()]

    def add_some(self, random: Random, since_ms: int, until_ms: int, runs: int) -> None:
        self.rows += [
            Run(
                random.randrange(since_ms, until_ms),
                random.choice(JOBS),
                random.choice(STATES),
                random.randrange(HOUR_MS),
                random.randrange(MINUTE_MS),
            )
            for _ in range(runs)
        ]


def stored_cells(store: Store, source: str, since_ms: int = 0) -> set[HourCell]:
    """What the rollups hold, from ``since_ms`` on."""
    c = rollup_hour.c
    statement = select(
        c.hour, c.job_name, c.status, c.runs, c.duration_ms, c.wait_ms
    ).where(c.source == source, c.hour >= since_ms)
    return {
        HourCell(hour, name, JobState(status), runs, duration, wait)
        for hour, name, status, runs, duration, wait in store.database.fetch(statement)
    }
