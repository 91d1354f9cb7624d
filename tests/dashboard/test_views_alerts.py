"""What the page says of alerts: worst first, never green without data, limits in words."""

from typing import Any

import pytest

from dashboard.figures.alerts import preview_figure
from dashboard.views.alert_history import COLUMNS, episode_cells, episode_view
from dashboard.views.alert_rule import (
    faults_of,
    field_views,
    preview_words,
    settings_of,
)
from dashboard.views.alerts import (
    STALE_AFTER_MS,
    Moment,
    alert_views,
    amount,
    cause_of,
    limit_of,
    news_of,
    rule_views,
    silence_of,
    stale_since,
    values_of,
    without_data,
)
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.model import AlertState, Severity
from data.monitor.alerting import about_of
from data.monitor.deciding import About
from data.monitor.previews import Preview
from data.rules.alarms import RULES, Rule
from data.rules.alerts import AlertEpisode, Silence, Standing
from tests.factories import NOW

STALLED = RULES["StalledFrequency"]


def tell(rule: Rule, label: str) -> About:
    return about_of({}, rule, label)


def standing(rule: str = "StalledFrequency", **more: Any) -> Standing:
    return Standing(rule, **{"evaluated_at": NOW, **more})


def episode(**more: Any) -> AlertEpisode:
    values: dict[str, Any] = {
        "id": 7,
        "rule": "StalledFrequency",
        "label": "",
        "severity": Severity.WARNING,
        "title": "Stalled",
        "sentence": "3 stalled.",
        "value": 3.0,
        "active_at": NOW - MINUTE_MS,
        "fired_at": NOW,
        **more,
    }
    return AlertEpisode(**values)


def firing(rule: str = "StalledFrequency", **more: Any) -> Standing:
    values: dict[str, Any] = {
        "state": AlertState.FIRING,
        "active_at": NOW - MINUTE_MS,
        "fired_at": NOW,
        "episode": episode(rule=rule),
        **more,
    }
    return standing(rule, **values)


def silence(rule: str = "", label: str = "", **more: Any) -> Silence:
    values: dict[str, Any] = {
        "id": 1,
        "rule": rule,
        "label": label,
        "reason": "x",
        "made_by": "ann",
        "from_at": NOW,
        "until_at": NOW + HOUR_MS,
        **more,
    }
    return Silence(**values)


def test_the_worst_is_first_and_what_is_at_rest_is_not_there() -> None:
    found = alert_views(
        [
            standing("UptimeBurnFast"),
            standing("TelemetryDead", state=AlertState.RESOLVED, resolved_at=NOW),
            standing("WsDisconnectRate", state=AlertState.NO_DATA),
            standing("ErrorRateWoW", state=AlertState.PENDING, active_at=NOW),
            firing("NewErrorGroup", severity=Severity.INFO),
            firing("StalledFrequency"),
            firing("SourceDown", severity=Severity.CRITICAL),
        ],
        {},
        [],
        tell,
    )
    assert [(one.rule, one.chip, one.tone) for one in found] == [
        ("SourceDown", "Firing · critical", "bad"),
        ("StalledFrequency", "Firing", "warn"),
        ("NewErrorGroup", "Firing · info", "busy"),
        ("ErrorRateWoW", "Pending", "warn"),
        ("TelemetryDead", "Resolved", "good"),
    ]


def test_what_fires_without_data_is_still_said_to_fire() -> None:
    [found] = alert_views([firing(state=AlertState.NO_DATA)], {}, [], tell)

    assert (found.chip, found.episode) == ("Firing", 7)
    assert found.moments[-1] == Moment("no data, last judged", NOW, "ago")


def test_a_pending_alert_says_when_it_will_fire_by_the_set_time() -> None:
    pending = standing(state=AlertState.PENDING, active_at=NOW)
    [found] = alert_views([pending], {"StalledFrequency": {"for": 5}}, [], tell)

    assert found.moments == (Moment("will fire", NOW + 5 * MINUTE_MS, "due"),)
    assert found.is_urgent
    assert found.episode is None


def test_what_recovered_says_until_when_it_stays() -> None:
    [found] = alert_views([firing(keep_since=NOW)], {}, [], tell)

    assert found.moments[-1] == Moment("it recovered; over", NOW + HOUR_MS, "due")


