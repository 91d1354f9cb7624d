"""What one process does for all: duties about each source, and chores.

Each has a lease in the store, which says which process does it, and a thread: one that
hangs delays no other, and when a process dies another takes over.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from threading import Event
from typing import Final, Protocol

from data.clock import HOUR_MS, Clock, now_ms
from data.model import Snapshot
from data.monitor.duty import Duty, Worker
from data.monitor.leading import LEASE_MS, Leadership, LedDuties
from data.monitor.past_episodes import PastEpisodes
from data.monitor.source_duties import Readers, SourceDuties
from data.rules.stalls import StallLimits
from data.snapshot import Source
from data.store import RETENTION_MS, Store
from data.tracking.failed_runs import FailedRuns

__all__ = ["DUTY_EVERY_S", "LEASE_MS", "Chore", "Duties"]

DUTY_EVERY_S: Final = 2.0
_RECORD_EVERY_S: Final = 0.5
_PRUNE_EVERY_MS: Final = HOUR_MS
#: To forget a lot takes its time.
_PRUNE_DEADLINE_S: Final = 600.0


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
    """The duties of one process.

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
        self._store = store
        self._clock = clock
        self._holder = holder
        past = None
        if limits is not None:
            past = PastEpisodes(store, limits, kept_ms=retention_ms)
        self.of_sources = {
            name: SourceDuties(
                source,
                store,
                leadership=self._leadership(f"source {name}"),
                clock=clock,
                readers=Readers(failed_runs, past),
            )
            for name, source in sources.items()
        }
        prune = Duty(
            "prune",
            partial(store.prune, retention_ms=retention_ms),
            every_ms=_PRUNE_EVERY_MS,
            deadline_s=_PRUNE_DEADLINE_S,
        )
        done = [Duty(chore.name, chore.do, every_ms=chore.every_ms) for chore in chores]
        self._chores = [*done, prune]
        self._led = [
            LedDuties(self._leadership(duty.name), [duty]) for duty in self._chores
        ]

    @property
    def all(self) -> list[Duty]:
        """Every duty, for those who watch how they go."""
        of_sources = [duty for each in self.of_sources.values() for duty in each.duties]
        return of_sources + self._chores

    @property
    def leading(self) -> bool:
        """Does this process look after its sources?"""
        return all(source.leadership.held for source in self.of_sources.values())

    def step(self, stop: Event) -> None:
        """Do everything that is due, one after the other."""
        for source in self.of_sources.values():
            source.step(stop)
        for led in self._led:
            self._do(led, stop)

    def workers(self, every_s: float = DUTY_EVERY_S) -> list[Worker]:
        """Threads that do the same, beside one another."""
        found = []
        for name, source in self.of_sources.items():
            found.append(Worker(f"duties {name}", source.step, every_s=every_s))
            found.append(
                Worker(f"stalls {name}", source.record_stalls, every_s=_RECORD_EVERY_S)
            )
        for duty, led in zip(self._chores, self._led, strict=True):
            found.append(Worker(duty.name, partial(self._do, led), every_s=every_s))
        return found

    def note(self, snapshot: Snapshot) -> None:
        """Record stalled runs when they are first seen, and when they end."""
        source = self.of_sources[snapshot.source]
        if source.leadership.held:
            source.stalls.record(snapshot)

    def give_up(self) -> None:
        """Let other processes take over at once, for good. Raises DataError."""
        for leadership in self._leaderships():
            leadership.end()
        for leadership in self._leaderships():
            leadership.release()

    def _do(self, led: LedDuties, _stop: Event) -> None:
        now = now_ms(self._clock)
        if led.lead(now):
            led.run(now)

    def _leadership(self, name: str) -> Leadership:
        return Leadership(
            self._store.leases, name, holder=self._holder, clock=self._clock
        )

    def _leaderships(self) -> list[Leadership]:
        of_sources = [source.leadership for source in self.of_sources.values()]
        return of_sources + [led.leadership for led in self._led]
