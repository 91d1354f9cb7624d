"""Watches one source: reads it at once when it changed, and at least every poll."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from data.clock import Clock
from data.exceptions import DataError
from data.model import Snapshot
from data.monitor.failures import Failures
from data.snapshot import Source

#: A source that changes all the time is read this often at most.
READ_GAP_MS: Final = 500


class SourceWatch:
    """One source under watch. ``step`` is called a few times a second."""

    def __init__(
        self,
        source: Source,
        *,
        clock: Clock,
        publish: Sequence[Callable[[Snapshot], object]],
        probing: bool,
    ) -> None:
        self.source = source
        self._clock = clock
        self._publish = [
            (hear, Failures(f"passing on snapshots of {source.name}"))
            for hear in publish
        ]
        self._probe_failures = Failures(f"looking for changes of {source.name}")
        self._probing = probing
        self._mark: object = None
        self._changed = False
        self._told_seq = 0
        #: an action and the watch may both find something new: one at a time, in order
        self._telling = Lock()

    def step(self) -> None:
        """Read the source when that is called for, and publish what is new."""
        self._changed = self._probe() or self._changed
        reader = self.source.reader
        gap_ms = max(READ_GAP_MS, reader.rest_ms)
        if self._changed and reader.age_ms() >= gap_ms:
            self._changed = False
            reader.refresh()
        else:
            reader.current()  # a viewer may be reading this very moment
        self._tell()

    def look_now(self) -> None:
        """Read and publish at once."""
        self.source.reader.refresh()
        self._tell()

    def _probe(self) -> bool:
        """Did anything change since the last look? A failed look is no change.

        Of a database that is away the next read tells.
        """
        if not self._probing:
            return False
        try:
            mark = self.source.engine.probe()
        except DataError:
            return False
        except Exception as error:  # noqa: BLE001 - the reads go on without it
            self._probe_failures.note(error)
            return False
        self._probe_failures.clear()
        changed = mark != self._mark
        self._mark = mark
        return changed

    def _tell(self) -> None:
        with self._telling:
            snapshot = self.source.reader.latest
            if snapshot.seq == self._told_seq:
                return
            self._told_seq = snapshot.seq
            for hear, failures in self._publish:
                self._hand_over(snapshot, hear, failures)

    def _hand_over(
        self, snapshot: Snapshot, hear: Callable[[Snapshot], object], failures: Failures
    ) -> None:
        """One that fails keeps a snapshot from no other."""
        try:
            hear(snapshot)
        except Exception as error:  # noqa: BLE001
            failures.note(error)
        else:
            failures.clear()
