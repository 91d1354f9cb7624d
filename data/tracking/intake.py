"""One bounded queue and one writer: what is tracked reaches the store in batches.

A burst fills the queue; what no longer fits is counted and not kept. While the store
does not answer, what waits stays, and whoever asks for a receipt is told.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from threading import Condition, Thread
from typing import Final, NamedTuple, TypeGuard

from data.exceptions import DataError
from data.model import ErrorEvent
from data.store.errors import ErrorLog
from data.tracking.sinks import stop_by

log = logging.getLogger(__name__)

#: Events that may wait.
ROOM: Final = 1_000
#: Events written at once.
_BATCH: Final = 200
#: Kinds of errors that are counted beyond the queue; of more only their number is known.
_COUNTED: Final = 1_000
_LONGEST_PAUSE_S: Final = 30.0


class Receipt(NamedTuple):
    """What became of a batch."""

    accepted: int
    duplicate: int


class Waiting(NamedTuple):
    """Events on their way to the store."""

    events: Sequence[ErrorEvent]
    #: told when they are kept; None when nobody asks
    receipt: Future[Receipt] | None = None


class Intake:
    """The queue and its writer. ``kept`` hears of every event that is new."""

    def __init__(
        self, errors: ErrorLog, *, kept: Callable[[Sequence[ErrorEvent]], object]
    ) -> None:
        self._errors = errors
        self._kept = kept
        self._waiting: deque[Waiting] = deque()
        self._size = 0
        self._counted: dict[tuple[str, ...], ErrorEvent] = {}
        self._changed = Condition()
        self._thread: Thread | None = None
        self._stopping = False
        self._pause_s = 0.0
        #: what happened to events, by word: "kept", "duplicate", "only counted", "lost"
        self.totals: Counter[str] = Counter()
        self.problem = ""

    def start(self) -> None:
        """Start the writer; a second call does nothing."""
        if self._thread is None:
            self._stopping = False
            self._thread = Thread(target=self._run, name="errors", daemon=True)
            self._thread.start()

    def stop(self, until: float | None = None) -> None:
        """Write what waits, once, and stop, up to an instant of ``time.monotonic``."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(max(0.0, stop_by(until) - time.monotonic()))
            self._thread = None

    def put(self, event: ErrorEvent) -> None:
        """Have an event kept; when there is no room it is counted only."""
        with self._changed:
            if self._size < ROOM:
                self._waiting.append(Waiting([event]))
                self._size += 1
            else:
                self._count_only(event)
            self._changed.notify()

    def hand_in(self, events: Sequence[ErrorEvent]) -> Future[Receipt] | None:
        """Have a batch kept, with a receipt; None when there is no room for it."""
        with self._changed:
            is_in_trouble = self.problem and self._waiting  # one at a time finds out
            if self._size + len(events) > ROOM or is_in_trouble:
                return None
            receipt: Future[Receipt] = Future()
            self._waiting.append(Waiting(events, receipt))
            self._size += len(events)
            self._changed.notify()
            return receipt

    @property
    def size(self) -> int:
        """Events that wait."""
        return self._size

    def write_waiting(self) -> None:
        """Write what waits now; on trouble it waits on, but for what has a receipt."""
        batch, counted = self._taken()
        if not batch and not counted:
            return
        events = [event for waiting in batch for event in waiting.events]
        try:
            written = self._errors.write(events, counted)
        except DataError as error:
            self._keep_for_later(batch, counted, error)
            return
        except Exception as error:
            self._give_up(batch, counted, error)
            raise
        self.problem = ""
        self._pause_s = 0.0
        self.totals["kept"] += len(written.new)
        self.totals["duplicate"] += len(events) - len(written.new)
        self.totals["only counted"] += sum(event.times for event in counted)
        for waiting in batch:
            if _is_awaited(waiting.receipt):
                ids = {event.event_id for event in waiting.events}
                new = len(ids & written.new)
                waiting.receipt.set_result(Receipt(new, len(waiting.events) - new))
        self._kept([event for event in events if event.event_id in written.new])

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopping or self._has_work(), timeout=None
                )
                if self._pause_s and not self._stopping:
                    self._changed.wait_for(lambda: self._stopping, self._pause_s)
                stopping = self._stopping
            try:
                self.write_waiting()
            except Exception:  # the writer must live
                log.exception("errors could not be written", extra={"tracked": True})
            if stopping and (not self._has_work() or self.problem):
                return

    def _has_work(self) -> bool:
        return bool(self._waiting or self._counted)

    def _taken(self) -> tuple[list[Waiting], list[ErrorEvent]]:
        with self._changed:
            batch: list[Waiting] = []
            taken = 0
            while self._waiting and taken < _BATCH:
                batch.append(self._waiting.popleft())
                taken += len(batch[-1].events)
            self._size -= taken
            counted = [*self._counted.values()]
            self._counted.clear()
            return batch, counted

    def _keep_for_later(
        self, batch: Sequence[Waiting], counted: Sequence[ErrorEvent], error: DataError
    ) -> None:
        """Who has a receipt sends again; all else goes back to where it was."""
        if not self.problem:
            log.warning("errors cannot be written: %s", error)
        self.problem = str(error)
        self._pause_s = min(max(2 * self._pause_s, 1.0), _LONGEST_PAUSE_S)
        with self._changed:
            for waiting in reversed(batch):
                if waiting.receipt is not None:
                    if _is_awaited(waiting.receipt):
                        waiting.receipt.set_exception(error)
                elif self._size < ROOM:
                    self._waiting.appendleft(waiting)
                    self._size += len(waiting.events)
                else:
                    self._count_only(waiting.events[0])
            for event in counted:
                self._count_only(event)

    def _give_up(
        self, batch: Sequence[Waiting], counted: Sequence[ErrorEvent], error: Exception
    ) -> None:
        """What cannot be written for a reason of its own must not come again."""
        events = [event for waiting in batch for event in waiting.events]
        self.totals["lost"] += sum(event.times for event in (*events, *counted))
        for waiting in batch:
            if _is_awaited(waiting.receipt):
                waiting.receipt.set_exception(error)

    def _count_only(self, event: ErrorEvent) -> None:
        key = (
            event.fingerprint,
            event.origin,
            event.action,
            event.component,
            event.job_name,
            str(event.at // 3_600_000),
        )
        known = self._counted.get(key)
        if known is not None:
            self._counted[key] = replace(known, times=known.times + event.times)
        elif len(self._counted) < _COUNTED:
            self._counted[key] = event
        else:
            self.totals["lost"] += event.times


def _is_awaited(receipt: Future[Receipt] | None) -> TypeGuard[Future[Receipt]]:
    """Does somebody wait for it still? Whoever gave up has cancelled it."""
    return receipt is not None and receipt.set_running_or_notify_cancel()
