"""The background work of one process: a watch for each source, and the duties.

Every process watches, so that its own viewers are served. Duties that must be done
once (rollups, episodes, retention) belong to the process that holds their lease. Each
source, duty and chore has a thread of its own: one that hangs delays no other.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Final

from data.clock import Clock
from data.exceptions import DataError
from data.model import Snapshot
from data.monitor.duties import DUTY_EVERY_S, Chore, Duties
from data.monitor.duty import Worker, in_background, tell_late
from data.monitor.outages import Outages
from data.monitor.watch import SourceWatch
from data.rules.stalls import StallLimits
from data.snapshot import Source
from data.store import RETENTION_MS, Store
from data.tracking import Tracker, install, uninstall
from data.tracking.failed_runs import FailedRuns

__all__ = ["Chore", "Duties", "Monitor", "SourceWatch"]

log = logging.getLogger(__name__)

#: How often a source is asked whether anything changed, in seconds.
PROBE_EVERY_S: Final = {"sqlite": 0.25, "postgresql": 1.0}
_LOOK_FOR_LATE_EVERY_S: Final = 5.0
#: Everything stops within this time; what hangs is left behind.
STOP_WITHIN_S: Final = 4.0


class Monitor:
    """Runs watches and duties in threads of their own until ``stop``.

    ``publish`` is handed every new snapshot; ``probing`` False leaves out the change
    probe, so that sources are read at the poll interval only. Without a ``tracker``
    no error is tracked, without ``limits`` nobody asks which runs took too long.
    ``chores`` are done by the process that holds the lease.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        *,
        clock: Clock,
        holder: str,
        publish: Callable[[Snapshot], object],
        probing: bool = True,
        retention_ms: int = RETENTION_MS,
        limits: StallLimits | None = None,
        tracker: Tracker | None = None,
        chores: Sequence[Chore] = (),
    ) -> None:
        failed_runs = None
        if tracker is not None:
            failed_runs = FailedRuns(store.errors, tracker, kept_ms=retention_ms)
        self.duties = Duties(
            sources,
            store,
            clock=clock,
            holder=holder,
            retention_ms=retention_ms,
            limits=limits,
            failed_runs=failed_runs,
            chores=chores,
        )
        self._tracker = tracker
        self.watches = {
            name: SourceWatch(
                source,
                clock=clock,
                publish=[
                    publish,
                    self.duties.of_sources[name].stalls.offer,
                    Outages().note,
                ],
                probing=probing,
            )
            for name, source in sources.items()
        }
        self._stop = Event()
        self._workers: list[Worker] = []

    def start(self) -> None:
        """Start the threads; a second call does nothing."""
        if self._workers:
            return
        if self._tracker is not None:
            self._tracker.start()
            install(self._tracker)
        self._workers = [
            *(_watching(name, watch) for name, watch in self.watches.items()),
            *self.duties.workers(DUTY_EVERY_S),
            Worker(
                "late duties",
                lambda _stop: tell_late(self.duties.all),
                every_s=_LOOK_FOR_LATE_EVERY_S,
            ),
        ]
        for duty in self.duties.all:
            duty.begin()
        for worker in self._workers:
            worker.start(self._stop)

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """Stop the threads, give up the leases, and send what waits.

        One deadline for all of it: what takes longer is left to end with the process.
        """
        began = time.monotonic()
        self._stop.set()
        for worker in self._workers:
            worker.join(began + within_s / 2)
        self._workers.clear()
        until = began + within_s
        with in_background(self._give_up, until=until):
            if self._tracker is not None:
                uninstall(self._tracker)
                self._tracker.stop(until)

    def changed(self, source: str) -> None:
        """Something was done to ``source``: read it now and tell everyone."""
        self.watches[source].look_now()

    def _give_up(self) -> None:
        try:
            self.duties.give_up()
        except DataError as error:
            log.warning("the leases could not be given up: %s", error)


def _watching(name: str, watch: SourceWatch) -> Worker:
    every_s = PROBE_EVERY_S[watch.source.dialect]
    return Worker(f"watch {name}", lambda _stop: watch.step(), every_s=every_s)
