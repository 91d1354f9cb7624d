"""The words of the charts: ranges, changes, verdicts, and what moved a point."""

from collections.abc import Sequence

import pytest

from dashboard.views.history import between, filter_of, ranges_with
from dashboard.views.trends import (
    Kind,
    Question,
    csv_cell,
    in_words,
    trend_view,
)
from dashboard.views.trends_cause import Runs, errors_link, parts_view
from dashboard.views.trends_incidents import (
    ErrorType,
    error_types_trend,
    incidents_trend,
)
from dashboard.views.trends_range import LONGEST_DAYS, RANGES, Span, span_of, step_words
from dashboard.views.trends_runs import (
    Durations,
    duration_trend,
    error_rate_trend,
    stalled_trend,
    throughput_trend,
)
from dashboard.views.trends_viewers import (
    Minutes,
    disconnects_trend,
    minutes_by,
    report_view,
    uptime_trend,
)
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, from_ms
from data.exceptions import InvalidRequestError
from data.model import JobState, Weeks
from data.rules.number_text import took
from data.rules.stall_frequency import DayLimit, Usual, day_limit
from data.store.incidents import Baseline, Ended
from tests.factories import NOW

GOOD, BAD = JobState.SUCCEEDED, JobState.FAILED
#: 5 % after 4 %.
WEEKS = Weeks(50, 1000, 40, 1000, until=NOW - NOW % HOUR_MS + HOUR_MS)
WEEK = span_of("7d", None, None, NOW)
QUESTION = Question(WEEK, "jobs", "")
DAY = span_of("24h", None, None, NOW)
QUARTER = NOW // (15 * MINUTE_MS) * 15 * MINUTE_MS


# ---- time ----


@pytest.mark.parametrize(
    ("word", "steps", "step_ms"),
    [
        ("24h", 24, HOUR_MS),
        ("7d", 28, 6 * HOUR_MS),
        ("30d", 30, DAY_MS),
        ("90d", 90, DAY_MS),
    ],
)
def test_a_range_is_whole_steps_that_end_with_the_present_one(
    word: str, steps: int, step_ms: int
) -> None:
    span = span_of(word, None, None, NOW)

    assert (len(span.steps), span.step_ms) == (steps, step_ms)
    assert span.steps[-1] == span.over <= NOW < span.until
    assert span.since % step_ms == 0


@pytest.mark.parametrize("word", ["", None, "1y", "<b>"])
def test_an_unknown_range_is_the_usual_one(word: str | None) -> None:
    assert span_of(word, None, None, NOW) == WEEK


@pytest.mark.parametrize(
    ("first", "last", "step_ms", "steps"),
    [
        ("2026-03-18", "2026-03-18", HOUR_MS, 13),
        ("2026-03-16", "2026-03-17", HOUR_MS, 48),
        ("2026-03-05", "2026-03-18", 6 * HOUR_MS, 55),
        ("2026-02-01", "2026-03-01", DAY_MS, 29),
        ("2025-06-01", "2025-06-02", DAY_MS, 2),
        ("2025-02-12", "2026-03-18", DAY_MS, LONGEST_DAYS),
    ],
)
def test_days_of_ones_own_are_both_in_it(
    first: str, last: str, step_ms: int, steps: int
) -> None:
    span = span_of("custom", first, last, NOW)

    assert (span.step_ms, len(span.steps)) == (step_ms, steps)
    assert str(from_ms(span.since).date()) == first
    assert str(from_ms(span.steps[-1]).date()) == last


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ("2026-03-18", "2026-03-17", "swap them"),
        ("2026-03-18", "2026-03-19", "in the future"),
        ("2025-02-11", "2026-03-18", "401 days; at most 400"),
        ("", "2026-03-18", "The first day is missing"),
        ("2026-03-18", None, "The last day is missing"),
        ("<script>", "2026-03-18", "is no day"),
        ("2026-02-30", "2026-03-18", "is no day"),
        ("9999-12-31", "9999-12-31", "in the future"),
        ("0001-01-01", "0001-01-02", ""),
    ],
)
def test_days_that_make_no_sense_are_refused_in_a_sentence(
    first: str, last: str | None, says: str
) -> None:
    if not says:
        assert len(span_of("custom", first, last, NOW).steps) == 2
        return
    with pytest.raises(InvalidRequestError, match=says):
        span_of("custom", first, last, NOW)


