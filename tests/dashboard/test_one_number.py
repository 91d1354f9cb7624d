"""A number that can be seen in two places is the same in both.

Fifty days of two sources, with rates that change from week to week and stalled runs often
enough that the limit follows them. Places: tile, page of trends, API, alert, preview,
message, picture, /metrics.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import Composed, compose
from dashboard.ids import Tiles
from dashboard.settings import load_settings
from dashboard.trends.asked import question_of
from dashboard.trends.causes import cause_of
from dashboard.trends.metrics import METRICS
from dashboard.views.alert_rule import preview_words
from dashboard.views.alerts import rule_views
from dashboard.views.tiles import TileView, tiles_view
from data.all_sources import ALL, recent_together
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from data.model import AlertState, Snapshot, Weeks
from data.monitor.alerting import Alerting
from data.monitor.measures import Measures
from data.monitor.previews import preview
from data.monitor.stall_limit import stall_limit
from data.monitor.weekly import figures, week_of
from data.notify.summary import summary_of, week_before
from data.rules.alarms import checked
from data.rules.number_text import percent, rate_a_day
from data.rules.weeks import rate_change
from tests.conftest import FakeClock
from tests.factories import NOW, job_table
from tests.rolled import Ran, look, roll, stall

HOUR = NOW // HOUR_MS * HOUR_MS
TODAY = NOW // DAY_MS * DAY_MS
DAYS = 50
SOURCES = ("jobs", "mail", ALL)
RANGES = ("24h", "7d", "30d", "90d")


@contextmanager
def composed(folder: Path) -> Iterator[Composed]:
    first, second = (f"sqlite:///{folder / name}.db" for name in ("first", "second"))
    (folder / "job-manager.toml").write_text(
        f'[sources.jobs]\nurl = "{first}"\n[sources.mail]\nurl = "{second}"\n'
    )
    environ = {"JOBS_STORE_URL": f"sqlite:///{folder / 'store.db'}"}
    with job_table(first), job_table(second):
        made = compose(load_settings(environ, directory=folder), clock=FakeClock())
        yield made
        made.deps.store.close()
        for source in made.deps.sources.values():
            source.engine.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    with composed(tmp_path_factory.mktemp("one")) as made:
        fill(made)
        yield made


def fill(made: Composed) -> None:
    store, dice = made.deps.store, random.Random(12)
    since = TODAY - DAYS * DAY_MS
    for source, jobs in (("jobs", ("etl", "sync", "report")), ("mail", ("sync",))):
        ran = [
            Ran(
                at,
                job,
                succeeded=dice.randrange(5, 60),
                failed=dice.randrange(2 + at // WEEK_MS % 4),
                cancelled=dice.randrange(2),
                took_ms=dice.randrange(500, 90_000),
            )
            for at in range(since, HOUR + 1, HOUR_MS)
            for job in jobs
        ]
        roll(store, *ran, source=source, known_since=since)
        for day in range(since, TODAY + 1, DAY_MS):
            for n in range(dice.randrange(4) if day < TODAY else 3):
                stall(
                    store,
                    day + n * HOUR_MS + HOUR_MS,
                    lasted_ms=20 * MINUTE_MS,
                    source=source,
                )
    for day in range(TODAY - 9 * DAY_MS, TODAY, DAY_MS):
        look(store, day + HOUR_MS, viewers=35, lost=1, minutes=4_000, good=3_991)


def tiles_of(place: Composed, source: str) -> dict[str, TileView]:
    rollups = place.deps.store.rollups
    names = [*place.deps.sources] if source == ALL else [source]
    days = [rollups.recent(name, NOW) for name in names]
    recent = recent_together([day for day in days if day])
    snapshot = Snapshot(source=source, seq=1, read_at=NOW)
    return tiles_view(replace(snapshot, recent=recent))


def trend_of(place: Composed, metric: str, source: str, **words: str) -> Any:
    question = question_of(place.deps, {"source": source, **words}, NOW)
    return METRICS[metric].read(place.deps.store, question)


def answer_of(place: Composed, path: str) -> Any:
    client = TestClient(place.asgi, base_url="http://127.0.0.1:8050")
    return client.get(path).json()


def reading_of(place: Composed, rule: str) -> Any:
    deps = place.deps
    measures = Measures(deps.sources, deps.store, (), NOW)
    return measures.readings(rule, checked(rule, {}), ())[""]


@pytest.mark.parametrize("source", SOURCES)
def test_the_last_day_is_one_number_of_tile_page_and_api(
    place: Composed, source: str
) -> None:
    tiles = tiles_of(place, source)
    path = f"/api/trends/error-rate?range=24h&source={source}"
    rates = answer_of(place, path)
    runs = answer_of(place, path.replace("error-rate", "throughput"))

    failed = sum(row["failed"] for row in rates["rows"])
    judged = sum(row["judged"] for row in rates["rows"])
    assert tiles[Tiles.ERROR_RATE]["value"] == percent(failed / judged)
    assert rates["words"].split(" · ")[0] == tiles[Tiles.ERROR_RATE]["value"]
    assert tiles[Tiles.FAILED]["value"] == f"{failed:,}"
    succeeded = sum(row["succeeded"] for row in runs["rows"])
    assert tiles[Tiles.SUCCEEDED]["value"] == f"{succeeded:,}"
    assert failed == sum(row["failed"] for row in runs["rows"])


@pytest.mark.parametrize("source", SOURCES)
def test_week_over_week_is_one_number_of_tile_and_every_range(
    place: Composed, source: str
) -> None:
    weeks = weeks_of(place, source)
    change, before = rate_change(weeks), "4-11 Mar"
    assert re.fullmatch(r"[+−]\d+\.\d\d pp", change)
    note = tiles_of(place, source)[Tiles.ERROR_RATE]["note"]
    assert note == f"{change} vs {before}"
    for word in RANGES:
        said = trend_of(place, "error-rate", source, range=word).words
        assert f"7 d: {change} (11-18 Mar vs {before})" in said
        assert said == answer_of(
            place, f"/api/trends/error-rate?range={word}&source={source}"
        )["words"]  # fmt: skip
    changes = {
        trend_of(place, "throughput", source, range=word).words.split(" · ")[-1]
        for word in RANGES
    }
    assert len(changes) == 1


def test_week_over_week_of_the_alert_is_that_of_the_page(place: Composed) -> None:
    weeks = weeks_of(place, ALL)
    reading = reading_of(place, "ErrorRateWoW")
    assert weeks.rate is not None
    assert weeks.rate_before is not None
    assert reading.value == pytest.approx(weeks.rate / weeks.rate_before)
    assert reading.sentence.startswith(
        f"{percent(weeks.rate)} of runs failed 11-18 Mar, {percent(weeks.rate_before)}"
        f" 4-11 Mar: {rate_change(weeks)}, "
    )
    trend = trend_of(place, "error-rate", ALL, range="30d")
    [line] = trend.figure["layout"]["shapes"]
    assert line["y0"] == pytest.approx(1.5 * weeks.rate_before)
    found = preview(place.deps.store, place.deps.sources, "ErrorRateWoW", {}, HOUR)
    series = reading_at(place, HOUR - 1)
    assert found.values[-1] == (HOUR, pytest.approx(series))


def test_the_weekly_message_is_the_page_of_its_week(place: Composed) -> None:
    since, until = week_before(NOW)
    store = place.deps.store
    now = figures(store, since, until)
    before = figures(store, since - WEEK_MS, since)
    message = summary_of(since, now, before, [], "http://127.0.0.1/")
    days = {"range": "custom", "from": "2026-03-09", "to": "2026-03-15"}

    rates = trend_of(place, "error-rate", ALL, **days)
    weeks = store.trends.weeks("", until)
    assert rates.words.split(" · ")[0] == percent(weeks.rate) == percent(now.error_rate)
    assert f"7 d: {rate_change(weeks)} (9-15 Mar vs 2-8 Mar)" in rates.words
    assert f"; {rate_change(weeks)})" in message.body
    assert f"{percent(weeks.rate)} of runs failed" in message.title
    stalled = trend_of(place, "stalled", ALL, **days)
    assert sum(row[1] for row in stalled.rows) == now.stalled
    assert f"{rate_a_day(now.stalled / 7)} · limit" in stalled.words
    week = week_of(store, since)
    assert sum(day.stalled for day in week.days) == now.stalled
    mttr = trend_of(place, "mttr", ALL, **days)
    repair = re.search(r"MTTR (\S+ \S+) \(", mttr.words)
    assert repair
    assert f"Time to repair: {repair[1]}, {len(mttr.rows)} incidents" in message.body
    uptime = trend_of(place, "uptime", ALL, **days)
    assert f"Perceived uptime: {uptime.words.split(' · ')[0]} of" in message.body


@pytest.mark.parametrize("source", SOURCES)
def test_stalled_a_day_is_one_number_of_tile_and_page(
    place: Composed, source: str
) -> None:
    note = tiles_of(place, source)[Tiles.STALLED]["note"]
    trend = trend_of(place, "stalled", source, range="7d")
    often = trend.words.split(" · ")[0]
    assert note == f"{often}, last 7 d"
    assert often == rate_a_day(sum(row[1] for row in trend.rows[:-1]) / 7)


def test_the_stalled_limit_is_one_number_everywhere(place: Composed) -> None:
    store, deps = place.deps.store, place.deps
    holds = stall_limit(store, NOW)
    assert holds.is_learnt
    assert holds.value > checked("StalledFrequency", {})["fire"]
    limit = f"{holds.value:g}"

    trend = trend_of(place, "stalled", ALL, range="30d")
    assert trend.words.endswith(f"limit {limit} a day")
    assert trend.note.startswith(f"The limit is {limit}: {holds.why}.")
    assert [one["y0"] for one in trend.figure["layout"]["shapes"]] == [holds.value]
    assert f"the limit is {limit} a day ({holds.why})" in reading_of(
        place, "StalledFrequency"
    ).sentence  # fmt: skip
    found = preview(store, deps.sources, "StalledFrequency", {}, NOW)
    assert (found.limit, found.why) == (holds.value, holds.why)
    assert f"The limit now is {limit}: {holds.why}." in preview_words(found, NOW)
    until = week_before(NOW)[1]
    assert week_of(store, until - WEEK_MS).limit == stall_limit(store, until).value
    [rule] = [
        one
        for one in answer_of(place, "/api/alerts")["rules"]
        if one["rule"] == "StalledFrequency"
    ]
    assert (rule["limit"], rule["limit_why"]) == (limit, holds.why)


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (5, "not enough data, 5 of 7 days before today are known"),
        (10, "normal variation at 3 a day in the 10 days before; configured: 2"),
    ],
)
def test_stalls_are_compared_with_the_days_that_are_known(
    tmp_path: Path, days: int, says: str
) -> None:
    """Tile and alert of a history of a few days, with three stalled runs on each."""
    with composed(tmp_path) as made:
        deps, since = made.deps, TODAY - days * DAY_MS
        for source in ("jobs", "mail"):
            ran = Ran(since, "etl", succeeded=1)
            roll(deps.store, ran, source=source, known_since=since)
        for day in range(since, TODAY + 1, DAY_MS):
            for n in range(3 if day < TODAY else 4):
                stall(deps.store, day + n * HOUR_MS, lasted_ms=20 * MINUTE_MS)
        note = tiles_of(made, ALL)[Tiles.STALLED]["note"]
        trend = trend_of(made, "stalled", ALL, range="30d")
        reading = reading_of(made, "StalledFrequency")
        holds = stall_limit(deps.store, NOW)
        found = preview(deps.store, deps.sources, "StalledFrequency", {}, NOW)
        [rule] = [
            one
            for one in answer_of(made, "/api/alerts")["rules"]
            if one["rule"] == "StalledFrequency"
        ]

    assert note == "3 a day, last 7 d"
    assert trend.words.startswith("3 a day · 4 today")
    assert not reading.breach
    assert reading.enough == holds.enough == (days >= 7)
    assert {holds.why, rule["limit_why"], found.why} == {says}
    assert says in reading.sentence.replace("Not enough", "not enough")
    assert says in trend.note
    assert ("limit 8 a day" in trend.words) == holds.enough


def test_an_alert_stands_alike_in_its_row_the_api_and_metrics(place: Composed) -> None:
    deps = place.deps
    Alerting(deps.sources, deps.store).do(NOW)
    holds = stall_limit(deps.store, NOW)
    [standing] = [
        one for one in deps.store.alerts.standings() if one.rule == "StalledFrequency"
    ]
    [row] = [
        one
        for one in rule_views([standing], {}, [], {"StalledFrequency": holds})
        if one.rule == "StalledFrequency"
    ]
    trend = trend_of(place, "stalled", ALL, range="7d")
    today = trend.rows[-1][1]
    assert standing.value == today
    assert f"{today} today" in trend.words
    is_above = today > holds.value
    assert (standing.state is not AlertState.INACTIVE) == is_above
    assert row.words == f"{today}, limit {holds.value:g} ({holds.why})"
    [told] = [
        one
        for one in answer_of(place, "/api/alerts")["alerts"]
        if one["rule"] == "StalledFrequency"
    ]
    assert told["value"] == today
    client = TestClient(place.asgi, base_url="http://127.0.0.1:8050")
    state = f'jobmanager_alert_state{{alertname="StalledFrequency"}} {2.0 * is_above}'
    assert state in client.get("/metrics").text


def test_the_top_failure_of_all_sources_is_that_of_all_their_types(
    place: Composed,
) -> None:
    store = place.deps.store
    failed: dict[str, int] = {}
    for one in store.trends.hours("", HOUR - 23 * HOUR_MS, HOUR + HOUR_MS):
        if one.status.value == "FAILED":
            failed[one.job_name] = failed.get(one.job_name, 0) + one.runs
    top = max(failed, key=lambda name: failed[name])
    assert tiles_of(place, ALL)[Tiles.FAILED]["note"] == f"top: {top}"


def test_viewers_are_counted_once_beside_the_mean_of_quarters(place: Composed) -> None:
    trend = trend_of(place, "disconnects", ALL, range="7d")
    assert trend.words == ("2.86% per 15 min · 1 of 35 viewers · limit 5%")
    question = question_of(place.deps, {"source": ALL, "range": "30d"}, NOW)
    cause = cause_of(place.deps.store, "disconnects", TODAY - DAY_MS, question, NOW)
    assert cause["words"].startswith("1 of 35 viewers lost the live connection")


def weeks_of(place: Composed, source: str) -> Weeks:
    name = "" if source == ALL else source
    return place.deps.store.trends.weeks(name, HOUR + HOUR_MS)


def reading_at(place: Composed, now: int) -> float | None:
    measures = Measures(place.deps.sources, place.deps.store, (), now)
    rule = "ErrorRateWoW"
    value: float | None = measures.readings(rule, checked(rule, {}), ())[""].value
    return value
