"""A span of time too large for a source, read in parts."""

from collections.abc import Callable
from typing import TypeVar

from data.clock import HOUR_MS
from data.exceptions import SourceTooSlowError

_T = TypeVar("_T")
#: Asks for everything from one instant up to another.
Read = Callable[[int, int], list[_T]]


def in_parts(read: Read[_T]) -> Read[_T]:
    """``read``, in halves down to an hour where the source is too slow for the whole."""

    def patient(since_ms: int, until_ms: int) -> list[_T]:
        try:
            return read(since_ms, until_ms)
        except SourceTooSlowError:
            half_ms = (until_ms - since_ms) // 2 // HOUR_MS * HOUR_MS
            if half_ms == 0:
                raise
            middle_ms = since_ms + half_ms
            return patient(since_ms, middle_ms) + patient(middle_ms, until_ms)

    return patient
