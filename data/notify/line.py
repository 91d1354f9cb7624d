"""The line to one channel: one message at a time, in a thread of its own."""

from collections.abc import Callable
from threading import Lock, Thread
from typing import NamedTuple

from data.notify.courier import Outcome
from data.notify.handover import Handover
from data.rules.messages import Delivery, Outlet


class Letter(NamedTuple):
    """One message on its way; it may stand for several deliveries."""

    outlet: Outlet
    deliveries: tuple[Delivery, ...]
    handover: Handover

    @property
    def ids(self) -> list[int]:
        """Of the deliveries."""
        return [one.id for one in self.deliveries]


class Line:
    """Sends one letter at a time; one that hangs keeps this line busy, and no other.

    ``told`` is called in the line's thread with what ``send`` gave, and whether the
    letter had been given up by then.
    """

    def __init__(
        self,
        send: Callable[[Letter], Outcome],
        told: Callable[[Letter, Outcome, bool], object],
    ) -> None:
        self._send = send
        self._told = told
        self._lock = Lock()
        self._letter: Letter | None = None
        self._since = 0
        self._given_up = False

    @property
    def is_busy(self) -> bool:
        """Is a letter on its way, or hanging?"""
        return self._letter is not None

    @property
    def hangs(self) -> bool:
        """Is it busy with a letter that was given up?"""
        return self._letter is not None and self._given_up

    def start(self, letter: Letter, now_ms: int) -> bool:
        """Send it; False while another one is on its way. Never waits."""
        with self._lock:
            if self._letter is not None:
                return False
            self._letter, self._since, self._given_up = letter, now_ms, False
        Thread(target=self._run, args=(letter,), name="message", daemon=True).start()
        return True

    def give_up(self, now_ms: int, limit_ms: int) -> Letter | None:
        """The letter that has been on its way for too long; it is given up once."""
        with self._lock:
            late = self._letter is not None and now_ms - self._since >= limit_ms
            if not late or self._given_up:
                return None
            self._given_up = True
            return self._letter

    def _run(self, letter: Letter) -> None:
        outcome = self._send(letter)
        try:
            self._told(letter, outcome, self._given_up)
        finally:
            self._letter = None
