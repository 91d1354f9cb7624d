"""The rules: what people may change, and what each makes of what was measured."""

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.exceptions import InvalidRequestError
from data.model import GroupStatus, Severity
from data.rules.alarms import INHIBITS, RULES, Rule, checked, differing, meaning_of
from data.rules.alerts import Reading
from data.rules.judging import (
    MOST_TIMES,
    Heard,
    Limits,
    Minutes,
    NewGroup,
    Stalls,
    Viewers,
    Weeks,
    judge_burn,
    judge_disconnects,
    judge_error_rate,
    judge_failures,
    judge_new_group,
    judge_silence,
    judge_source,
    judge_stalled_run,
    judge_stalls,
)
from data.rules.stall_frequency import Usual
from tests.factories import NOW

NAMES = [
    "WsDisconnectRate",
    "StalledFrequency",
    "ErrorRateWoW",
    "NewErrorGroup",
    "UptimeBurnFast",
    "UptimeBurnMid",
    "UptimeBurnSlow",
    "TelemetryDead",
    "CriticalStalled",
    "CriticalFailed",
    "SourceDown",
]
#: 14 days like any other
EVEN = (3,) * 14


def limits(rule: str, **changes: float) -> Limits:
    return checked(rule, changes)


def says(reading: Reading) -> str:
    """ "breach", "clear", "few", or "-" for what lies between."""
    if reading.breach:
        return "breach"
    if not reading.enough:
        return "few"
    return "clear" if reading.clear else "-"


# what people may change


def test_every_rule_is_there_with_its_bounds() -> None:
    assert [*RULES] == NAMES
    for name, rule in RULES.items():
        assert rule.name == name
        for threshold in rule.thresholds:
            assert threshold.low <= threshold.default <= threshold.high, threshold
        values = checked(name, {})
        assert rule.for_ms == values["for"] * MINUTE_MS
        assert rule.keep_ms == values["keep"] * MINUTE_MS
        assert values["enabled"] == 1
        assert meaning_of(rule, values).endswith(".")
    for rules in INHIBITS.values():
        assert rules <= RULES.keys()


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (rule, threshold.name)
        for rule in RULES.values()
        for threshold in rule.thresholds
        if threshold.name in {"fire", "users", "failed", "events", "minutes", "silent"}
    ],
)
def test_the_description_of_a_rule_says_what_it_is_set_to(
    rule: Rule, name: str
) -> None:
    values = {**checked(rule.name, {}), name: 77}
    assert "77" in meaning_of(rule, values)
    assert "77" not in meaning_of(rule, checked(rule.name, {}))


def test_descriptions_are_right_in_the_singular_too() -> None:
    one = {"silent": 1, "for": 1, "failed": 1, "users": 1, "events": 1, "fire": 1}
    said = {
        name: meaning_of(rule, {**checked(name, {}), **one})
        for name, rule in RULES.items()
    }
    assert "for 1 minute." in said["SourceDown"]
    assert "At least 1 run of" in said["CriticalFailed"]
    assert "met 1 person or occurred 1 time within" in said["NewErrorGroup"]
    assert "More than 1 run stalled" in said["StalledFrequency"]


@pytest.mark.parametrize(
    ("raw", "value"),
    [(7, 7.0), ("8", 8.0), (" 7.5 ", 7.5), (0.1, 0.1), (100, 100.0)],
)
def test_a_threshold_may_be_written_as_forms_write_it(
    raw: object, value: float
) -> None:
    assert checked("WsDisconnectRate", {"fire": raw, "resolve": 0.1})["fire"] == value