@pytest.mark.parametrize("word", ["24h", "7d", "30d", "90d"])
def test_the_weeks_of_every_range_end_with_the_present_hour(word: str) -> None:
    end = NOW - NOW % HOUR_MS + HOUR_MS
    assert span_of(word, None, None, NOW).week_end == end
    assert span_of("custom", "2026-03-01", "2026-03-18", NOW).week_end == end


def test_the_weeks_of_days_that_are_over_end_with_them() -> None:
    span = span_of("custom", "2026-03-01", "2026-03-16", NOW)
    assert span.week_end == span.until


@pytest.mark.parametrize(("word", "days"), [("24h", 2), ("7d", 8), ("30d", 30)])
@pytest.mark.parametrize("hour", [0, 11, 23])
def test_a_range_by_days_has_as_many_at_every_hour(
    word: str, days: int, hour: int
) -> None:
    now = NOW - NOW % DAY_MS + hour * HOUR_MS
    span = span_of(word, None, None, now).by_days()
    assert len(span.steps) == days
    assert span.steps[-1] == now - now % DAY_MS


def test_a_step_says_from_when_to_when() -> None:
    assert step_words(WEEK.over, WEEK.step_ms) == "18 Mar 12:00 to 18:00"
    assert step_words(NOW // DAY_MS * DAY_MS, DAY_MS) == "18 Mar 2026"


# ---- words ----


@pytest.mark.parametrize(
    ("cell", "kind", "words", "csv"),
    [
        (None, Kind.SHARE, "—", ""),
        (0.0115, Kind.SHARE, "1.15%", "0.0115"),
        (1234, Kind.COUNT, "1,234", "1234"),
        (2400.0, Kind.ABOUT, "~2.4s", "2400"),
        (640, Kind.DURATION, "640 ms", "640"),
        (0, Kind.DURATION, "0s", "0"),
        ("=1+1", Kind.TEXT, "=1+1", "=1+1"),
        (NOW, Kind.INSTANT, "18 Mar 12:34", "2026-03-18T12:34:56+00:00"),
    ],
)
def test_cells_are_words_on_the_page_and_numbers_in_the_csv(
    cell: str | float | None, kind: Kind, words: str, csv: str
) -> None:
    assert in_words(cell, kind, HOUR_MS) == words
    assert csv_cell(cell, kind) == csv


def test_longer_times_are_as_everywhere() -> None:
    assert took(65_000) == "1m 05s"
    assert took(None) == "—"


# ---- runs ----


def totals(*runs: tuple[JobState, int, int]) -> dict[JobState, dict[int, int]]:
    found: dict[JobState, dict[int, int]] = {}
    for state, at, number in runs:
        found.setdefault(state, {})[at] = number
    return found


def test_the_error_rate_stands_beside_the_week_before_and_the_alerts_limit() -> None:
    at = WEEK.steps[3]
    runs = totals(
        (GOOD, at, 950), (BAD, at, 50),
        (GOOD, at - WEEK_MS, 960), (BAD, at - WEEK_MS, 40),
    )  # fmt: skip
    trend = error_rate_trend(QUESTION, runs, WEEKS, 1.5)

    assert trend.words == "5% · 7 d: +1.00 pp (11-18 Mar vs 4-11 Mar)"
    assert trend.rows[3] == (at, 0.05, 50, 1000, 0.04)
    assert trend.rows[4] == (WEEK.steps[4], None, 0, 0, None)
    ghost, rate = trend.figure["data"]
    assert (ghost["y"][3], rate["y"][3]) == (0.04, 0.05)
    assert trend.figure["layout"]["shapes"][0]["y0"] == pytest.approx(0.06)
    view = trend_view(trend)
    assert view["cells"][3][1:] == ["5%", "50", "1,000", "4%"]
    assert view["keys"][3] == at


def test_few_failed_runs_are_told_beside_their_change() -> None:
    at = WEEK.steps[3]
    runs = totals((BAD, at, 4), (BAD, at - WEEK_MS, 2), (GOOD, at - WEEK_MS, 2))
    weeks = WEEKS._replace(failed=4, finished=4, failed_before=2, finished_before=4)
    words = error_rate_trend(QUESTION, runs, weeks, 1.5).words
    assert words == ("100% · 7 d: +50.00 pp (11-18 Mar vs 4-11 Mar), 4 and 2 failed")


def test_nothing_that_finished_is_said_and_no_number_made_up() -> None:
    trend = error_rate_trend(QUESTION, {}, Weeks(0, 0, 0, 0), 1.5)
    assert (trend.words, trend.empty) == ("", "Nothing finished in this range.")
    assert [line["name"] for line in trend.figure["data"]] == ["error rate"]
    assert throughput_trend(QUESTION, {}, WEEKS).empty
    assert (
        duration_trend(QUESTION, {}, None, "").empty
        == "Nothing finished in this range."
    )
    assert duration_trend(QUESTION, {}, None, "etl").empty == (
        "No run of etl succeeded in this range."
    )


def test_throughput_is_told_a_day_since_there_is_any() -> None:
    whole = [at for at in WEEK.steps if at >= WEEK.over - 2 * DAY_MS]
    runs = totals(*((GOOD, at, 10) for at in whole[:-1]), (BAD, whole[-1], 5))
    weeks = WEEKS._replace(finished=80, cancelled=5, finished_before=50)
    assert throughput_trend(QUESTION, runs, weeks).words == (
        "85 runs · 40 a day · 7 d: +70% (11-18 Mar vs 4-11 Mar)"
    )
    first = throughput_trend(QUESTION, runs, WEEKS._replace(finished_before=0))
    assert first.words == "85 runs · 40 a day"


def test_stalled_runs_are_counted_by_day_since_something_is_known() -> None:
    today = NOW // DAY_MS * DAY_MS
    seen = {today - DAY_MS: 3, today: 1}
    limit = DayLimit(2, "as configured")
    trend = stalled_trend(
        QUESTION, seen, {today - 2 * DAY_MS: 1}, limit, today - 2 * DAY_MS
    )
    assert trend.words == "2 a day · 1 today · limit 2 a day"
    assert trend.rows[-2] == (today - DAY_MS, 3, 3, 0)
    assert trend.rows[-3] == (today - 2 * DAY_MS, 1, 0, 1)
    assert "found afterwards" in trend.note
    nothing = stalled_trend(QUESTION, {}, {}, limit, 0)
    assert (nothing.words, nothing.note) == ("0 a day · limit 2 a day", "")
    assert nothing.empty


def test_a_limit_that_follows_what_is_usual_says_why() -> None:
    limit = day_limit(Usual(1.07, 28), {"fire": 2})
    trend = stalled_trend(QUESTION, {}, {}, limit, 0)
    assert trend.words == "0 a day · limit 4 a day"
    assert trend.note == (
        "The limit is 4: normal variation at 1.1 a day in the 28 days before;"
        " configured: 2."
    )
    assert trend.figure["layout"]["shapes"][0]["y0"] == 4


def test_without_enough_days_there_is_no_limit_on_the_page() -> None:
    limit = day_limit(Usual(3.0, 5), {"fire": 2})
    trend = stalled_trend(QUESTION, {}, {}, limit, 0)
    assert trend.words == "0 a day"
    assert trend.note == (
        "No alert yet: not enough data, 5 of 7 days before today are known."
    )
    assert trend.figure["layout"]["shapes"] == []


def test_no_mean_is_said_of_days_that_are_not_known() -> None:
    today = NOW // DAY_MS * DAY_MS
    trend = stalled_trend(QUESTION, {today: 1}, {}, DayLimit(2, ""), today + HOUR_MS)
    assert trend.words == "1 today · limit 2 a day"


def test_run_times_are_about_so_long_and_of_a_named_type() -> None:
    steps = {WEEK.steps[0]: Durations(7, 1000.0, 2000.0, 61_000.0)}
    trend = duration_trend(QUESTION, steps, steps[WEEK.steps[0]], "etl")
    assert trend.words == "p50 ~1.0s · p95 ~2.0s · p99 ~1m 01s · etl, the busiest"
    assert trend.rows[0] == (WEEK.steps[0], "etl", 7, 1000.0, 2000.0, 61_000.0)
    assert trend.rows[1][2:] == (0, None, None, None)
    chosen = duration_trend(QUESTION._replace(job="etl"), steps, None, "etl")
    assert "busiest" not in chosen.words


# ---- viewers ----


def test_viewers_are_counted_in_quarters_of_an_hour_as_the_alert_does() -> None:
    quarters = [(QUARTER, 10, 1), (QUARTER - 15 * MINUTE_MS, 30, 0)]
    trend = disconnects_trend(QUESTION, quarters, (56, 3), 0.05)
    assert trend.words == ("2.5% per 15 min · 3 of 56 viewers · limit 5%")
    assert trend.rows[-1] == (WEEK.over, 0.025, 0.1, 1)
    assert trend.figure["data"][0]["y"][-1] == 0.025
    assert disconnects_trend(QUESTION, [], (0, 0), 0.05).empty.startswith("Nobody")


def test_uptime_is_never_rounded_up_to_its_target() -> None:
    steps = {WEEK.steps[5]: Minutes(100_000, 99_499)}
    trend = uptime_trend(QUESTION, steps, Minutes(1000, 990))
    assert trend.words == "99.49% · target 99.5% · 30 d budget overspent by 216 min"
    assert trend.rows[5] == (WEEK.steps[5], 0.99499, 99_499, 100_000)
    assert trend.figure["layout"]["shapes"][0]["y0"] == 0.995
    fine = uptime_trend(QUESTION, steps, Minutes(1000, 1000))
    assert fine.words.endswith("30 d budget: 216 of 216 min left")
    assert uptime_trend(QUESTION, {}, Minutes(0, 0)).words == "target 99.5%"


def test_slots_are_added_up_to_steps() -> None:
    slots = [(0, Minutes(5, 4)), (300_000, Minutes(5, 5)), (HOUR_MS, Minutes(1, 0))]
    assert minutes_by(slots, HOUR_MS) == {0: Minutes(10, 9), HOUR_MS: Minutes(1, 0)}


def test_a_report_says_whether_it_is_confirmed_and_not_who_made_it() -> None:
    assert report_view(1, "Orders", confirmed=True) == {
        "at": 1, "source": "Orders", "tone": "bad", "words": "confirmed: its data was too old",
    }  # fmt: skip
    assert report_view(1, "Orders", confirmed=False)["words"] == "not confirmed"


# ---- incidents, errors ----


def ended(*lengths: int, detected: bool = True) -> list[Ended]:
    return [
        Ended("alert", "x", NOW - ms, NOW - ms + 1_000 if detected else None, NOW)
        for ms in lengths
    ]


@pytest.mark.parametrize(
    ("now", "before", "says"),
    [
        ([60_000] * 4, [60_000] * 20, "Not enough incidents (n=4)"),
        ([60_000] * 20, [60_000] * 3, "Not enough incidents (n=3) in the baseline"),
        ([60_000] * 20, [200_000] * 20, "−70% against the baseline (−70% to −70%, 95 %)"),
        ([60_000] * 20, [200_000] * 20, "95 %): the target is reached."),
        ([90_000] * 20, [100_000] * 20, "the target is not reached"),
        ([10_000, 90_000] * 10, [50_000, 150_000] * 10, "too close to the target to tell"),
    ],
)  # fmt: skip
def test_the_verdict_on_incidents(
    now: Sequence[int], before: Sequence[int], says: str
) -> None:
    trend = incidents_trend(QUESTION, ended(*now), Baseline(0, 1, before))
    assert says in trend.note
    assert len(trend.figure["layout"]["shapes"]) == 2


def test_times_of_incidents_in_words() -> None:
    trend = incidents_trend(QUESTION, ended(60_000, 240_000), None)
    assert trend.words == "MTTR 2m 30s (median 2m 30s, n=2) · MTTD 1.0s"
    assert trend.rows[0] == (NOW, "x", "alert", 60_000, 1_000)
    assert trend.figure["data"][0]["y"][-1] == 150_000
    assert trend.figure["layout"]["shapes"] == []
    many = incidents_trend(QUESTION, ended(*[60_000] * 20), None)
    assert many.note.startswith("No baseline yet")
    assert incidents_trend(QUESTION._replace(job="etl"), ended(1), None).note == ""
    unseen = incidents_trend(QUESTION, ended(60_000, detected=False), None)
    assert "MTTD" not in unseen.words
    assert (
        incidents_trend(QUESTION, [], None).empty == "No incident ended in this range."
    )


def test_error_types_are_told_with_their_change() -> None:
    types = [ErrorType("cancelJob", 9, 3, 9, 6), ErrorType("no action", 2, 0, 2, 0)]
    trend = error_types_trend(QUESTION, types)
    assert trend.words == "11 tracked errors"
    assert trend.figure["data"][0]["x"] == [9, 2]
    assert trend.figure["data"][0]["text"] == ["9 · +50%", "2"]
    assert trend.rows == [("cancelJob", 9, 3, 9, 6), ("no action", 2, 0, 2, 0)]
    assert error_types_trend(QUESTION, []).empty


# ---- what moved it ----


def test_parts_are_signed_largest_first_and_say_their_share() -> None:
    view = parts_view("Job types", {"a": 9, "": 1}, {"a": 3, "b": 4})
    assert [(line["name"], line["words"]) for line in view["lines"]] == [
        ("a", "+6, 200% of the change"),
        ("b", "−4, −133% of the change"),
        ("—", "+1, 33% of the change"),
    ]
    assert [line["bad"] for line in view["lines"]] == [True, False, True]
    welcome = parts_view("Job types", {"a": 9}, {"a": 3}, more_is_bad=False)
    assert not welcome["lines"][0]["bad"]
    points = parts_view("Job types", {"a": 0.02}, {"a": 0.01}, points=True)
    assert points["lines"][0]["words"] == "+1.00 points, 100% of the change"


def test_a_point_leads_to_the_runs_behind_it() -> None:
    link = Runs("jobs", "a&b", 1_000, 2_000).link("Failed runs", "FAILED")
    assert link["href"] == "history?source=jobs&status=FAILED&job=a%26b&range=1000-2000"
    all_ = Runs("jobs", "", 1_000, 2_000).link("Runs")
    assert all_["href"] == "history?source=jobs&range=1000-2000"
    assert (
        errors_link("x", 2 * DAY_MS, action="a")["href"] == "errors?range=7d&action=a"
    )
    assert errors_link("x", 300 * DAY_MS)["href"] == "errors?range=90d"


def test_the_history_understands_a_range_between_two_instants() -> None:
    word = f"{NOW - HOUR_MS}-{NOW}"
    found = filter_of(["FAILED", "etl", "", word, ""], NOW)
    assert (found.since_ms, found.until_ms) == (NOW - HOUR_MS, NOW)
    assert ranges_with(word)[word] == "18 Mar 11:34 to 12:34 UTC"
    assert ranges_with(f"{NOW - DAY_MS}-{NOW}")[f"{NOW - DAY_MS}-{NOW}"] == (
        "17 Mar 12:34 to 18 Mar 12:34 UTC"
    )
    assert [*ranges_with("7d")] == [*ranges_with(None)]
    assert between("1-") is None
    assert between("9" * 15 + "-1") is None


def test_every_range_is_offered_in_words() -> None:
    assert {one.words for one in RANGES.values()} == {"24 h", "7 d", "30 d", "90 d"}
    assert isinstance(WEEK, Span)
