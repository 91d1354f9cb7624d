"""Stalled episodes that nobody watched: finished runs that took longer than they may.

Read once backwards to the retention, a day at a time. Where the histograms say that no
run of the day was over its limit, the job table is not asked.
"""

from collections.abc import Callable
from typing import NamedTuple

from data.clock import DAY_MS
from data.engines.base import BATCH
from data.model import Job
from data.monitor.parts import in_parts
from data.rules.histogram import reaches
from data.rules.stalls import StallLimits, was_overdue
from data.store import Store
from data.store.job_types import OTHER


class LongRuns(NamedTuple):
    """The read of an engine that is needed."""

    long_runs: Callable[..., list[Job]]


class PastEpisodes:
    """Finds them; one process at a time uses it."""

    def __init__(self, store: Store, limits: StallLimits, *, kept_ms: int) -> None:
        self._store = store
        self._limits = limits
        self._kept_ms = kept_ms

    def step_back(self, source: str, engine: LongRuns, now_ms: int) -> bool:
        """Look at one older day, newest first; True when there are more.

        It waits until the rollups are complete. Raises DataError.
        """
        until = self._store.rollups.unwatched_until(source)
        oldest = now_ms - self._kept_ms
        if until is None or until <= oldest:
            return False
        day = (until - 1) // DAY_MS * DAY_MS
        since = max(day, oldest)
        limit_ms = self._shortest(source, day)
        if limit_ms is not None:
            self._record(source, engine, (since, until), limit_ms)
        self._store.rollups.note_watched(source, until, since)
        return since > oldest

    def _shortest(self, source: str, day: int) -> int | None:
        """The shortest limit that a run of the day may be over; None for none."""
        limits = [
            limit_ms
            for name, durations in self._store.rollups.durations(source, day)
            if reaches(durations, limit_ms := self._limit_of(name))
        ]
        return min(limits, default=None)

    def _limit_of(self, job_name: str) -> int:
        limits = self._limits
        return limits.shortest_ms if job_name == OTHER else limits.of(job_name)

    def _record(
        self, source: str, engine: LongRuns, span: tuple[int, int], limit_ms: int
    ) -> None:
        """Record the span, in halves where it holds too many runs to be read at once."""

        def read(since_ms: int, until_ms: int) -> list[Job]:
            return engine.long_runs(
                since_ms, until_ms, longer_than_ms=limit_ms, limit=BATCH
            )

        since, until = span
        found = in_parts(read)(since, until)
        if len(found) >= BATCH and until - since > 1:
            middle = (since + until) // 2
            self._record(source, engine, (middle, until), limit_ms)
            self._record(source, engine, (since, middle), limit_ms)
            return
        overdue = [job for job in found if was_overdue(job, self._limits)]
        self._store.episodes.record_past(source, overdue, self._limits)