@pytest.mark.parametrize(
    ("rule", "raw", "said"),
    [
        ("WsDisconnectRate", {"fire": 101}, "'101' is not a number from 0.1 to 100"),
        ("WsDisconnectRate", {"fire": "much"}, "'much' is not a number"),
        ("WsDisconnectRate", {"fire": None}, "'None' is not a number"),
        ("WsDisconnectRate", {"fire": "nan"}, "'nan' is not a number"),
        ("WsDisconnectRate", {"fire": float("inf")}, "'inf' is not a number"),
        ("WsDisconnectRate", {"fire": [5]}, "is not a number"),
        ("WsDisconnectRate", {"users": 2.5}, "'2.5' is not a whole number"),
        ("WsDisconnectRate", {"enabled": 2}, "from 0 to 1"),
        ("WsDisconnectRate", {"for": -1}, "fires when it lasts for"),
        ("WsDisconnectRate", {"resolve": 6}, "at or below the limit"),
        ("WsDisconnectRate", {"<script>": 1}, "there is no '<script>'. It has: fire"),
        ("Nonsense", {}, "There is no rule 'Nonsense'. Rules: WsDisconnectRate"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_is_allowed(
    rule: str, raw: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidRequestError) as error:
        checked(rule, raw)
    assert said in str(error.value)


def test_a_number_as_long_as_a_book_is_not_repeated() -> None:
    with pytest.raises(InvalidRequestError) as error:
        checked("WsDisconnectRate", {"fire": "9" * 100_000})
    assert len(str(error.value)) < 300


def test_only_what_differs_is_kept() -> None:
    values = checked("StalledFrequency", {"fire": 2, "keep": 5})

    assert differing("StalledFrequency", values) == {"keep": 5}


# viewers who lose the live connection


@pytest.mark.parametrize(
    ("users", "lost", "what", "severity"),
    [
        (2, 2, "few", Severity.WARNING),
        (3, 3, "breach", Severity.WARNING),
        (4, 4, "breach", Severity.CRITICAL),
        (10, 4, "-", Severity.WARNING),
        (10, 5, "breach", Severity.WARNING),
        (10, 6, "breach", Severity.CRITICAL),
        (20, 0, "clear", Severity.WARNING),
        (20, 1, "-", Severity.WARNING),
        (20, 6, "breach", Severity.WARNING),
        (100, 2, "clear", Severity.WARNING),
        (100, 3, "-", Severity.WARNING),
        (100, 13, "-", Severity.WARNING),
        (100, 14, "breach", Severity.WARNING),
        (100, 21, "breach", Severity.CRITICAL),
        (1000, 80, "breach", Severity.WARNING),
        (10, 12, "breach", Severity.CRITICAL),
    ],
)
def test_disconnects(users: int, lost: int, what: str, severity: Severity) -> None:
    reading = judge_disconnects([Viewers(0, users, lost)], limits("WsDisconnectRate"))

    assert (says(reading), reading.severity) == (what, severity)


def test_of_two_quarters_the_worse_is_judged_and_both_must_be_clear() -> None:
    calm, bad, some = Viewers(0, 100, 0), Viewers(0, 20, 15), Viewers(0, 100, 4)
    rule = limits("WsDisconnectRate")

    assert says(judge_disconnects([calm, bad], rule)) == "breach"
    assert says(judge_disconnects([bad, calm], rule)) == "breach"
    assert says(judge_disconnects([calm, some], rule)) == "-"
    assert says(judge_disconnects([calm, calm], rule)) == "clear"
    assert says(judge_disconnects([calm, Viewers(0, 1, 1)], rule)) == "clear"


def test_disconnects_say_what_they_rest_on() -> None:
    rule = limits("WsDisconnectRate")

    assert judge_disconnects([], rule).sentence == "Not enough data (n=0)."
    assert judge_disconnects([Viewers(0, 2, 2)], rule).sentence == (
        "Not enough data (n=2)."
    )
    assert judge_disconnects([Viewers(0, 20, 9)], rule).sentence == (
        "9 of 20 viewers (45.0 %) lost the live connection within a quarter of an hour;"
        " the limit is 5 %, and the true share is surely above 14.4 %."
    )


# stalled runs


@pytest.mark.parametrize(
    ("today", "last_day", "mean", "what"),
    [
        (0, 0, 0, "clear"),
        (1, 1, 0, "clear"),
        (2, 2, 0.25, "-"),
        (3, 3, 0.25, "breach"),
        (1, 3, 0.25, "-"),
        (1, 4, 0.25, "-"),
        (3, 3, 0.5, "breach"),
        # usual: 1 a day, 99 % of the days have at most 4
        (4, 4, 1.0, "-"),
        (5, 5, 1.0, "breach"),
        (1, 1, 1.0, "clear"),
        (18, 18, 10.0, "-"),
        (19, 19, 10.0, "breach"),
        (10, 10, 10.0, "clear"),
    ],
)
def test_stalls(today: int, last_day: int, mean: float, what: str) -> None:
    stalls = Stalls(today, last_day, Usual(mean, 28))
    reading = judge_stalls(stalls, limits("StalledFrequency"))

    assert says(reading) == what


@pytest.mark.parametrize(
    ("days", "mean", "what"),
    [(0, 0.0, "few"), (6, 3.0, "few"), (7, 3.0, "-"), (7, 0.0, "breach")],
)
def test_stalls_are_held_against_a_week_at_least(
    days: int, mean: float, what: str
) -> None:
    stalls = Stalls(4, 4, Usual(mean, days))
    reading = judge_stalls(stalls, limits("StalledFrequency"))

    assert says(reading) == what
    assert (reading.value is None) == (what == "few")


def test_the_days_that_were_compared_are_named() -> None:
    ten = judge_stalls(Stalls(9, 9, Usual(3.0, 10)), limits("StalledFrequency"))
    assert ten.sentence == (
        "9 runs stalled today (UTC), 9 in 24 hours; the limit is 8 a day (normal variation"
        " at 3 a day in the 10 days before; configured: 2)."
    )
    few = judge_stalls(Stalls(4, 5, Usual(3.0, 5)), limits("StalledFrequency"))
    assert few.sentence == (
        "Not enough data, 5 of 7 days before today are known. 4 runs stalled today (UTC),"
        " 5 in 24 hours."
    )


# the error rate


def test_a_rate_that_doubled_is_told() -> None:
    until = NOW - NOW % DAY_MS
    weeks = Weeks(60, 1000, 30, 1000, (4,) * 7 + (9,) * 7, until)
    reading = judge_error_rate(weeks, limits("ErrorRateWoW"))

    assert says(reading) == "breach"
    assert reading.value == pytest.approx(2)
    assert reading.sentence == (
        "6% of runs failed 11-17 Mar, 3% 4-10 Mar: +3.00 pp, 2.0 times (n=60)."
    )


@pytest.mark.parametrize(
    ("weeks", "what"),
    [
        (Weeks(0, 0, 0, 0, EVEN), "few"),
        (Weeks(20, 1000, 0, 0, EVEN), "few"),
        (Weeks(0, 0, 20, 1000, EVEN), "few"),
        # few failures: nothing can be said
        (Weeks(9, 1000, 1, 1000, EVEN), "few"),
        (Weeks(4, 1000, 4, 1000, EVEN), "few"),
        (Weeks(20, 1000, 20, 1000, EVEN), "clear"),
        (Weeks(20, 1000, 21, 1000, EVEN), "clear"),
        # half as many again of few is chance
        (Weeks(16, 1000, 10, 1000, EVEN), "clear"),
        (Weeks(30, 1000, 17, 1000, EVEN), "-"),
        (Weeks(40, 1000, 17, 1000, EVEN), "breach"),
        # twice the failures of twice the runs is the same rate
        (Weeks(200, 20_000, 100, 10_000, EVEN), "clear"),
        # the same failures of half the runs is twice the rate
        (Weeks(100, 5_000, 100, 10_000, EVEN), "breach"),
        (Weeks(50, 1000, 0, 1000, EVEN), "breach"),
    ],
)
def test_error_rates(weeks: Weeks, what: str) -> None:
    assert says(judge_error_rate(weeks, limits("ErrorRateWoW"))) == what


def test_failures_that_come_in_bursts_count_for_less() -> None:
    steady = Weeks(60, 1000, 30, 1000, (4,) * 7 + (9,) * 7)
    bursts = steady._replace(daily=(30, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0))

    assert says(judge_error_rate(steady, limits("ErrorRateWoW"))) == "breach"
    assert says(judge_error_rate(bursts, limits("ErrorRateWoW"))) == "clear"


def test_a_rise_from_nothing_has_a_number_all_the_same() -> None:
    weeks = Weeks(50, 1000, 0, 1000, EVEN)
    assert judge_error_rate(weeks, limits("ErrorRateWoW")).value == MOST_TIMES
    calm = Weeks(0, 1000, 0, 1000, EVEN)
    assert judge_error_rate(calm, limits("ErrorRateWoW")).value == 1


def test_few_failures_can_still_end_an_alert() -> None:
    reading = judge_error_rate(Weeks(4, 1000, 60, 1000, EVEN), limits("ErrorRateWoW"))

    assert reading.clear
    assert not reading.enough
    assert reading.sentence.startswith("Not enough data. ")
    assert "(n=4)" in reading.sentence


# new errors


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, "-"),
        ({"users": 3}, "breach"),
        ({"events": 10}, "breach"),
        ({"users": 2, "events": 9}, "-"),
        ({"events": 99, "is_new": False}, "-"),
        ({"events": 99, "status": GroupStatus.REGRESSED}, "breach"),
        ({"events": 99, "status": GroupStatus.IGNORED}, "clear"),
        ({"events": 99, "status": GroupStatus.RESOLVED}, "clear"),
        ({"last_seen": NOW - DAY_MS + 1}, "-"),
        ({"last_seen": NOW - DAY_MS}, "clear"),
    ],
)
def test_new_groups(changes: dict[str, object], what: str) -> None:
    group = NewGroup("KeyError", GroupStatus.OPEN, NOW, 1, 1, is_new=True)
    reading = judge_new_group(
        group._replace(**changes),  # type: ignore[arg-type]
        limits("NewErrorGroup"),
        NOW,
    )

    assert says(reading) == what


