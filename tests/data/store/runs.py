"""A job table for tests of the rollups: a plain list that anybody may change."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from sqlalchemy import Column, select

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.model import HourCell, JobState
from data.rules import by_worker
from data.rules.histogram import bucket_of, encode, merge
from data.store import Store
from data.store.cells import Figures
from data.store.tables import rollup_day, rollup_hour

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
    worker: str = "worker-1"


@dataclass
class Runs:
    """The runs, and what an engine would say of them."""

    rows: list[Run] = field(default_factory=list)
    #: the spans that were read, oldest read first
    reads: list[tuple[int, int]] = field(default_factory=list)

    def read(self, since_ms: int, until_ms: int) -> list[HourCell]:
        self.reads.append((since_ms, until_ms))
        sums: dict[tuple[int, str, JobState], list[int]] = defaultdict(lambda: [0] * 3)
        lengths: dict[tuple[int, str, JobState], Counter[int]] = defaultdict(Counter)
        workers: dict[tuple[int, str, JobState], Counter[str]] = defaultdict(Counter)
        for run in self.rows:
            if since_ms <= run.finished_at < until_ms:
                hour = run.finished_at // HOUR_MS * HOUR_MS
                key = (hour, run.job_name, run.state)
                cell = sums[key]
                lengths[key][bucket_of(run.duration_ms)] += 1
                workers[key][run.worker] += 1
                cell[0] += 1
                cell[1] += run.duration_ms
                cell[2] += run.wait_ms
        return [
            HourCell(*key, *cell, encode(lengths[key]), by_worker.encode(workers[key]))
            for key, cell in sums.items()
        ]

    def add_some(self, random: Random, since_ms: int, until_ms: int, runs: int) -> None:
        self.rows += [
            Run(
                random.randrange(since_ms, until_ms),
                random.choice(JOBS),
                random.choice(STATES),
                random.randrange(HOUR_MS),
                random.randrange(MINUTE_MS),
                f"worker-{random.randrange(4)}",
            )
            for _ in range(runs)
        ]


def stored_cells(store: Store, source: str, since_ms: int = 0) -> set[HourCell]:
    """The hours that the rollups hold, from ``since_ms`` on."""
    return _stored(store, rollup_hour.c.hour, source, since_ms)


def stored_days(store: Store, source: str, since_ms: int = 0) -> set[HourCell]:
    """The days that the rollups hold; ``hour`` is the start of the day."""
    return _stored(store, rollup_day.c.day, source, since_ms)


def _stored(
    store: Store, start: Column[int], source: str, since_ms: int
) -> set[HourCell]:
    c = start.table.c
    statement = select(
        start, c.job_name, c.status, *(c[name] for name in Figures._fields)
    ).where(c.source == source, start >= since_ms)
    return {
        HourCell(at, name, JobState(status), *figures)
        for at, name, status, *figures in store.database.fetch(statement)
    }


def by_day(cells: Iterable[HourCell]) -> set[HourCell]:
    """What hours are when they are added up to days."""
    found: dict[tuple[int, str, JobState], list[HourCell]] = defaultdict(list)
    for cell in cells:
        day = cell.hour - cell.hour % DAY_MS
        found[day, cell.job_name, cell.status].append(cell)
    return {
        HourCell(
            *key,
            sum(cell.runs for cell in several),
            sum(cell.duration_ms for cell in several),
            sum(cell.wait_ms for cell in several),
            merge(cell.durations for cell in several),
            by_worker.merge(cell.workers for cell in several),
        )
        for key, several in found.items()
    }
