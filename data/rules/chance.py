"""How likely is it that chance alone did this: exact, for counts of any size."""

import math
from typing import Final

_ENOUGH: Final = 1e-14
_TINY: Final = 1e-300
_MOST_TERMS: Final = 100_000
_HALVINGS: Final = 60


def at_least(hits: float, trials: float, chance: float) -> float:
    """The probability of ``hits`` or more in ``trials``, each with this chance.

    The exact binomial; counts that were divided may have fractions.
    """
    if hits <= 0 or chance >= 1:
        return 1.0
    if hits > trials or chance <= 0:
        return 0.0
    return _beta(hits, trials - hits + 1, chance)


def lower_bound(hits: int, trials: int, confidence: float) -> float:
    """The least true share that explains so many hits (Clopper and Pearson, one-sided)."""
    if hits <= 0:
        return 0.0
    low, high = 0.0, hits / trials
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if at_least(hits, trials, middle) < 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def poisson_quantile(mean: float, share: float) -> int:
    """The least count that a Poisson variable of this mean stays at or below so often."""
    if mean <= 0:
        return 0
    count, reached = 0, math.exp(-mean)
    while reached < share:
        count += 1
        reached += math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
    return count


def dispersion(counts: list[int]) -> float:
    """How much more the counts vary than chance makes them: variance / mean, at least 1."""
    mean = sum(counts) / len(counts) if counts else 0
    if mean == 0 or len(counts) < 2:  # noqa: PLR2004
        return 1.0
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    return max(1.0, variance / mean)


def _beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    log_front = (
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
    )
    return math.exp(log_front) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's method: forwards, until a term changes nothing any more."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _MOST_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < _ENOUGH:
            break
    return found


def _away(value: float) -> float:
    """Never zero: it is divided by."""
    return value if abs(value) > _TINY else _TINY
