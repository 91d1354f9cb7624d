"""Where errors go besides the store; a dead sink costs nothing but a line on the page.

Each sink has a queue and a thread of its own. ``send`` may take its time and may raise:
it is tried again, and at last the event is counted as lost to this sink.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Final, Protocol

from data.model import ErrorEvent
from data.rules.scrub import describe_error

log = logging.getLogger(__name__)

_ROOM: Final = 200
#: A stop takes this long at most, however much waits.
STOP_WITHIN_S: Final = 3.0
#: Seconds between tries; after the last one the event is given up.
PAUSES_S: Final = (1.0, 5.0, 30.0)


def stop_by(until: float | None) -> float:
    """When a stop must be over, on the clock of ``time.monotonic``."""
    return until if until is not None else time.monotonic() + STOP_WITHIN_S


class Sink(Protocol):
    """Somewhere that errors are sent to."""

    @property
    def name(self) -> str:
        """Shown on the page: what it is, and where, without secrets."""

    def send(self, event: ErrorEvent) -> None:
        """Send one event; raises when it did not arrive. At most a few seconds."""

    def close(self) -> None:
        """Give everything back."""


class GuardedSink:
    """A sink behind its guard."""

    def __init__(
        self,
        sink: Sink,
        *,
        pauses_s: tuple[float, ...] = PAUSES_S,
        wait: Callable[[Event, float], object] = Event.wait,
    ) -> None:
        self._sink = sink
        self._pauses_s = pauses_s
        self._wait = wait
        self._queue: Queue[ErrorEvent] = Queue(_ROOM)
        self._stop = Event()
        self._until = 0.0
        self._thread: Thread | None = None
        self.name = sink.name
        #: "sent", "tried again", "lost" (after all tries), "no room"
        self.totals: Counter[str] = Counter()
        #: why the last try failed, "" when it did not
        self.problem = ""

    def start(self) -> None:
        """Start sending; a second call does nothing."""
        if self._thread is None:
            self._stop.clear()
            self._thread = Thread(
                target=self._run, name=f"sink {self.name}", daemon=True
            )
            self._thread.start()

    def stop(self, until: float | None = None) -> None:
        """Stop; up to ``until`` (of ``time.monotonic``) what waits is sent, each once.

        What is left then, or what a sink that fails does not take, counts as lost.
        """
        self._until = stop_by(until)
        self._stop.set()
        if self._thread is not None:
            self._thread.join(max(0.0, self._until - time.monotonic()))
            self._thread = None
        self._give_up_waiting()
        self._sink.close()

    def offer(self, event: ErrorEvent) -> None:
        """Have it sent; never waits."""
        try:
            self._queue.put_nowait(event)
        except Full:
            self.totals["no room"] += 1

    def _run(self) -> None:
        while not self._is_over():
            try:
                event = self._queue.get(timeout=0.2)
            except Empty:
                if self._stop.is_set():
                    return
                continue
            self.deliver(event)

    def _is_over(self) -> bool:
        """While stopping, the first failure or the deadline ends it."""
        if not self._stop.is_set():
            return False
        return bool(self.problem) or time.monotonic() >= self._until

    def _give_up_waiting(self) -> None:
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
                self.totals["lost"] += 1

    def deliver(self, event: ErrorEvent) -> None:
        """Send one event now, with all its tries; while stopping with one."""
        for pause_s in (*self._pauses_s, None):
            if self._sent(event):
                return
            if pause_s is None or self._stop.is_set():
                break
            self.totals["tried again"] += 1
            self._wait(self._stop, pause_s)
        self.totals["lost"] += 1

    def _sent(self, event: ErrorEvent) -> bool:
        try:
            self._sink.send(event)
        except Exception as error:  # noqa: BLE001 - somebody else's server, or library
            problem = describe_error(error)
            if not self.problem:
                log.warning("the sink %s failed: %s", self.name, problem)
            self.problem = problem
            return False
        self.problem = ""
        self.totals["sent"] += 1
        return True
