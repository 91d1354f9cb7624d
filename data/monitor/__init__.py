"""The background work of one process: a watch for each source, and the duties.

Every process watches, so that its own viewers are served. Duties that must be done
once (rollups, episodes, retention) belong to the process that holds the lease.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from typing import Final

from data.clock import Clock
from data.model import Snapshot
from data.monitor.duties import DUTY_EVERY_S, Chore, Duties
from data.monitor.failures import Failures
from data.monitor.outages import Outages
from data.monitor.watch import SourceWatch
from data.rules.stalls import StallLimits
from data.snapshot import Source
from data.store import RETENTION_MS, Store
from data.tracking import Tracker, install, uninstall
from data.tracking.failed_runs import FailedRuns

__all__ = ["Chore", "Duties", "Monitor", "SourceWatch"]

#: How often a source is asked whether anything changed, in seconds.
PROBE_EVERY_S: Final = {"sqlite": 0.25, "postgresql": 1.0}


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
                publish=[publish, self.duties.note, Outages().note],
                probing=probing,
            )
            for name, source in sources.items()
        }
        self._stop = Event()
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Start the threads; a second call does nothing."""
        if self._threads:
            return
        if self._tracker is not None:
            self._tracker.start()
            install(self._tracker)
        for name, watch in self.watches.items():
            period_s = PROBE_EVERY_S[watch.source.dialect]
            self._run(f"watch {name}", watch.step, period_s)
        self._run("duties", lambda: self.duties.step(self._stop), DUTY_EVERY_S)

    def stop(self) -> None:
        """Stop the threads, wait for them, and give up the lease."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self.duties.give_up()
        if self._tracker is not None:
            uninstall(self._tracker)
            self._tracker.stop()

    def changed(self, source: str) -> None:
        """Something was done to ``source``: read it now and tell everyone."""
        self.watches[source].look_now()

    def _run(self, name: str, step: Callable[[], object], period_s: float) -> None:
        thread = Thread(target=self._loop, args=(name, step, period_s), name=name)
        thread.daemon = True
        thread.start()
        self._threads.append(thread)

    def _loop(self, name: str, step: Callable[[], object], period_s: float) -> None:
        failures = Failures(name)
        while not self._stop.is_set():
            try:
                step()
            except Exception as error:  # noqa: BLE001 - the thread must live
                failures.note(error)
            else:
                failures.clear()
            self._stop.wait(max(period_s, failures.pause_s))
