"""What one process does for all: rollups, stalled episodes, retention.

A lease in the store says which process that is; when it dies another takes over.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Event
from typing import Final, Protocol

from data.clock import HOUR_MS, SECOND_MS, Clock, now_ms
from data.exceptions import DataError
from data.model import JobState, Snapshot
from data.monitor.back_steps import BackStep, BackSteps
from data.monitor.parts import in_parts
from data.monitor.past_episodes import PastEpisodes
from data.rules.stalls import StallLimits
from data.snapshot import Source
from data.store import RETENTION_MS, Store
from data.tracking import track_warning
from data.tracking.failed_runs import FailedRuns

log = logging.getLogger(__name__)

DUTY_EVERY_S: Final = 2.0
#: A process that has not renewed its lease for this long has lost it.
LEASE_MS: Final = 30 * SECOND_MS
#: The rollups follow the source this closely.
_REFRESH_EVERY_MS: Final = 5 * SECOND_MS
_AUDIT_EVERY_MS: Final = 10 * SECOND_MS
_PRUNE_EVERY_MS: Final = HOUR_MS
#: So long the past is read before the present is looked after again.
_BACK_SLICE_S: Final = 8.0
_WORTH_A_LINE: Final = 2
#: A fill leaves the source alone as long as it read it, which is half of a step.
_REST_PER_FILL: Final = 0.5
#: What is not waited for leaves the source alone for this many times what a step took.
_REST_PER_READ: Final = 20


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
    """The duties behind the lease ``monitor``.

    Without ``limits`` nobody asks which runs took too long.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        *,
        clock: Clock,
        holder: str,
        retention_ms: int = RETENTION_MS,
        limits: StallLimits | None = None,
        failed_runs: FailedRuns | None = None,
        chores: Sequence[Chore] = (),
    ) -> None:
        self._sources = sources
        self._store = store
        self._clock = clock
        self._holder = holder
        self._retention_ms = retention_ms
        self._failed_runs = failed_runs
        self._past: PastEpisodes | None = None
        if limits is not None:
            self._past = PastEpisodes(store, limits, kept_ms=retention_ms)
        self._back_steps = BackSteps()
        self._chores = chores
        self._done_at: dict[tuple[str, str], int] = {}
        self._stalled: dict[str, frozenset[str]] = {}
        #: failures in a row, by place
        self._failures: Counter[str] = Counter()
        self.leading = False

    def step(self, stop: Event) -> None:
        """Do what is due, for every source, then read some of the past until ``stop``."""
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
                if not _is_away(source):
                    self._look_after(source, now)
            except DataError as error:
                self._log_second(name, error)
            else:
                self._failures.pop(name, None)
        for chore in self._chores:
            if self.leading and self._due(chore.name, "", now, chore.every_ms):
                self._do(chore, now)
        if self.leading and self._due("prune", "", now, _PRUNE_EVERY_MS):
            self._store.prune(now, self._retention_ms)
        if self.leading:
            self._go_back(now, stop)

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

    def _look_after(self, source: Source, now: int) -> None:
        """What is due of the present."""
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
        if self._due("audit", source.name, now, _AUDIT_EVERY_MS):
            rollups.audit_step(source.name, read, now)

    def _go_back(self, now: int, stop: Event) -> None:
        """Read the past for a while, of every source."""
        sources = [source for source in self._sources.values() if not _is_away(source)]
        steps = [
            BackStep(("fill", x.name), self._filling(x, now), _REST_PER_FILL)
            for x in sources
        ]
        for name, past in (("failed", self._failed_runs), ("past", self._past)):
            if past is not None:
                steps += [
                    BackStep(
                        (name, x.name),
                        self._guarded(
                            x, partial(past.step_back, x.name, x.engine, now)
                        ),
                        _REST_PER_READ,
                    )
                    for x in sources
                ]
        self._back_steps.go_on(
            steps, stop, for_s=_BACK_SLICE_S, may_go_on=self._still_leads
        )

    def _filling(self, source: Source, now: int) -> Callable[[], bool]:
        rollups, read = self._store.rollups, in_parts(source.engine.finished_cells)

        def fill() -> bool:
            more = rollups.backfill_step(source.name, read, now)
            if more:
                source.reader.note_recent(rollups.recent(source.name, now))
            return more

        return self._guarded(source, fill)

    def _guarded(self, source: Source, step: Callable[[], bool]) -> Callable[[], bool]:
        """``step``, which ends for now when the source or the store is lost."""
        place = f"the past of {source.name}"

        def guarded() -> bool:
            try:
                more = step()
            except DataError as error:
                self._log_second(place, error)
                return False
            self._failures.pop(place, None)
            return more

        return guarded

    def _still_leads(self) -> bool:
        try:
            self._lead()
        except DataError:
            self.leading = False
        return self.leading

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


def _is_away(source: Source) -> bool:
    return source.reader.latest.trouble is not None


def _outcome_of(state: JobState | None) -> str:
    if state is None:
        return "gone"
    return "resumed" if state is JobState.RUNNING else state.value.lower()