def test_flags_say_who_sees_to_it_and_who_silenced_it() -> None:
    acked = firing(
        episode=episode(acked_at=NOW, acked_by="ann", ack_note="on\nit\u202e")
    )
    [found] = alert_views([acked], {}, [silence("StalledFrequency")], tell)

    assert found.acknowledged == "ann: on it\ufffd"
    assert found.silence == silence("StalledFrequency")


@pytest.mark.parametrize(
    ("standing_", "expected"),
    [
        pytest.param(None, ("Not judged", "quiet"), id="never judged"),
        pytest.param(standing(value=1.0), ("OK", "good"), id="within its limit"),
        pytest.param(
            standing(state=AlertState.NO_DATA, missing=3, sentence="n=4"),
            ("No data", "quiet"),
            id="no data is not good",
        ),
        pytest.param(
            standing(missing=1, sentence="n=0"),
            ("No data", "quiet"),
            id="nor is the first time without data",
        ),
    ],
)
def test_a_rule_is_green_only_when_it_was_judged(
    standing_: Standing | None, expected: tuple[str, str]
) -> None:
    found = rule_views([standing_] if standing_ else [], {}, [])
    [rule] = [one for one in found if one.rule == "StalledFrequency"]

    assert (rule.chip, rule.tone) == expected


def test_a_rule_says_its_value_of_its_limit_or_why_there_is_none() -> None:
    standings = [
        standing(value=1.0),
        standing("UptimeBurnSlow", state=AlertState.NO_DATA, missing=3, sentence="n=4"),
        standing("CriticalFailed", state=AlertState.NO_DATA, sentence="Off there."),
    ]
    settings = {"StalledFrequency": {"fire": 4}, "TelemetryDead": {"enabled": 0}}
    rules = rule_views(standings, settings, [])
    found = {one.rule: one for one in rules}

    assert found["StalledFrequency"].words == "1, limit 4"
    assert found["StalledFrequency"].is_changed
    assert found["UptimeBurnSlow"].words == "n=4"
    assert (found["TelemetryDead"].chip, found["TelemetryDead"].tone) == (
        "Off",
        "quiet",
    )
    assert (found["CriticalFailed"].chip, found["CriticalFailed"].tone) == (
        "Not judged",
        "quiet",
    )
    assert without_data(rules) == 1
    assert list(found) == list(RULES)


def test_news_change_only_with_what_fires() -> None:
    calm = alert_views([standing(state=AlertState.NO_DATA)], {}, [], tell)
    loud = alert_views([firing(), firing("SourceDown", label="jobs")], {}, [], tell)

    assert news_of(calm) == news_of([]) == "No active alerts."
    assert news_of(loud) == (
        "2 firing: A source cannot be read; Stalled runs in a day."
    )


@pytest.mark.parametrize(
    ("silences", "expected"),
    [
        ([silence()], True),
        ([silence("SourceDown")], True),
        ([silence("SourceDown", "jobs")], True),
        ([silence("SourceDown", "other")], False),
        ([silence("TelemetryDead")], False),
    ],
)
def test_a_silence_is_of_all_of_a_rule_or_of_one_alert(
    silences: list[Silence], *, expected: bool
) -> None:
    assert (silence_of("SourceDown", "jobs", silences) is not None) is expected


def test_alerts_that_nobody_judges_are_old_news() -> None:
    assert stale_since([], NOW) == 0
    assert stale_since([standing()], NOW + STALE_AFTER_MS) is None
    assert stale_since([standing()], NOW + STALE_AFTER_MS + 1) == NOW


def test_the_cause_of_an_alert_has_a_link_that_survives_any_label() -> None:
    def path(rule: str, label: str) -> tuple[str, str]:
        return cause_of(rule, tell(RULES[rule], label))

    assert path("NewErrorGroup", "v1:ab") == ("The error", "/errors?group=v1%3Aab")
    words, link = path("CriticalFailed", "jobs/a&b=/{}")
    assert words == "Failed runs"
    assert "job=a%26b%3D%2F%7B%7D" in link
    assert path("CriticalFailed", "others") == ("", "")
    assert path("StalledFrequency", "")[0] == "Trends"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (7.2, "%", "7.2%"),
        (3.0, "", "3"),
        (1.6166, "times", "1.617 times"),
        (100_000, "", "100,000"),
        (1, "on/off", "on"),
        (10, "min", "10 min"),
    ],
)
def test_amounts_have_their_unit(value: float, unit: str, words: str) -> None:
    assert amount(value, unit) == words


