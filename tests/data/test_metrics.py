"""Shares, changes and what moved them, the budget, and whether incidents got shorter."""

import pytest

from data.rules.metrics import (
    ENOUGH_INCIDENTS,
    Part,
    Verdict,
    budget_left,
    error_rate,
    parts_of_change,
    rate_parts,
    resolution,
)


@pytest.mark.parametrize(
    ("succeeded", "failed", "rate"), [(0, 0, None), (3, 1, 0.25), (0, 2, 1), (5, 0, 0)]
)
def test_the_error_rate_is_failed_of_those_that_were_judged(
    succeeded: int, failed: int, rate: float | None
) -> None:
    assert error_rate(succeeded, failed) == rate


def test_the_parts_of_a_change_add_up_to_it_and_the_largest_comes_first() -> None:
    parts = parts_of_change({"a": 9, "b": 1, "c": 4}, {"a": 3, "b": 5, "d": 1, "c": 4})

    assert parts == [Part("a", 6, 6.0), Part("b", -4, -4.0), Part("d", -1, -1.0)]
    assert sum(part.change for part in parts) == 14 - 13


def test_a_change_that_evens_out_has_parts_and_no_shares() -> None:
    assert parts_of_change({"a": 2}, {"b": 2}) == [
        Part("a", 2, None),
        Part("b", -2, None),
    ]
    assert parts_of_change({}, {}) == []


def test_the_rate_is_the_sum_of_its_parts() -> None:
    judged = {"a": (90, 10), "b": (95, 5), "c": (0, 0)}

    parts = rate_parts(judged)

    assert parts == {"a": 0.05, "b": 0.025, "c": 0}
    assert sum(parts.values()) == pytest.approx(error_rate(185, 15))
    assert rate_parts({"a": (0, 0)}) == {}


@pytest.mark.parametrize(
    ("good", "minutes", "left"),
    [
        (0, 0, None),
        (1000, 1000, 216),
        (995, 1000, 0),
        (9975, 10_000, 108),
        (99, 100, -216),
    ],
)
def test_the_budget_is_half_a_percent_of_thirty_days(
    good: int, minutes: int, left: int | None
) -> None:
    assert budget_left(good, minutes) == left


SPREAD = [*range(50, 150, 5)]


def test_nothing_is_said_of_few_incidents_on_either_side() -> None:
    few = SPREAD[: ENOUGH_INCIDENTS - 1]

    assert resolution(few, SPREAD).verdict is Verdict.TOO_FEW
    assert resolution(SPREAD, few).verdict is Verdict.TOO_FEW
    assert resolution(SPREAD, [0] * 20).verdict is Verdict.TOO_FEW
    assert resolution(SPREAD[:ENOUGH_INCIDENTS], SPREAD).verdict is not Verdict.TOO_FEW


@pytest.mark.parametrize(
    ("times", "verdict"),
    [
        (0.2, Verdict.REACHED),
        (0.5, Verdict.OPEN),
        (0.9, Verdict.MISSED),
        (1, Verdict.MISSED),
    ],
)
def test_the_target_is_reached_when_the_whole_interval_is_below_it(
    times: float, verdict: Verdict
) -> None:
    found = resolution([times * one for one in SPREAD], SPREAD)

    assert found.verdict is verdict
    assert found.change == pytest.approx(times - 1)
    assert found.low is not None
    assert found.high is not None
    assert found.low < times - 1 < found.high
    assert found == resolution([times * one for one in SPREAD], SPREAD)
