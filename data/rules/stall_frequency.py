"""How many runs are stalled on a day (UTC), and how many are too many.

The mean is that of whole days of which everything is known. The limit is the one that is
set, or, where a stalled run every other day is usual, what normal variation makes of
that: whatever is greater. Rows, charts, previews, messages and the API all ask
``day_limit``.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from data.clock import DAY_MS
from data.rules.chance import poisson_quantile
from data.rules.number_text import rate_a_day

#: How many whole days before today tell what is usual, where so many are known.
USUAL_DAYS: Final = 28
#: With fewer known days nothing fires: the error rate too needs a week to compare with.
LEAST_DAYS: Final = 7
#: The mean of stalled runs a day from which the type's own habits count.
USUAL_STALLS: Final = 0.5
_QUANTILE: Final = 0.99


class DayLimit(NamedTuple):
    """Above so many stalled runs on a day an alert fires."""

    value: float
    #: where it comes from, to be read behind the number
    why: str
    #: out of what is usual, and not as it is set
    is_learnt: bool = False
    #: are enough days known to hold a day against it?
    enough: bool = True

    @property
    def note(self) -> str:
        """``why``, where it is more than that somebody set it."""
        return self.why if self.is_learnt or not self.enough else ""


class Usual(NamedTuple):
    """What is usual."""

    #: stalled runs a day
    mean: float
    #: whole days that the mean is of
    days: int


def day_limit(usual: Usual, limits: Mapping[str, float]) -> DayLimit:
    """The limit that holds."""
    configured = limits["fire"]
    mean, days = usual
    if days < LEAST_DAYS:
        why = f"not enough data, {days} of {LEAST_DAYS} days before today are known"
        return DayLimit(configured, why, enough=False)
    learnt = poisson_quantile(mean, _QUANTILE) if is_usual(mean) else 0
    if learnt <= configured:
        return DayLimit(configured, "as configured")
    why = (
        f"normal variation at {rate_a_day(mean)} in the {days} days before;"
        f" configured: {configured:g}"
    )
    return DayLimit(learnt, why, is_learnt=True)


def is_usual(mean: float) -> bool:
    """Is a stalled run so usual that the limit follows?"""
    return mean > USUAL_STALLS


def usual_span(now_ms: int, known_since: int | None) -> tuple[int, int]:
    """The whole days before today (UTC) that tell what is usual: start and end.

    None of what was before ``known_since``; empty when nothing is known.
    """
    today = now_ms - now_ms % DAY_MS
    if known_since is None:
        return today, today
    first_known = -(-known_since // DAY_MS) * DAY_MS
    return min(max(today - USUAL_DAYS * DAY_MS, first_known), today), today


def usual_of(runs: int, span: tuple[int, int]) -> Usual:
    """So many stalled runs in a span of whole days."""
    since, until = span
    days = (until - since) // DAY_MS
    return Usual(runs / days if days else 0.0, days)


def mean_a_day(by_day: Mapping[int, int], since: int, until: int) -> float | None:
    """The mean of the whole days (by their start) of the span; None without any."""
    first, end = -(-since // DAY_MS) * DAY_MS, until // DAY_MS * DAY_MS
    if end <= first:
        return None
    total = sum(runs for day, runs in by_day.items() if first <= day < end)
    return total / ((end - first) / DAY_MS)