def test_the_limit_in_words_is_the_set_one() -> None:
    values = values_of(STALLED, {"StalledFrequency": {"fire": 5}})

    assert limit_of(STALLED, values) == "5"
    assert limit_of(RULES["CriticalStalled"], {}) == ""


# ---- history ----


def test_an_episode_says_how_long_it_took_to_notice_and_to_be_over() -> None:
    over = episode(resolved_at=NOW + HOUR_MS, acked_by="ann", acked_at=NOW)

    view = episode_view(over, tell)
    cells = dict(zip(COLUMNS, episode_cells(over), strict=True))

    assert (view.detected, view.resolved) == ("1m 00s", "1h 01m")
    assert (cells["detected_ms"], cells["resolved_ms"]) == ("60000", "3660000")
    assert episode_view(episode(), tell).resolved == ""
    assert episode_cells(episode())[COLUMNS.index("resolved_at")] == ""


def test_an_episode_of_a_rule_that_is_no_more_keeps_its_title() -> None:
    gone = episode_view(episode(rule="Gone", title="It was"), tell)

    assert (gone.title, gone.cause) == ("It was", ("", ""))


# ---- the editor ----


def test_every_number_of_a_rule_is_a_field_and_the_switch_is_none() -> None:
    fields = field_views(STALLED, values_of(STALLED, {}))

    assert [(one.name, one.value) for one in fields] == [
        ("fire", "2"),
        ("resolve", "1"),
        ("for", "0"),
        ("keep", "60"),
    ]
    assert fields[3].words == "Stays on after it is over for (minutes)"
    assert fields[0].allowed == "0 to 10,000, by itself 2"


def test_faults_stand_beside_their_fields() -> None:
    typed = settings_of(["fire", "resolve", "for"], ["2.5", " 1 ", "x"], is_on=True)
    faults = faults_of(STALLED, typed)

    assert faults["fire"] == "A whole number from 0 to 10,000."
    assert faults["for"] == "A number from 0 to 1,440."
    assert faults["resolve"] == faults["keep"] == ""


def test_a_decimal_comma_is_a_point_and_off_is_off() -> None:
    assert settings_of(["fire"], ["1,5"], is_on=[]) == {"fire": "1.5", "enabled": 0}


@pytest.mark.parametrize(
    ("spans", "since", "expected"),
    [
        ([], 30 * DAY_MS, "Over the last 30 days this would not have fired."),
        (
            [(NOW - HOUR_MS, NOW)],
            30 * DAY_MS,
            "Over the last 30 days this would have fired once, 1h 00m in all.",
        ),
        (
            [(NOW - HOUR_MS, NOW), (NOW - DAY_MS, NOW)],
            4 * DAY_MS,
            "Over the last 4 days this would have fired 2 times, 1d 01h in all.",
        ),
    ],
)
def test_a_preview_says_how_often_over_what_is_known(
    spans: list[tuple[int, int]], since: int, expected: str
) -> None:
    values = [(NOW - 30 * DAY_MS, None), (NOW - since, 1.0)]
    found = Preview(len(spans), spans, values, 2, "")

    assert preview_words(found, NOW) == expected


def test_a_preview_of_nothing_promises_nothing() -> None:
    silent = Preview(0, [], [(NOW, None)], 2, "")
    as_it_was = Preview(1, [(NOW - 1, NOW)], [], None, "")

    assert "Nothing was measured" in preview_words(silent, NOW)
    assert preview_words(as_it_was, NOW).startswith("It fired once in the last 30 days")


def test_a_preview_draws_measure_limit_and_firing() -> None:
    figure = preview_figure(
        [(NOW - DAY_MS, 1.0), (NOW - HOUR_MS, None), (NOW, 3.0)],
        [(NOW - 1, NOW)],
        2.0,
        "%",
    )
    band, line = figure["layout"]["shapes"]
    assert figure["data"][0]["y"] == [1.0, None, 3.0]
    assert (line["y0"], line["y1"]) == (2.0, 2.0)
    assert band["x0"] < band["x1"]
    assert band["x1"] > figure["data"][0]["x"][-1], "a short one is wide enough to see"
    assert figure["layout"]["yaxis"]["range"] == [0, pytest.approx(3.45)]


def test_a_preview_without_a_limit_or_values_is_an_empty_chart() -> None:
    figure = preview_figure([], [], None, "")

    assert figure["data"][0]["x"] == []
    assert figure["layout"]["shapes"] == []
