"""How the demo's load rises and falls with the hour of the week (UTC)."""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from random import Random
from typing import Final, NamedTuple

from data.clock import DAY_MS, HOUR_MS

#: Hours of a week, counted from Monday 00:00 UTC.
WEEK_HOURS: Final = 7 * 24
#: 1970-01-01 was a Thursday.
_EPOCH_OFFSET: Final = 3 * 24
#: The shop grew by this part over the whole history.
_GROWTH: Final = 0.15
#: No hour is like the same hour last week: the load differs by up to this part.
_NOISE: Final = 0.08


class Rhythm(NamedTuple):
    """Relative load by hour of the day and by day of the week, Monday first."""

    hours: tuple[float, ...]
    weekdays: tuple[float, ...]

    def week(self) -> list[float]:
        """The part of a week's load in each hour of the week; sums to 1."""
        load = [day * hour for day in self.weekdays for hour in self.hours]
        total = sum(load)
        return [part / total for part in load]


#: follows the customers: low at night, two peaks, less at the weekend
DAY: Final = Rhythm(
    (
        *(3, 2, 2, 2, 2, 3, 5, 8, 11, 13, 14, 15),
        *(14, 13, 12, 12, 13, 14, 15, 16, 15, 12, 8, 5),
    ),
    (1.0, 0.98, 1.0, 1.04, 1.1, 0.8, 0.74),
)
#: batches between midnight and six
NIGHT: Final = Rhythm((3, 9, 12, 10, 6, 3, *[0.2] * 18), (1.0,) * 7)
#: every few minutes, whatever the hour
STEADY: Final = Rhythm((1.0,) * 24, (1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.95))
#: Monday morning
WEEKLY: Final = Rhythm((*[0.1] * 5, 6, 8, 6, *[0.1] * 16), (1.0, *[0.02] * 6))


class Hour(NamedTuple):
    """One hour of history, or what of it lies inside the history."""

    since_ms: int
    until_ms: int
    #: how many runs ended in it
    runs: int

    @property
    def of_week(self) -> int:
        """Which hour of the week it is, 0 for Monday 00:00 UTC."""
        return (self.since_ms // HOUR_MS + _EPOCH_OFFSET) % WEEK_HOURS


def hours_before(
    now_ms: int, *, days: int, runs: int, week: list[float], rng: Random
) -> list[Hour]:
    """The hours of the last ``days``, oldest first, with exactly ``runs`` runs in all.

    ``week`` is the relative load by hour of the week.
    """
    spans = [Hour(*span, 0) for span in _spans(now_ms - days * DAY_MS, now_ms)]
    weights = [
        week[span.of_week]
        * (span.until_ms - span.since_ms)
        * (1 + _GROWTH * index / len(spans))
        * rng.uniform(1 - _NOISE, 1 + _NOISE)
        for index, span in enumerate(spans)
    ]
    total = sum(weights)
    upto = [round(runs * part / total) for part in accumulate(weights, initial=0.0)]
    return [
        span._replace(runs=after - before)
        for span, (before, after) in zip(spans, pairwise(upto), strict=True)
    ]


def _spans(since_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    start = since_ms
    while start < until_ms:
        end = min((start // HOUR_MS + 1) * HOUR_MS, until_ms)
        yield start, end
        start = end
