"""The trends page in a real browser: every mark is there with the value of its rows."""

import csv
import io
import urllib.request
from typing import Any

import pytest
from sqlalchemy import update

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, from_ms
from data.exceptions import SourceUnavailableError
from data.monitor.duties import Duties
from data.store.tables import rollup_state
from tests.browser.history_page import HistoryPage
from tests.browser.test_looks import CONTRAST, PHONE
from tests.browser.trends_page import CHARTS, TrendsPage
from tests.browser.waiting import wait_for
from tests.dashboard.test_trends_api import error
from tests.factories import finished_run
from tests.rolled import Ran, look, report, roll, stall

pytestmark = [pytest.mark.browser, pytest.mark.unread_past]

HOSTILE = "<b>=1+1</b>"


@pytest.fixture
def trends(launch, jobs, monkeypatch) -> Any:
    """The page over a store that nobody but the test fills."""
    monkeypatch.setattr(Duties, "workers", lambda _self, _every_s: [])
    overview, composed = launch(opened=False)
    return TrendsPage(overview), composed.deps.store, jobs.now


def fill(store, now: int) -> None:
    """A month whose last hour is known by heart."""
    hour = now // HOUR_MS * HOUR_MS - HOUR_MS
    today = now // DAY_MS * DAY_MS
    roll(
        store,
        *(
            Ran(hour - n * DAY_MS, "etl", succeeded=90, failed=2, took_ms=60_000)
            for n in range(30)
        ),
        Ran(hour, HOSTILE, succeeded=95, failed=9, cancelled=3),
        known_since=today - 30 * DAY_MS,
    )
    for n in range(3):
        stall(store, today - 2 * DAY_MS + n, lasted_ms=20 * MINUTE_MS)
    stall(store, today - DAY_MS, lasted_ms=10 * MINUTE_MS, origin="durations")
    look(store, hour, viewers=10, lost=2, minutes=100, good=97)
    report(store, now - HOUR_MS, confirmed=True)
    kept = [
        error(1, HOSTILE, at=now - HOUR_MS, times=7),
        error(2, "cancelJob", at=now - HOUR_MS, times=3),
    ]
    store.errors.write(kept, [])


def test_tr001_every_chart_has_its_marks_with_the_values_of_its_rows(trends):
    page, store, now = trends
    fill(store, now)
    page.open("?range=30d")

    rates = [
        value for name, value in page.marks("fig-error-rate") if name == "error rate"
    ]
    assert rates[-1] == pytest.approx(11 / 196)
    assert rates[-2] == pytest.approx(2 / 92)
    assert page.lines("fig-error-rate") == 2
    assert page.limits("fig-error-rate") == 1
    throughput = page.marks("fig-throughput")
    assert ("Succeeded", 185) in throughput
    assert ("Failed", 11) in throughput
    assert ("Cancelled", 3) in throughput
    stalled = page.marks("fig-stalled")
    assert ("seen while it happened", 3) in stalled
    assert ("found afterwards", 1) in stalled
    assert "Lighter: found afterwards" in page.text("fig-stalled-note")
    durations = page.marks("fig-duration")
    assert {name for name, _ in durations} == {"p50", "p95", "p99"}
    assert all(value == pytest.approx(60_000, rel=0.048) for _, value in durations)
    assert page.words("fig-duration").endswith("etl, the busiest")
    assert page.marks("fig-disconnects") == [("lost the live connection", 0.2)]
    assert page.words("fig-disconnects") == (
        "20% per 15 min · 2 of 10 viewers · limit 5%"
    )
    assert page.marks("fig-uptime") == [("perceived uptime", 0.97)]
    assert page.limits("fig-uptime") == 1
    incidents = page.marks("fig-mttr")
    assert ("time to resolve", 20 * MINUTE_MS) in incidents
    assert ("time to detect", MINUTE_MS) in incidents
    assert page.text("fig-mttr-note") == (
        "Not enough incidents (n=4) to compare with the baseline."
    )
    assert sorted(page.marks("fig-error-types")) == [("errors", 3), ("errors", 7)]
    assert "confirmed: its data was too old" in page.text("trends-reports")
    assert "private" not in page.page.run("return document.body.innerText")
    assert page.page.how_many("#trends b") == 0


