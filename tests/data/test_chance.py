"""Probabilities against known values, and against sums that anybody can check."""

from math import comb, exp, factorial

import pytest

from data.rules.chance import at_least, dispersion, lower_bound, poisson_quantile


def summed(hits: int, trials: int, chance: float) -> float:
    return sum(
        comb(trials, k) * chance**k * (1 - chance) ** (trials - k)
        for k in range(hits, trials + 1)
    )


@pytest.mark.parametrize("trials", [1, 5, 20, 100])
@pytest.mark.parametrize("chance", [0.001, 0.02, 0.3, 0.5, 0.97])
def test_the_binomial_is_the_sum_of_its_terms(trials: int, chance: float) -> None:
    for hits in range(trials + 1):
        assert at_least(hits, trials, chance) == pytest.approx(
            summed(hits, trials, chance), rel=1e-9, abs=1e-15
        )


def test_the_ends_of_the_binomial() -> None:
    assert at_least(0, 10, 0.5) == 1
    assert at_least(11, 10, 0.5) == 0
    assert at_least(1, 10, 0) == 0
    assert at_least(10, 10, 1) == 1
    assert at_least(10, 10, 0.5) == pytest.approx(2**-10)


def test_a_million_trials_are_as_the_normal_distribution_says() -> None:
    """500,500 of a million fair coins is one standard deviation: 15.9 %."""
    assert at_least(500_500, 1_000_000, 0.5) == pytest.approx(0.1588, abs=2e-4)


@pytest.mark.parametrize(
    ("hits", "trials", "confidence", "bound"),
    [
        # R: binom.test(8, 20)$conf.int is 0.1911901 0.6394574
        (8, 20, 0.975, 0.1911901),
        # all of n: alpha ** (1 / n)
        (3, 3, 0.95, 0.05 ** (1 / 3)),
        (20, 20, 0.999, 0.001 ** (1 / 20)),
        # one of n: 1 - (1 - alpha) ** (1 / n)
        (1, 20, 0.95, 1 - 0.95 ** (1 / 20)),
        (0, 20, 0.95, 0.0),
    ],
)
def test_the_bound_of_clopper_and_pearson(
    hits: int, trials: int, confidence: float, bound: float
) -> None:
    assert lower_bound(hits, trials, confidence) == pytest.approx(bound, abs=1e-7)


@pytest.mark.parametrize(
    ("mean", "share", "count"),
    # as R's qpois has it
    [(0.25, 0.99, 2), (0.5, 0.99, 3), (1, 0.99, 4), (2, 0.99, 6), (10, 0.99, 18)],
)
def test_quantiles_of_poisson(mean: float, share: float, count: int) -> None:
    assert poisson_quantile(mean, share) == count
    below = sum(exp(-mean) * mean**k / factorial(k) for k in range(count))
    assert below < share


def test_a_poisson_of_nothing_and_of_much() -> None:
    assert poisson_quantile(0, 0.99) == 0
    assert 1070 <= poisson_quantile(1000, 0.99) <= 1078


def test_dispersion_is_variance_by_mean_and_never_below_one() -> None:
    assert dispersion([]) == 1
    assert dispersion([7]) == 1
    assert dispersion([0] * 14) == 1
    assert dispersion([3] * 14) == 1
    assert dispersion([0, 10]) == pytest.approx(10)
