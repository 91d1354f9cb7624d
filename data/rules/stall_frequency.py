"""How many runs are stalled on a day (UTC), and how many are too many.

The mean is that of whole days. The limit is the one that is set, or, where a stalled run
every other day is usual, what normal variation makes of that: whatever is greater. Rows,
charts, previews, messages and the API all ask ``day_limit``.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from data.clock import DAY_MS
from data.rules.chance import poisson_quantile
from data.rules.number_text import rate_a_day

#: How many whole days before today tell what is usual.
USUAL_DAYS: Final = 28
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


def day_limit(mean: float, limits: Mapping[str, float]) -> DayLimit:
    """The limit that holds; ``mean`` is that of the days that tell what is usual."""
    configured = limits["fire"]
    usual = poisson_quantile(mean, _QUANTILE) if is_usual(mean) else 0
    if usual <= configured:
        return DayLimit(configured, "as configured")
    why = (
        f"normal variation at {rate_a_day(mean)} in the {USUAL_DAYS} days before;"
        f" configured: {configured:g}"
    )
    return DayLimit(usual, why, is_learnt=True)


def is_usual(mean: float) -> bool:
    """Is a stalled run so usual that the limit follows?"""
    return mean > USUAL_STALLS


def mean_a_day(by_day: Mapping[int, int], since: int, until: int) -> float | None:
    """The mean of the whole days (by their start) of the span; None without any."""
    first, end = -(-since // DAY_MS) * DAY_MS, until // DAY_MS * DAY_MS
    if end <= first:
        return None
    total = sum(runs for day, runs in by_day.items() if first <= day < end)
    return total / ((end - first) / DAY_MS)
