"""Something that is due now and then, with what is known of how it goes."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from data.clock import SECOND_MS
from data.monitor.failures import Failures
from data.tracking import track_warning

log = logging.getLogger(__name__)

#: A duty is late when it was not done for so long after it was due.
DEADLINE_S: Final = 30.0
#: What failed is tried again this soon, then after pauses that grow.
_AGAIN_AFTER_MS: Final = 5 * SECOND_MS


class Duty:
    """One duty. ``do`` is given the present instant, epoch ms; it may raise anything."""

    def __init__(
        self,
        name: str,
        do: Callable[[int], object],
        *,
        every_ms: int,
        source: str = "",
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.name = name
        self.source = source
        self.deadline_s = deadline_s
        self._do = do
        self._every_ms = every_ms
        self._tried_at: int | None = None
        #: None: nobody does it yet
        self._well_at: float | None = None
        self._is_told = False
        self.title = f"{name} of {source}" if source else name
        self._failures = Failures(self.title)

    @property
    def lag_s(self) -> float:
        """How long ago it should have been done; 0 while it is in time."""
        if self._well_at is None:
            return 0.0
        since_s = time.monotonic() - self._well_at
        return max(0.0, since_s - self._every_ms / SECOND_MS)

    def begin(self) -> None:
        """From now on it is late when it is not done."""
        if self._well_at is None:
            self._well_at = time.monotonic()

    def run(self, now_ms: int) -> None:
        """Do it when it is due."""
        self.begin()
        if not self._is_due(now_ms):
            return
        self._tried_at = now_ms
        try:
            self._do(now_ms)
        except Exception as error:  # noqa: BLE001 - other duties go on
            self._failures.note(error)
        else:
            self._failures.clear()
            self.rest()

    def rest(self) -> None:
        """Nothing of it is to be done now, or somebody else does it."""
        self._well_at = time.monotonic()
        self._is_told = False

    def tell_if_late(self) -> None:
        """One line when it hangs; that it fails is told already."""
        if self.lag_s <= self.deadline_s or self._is_told:
            return
        self._is_told = True
        if not self._failures.in_a_row:
            message = f"{self.title}: not done for {self.lag_s:.0f} s after it was due"
            log.warning(message)
            track_warning(message, action="monitor", component=self.name)

    def _is_due(self, now_ms: int) -> bool:
        last = self._tried_at
        return last is None or not 0 <= now_ms - last < self._pause_ms()

    def _pause_ms(self) -> float:
        if not self._failures.in_a_row:
            return self._every_ms
        soon_ms = min(self._every_ms, _AGAIN_AFTER_MS)
        return max(soon_ms, self._failures.pause_s * SECOND_MS)


class Worker:
    """A thread that takes one step after the other until it is stopped."""

    def __init__(
        self, name: str, step: Callable[[Event], object], *, every_s: float
    ) -> None:
        self._step = step
        self._every_s = every_s
        self._failures = Failures(name)
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._stop = Event()

    def start(self, stop: Event) -> None:
        """Start; it ends after the step in which ``stop`` is set."""
        self._stop = stop
        self._thread.start()

    def join(self, until: float) -> None:
        """Wait for its end, up to an instant of ``time.monotonic``."""
        self._thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._step(self._stop)
            except Exception as error:  # noqa: BLE001 - the thread must live
                self._failures.note(error)
            else:
                self._failures.clear()
            self._stop.wait(max(self._every_s, self._failures.pause_s))


def tell_late(duties: Sequence[Duty]) -> None:
    """Tell of each duty that hangs."""
    for duty in duties:
        duty.tell_if_late()


@contextmanager
def in_background(work: Callable[[], object], *, until: float) -> Iterator[None]:
    """Have ``work`` done beside the block; waited for up to ``time.monotonic`` ``until``."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(max(0.0, until - time.monotonic()))