def test_what_many_people_meet_is_worse_than_what_comes_often() -> None:
    group = NewGroup("<b>KeyError", GroupStatus.REGRESSED, NOW, 1, 50, is_new=True)
    often = judge_new_group(group, limits("NewErrorGroup"), NOW)
    many = judge_new_group(group._replace(users=3), limits("NewErrorGroup"), NOW)

    assert often.severity is Severity.INFO
    assert many.severity is Severity.WARNING
    assert many.sentence == "Came back: <b>KeyError (50 times, 3 people in an hour)."


# pages that are not up to date


@pytest.mark.parametrize(
    ("rule", "minutes", "what"),
    [
        ("UptimeBurnFast", Minutes(59, 59, 5, 5), "few"),
        ("UptimeBurnFast", Minutes(60, 60, 0, 0), "few"),
        ("UptimeBurnFast", Minutes(100, 7, 10, 10), "-"),
        ("UptimeBurnFast", Minutes(100, 8, 10, 0), "-"),
        ("UptimeBurnFast", Minutes(100, 8, 10, 1), "breach"),
        ("UptimeBurnFast", Minutes(100, 7, 10, 0), "clear"),
        ("UptimeBurnMid", Minutes(199, 20, 10, 10), "few"),
        ("UptimeBurnMid", Minutes(200, 6, 50, 2), "-"),
        ("UptimeBurnMid", Minutes(200, 7, 50, 2), "breach"),
        ("UptimeBurnSlow", Minutes(999, 99, 50, 50), "few"),
        ("UptimeBurnSlow", Minutes(1000, 5, 100, 1), "-"),
        ("UptimeBurnSlow", Minutes(1000, 6, 100, 1), "breach"),
        ("UptimeBurnSlow", Minutes(1000, 5, 1000, 5), "clear"),
    ],
)
def test_burn(rule: str, minutes: Minutes, what: str) -> None:
    reading = judge_burn(minutes, limits(rule), RULES[rule].severity)

    assert says(reading) == what
    assert reading.severity is RULES[rule].severity


