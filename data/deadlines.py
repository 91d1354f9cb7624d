"""Deadlines for what a thread asks of databases, whatever its driver does.

A server that goes silent leaves a driver in ``recv`` for ever, and no timeout of the
server's own can end that. One watchdog thread for all cuts the connections of a call
that is overdue: a socket is shut, a SQLite query interrupted. The driver then raises,
and the thread is free again.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")
#: How often the clock is read while a deadline runs, in seconds.
_LOOK_EVERY_S: Final = 0.25
#: How much of the time between two reads of the clock counts at most, in seconds.
_MOST_BETWEEN_LOOKS_S: Final = 1.0


class RunningTime:
    """Seconds in which this process ran.

    While a process or its machine stands still, no answer can reach it: such a pause says
    nothing about the database.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._looked_at = clock()

    def __call__(self) -> float:
        """Seconds since it was made. Read it at least every ``_LOOK_EVERY_S``."""
        with self._lock:
            now = self._clock()
            self._seconds += min(now - self._looked_at, _MOST_BETWEEN_LOOKS_S)
            self._looked_at = now
            return self._seconds


_now_s: Final = RunningTime()


class DeadlineError(Exception):
    """Something did not come back in time and was left to itself."""


class NoThreadError(RuntimeError):
    """The process got no thread to do something in; it was not begun."""


class Call:
    """What a thread does between ``bounded`` and its end. Ends in running seconds."""

    def __init__(
        self, limit_s: float, within: "Call | None", on_expiry: "Callable[[Call], None]"
    ) -> None:
        self._limit_s = limit_s
        self._within = within
        self._on_expiry = on_expiry
        self._cuts: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._over = False
        self._asks = False
        #: the watchdog cut it
        self.expired = False
        #: it was cut because nothing was heard for the whole of its own limit
        self.silent = False
        self._heard_at = -math.inf
        self.ends_at = math.inf
        self.renew()

    @property
    def left_s(self) -> float:
        """Time that is left, in seconds; never negative."""
        return max(0.0, self.ends_at - _now_s())

    def renew(self) -> None:
        """The database was heard of: count anew, within the limit of the outer call."""
        outer = self._within.ends_at if self._within else math.inf
        self._heard_at = _now_s()
        self.ends_at = min(self._heard_at + self._limit_s, outer)

    def ask(self) -> None:
        """From now on it waits for the database, not for a free connection."""
        self._asks = True

    def watch(self, cut: Callable[[], None]) -> None:
        """Have ``cut`` called at the deadline: it ends what a connection waits for."""
        self.ask()
        with self._lock:
            self._cuts.append(cut)
            late = self.expired
        if late:
            cut()

    def unwatch(self, cut: Callable[[], None]) -> None:
        """Never call ``cut`` from now on: its connection may serve others."""
        with self._lock:
            self._cuts = [other for other in self._cuts if other != cut]

    def expire(self) -> None:
        """Cut every connection of this call, unless it is over."""
        with self._lock:
            if self._over or self.expired:
                return
            self.expired = True
            silent_s = _now_s() - self._heard_at
            self.silent = self._asks and silent_s >= self._limit_s
            for cut in self._cuts:
                with suppress(Exception):  # it ended by itself this very moment
                    cut()
            self._on_expiry(self)

    def end(self) -> None:
        """From now on nothing of it is cut: its connections may serve others."""
        with self._lock:
            self._over = True


class _Watchdog:
    """Expires calls that are overdue, in a thread that is started when first needed."""

    def __init__(self) -> None:
        self._calls: set[Call] = set()
        self._changed = threading.Condition()
        self._wakes_at = -math.inf
        self._thread: threading.Thread | None = None

    def add(self, call: Call) -> None:
        with self._changed:
            self._calls.add(call)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="deadlines", daemon=True
                )
                self._thread.start()
            if call.ends_at < self._wakes_at:
                self._changed.notify()

    def discard(self, call: Call) -> None:
        with self._changed:
            self._calls.discard(call)

    def _run(self) -> None:
        while True:
            for call in self._overdue():
                call.expire()
                self.discard(call)

    def _overdue(self) -> list[Call]:
        """Calls whose time is up; waits until there may be one."""
        with self._changed:
            now = _now_s()
            if not any(call.ends_at <= now for call in self._calls):
                ends = min((call.ends_at for call in self._calls), default=math.inf)
                pause_s = min(ends - now, _LOOK_EVERY_S) if self._calls else None
                self._wakes_at = math.inf if pause_s is None else now + pause_s
                self._changed.wait(pause_s)
                self._wakes_at = -math.inf
                now = _now_s()
            return [call for call in self._calls if call.ends_at <= now]


