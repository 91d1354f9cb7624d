"""Pages: cursors that none gave, and searches backwards in bounded windows and time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from data.clock import DAY_MS, HOUR_MS
from data.exceptions import InvalidRequestError

#: A search stops at the first window that ends after this long: 0.3 s with the window.
SEARCH_LIMIT_S: Final = 0.2
_WINDOW_MS: Final = HOUR_MS
_LONGEST_WINDOW_MS: Final = 3650 * DAY_MS
#: A window that took less than this is followed by one twice as wide.
_QUICK_S: Final = 0.03
_SLOW_S: Final = 0.1

_T = TypeVar("_T")


def not_a_cursor() -> InvalidRequestError:
    """What to raise for a cursor that no page gave."""
    message = 'This is no page\'s "next": start again without "after".'
    return InvalidRequestError(message)


def search_back(
    read: Callable[[int, int, int], Sequence[_T]],
    *,
    end_ms: int,
    oldest_ms: int,
    limit: int,
    stopwatch: Callable[[], float],
) -> tuple[list[_T], int | None]:
    """At most ``limit`` rows before ``end_ms``, newest first.

    ``read(start, end, room)`` gives the rows of one window. The instant that a search
    was stopped at is given too, None when it is complete.
    """
    began = stopwatch()
    rows: list[_T] = []
    end = end_ms
    for start in _windows(end_ms, stopwatch):
        rows += read(start, end, limit - len(rows))
        if len(rows) >= limit or start <= oldest_ms:
            break
        end = start
        if stopwatch() - began >= SEARCH_LIMIT_S:
            return rows, start
    return rows, None


def _windows(end: int, stopwatch: Callable[[], float]) -> Iterator[int]:
    """Starts of windows one before the other, wider while they are quick."""
    width = _WINDOW_MS
    while True:
        end -= width
        began = stopwatch()
        yield end
        took = stopwatch() - began
        if took < _QUICK_S:
            width = min(2 * width, _LONGEST_WINDOW_MS)
        elif took > _SLOW_S:
            width = max(_WINDOW_MS, width // 2)
