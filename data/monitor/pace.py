"""Leaves a source alone for as long as its reads call for."""

import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")
#: After a read the source rests for this many times what it took.
REST: Final = 20
_LONGEST_REST_S: Final = 120.0


class Pace:
    """What the reads of one source took, and how long it rests for that."""

    def __init__(
        self, *, full_from_s: float = 0.0, longest_rest_s: float = _LONGEST_REST_S
    ) -> None:
        """What took less than ``full_from_s`` is followed by fewer times that, in proportion."""
        self._spent_s = 0.0
        self._full_from_s = full_from_s
        self._longest_rest_s = longest_rest_s
        #: by ``time.monotonic``
        self.rests_until = 0.0

    def timed(self, read: Callable[_P, _T]) -> Callable[_P, _T]:
        """``read``, whose time counts, also when it fails."""

        def timed_read(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            started = time.monotonic()
            try:
                return read(*args, **kwargs)
            finally:
                self._spent_s += time.monotonic() - started

        return timed_read

    @property
    def is_resting(self) -> bool:
        """Is the source left alone now?"""
        return time.monotonic() < self.rests_until

    def rest(self) -> None:
        """Let the source rest for what was read since the last rest."""
        rest_s = min(self._spent_s * self._times(), self._longest_rest_s)
        self._spent_s = 0.0
        self.rests_until = time.monotonic() + rest_s

    def _times(self) -> float:
        if self._spent_s >= self._full_from_s:
            return REST
        return REST * self._spent_s / self._full_from_s
