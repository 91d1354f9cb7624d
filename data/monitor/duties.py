"""What one process does for all: rollups, stalled episodes, retention.

A lease in the store says which process that is; when it dies another takes over.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Event
from typing import Final, Protocol

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Clock, now_ms
from data.exceptions import DataError, SourceTooSlowError
from data.model import HourCell, JobState, Snapshot
from data.snapshot import Source
from data.store import Store
from data.store.rollups import ReadCells
from data.tracking import track_warning
from data.tracking.failed_runs import FailedRuns

log = logging.getLogger(__name__)

DUTY_EVERY_S: Final = 2.0
#: A process that has not renewed its lease for this long has lost it.
LEASE_MS: Final = 30 * SECOND_MS
#: How long episodes and the audit are kept when nobody says otherwise.
RETENTION_MS: Final = 90 * DAY_MS
#: The rollups follow the source this closely.
_REFRESH_EVERY_MS: Final = 5 * SECOND_MS
_AUDIT_EVERY_MS: Final = MINUTE_MS
_PRUNE_EVERY_MS: Final = HOUR_MS
_WORTH_A_LINE: Final = 2
#: The back-fill leaves the source alone for this many times what a step took.
_REST_PER_READ: Final = 20
_LONGEST_REST_S: Final = 30.0


class Chore(Protocol):
    """Something beside the sources that is done once for all, now and then."""

    @property
    def name(self) -> str:
        """What it is called in the log."""

    @property
    def every_ms(self) -> int:
        """How often it is due."""

    def do(self, now_ms: int) -> None:
        """Do it. Raises DataError when the store does not answer."""


class Duties:
    """The duties behind the lease ``monitor``."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        *,
        clock: Clock,
        holder: str,
        retention_ms: int = RETENTION_MS,
        failed_runs: FailedRuns | None = None,
        chores: Sequence[Chore] = (),
    ) -> None:
        self._sources = sources
        self._store = store
        self._clock = clock
        self._holder = holder
        self._retention_ms = retention_ms
        self._failed_runs = failed_runs
        self._chores = chores
        self._done_at: dict[tuple[str, str], int] = {}
        self._stalled: dict[str, frozenset[str]] = {}
        #: failures in a row, by place
        self._failures: Counter[str] = Counter()
        self.leading = False

    def step(self, stop: Event) -> None:
        """Do what is due, for every source; the back-fill ends early on ``stop``."""
        now = now_ms(self._clock)
        try:
            self._lead()
        except DataError as error:
            self.leading = False
            self._log_second("the store", error)
            return
        self._failures.pop("the store", None)
        for name, source in self._sources.items():
            try:
                self._look_after(source, now, stop)
            except DataError as error:
                self._log_second(name, error)
            else:
                self._failures.pop(name, None)
        for chore in self._chores:
            if self.leading and self._due(chore.name, "", now, chore.every_ms):
                self._do(chore, now)
        if self.leading and self._due("prune", "", now, _PRUNE_EVERY_MS):
            self._store.prune(now, self._retention_ms)

    def note(self, snapshot: Snapshot) -> None:
        """Record stalled episodes when they are first seen, and when they end."""
        if not self.leading or snapshot.trouble:
            return
        verdicts = snapshot.judgement.verdicts
        stalled = frozenset(verdicts)
        known = self._stalled.get(snapshot.source)
        if known == stalled:
            return
        now = now_ms(self._clock)
        names = {job.run_id: job.job_name for job in snapshot.jobs}
        try:
            self._store.episodes.record(snapshot.source, verdicts, names, now)
            self._close_ended(snapshot, now)
        except DataError as error:
            self._log_second(snapshot.source, error)
        else:
            self._stalled[snapshot.source] = stalled

    def give_up(self) -> None:
        """Let another process take over at once."""
        try:
            self._store.leases.release("monitor", self._holder)
        except DataError as error:
            log.warning("the lease could not be given up: %s", error)
        self.leading = False

    def _do(self, chore: Chore, now: int) -> None:
        try:
            chore.do(now)
        except DataError as error:
            self._log_second(chore.name, error)
        else:
            self._failures.pop(chore.name, None)

    def _lead(self) -> None:
        """Take the lease, or keep it."""
        now = now_ms(self._clock)
        self.leading = self._store.leases.acquire(
            "monitor", self._holder, now, LEASE_MS
        )

    def _look_after(self, source: Source, now: int, stop: Event) -> None:
        if source.reader.latest.trouble:
            return
        rollups, read = self._store.rollups, in_parts(source.engine.finished_cells)
        if self._due("refresh", source.name, now, _REFRESH_EVERY_MS):
            if self.leading:
                rollups.refresh(source.name, read, now)
            source.reader.note_recent(rollups.recent(source.name, now))
        if not self.leading:
            return
        if self._failed_runs and self._due(
            "failed", source.name, now, _REFRESH_EVERY_MS
        ):
            self._failed_runs.follow(source.name, source.engine, now)

        def fill_rollups() -> bool:
            more = rollups.backfill_step(source.name, read, now)
            if more:
                source.reader.note_recent(rollups.recent(source.name, now))
            return more

        self._until_done(fill_rollups, stop)
        if self._failed_runs:
            back = partial(self._failed_runs.step_back, source.name, source.engine, now)
            self._until_done(back, stop)
        if self._due("audit", source.name, now, _AUDIT_EVERY_MS):
            rollups.audit_step(source.name, read, now)

    def _until_done(self, step: Callable[[], bool], stop: Event) -> None:
        """Repeat ``step`` while there is more to do, leaving the source long rests."""
        started = time.monotonic()
        while not stop.is_set() and step():
            self._lead()
            cost_s = time.monotonic() - started
            stop.wait(min(cost_s * _REST_PER_READ, _LONGEST_REST_S))
            started = time.monotonic()

    def _close_ended(self, snapshot: Snapshot, now: int) -> None:
        """Close the episodes that are over, with what became of the run."""
        open_ids = {
            episode.run_id for episode in self._store.episodes.open(snapshot.source)
        }
        ended = open_ids - set(snapshot.judgement.verdicts)
        if not ended:
            return
        engine = self._sources[snapshot.source].engine
        states = {job.run_id: job.state for job in engine.runs(ended)}
        outcomes = {run_id: _outcome_of(states.get(run_id)) for run_id in ended}
        self._store.episodes.close(snapshot.source, outcomes, now)

    def _due(self, duty: str, source: str, now: int, every_ms: int) -> bool:
        last = self._done_at.get((duty, source))
        if last is not None and 0 <= now - last < every_ms:
            return False
        self._done_at[duty, source] = now
        return True

    def _log_second(self, place: str, error: DataError) -> None:
        """One line when it fails twice in a row.

        Of a source that went away the reader has told by then, and its duties rest.
        """
        self._failures[place] += 1
        if self._failures[place] == _WORTH_A_LINE:
            log.warning("duties for %s: %s", place, error)
            track_warning(str(error), action="monitor", component="duties")


def in_parts(read: ReadCells) -> ReadCells:
    """``read``, in halves down to an hour where the source is too slow for the whole."""

    def patient(since_ms: int, until_ms: int) -> list[HourCell]:
        try:
            return read(since_ms, until_ms)
        except SourceTooSlowError:
            half_ms = (until_ms - since_ms) // 2 // HOUR_MS * HOUR_MS
            if half_ms == 0:
                raise
            middle_ms = since_ms + half_ms
            return patient(since_ms, middle_ms) + patient(middle_ms, until_ms)

    return patient


def _outcome_of(state: JobState | None) -> str:
    if state is None:
        return "gone"
    return "resumed" if state is JobState.RUNNING else state.value.lower()
