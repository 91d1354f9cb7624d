"""In 20 quiet years no rule raises more than one false alarm a year; at length, in 200.

Chance is simulated by numpy, a whole year at a time: the counts of viewers, runs, minutes.
Where none of a rule's limits is passed no alarm can begin, and nothing is judged; from the
first instant at which one is, every evaluation goes through the same series, the same
judgement and the same state machine as live, until the alert is at rest again. What is
skipped is thus only what cannot breach, which the rules' own limits say.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, WEEK_MS
from data.model import GroupStatus
from data.monitor.deciding import terms_of
from data.monitor.measures import BURN_SPANS
from data.rules.alarms import RULES, checked
from data.rules.alerts import Reading, Standing, step
from data.rules.chance import lower_bound
from data.rules.judging import (
    Heard,
    NewGroup,
    Viewers,
    judge_burn,
    judge_disconnects,
    judge_error_rate,
    judge_new_group,
    judge_silence,
    judge_source,
    judge_stalls,
)
from data.rules.series import (
    QUARTER_MS,
    SLOT_MS,
    MinuteSeries,
    RunSeries,
    StallSeries,
    ViewerSeries,
)

MOST_A_YEAR = 1.0
EVERY = 30 * SECOND_MS
YEAR_MS = 365 * DAY_MS
#: A midnight, far enough from the epoch for all windows.
START = 20_000 * DAY_MS

Judge = Callable[[int], Reading]
Counts = NDArray[np.int64]

every_length = pytest.mark.parametrize(
    "years", [20, pytest.param(200, marks=pytest.mark.exhaustive)]
)


def alarms(rule: str, judge: Judge, instants: Iterable[int]) -> int:
    """How often it fires when it is evaluated at these instants."""
    terms = terms_of(checked(rule, {}))
    standing, fired = Standing(rule), 0
    for at in instants:
        after = step(standing, judge(at), terms, at)
        fired += after.firing and not standing.firing
        standing = after
    return fired


def walk(rule: str, judge: Judge, near: Iterable[int], step_ms: int, end: int) -> int:
    """The same from each instant of ``near`` on, until the alert is at rest."""
    terms = terms_of(checked(rule, {}))
    fired, at = 0, 0
    for begin in near:
        if begin < at:
            continue
        standing, at = Standing(rule), begin
        while at == begin or (standing.active_at is not None and at < end):
            after = step(standing, judge(at), terms, at)
            fired += after.firing and not standing.firing
            standing = after
            at += step_ms
    return fired


def judging(series: Any, judge: Any, limits: dict[str, float]) -> Judge:
    """What a rule makes of a series at an instant."""
    return lambda at: judge(series.at(at), limits)


# viewers who lose the live connection: each 2 % in a quarter of an hour


@every_length
@pytest.mark.parametrize("users", [3, 10, 20, 50, 100])
def test_disconnects(users: int, years: int) -> None:
    rule, chance = "WsDisconnectRate", np.random.default_rng(users)
    limits = checked(rule, {})
    breaches = np.array(
        [
            judge_disconnects([Viewers(0, users, lost)], limits).breach
            for lost in range(users + 1)
        ]
    )
    fired = 0
    for _ in range(years):
        lost = chance.binomial(users, 0.02, size=YEAR_MS // QUARTER_MS)
        starts = START + QUARTER_MS * np.arange(len(lost))
        near = starts[breaches[lost]].tolist()
        if near:
            rows = zip(starts.tolist(), [users] * len(lost), lost.tolist(), strict=True)
            judge = judging(ViewerSeries(rows), judge_disconnects, limits)
            fired += walk(rule, judge, near, EVERY, START + YEAR_MS)

    assert fired / years <= MOST_A_YEAR


@every_length
def test_without_the_guard_it_would_fire_many_times(years: int) -> None:
    """Why 99.9 %: the simulation can fail. 95 % is what one window alone would need."""
    chance = np.random.default_rng(1)
    for users in (10, 20, 50):
        lost = chance.binomial(users, 0.02, size=(years, YEAR_MS // QUARTER_MS))
        loose = np.array(
            [k >= 3 and lower_bound(k, users, 0.95) > 0.05 for k in range(users + 1)]
        )
        assert loose[lost].sum() / years > 10 * MOST_A_YEAR


# stalled runs: one in four days


@every_length
def test_stalls(years: int) -> None:
    rule, chance = "StalledFrequency", np.random.default_rng(2)
    limits, warm_ms = checked(rule, {}), 29 * DAY_MS
    fired = 0
    for _ in range(years):
        span = warm_ms + YEAR_MS
        number = chance.poisson(0.25 * span / DAY_MS)
        events = np.sort(START - warm_ms + chance.integers(0, span, size=number))
        series = StallSeries(events.tolist(), START - warm_ms)
        judge = judging(series, judge_stalls, limits)
        fired += alarms(rule, judge, _changes(events))

    assert 0 < fired / years <= MOST_A_YEAR


def _changes(events: Counts) -> Iterator[int]:
    """When a count may change: a stall, a day after it, midnight; and an hour later."""
    midnights = START + DAY_MS * np.arange(366)
    moments = np.concatenate([events, events + DAY_MS, midnights])
    moments = np.unique(np.concatenate([moments, moments + HOUR_MS]))
    yield from moments[(moments >= START) & (moments < START + YEAR_MS)].tolist()


# the error rate: 20 failures a week, steady or in bursts


@every_length
@pytest.mark.parametrize("varied", [1.0, 3.0])
def test_error_rate(varied: float, years: int) -> None:
    rule, chance, weekly = "ErrorRateWoW", np.random.default_rng(3), 20
    limits, warm = checked(rule, {}), 2 * WEEK_MS // HOUR_MS
    hours = warm + YEAR_MS // HOUR_MS
    starts = START - warm * HOUR_MS + HOUR_MS * np.arange(hours)
    fired = 0
    for _ in range(years):
        failed = chance.poisson(_hourly(chance, weekly, varied, hours))
        succeeded = chance.poisson(100 * weekly / 168, size=hours)
        series = RunSeries(
            dict(zip(starts.tolist(), failed.tolist(), strict=True)),
            dict(zip(starts.tolist(), succeeded.tolist(), strict=True)),
            int(starts[0]),
        )
        near = starts[_may_rise(failed, succeeded, limits["fire"], limits["failed"])]
        judge = judging(series, judge_error_rate, limits)
        fired += walk(rule, judge, near.tolist(), HOUR_MS, START + YEAR_MS)

    assert fired / years <= MOST_A_YEAR


def _hourly(
    chance: np.random.Generator, weekly: int, varied: float, hours: int
) -> NDArray[np.float64]:
    """Failures to expect each hour; ``varied`` is the variance of a day by its mean."""
    if varied == 1:
        return np.full(hours, weekly / 168)
    scale = (varied - 1) / (weekly / 7)
    days = chance.gamma(1 / scale, scale, size=hours // 24 + 1)
    return np.repeat(days, 24)[:hours] * weekly / 168


def _may_rise(
    failed: Counts, succeeded: Counts, times: float, least: float
) -> NDArray[np.bool_]:
    """Hours with enough failures in the week and a rate that is so much higher."""
    week, all_ = 168, failed + succeeded
    sums = [np.concatenate([[0], np.cumsum(counts)]) for counts in (failed, all_)]
    end = np.arange(2 * week, len(failed) + 1)
    now, ran = (one[end] - one[end - week] for one in sums)
    before, ran_before = (one[end - week] - one[end - 2 * week] for one in sums)
    rises = now * ran_before > times * before * ran
    found = np.zeros(len(failed), dtype=bool)
    found[end - 1] = rises & (now >= least)
    return found


# new errors: 20 a week, some of them new


@every_length
def test_new_groups(years: int) -> None:
    rule, chance = "NewErrorGroup", np.random.default_rng(4)
    limits, fired = checked(rule, {}), 0
    for _ in range(years):
        times = np.sort(START + chance.integers(0, YEAR_MS, size=chance.poisson(1043)))
        news = chance.random(len(times)) < 0.2
        groups = np.where(
            news, np.arange(len(times)), -1 - chance.integers(0, 30, size=len(times))
        )
        # of a new one the next errors within a day are more of the same, half the time
        for n in np.flatnonzero(news)[:-1]:
            if chance.random() < 0.5 and times[n + 1] - times[n] < DAY_MS:
                groups[n + 1] = groups[n]
        for group in np.unique(groups[groups >= 0]).tolist():
            mine = times[groups == group].tolist()
            fired += alarms(rule, _of_group(mine, limits), mine)

    assert fired / years <= MOST_A_YEAR


def _of_group(times: list[int], limits: dict[str, float]) -> Judge:
    """Each error met somebody else."""

    def judge(at: int) -> Reading:
        lately = sum(at - HOUR_MS < one <= at for one in times)
        is_new = at - times[0] < DAY_MS
        seen = NewGroup("New", GroupStatus.OPEN, at, lately, lately, is_new)
        return judge_new_group(seen, limits, at)

    return judge


# minutes of viewers in ten hours of the day: one in a thousand is bad


@every_length
@pytest.mark.parametrize("users", [1, 10])
def test_burn(users: int, years: int) -> None:
    chance = np.random.default_rng(users)
    slots = YEAR_MS // SLOT_MS
    starts = START + SLOT_MS * np.arange(slots)
    of_day = (starts % DAY_MS) // HOUR_MS
    minutes = np.where((of_day >= 8) & (of_day < 18), 5 * users, 0)
    fired = dict.fromkeys(BURN_SPANS, 0)
    for _ in range(years):
        bad = chance.binomial(minutes, 0.001)
        for rule in BURN_SPANS:
            limits = checked(rule, {})
            near = starts[_may_burn(minutes, bad, rule, limits)].tolist()
            if near:
                good = (minutes - bad).tolist()
                rows = zip(starts.tolist(), minutes.tolist(), good, strict=True)
                judge = _of_minutes(MinuteSeries([*rows]), rule, limits)
                fired[rule] += walk(rule, judge, near, EVERY, START + YEAR_MS)

    assert {
        rule: n / years for rule, n in fired.items() if n > years * MOST_A_YEAR
    } == {}


def _of_minutes(series: MinuteSeries, rule: str, limits: dict[str, float]) -> Judge:
    spans, severity = BURN_SPANS[rule], RULES[rule].severity
    return lambda at: judge_burn(series.at(at, *spans), limits, severity)


def _may_burn(
    minutes: Counts, bad: Counts, rule: str, limits: dict[str, float]
) -> NDArray[np.bool_]:
    """Slots in which both spans are above the limit, and the long one is long enough."""
    long, short = (span_ms // SLOT_MS + 1 for span_ms in BURN_SPANS[rule])
    found = _rolling(minutes, long) >= limits["minutes"]
    for size in (long, short):
        above = _rolling(minutes, size) * limits["fire"]
        found &= 100 * _rolling(bad, size) > above
    return found


def _rolling(counts: Counts, size: int) -> Counts:
    sums = np.concatenate([[0], np.cumsum(counts)])
    end = np.arange(1, len(counts) + 1)
    return np.asarray(sums[end] - sums[np.maximum(end - size, 0)])


# pages that tell: every minute, one word in twenty is lost


@every_length
def test_telemetry(years: int) -> None:
    rule, chance = "TelemetryDead", np.random.default_rng(6)
    limits, fired = checked(rule, {}), 0
    for _ in range(years):
        told = START
        for day in range(0, 365, 7):
            opened = START + day * DAY_MS + int(chance.integers(DAY_MS))
            lost = int(chance.geometric(0.95)) - 1
            first = opened + (1 + lost) * MINUTE_MS
            before = told

            def judge(at: int, first: int = first, before: int = before) -> Reading:
                told = before if at < first else at - at % MINUTE_MS
                return judge_silence(Heard(at, told), limits, at)

            fired += alarms(rule, judge, range(opened, opened + QUARTER_MS, EVERY))
            told = opened + QUARTER_MS

    assert fired / years <= MOST_A_YEAR


# a source that misses a read or two, once a day, for less than a minute


@every_length
def test_sources(years: int) -> None:
    rule, chance = "SourceDown", np.random.default_rng(7)
    fired = 0
    for _ in range(years):
        begins = (
            START + DAY_MS * np.arange(365) + chance.integers(DAY_MS // 2, size=365)
        )
        for begin, lasts in zip(
            begins.tolist(), chance.integers(MINUTE_MS, size=365), strict=True
        ):
            end = begin + int(lasts)

            def judge(at: int, begin: int = begin, end: int = end) -> Reading:
                down_ms = at - begin if begin <= at < end else None
                return judge_source("Orders", "no answer", down_ms)

            fired += alarms(rule, judge, range(begin, end + 2 * EVERY, EVERY))

    assert fired / years <= MOST_A_YEAR