# telemetry


@pytest.mark.parametrize(
    ("page_min", "told_min", "what"),
    [
        (None, None, "few"),
        (0, None, "few"),
        (0, 0, "clear"),
        (0, 9, "clear"),
        (0, 10, "breach"),
        (9, 600, "breach"),
        (10, 600, "few"),
        (None, 600, "few"),
    ],
)
def test_silence(page_min: int | None, told_min: int | None, what: str) -> None:
    heard = Heard(
        *(None if m is None else NOW - m * MINUTE_MS for m in (page_min, told_min))
    )

    assert says(judge_silence(heard, limits("TelemetryDead"), NOW)) == what


# critical jobs and sources


def test_critical_jobs() -> None:
    stalled = judge_stalled_run("pay", "7")
    assert says(stalled) == "breach"
    assert stalled.severity is Severity.CRITICAL
    assert stalled.sentence == "Run 7 of pay is stalled."

    rule = limits("CriticalFailed", failed=3)
    assert [says(judge_failures("pay", n, rule)) for n in (0, 2, 3)] == [
        "clear",
        "-",
        "breach",
    ]


def test_sources() -> None:
    assert says(judge_source("Orders", "", None)) == "clear"
    down = judge_source("Orders", "no route to host", 90_000)
    assert says(down) == "breach"
    assert down.sentence == "Orders: cannot be read for 90 s: no route to host"


def test_sentences_stay_short_whatever_a_job_is_called() -> None:
    long = "x" * 100_000
    group = NewGroup(long, GroupStatus.OPEN, NOW, 9, 9, is_new=True)
    for reading in (
        judge_stalled_run(long, long),
        judge_failures(long, 1, limits("CriticalFailed")),
        judge_new_group(group, limits("NewErrorGroup"), NOW),
        judge_source("Orders", long, HOUR_MS),
    ):
        assert len(reading.sentence) < 300
