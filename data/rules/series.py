"""What was counted over time, ready to be measured at any instant of it.

Live the newest instant is asked for, a preview walks through thirty days: both see the
same numbers.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final

from data.clock import DAY_MS, MINUTE_MS, WEEK_MS
from data.model import Weeks
from data.rules.judging import Minutes, Stalls, Viewers
from data.rules.stall_frequency import usual_of, usual_span
from data.rules.weeks import BOTH_MS, week_end

#: Viewers are counted in quarters of an hour, their minutes in slots of five minutes.
QUARTER_MS: Final = 15 * MINUTE_MS
SLOT_MS: Final = 5 * MINUTE_MS


class Summed:
    """Counts at instants, to be summed over any span."""

    def __init__(self, counts: Iterable[tuple[int, int]]) -> None:
        """``counts`` are (instant, count) in order."""
        pairs = [*counts]
        self._instants = [at for at, _ in pairs]
        self._sums = [0, *accumulate(count for _, count in pairs)]

    def between(self, since: int, until: int) -> int:
        """The sum over ``since <= instant < until``."""
        first = bisect_left(self._instants, since)
        return self._sums[bisect_left(self._instants, until)] - self._sums[first]


class ViewerSeries:
    """Viewers, and who lost the link, by quarter of an hour."""

    def __init__(self, quarters: Iterable[tuple[int, int, int]]) -> None:
        self._by_start = {at: Viewers(at, users, lost) for at, users, lost in quarters}

    def at(self, now_ms: int) -> list[Viewers]:
        """The quarter that goes on and the one before, as far as anybody looked."""
        start = now_ms - now_ms % QUARTER_MS
        wanted = (start - QUARTER_MS, start)
        return [self._by_start[at] for at in wanted if at in self._by_start]


class MinuteSeries:
    """Minutes with somebody looking, and the bad ones, by slot of five minutes."""

    def __init__(self, slots: Sequence[tuple[int, int, int]]) -> None:
        """``slots`` are (start, minutes, good ones), in order."""
        self._all = Summed((at, minutes) for at, minutes, _ in slots)
        self._bad = Summed((at, minutes - good) for at, minutes, good in slots)

    def at(self, now_ms: int, long_ms: int, short_ms: int) -> Minutes:
        """The slots that touch the long span up to now, and the short one."""
        spans = [
            (now_ms - span_ms - (now_ms - span_ms) % SLOT_MS, now_ms + 1)
            for span_ms in (long_ms, short_ms)
        ]
        long, short = spans
        return Minutes(
            self._all.between(*long),
            self._bad.between(*long),
            self._all.between(*short),
            self._bad.between(*short),
        )


def stalls_at(
    between: Callable[[int, int], int], now_ms: int, known_since: int | None
) -> Stalls:
    """Those of today and of 24 hours, and what is usual on the whole days before.

    ``between`` counts those of ``after < instant <= until``. Before ``known_since`` not
    all are known; None: nothing is.
    """
    since, today = usual_span(now_ms, known_since)
    return Stalls(
        between(today - 1, now_ms),
        between(now_ms - DAY_MS, now_ms),
        usual_of(between(since - 1, today - 1), (since, today)),
    )


class StallSeries:
    """When runs were first seen as stalled."""

    def __init__(self, instants: Iterable[int], known_since: int | None) -> None:
        """Before ``known_since`` not all are known; None: nothing is."""
        self._instants = sorted(instants)
        self._known_since = known_since

    def at(self, now_ms: int) -> Stalls:
        """As ``stalls_at`` tells."""
        return stalls_at(self._between, now_ms, self._known_since)

    def _between(self, after: int, until: int) -> int:
        """How many there are of ``after < instant <= until``."""
        last = bisect_right(self._instants, until)
        return last - bisect_right(self._instants, after)


class RunSeries:
    """Failed runs, and all that finished, by hour."""

    def __init__(
        self,
        failed: Mapping[int, int],
        succeeded: Mapping[int, int],
        known_since: int | None,
    ) -> None:
        """Before ``known_since`` runs are not counted, or not all; None: none at all."""
        self._known_since = known_since
        self._failed = Summed(sorted(failed.items()))
        self._succeeded = Summed(sorted(succeeded.items()))

    def at(self, now_ms: int) -> Weeks:
        """Seven days that end with the present hour, and the seven before.

        When the earlier ones are not known nothing finished in them.
        """
        end = week_end(now_ms)
        middle, start = end - WEEK_MS, end - BOTH_MS
        known = self._known_since is not None and self._known_since <= start
        days = range(start, end, DAY_MS)
        failed, before = self._failed.between(middle, end), 0
        if known:
            before = self._failed.between(start, middle)
        return Weeks(
            failed,
            failed + self._succeeded.between(middle, end),
            before,
            before + self._succeeded.between(start, middle) if known else 0,
            tuple(self._failed.between(day, day + DAY_MS) for day in days),
            end,
        )
