"""What was counted over time, measured at any instant."""

import random

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from data.rules.judging import Minutes, Stalls, Viewers, Weeks
from data.rules.series import (
    QUARTER_MS,
    SLOT_MS,
    MinuteSeries,
    RunSeries,
    StallSeries,
    Summed,
    ViewerSeries,
)
from data.rules.stall_frequency import Usual
from tests.factories import NOW

MIDNIGHT = NOW - NOW % DAY_MS
HOUR = NOW - NOW % HOUR_MS


def test_sums_are_those_of_a_loop() -> None:
    chance = random.Random(1)
    pairs = sorted((chance.randrange(1000), chance.randrange(9)) for _ in range(200))
    summed = Summed(pairs)
    for _ in range(300):
        since, until = sorted(chance.sample(range(-10, 1010), 2))
        expected = sum(count for at, count in pairs if since <= at < until)
        assert summed.between(since, until) == expected
    assert Summed([]).between(0, 1) == 0


def test_viewers_of_this_quarter_and_the_one_before() -> None:
    start = NOW - NOW % QUARTER_MS
    rows = [(start - n * QUARTER_MS, 10 + n, n) for n in range(4)]
    series = ViewerSeries(rows)

    before, this = Viewers(start - QUARTER_MS, 11, 1), Viewers(start, 10, 0)
    assert series.at(NOW) == [before, this]
    assert series.at(start) == [before, this]
    assert series.at(start + QUARTER_MS) == [this]
    assert series.at(start + 9 * QUARTER_MS) == []


def test_minutes_of_the_slots_that_touch_a_span() -> None:
    start = NOW - NOW % SLOT_MS
    slots = [(start - n * SLOT_MS, 10, 9 if n == 2 else 10) for n in range(100)][::-1]
    series = MinuteSeries(slots)

    assert series.at(start, HOUR_MS, 5 * MINUTE_MS) == Minutes(130, 1, 20, 0)
    assert series.at(start + 1, HOUR_MS, 10 * MINUTE_MS) == Minutes(130, 1, 30, 1)
    assert MinuteSeries([]).at(NOW, HOUR_MS, MINUTE_MS) == Minutes(0, 0, 0, 0)


def test_stalls_of_today_of_a_day_and_the_mean_before() -> None:
    series = StallSeries(
        [
            MIDNIGHT,
            MIDNIGHT - 1,
            NOW,
            NOW - DAY_MS,
            NOW - DAY_MS + 1,
            MIDNIGHT - 28 * DAY_MS,
            MIDNIGHT - 28 * DAY_MS - 1,
        ],
        known_since=MIDNIGHT - 60 * DAY_MS,
    )

    assert series.at(NOW) == Stalls(today=2, last_day=4, usual=Usual(4 / 28, 28))
    assert series.at(NOW - 1).today == 1


@pytest.mark.parametrize(
    ("known_since", "usual"),
    [
        (MIDNIGHT - 40 * DAY_MS, Usual(3.0, 28)),
        (MIDNIGHT - 28 * DAY_MS, Usual(3.0, 28)),
        (MIDNIGHT - 28 * DAY_MS + 1, Usual(3.0, 27)),
        (MIDNIGHT - 5 * DAY_MS, Usual(3.0, 5)),
        (MIDNIGHT - 5 * DAY_MS + HOUR_MS, Usual(3.0, 4)),
        (MIDNIGHT - HOUR_MS, Usual(0.0, 0)),
        (NOW, Usual(0.0, 0)),
        (None, Usual(0.0, 0)),
    ],
)
def test_the_mean_is_that_of_whole_days_that_are_known(
    known_since: int | None, usual: Usual
) -> None:
    three_a_day = [
        MIDNIGHT - day * DAY_MS + hour * HOUR_MS
        for day in range(1, 41)
        for hour in (1, 5, 20)
    ]
    assert StallSeries(three_a_day, known_since).at(NOW).usual == usual


def test_runs_of_two_weeks_end_with_the_present_hour() -> None:
    end = HOUR + HOUR_MS
    failed = {
        HOUR: 1,
        end - WEEK_MS: 2,
        end - WEEK_MS - HOUR_MS: 4,
        end - 2 * WEEK_MS: 8,
        end - 2 * WEEK_MS - HOUR_MS: 16,
        end: 32,
    }
    succeeded = dict.fromkeys(failed, 100)
    series = RunSeries(failed, succeeded, end - 2 * WEEK_MS)

    weeks = series.at(NOW)
    assert weeks[:4] == (3, 203, 12, 212)
    assert weeks.daily == (8, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 1)


def test_weeks_that_are_not_known_as_a_whole_are_no_weeks() -> None:
    end = HOUR + HOUR_MS
    counts = {HOUR: 5, end - WEEK_MS - HOUR_MS: 5}
    for known_since in (None, end - 2 * WEEK_MS + 1):
        weeks = RunSeries(counts, counts, known_since).at(NOW)
        assert weeks[:4] == (5, 10, 0, 0)
    assert isinstance(RunSeries({}, {}, 0).at(NOW), Weeks)
