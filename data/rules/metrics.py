"""Figures of operation, out of counts: shares, changes, what moved them, incidents."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import floor
from statistics import fmean
from typing import Final, NamedTuple

import numpy as np

#: Good visible minutes that viewers are promised, as a share.
UPTIME_TARGET: Final = 0.995
#: What that leaves of thirty days, in minutes.
UPTIME_BUDGET_MINUTES: Final = 216
#: Incidents on each side, below which nothing is said about a change.
ENOUGH_INCIDENTS: Final = 10
#: Incidents shall be over in half the time of the baseline.
RESOLUTION_TARGET: Final = -0.5
_RESAMPLES: Final = 2_000
_SEED: Final = 20_260_318
_TAIL: Final = 0.025
#: A millisecond: the mean of incidents that took no time at all.
_NOTHING: Final = 1.0


class Part(NamedTuple):
    """What one name has to do with a change."""

    name: str
    #: how much it went up, below 0 down; all parts together are the change
    change: float
    #: of the change; below 0 where it went against it, None when there was none
    share: float | None


class Verdict(StrEnum):
    """Whether incidents are over as fast as they shall be."""

    TOO_FEW = "too few"
    REACHED = "reached"
    MISSED = "missed"
    #: the interval holds the target
    OPEN = "open"


class Resolution(NamedTuple):
    """How long incidents take beside the baseline."""

    verdict: Verdict
    #: relative, -0.5 for half as long; None with too few incidents
    change: float | None = None
    low: float | None = None
    high: float | None = None


def share(part: float, whole: float) -> float | None:
    """``part`` of ``whole``; None of nothing."""
    return part / whole if whole else None


def error_rate(succeeded: int, failed: int) -> float | None:
    """FAILED / (SUCCEEDED + FAILED); None without such runs."""
    return share(failed, succeeded + failed)


def parts_of_change(
    now: Mapping[str, float], before: Mapping[str, float]
) -> list[Part]:
    """What each name has to do with the change of the sum, largest first."""
    changes = {name: now.get(name, 0) - before.get(name, 0) for name in {*now, *before}}
    total = sum(changes.values())
    parts = [
        Part(name, change, share(change, total))
        for name, change in changes.items()
        if change
    ]
    return sorted(parts, key=lambda part: (-abs(part.change), part.name))


def rate_parts(judged: Mapping[str, tuple[int, int]]) -> dict[str, float]:
    """The error rate as a sum: (succeeded, failed) of each type -> its part of the rate.

    A type's part is its failed runs of all runs, so that the parts add up.
    """
    runs = sum(succeeded + failed for succeeded, failed in judged.values())
    return {name: failed / runs for name, (_, failed) in judged.items() if runs}


def budget_left(good: int, minutes: int) -> int | None:
    """Minutes left of thirty days' budget of bad ones, below 0 when it is overspent.

    Viewers were there for ``minutes``, of which ``good`` were good: the share of bad
    ones is taken for all of the thirty days. None when nobody was there.
    """
    if not minutes:
        return None
    used = (1 - good / minutes) / (1 - UPTIME_TARGET)
    return floor(UPTIME_BUDGET_MINUTES * (1 - used) + 0.5)


def resolution(now: Sequence[float], before: Sequence[float]) -> Resolution:
    """Whether the mean of ``now`` is lower than the mean of ``before`` as it shall be.

    With a bootstrap interval of 95 %; the same numbers give the same interval.
    """
    if min(len(now), len(before)) < ENOUGH_INCIDENTS or not any(before):
        return Resolution(Verdict.TOO_FEW)
    draw = np.random.default_rng(_SEED)
    changes = _resampled(now, draw) / np.maximum(_resampled(before, draw), _NOTHING) - 1
    low, high = map(float, np.quantile(changes, (_TAIL, 1 - _TAIL)))
    verdict = Verdict.OPEN
    if high <= RESOLUTION_TARGET:
        verdict = Verdict.REACHED
    elif low > RESOLUTION_TARGET:
        verdict = Verdict.MISSED
    return Resolution(verdict, fmean(now) / fmean(before) - 1, low, high)


def _resampled(
    values: Sequence[float], draw: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Means of as many values, drawn again and again."""
    known = np.asarray(values, dtype=np.float64)
    means = [
        known[draw.integers(0, len(known), len(known))].mean()
        for _ in range(_RESAMPLES)
    ]
    return np.array(means)
