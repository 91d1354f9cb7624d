"""What one process at a time does: whose lease it is."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from data.clock import SECOND_MS, Clock, now_ms
from data.exceptions import DataError
from data.monitor.duty import Duty
from data.store.lease import Leases

#: A process that has not renewed a lease for this long has lost it.
LEASE_MS: Final = 30 * SECOND_MS
#: A lease that is held is renewed this often.
_RENEW_EVERY_MS: Final = LEASE_MS // 3


class Leadership:
    """A lease that is held for as long as ``keep`` is called.

    Each duty has one of its own, renewed by the thread that does it: where that
    thread hangs, another process takes over.
    """

    def __init__(self, leases: Leases, name: str, *, holder: str, clock: Clock) -> None:
        self.name = name
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._renewed_at: int | None = None
        self._is_over = False
        #: another process holds it, as far as is known
        self.is_elsewhere = False

    @property
    def held(self) -> bool:
        """Is it ours now?"""
        return self._age_ms() < LEASE_MS

    def keep(self) -> bool:
        """Take or renew the lease when it is time to; is it ours? Raises DataError."""
        if self._is_over:
            return False
        if self._age_ms() < _RENEW_EVERY_MS:
            return True
        now = now_ms(self._clock)
        self.is_elsewhere = False
        got = self._leases.acquire(self.name, self._holder, now, LEASE_MS)
        self._renewed_at = now if got else None
        self.is_elsewhere = not got
        if self._is_over:  # meanwhile
            self.release()
        return self.held

    def end(self) -> None:
        """Take it no more, whoever asks for it: this process stops."""
        self._is_over = True

    def release(self) -> None:
        """Let another process take over at once. Raises DataError."""
        was_held, self._renewed_at = self._renewed_at is not None, None
        if was_held:
            self._leases.release(self.name, self._holder)

    def _age_ms(self) -> float:
        """Time since it was renewed; infinite when it is not ours."""
        if self._renewed_at is None:
            return float("inf")
        age_ms = now_ms(self._clock) - self._renewed_at
        return age_ms if age_ms >= 0 else float("inf")  # the clock was set back


class LedDuties:
    """Duties that one process at a time does, behind one lease."""

    def __init__(self, leadership: Leadership, duties: Sequence[Duty]) -> None:
        self.leadership = leadership
        self._duties = duties
        self._lease = Duty(f"lease {leadership.name}", self._keep, every_ms=0)

    def lead(self, now_ms: int) -> bool:
        """Take the lease or keep it; is it ours?"""
        self._lease.run(now_ms)
        if self.leadership.is_elsewhere:
            self.rest()
        return self.leadership.held

    def run(self, now_ms: int) -> None:
        """Do what is due."""
        for duty in self._duties:
            duty.run(now_ms)

    def stand_back(self) -> None:
        """Let another process lead at once: this one can do none of it now."""
        with suppress(DataError):  # the lease lapses by itself
            self.leadership.release()
        self.rest()

    def rest(self) -> None:
        """There is nothing to do here now."""
        for duty in self._duties:
            duty.rest()

    def _keep(self, _now_ms: int) -> None:
        self.leadership.keep()
