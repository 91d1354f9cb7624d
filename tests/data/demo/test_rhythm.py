import pytest

from data.clock import DAY_MS, HOUR_MS, to_ms
from data.demo.rhythm import (
    DAY,
    NIGHT,
    STEADY,
    WEEK_HOURS,
    WEEKLY,
    Rhythm,
    hours_before,
)
from tests.data.demo.shop import NOON, chance

NOON_MS = to_ms(NOON)


@pytest.mark.parametrize("rhythm", [DAY, NIGHT, STEADY, WEEKLY])
def test_a_week_is_shared_out_completely(rhythm: Rhythm) -> None:
    week = rhythm.week()

    assert len(week) == WEEK_HOURS
    assert sum(week) == pytest.approx(1)


@pytest.mark.parametrize("runs", [0, 1, 12_345])
def test_the_hours_hold_exactly_the_runs_asked_for(runs: int) -> None:
    hours = hours_before(NOON_MS, days=3, runs=runs, week=DAY.week(), rng=chance())

    assert sum(hour.runs for hour in hours) == runs


@pytest.mark.parametrize("after_the_hour", [0, 1, HOUR_MS - 1])
def test_the_hours_follow_each_other_up_to_now(after_the_hour: int) -> None:
    now = NOON_MS + after_the_hour

    hours = hours_before(now, days=2, runs=100, week=DAY.week(), rng=chance())

    assert hours[0].since_ms == now - 2 * DAY_MS
    assert hours[-1].until_ms == now
    ends = [hour.until_ms for hour in hours[:-1]]
    assert ends == [hour.since_ms for hour in hours[1:]]
    assert all(end % HOUR_MS == 0 for end in ends)


def test_weekends_are_quieter() -> None:
    # The fourth of March 2026 was a Wednesday.
    hours = hours_before(NOON_MS, days=14, runs=100_000, week=DAY.week(), rng=chance())
    by_day = [0] * 7
    for hour in hours:
        by_day[hour.of_week // 24] += hour.runs

    assert max(by_day[5:]) < min(by_day[:5])


def test_the_hour_of_the_week_starts_on_monday() -> None:
    hours = hours_before(NOON_MS, days=1, runs=0, week=DAY.week(), rng=chance())

    assert hours[-1].of_week == 2 * 24 + 11
