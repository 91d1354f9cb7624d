"""Stalled episodes of one source: recorded when first seen, closed when they end."""

from collections import deque
from typing import Final

from data.model import JobState, Snapshot
from data.snapshot import Source
from data.store import Store

#: Snapshots that wait to be recorded; of more the newest count.
_WAITING: Final = 20


class StallRecorder:
    """Watches call ``offer`` and never wait; another thread calls ``record_offered``."""

    def __init__(self, source: Source, store: Store) -> None:
        self._source = source
        self._store = store
        self._offered: deque[Snapshot] = deque(maxlen=_WAITING)
        self._last: frozenset[str] | None = None
        #: run ids, as the store has them; None: not known
        self._recorded: frozenset[str] | None = None

    def offer(self, snapshot: Snapshot) -> None:
        """Have the snapshot recorded if it says anything new."""
        if snapshot.trouble:
            return
        stalled = frozenset(snapshot.judgement.verdicts)
        if stalled != self._last or stalled != self._recorded:
            self._last = stalled
            self._offered.append(snapshot)

    def record_offered(self, _now_ms: int) -> None:
        """Record what waits, oldest first. Raises DataError, and what failed waits."""
        while self._offered:
            first = self._offered[0]
            self.record(first)
            if self._offered[0] is first:  # else it had to make room meanwhile
                self._offered.popleft()

    def forget(self) -> None:
        """Somebody else records now: what the store has is not known any more."""
        self._offered.clear()
        self._recorded = None

    def record(self, snapshot: Snapshot) -> None:
        """Record what is stalled, and what is so no longer. Raises DataError."""
        verdicts = snapshot.judgement.verdicts
        stalled = frozenset(verdicts)
        if snapshot.trouble or snapshot.read_at is None or stalled == self._recorded:
            return
        names = {job.run_id: job.job_name for job in snapshot.jobs}
        episodes = self._store.episodes
        episodes.record(self._source.name, verdicts, names, snapshot.read_at)
        self._close_ended(stalled, snapshot.read_at)
        self._recorded = stalled

    def _close_ended(self, stalled: frozenset[str], now_ms: int) -> None:
        """Close the episodes that are over, with what became of the run."""
        name = self._source.name
        ended = {one.run_id for one in self._store.episodes.open(name)} - stalled
        if not ended:
            return
        states = {job.run_id: job.state for job in self._source.engine.runs(ended)}
        outcomes = {run_id: _outcome_of(states.get(run_id)) for run_id in ended}
        self._store.episodes.close(name, outcomes, now_ms)


def _outcome_of(state: JobState | None) -> str:
    if state is None:
        return "gone"
    return "resumed" if state is JobState.RUNNING else state.value.lower()