_WATCHDOG: Final = _Watchdog()
_CURRENT: ContextVar[Call | None] = ContextVar("database_call", default=None)


_PATIENCE: ContextVar[float] = ContextVar("database_patience", default=0.0)


@contextmanager
def patient(limit_s: float) -> Iterator[None]:
    """Calls of this thread in here may keep silent for so long at least, in seconds.

    For statements that are known to take long and that nobody waits for.
    """
    token = _PATIENCE.set(limit_s)
    try:
        yield
    finally:
        _PATIENCE.reset(token)


def patience() -> float:
    """How long a call of this thread may keep silent at least, in seconds."""
    return _PATIENCE.get()


def current_call() -> Call | None:
    """The innermost call of this thread."""
    return _CURRENT.get()


@contextmanager
def bounded(
    limit_s: float, on_expiry: Callable[[Call], None] = lambda _call: None
) -> Iterator[Call]:
    """Cut what this thread asks of databases in here when it takes too long.

    That is ``limit_s`` seconds after it last heard of its database, and never later than
    the call around it; ``math.inf`` is no limit.
    ``on_expiry`` is called by the watchdog, also when the driver cannot be interrupted,
    and never when the call is over.
    """
    call = Call(limit_s, _CURRENT.get(), on_expiry)
    token = _CURRENT.set(call)
    if call.ends_at < math.inf:
        _WATCHDOG.add(call)
    try:
        yield call
    finally:
        call.end()
        _WATCHDOG.discard(call)
        _CURRENT.reset(token)


class _Outcome(Generic[_T]):
    """What a thread made, unless nobody waits for it any more."""

    def __init__(self, release: Callable[[_T], None]) -> None:
        self._release = release
        self._queue: SimpleQueue[tuple[_T | None, BaseException | None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._abandoned = False

    def put(self, value: _T | None, error: BaseException | None) -> None:
        with self._lock:
            if not self._abandoned:
                self._queue.put((value, error))
                return
        if value is not None:
            self._release(value)

    def get(self, limit_s: float) -> _T:
        value, error = self._wait(limit_s)
        if error is not None:
            raise error
        return value  # type: ignore[return-value]  # a value or an error, never neither

    def _wait(self, limit_s: float) -> tuple[_T | None, BaseException | None]:
        ends_at = _now_s() + limit_s
        while (left_s := ends_at - _now_s()) > 0:
            with suppress(Empty):
                return self._queue.get(timeout=min(left_s, _LOOK_EVERY_S))
        return self._give_up()

    def _give_up(self) -> tuple[_T | None, BaseException | None]:
        with self._lock:
            self._abandoned = True
        with suppress(Empty):  # it came this very moment
            return self._queue.get_nowait()
        return None, DeadlineError()


def within_limit(
    work: Callable[[], _T], limit_s: float, release: Callable[[_T], None]
) -> _T:
    """What ``work`` returns, from a thread of its own that is left behind when it is late.

    ``release`` gets what came too late. For calls that nothing can interrupt: a name
    that is looked up, a file on a network that is gone. Raises DeadlineError,
    and NoThreadError when ``work`` was never called.
    """
    outcome = _Outcome(release)

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            outcome.put(None, error)
        else:
            outcome.put(value, None)

    try:
        threading.Thread(target=run, name="connecting", daemon=True).start()
    except RuntimeError as error:
        raise NoThreadError(str(error)) from error
    return outcome.get(limit_s)