def test_tr002_the_url_says_what_is_shown_and_a_reload_shows_it_again(trends):
    page, store, now = trends
    fill(store, now)
    page.open()
    assert page.query() == ""
    page.pick("90d")
    page.set("trends-job", "etl")
    wait_for(lambda: page.words("fig-throughput").startswith("2,760 runs"))
    assert page.query() == "?range=90d&job=etl"

    page.open(page.query())

    assert page.words("fig-throughput").startswith("2,760 runs")
    assert page.field("trends-job") == "etl"
    assert "job=etl" in page.link("#fig-throughput-csv")
    with urllib.request.urlopen(page.link("#fig-throughput-csv")) as answer:  # noqa: S310
        found = [*csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig")))]
    assert len(found) == 90
    assert sum(int(row["succeeded"]) for row in found) == 2700


def test_tr003_days_of_ones_own_are_offered_checked_and_kept(trends):
    page, store, now = trends
    fill(store, now)
    page.open()
    page.pick("custom")
    today = from_ms(now).date().isoformat()
    wait_for(lambda: page.field("trends-last") == today)
    assert (
        page.page.run("return document.getElementById('trends-first').type") == "date"
    )
    wait_for(lambda: f"to={today}" in page.query())
    shown = wait_for(lambda: page.words("fig-throughput"))

    first = from_ms(now + DAY_MS).date().isoformat()
    page.set("trends-first", first)
    wait_for(lambda: "swap them" in (page.text("trends-problem") or ""))
    assert page.field("trends-first") == first
    assert page.words("fig-throughput") == shown

    first = from_ms(now - 2 * DAY_MS).date().isoformat()
    page.set("trends-first", first)
    wait_for(lambda: page.text("trends-problem") is None)
    assert f"range=custom&from={first}&to={today}" in page.query()
    page.open(f"?range=custom&from={today}&to=2020-01-01", charts=0)
    assert "swap them" in (page.text("trends-problem") or "")
    assert page.field("trends-last") == "2020-01-01"


@pytest.fixture
def elsewhere(trends):
    """Whoever looks lives in another zone than UTC."""
    page = trends[0].page
    page.cdp("Emulation.setTimezoneOverride", timezoneId="Pacific/Auckland")
    yield
    page.cdp("Emulation.setTimezoneOverride", timezoneId="")


@pytest.mark.usefixtures("elsewhere")
def test_tr004_a_point_says_what_moved_it_and_leads_to_its_runs(trends, jobs):
    page, store, now = trends
    fill(store, now)
    at = now - now % HOUR_MS - HOUR_MS
    [failed] = jobs.table.add(
        finished_run(status="FAILED", job_name="etl", finished_at=at + MINUTE_MS)
    )
    jobs.table.add(
        finished_run(status="FAILED", finished_at=at - 2 * DAY_MS),
        finished_run(status="SUCCEEDED", finished_at=at + MINUTE_MS),
    )
    page.open("?range=24h")
    page.click_chart("fig-error-rate", 22.5 / 24)
    said = wait_for(lambda: page.text("fig-error-rate-cause"))
    assert "5.61% (11 of 196)" in said
    assert HOSTILE in said
    assert "points" in said
    href = page.link("#fig-error-rate-cause .trend-links a")
    history = HistoryPage(page.page).open(href.partition("history")[2])
    history.wait_for_ids([failed])
    assert history.field("range") == f"{at}-{at + HOUR_MS}"
    assert "since=" in history.link("history-export")
    assert "until=" in history.link("history-export")


@pytest.mark.exhaustive
def test_tr005_the_table_says_the_same_and_its_rows_can_be_chosen(trends):
    page, store, now = trends
    fill(store, now)
    page.open("?range=30d")
    head, newest, *older = page.table("fig-throughput")
    assert head == ["From (UTC)", "Succeeded", "Failed", "Cancelled"]
    assert newest[1:] == ["185", "11", "3"]
    assert len(older) == 29
    assert page.page.how_many("#fig-throughput-table button") == 0

    page.do("fig-throughput", "table")
    page.click_row("fig-throughput", 0)

    said = wait_for(lambda: page.text("fig-throughput-cause"))
    assert "199 runs · a week before 92" in said
    assert "not over yet" in said
    assert "+107, 100% of the change" in said
    page.do("fig-throughput", "close")
    assert page.text("fig-throughput-cause") is None


def test_tr006_zoom_stays_over_a_refresh_and_has_a_way_back(trends):
    page, store, now = trends
    fill(store, now)
    page.open("?range=30d")
    whole = page.range("fig-throughput")
    assert not page.can_go_back("fig-throughput")
    page.page.settled_questions()  # nothing moves any more while it is drawn over
    page.zoom("fig-throughput", 0.5, 0.8)
    wait_for(lambda: page.can_go_back("fig-throughput"))
    zoomed = page.range("fig-throughput")
    assert whole[0] < zoomed[0] < zoomed[1] < whole[1]
    stall(store, now - DAY_MS, lasted_ms=1, job_name="etl")
    before = len(page.table("fig-mttr"))
    page.tick()
    wait_for(lambda: len(page.table("fig-mttr")) == before + 1)
    assert page.range("fig-throughput") == zoomed
    page.do("fig-throughput", "whole")
    wait_for(lambda: not page.can_go_back("fig-throughput"))
    assert page.range("fig-throughput") == whole


def test_tr007_new_numbers_come_by_themselves_and_only_then(trends):
    page, store, now = trends
    fill(store, now)
    page.open("?range=30d")

    def is_left_alone() -> bool:
        """Each minute it is painted anew, whatever happened."""
        page.mark_table("fig-stalled")
        before = page.page.settled_questions()
        page.tick()
        wait_for(lambda: page.page.settled_questions() > before)
        return page.is_marked("fig-stalled")

    wait_for(is_left_alone)

    stall(store, now, lasted_ms=1)
    page.tick()
    wait_for(lambda: ("seen while it happened", 1) in page.marks("fig-stalled"))
    assert not page.is_marked("fig-stalled")


def test_tr008_a_store_that_is_down_takes_nothing_off_the_page(
    trends, monkeypatch, dash_duo
):
    page, store, now = trends
    fill(store, now)
    page.open()
    shown = page.words("fig-throughput")

    def down(*_args: object, **_more: object) -> None:
        raise SourceUnavailableError("The store does not answer.")

    monkeypatch.setattr(type(store.trends), "generation", down)
    page.tick()
    wait_for(lambda: page.text("trends-problem"))
    assert page.text("trends-problem") == (
        "The store does not answer. What is shown is from before."
    )
    assert page.words("fig-throughput") == shown
    assert page.marks("fig-throughput")
    monkeypatch.undo()
    page.tick()
    wait_for(lambda: page.text("trends-problem") is None)


@pytest.mark.exhaustive
def test_tr009_an_empty_store_and_the_first_reading_say_so(trends):
    page, store, now = trends
    page.open()
    for id_ in ("fig-error-rate", "fig-throughput", "fig-duration"):
        assert page.text(f"{id_}-empty") == "Nothing finished in this range."
    assert page.text("fig-uptime-empty") == "Nobody looked at a page in this range."
    assert page.text("trends-progress") is None
    roll(store, known_since=now - 45 * DAY_MS)
    with store.database.writing() as connection:
        connection.execute(
            update(rollup_state).values(
                complete=False, refreshed_until=now, generation=9
            )
        )
    page.tick()
    wait_for(lambda: "50 % of it" in (page.text("trends-progress-words") or ""))


@pytest.mark.exhaustive
def test_tr010_keys_lead_to_the_page_and_its_charts_come_only_there(trends):
    page, _, _ = trends
    overview = page.page
    for path in ("", "history"):
        overview._driver.get(overview.url + path)
        wait_for(lambda: overview.how_many("#first-view") == 0)
        assert "plotly.min.js" not in page.scripts()
    overview.press("g", "t")
    wait_for(lambda: overview.how_many("#trends.page:not(.loading)") == 1)
    wait_for(lambda: "plotly.min.js" in page.scripts())
    assert overview.run("return location.pathname") == "/trends"


@pytest.mark.exhaustive
def test_tr011_a_picture_has_the_colours_of_the_theme(trends):
    page, store, now = trends
    fill(store, now)
    page.open("?range=30d")
    for theme in page.page.themes():
        picture = page.picture("fig-error-rate")
        surface = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 29, 39)"}[theme]
        assert surface in picture
        assert "Error rate" in picture
        assert "alert limit" in picture
    assert page.png("fig-error-rate").startswith("data:image/png;base64,iVBOR")


def test_tr012_every_text_can_be_read_and_a_phone_shows_all_of_it(trends):
    page, store, now = trends
    fill(store, now)
    page.page.cdp("Emulation.setDeviceMetricsOverride", **PHONE)
    page.open("?range=90d")
    page.do("fig-error-rate", "table")
    page.click_row("fig-error-rate", 0)
    wait_for(lambda: page.text("fig-error-rate-cause"))

    assert page.page.width() <= 390
    for _ in page.page.themes():
        found = page.page.contrasts()
        assert [where for ratio, where in found if ratio < CONTRAST] == []
    widths = page.page.run(
        "return [...document.querySelectorAll('.trend .main-svg')].map((svg) => svg.clientWidth)"
    )
    assert len(widths) >= CHARTS
    assert all(200 < width <= 390 for width in widths)


@pytest.mark.exhaustive
def test_tr013_the_worker_that_failed_more_is_named(trends):
    page, store, now = trends
    hour = now // HOUR_MS * HOUR_MS - HOUR_MS
    roll(
        store,
        Ran(hour, "etl", succeeded=60, failed=1, worker="host:1"),
        Ran(hour, "etl", succeeded=30, failed=9, worker=HOSTILE),
        Ran(hour - 7 * DAY_MS, "etl", succeeded=98, failed=2, worker="host:1"),
        known_since=hour - 8 * DAY_MS,
    )
    page.open("?range=24h")

    page.click_chart("fig-error-rate", 22.5 / 24)

    said = wait_for(lambda: page.text("fig-error-rate-cause"))
    jobs, _, workers = said.partition("Workers")
    assert "etl" in jobs
    assert workers.strip().startswith(HOSTILE)
