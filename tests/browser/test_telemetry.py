"""A tab tells what it saw, sooner or later, once; a person reports what is wrong."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from data.store import Store, open_store
from tests.browser.telemetry_page import TelemetryPage
from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator:
    """Opens a page whose seconds pass when the test says so."""
    pages: list[TelemetryPage] = []

    def opened(overview) -> TelemetryPage:
        pages.append(TelemetryPage(overview).open())
        return pages[-1]

    yield opened
    for page in pages:
        page.close()


@pytest.fixture
def kept(environ) -> Iterator[Store]:
    """The store of a server behind a proxy."""
    store = open_store(environ["JOBS_STORE_URL"])
    yield store
    store.close()


def seconds(store: Store) -> dict[str, int]:
    totals = store.viewing.totals()
    return {label: n for (name, label), n in totals.items() if name == "seconds"}


def faults(store: Store) -> int:
    totals = store.viewing.totals()
    return sum(n for (name, _), n in totals.items() if name == "faults")


def test_te001_a_tab_counts_its_seconds_and_tells_them_each_minute(
    launch, jobs, opened, clock
):
    overview, composed = launch(opened=False, JOBS_REFRESH_EVERY="1h")
    page = opened(overview)
    overview.wait_for_state("live")
    store = composed.deps.store
    assert seconds(store) == {}

    for minute in (1, 2, 3):
        clock.advance(timedelta(minutes=1))
        page.pass_seconds(60)
        wait_for(lambda n=minute: seconds(store).get("good", 0) >= 60 * n)

    spent = seconds(store)
    assert spent.get("stale", 0) < 5  # until the page has data
    assert "disconnected" not in spent
    assert store.viewing.totals()["minutes", "good"] == 3
    assert faults(store) == 0
    assert "telemetry" in store.viewing.heard()
    assert store.viewing.users(0, 2**60) == (1, 0)


@pytest.mark.exhaustive
def test_te002_a_reload_goes_on_and_nothing_counts_twice(launch, jobs, opened, clock):
    overview, composed = launch(opened=False, JOBS_REFRESH_EVERY="1h")
    page = opened(overview)
    overview.wait_for_state("live")
    store = composed.deps.store

    clock.advance(timedelta(minutes=1))
    page.pass_seconds(50)
    overview.reload().wait_for_state("live")
    wait_for(lambda: seconds(store).get("good", 0) >= 50)
    clock.advance(timedelta(minutes=1))
    page.pass_seconds(60)

    wait_for(lambda: seconds(store)["good"] >= 110)
    told = overview.run("return window.jobManagerTelemetry.seen().counters")
    assert seconds(store)["good"] <= told["good_s"]
    assert store.tallies.read(clock.now_ms).sessions == 1


def test_te003_minutes_without_the_server_arrive_later_and_a_fault_counts_once(
    proxied, jobs, page_at, opened, kept
):
    proxy = proxied()
    page = opened(page_at(proxy.url))
    page.overview.wait_for_state("live")
    page.pass_seconds(30)

    proxy.go_away()
    page.overview.wait_for_state("reconnecting")
    page.pass_seconds(300)
    assert seconds(kept) == {}
    proxy.come_back()
    page.overview.wait_for_state("live")

    def told() -> bool:
        page.pass_seconds(60)  # a minute that cannot be told is told with the next
        return sum(seconds(kept).values()) >= 330

    wait_for(told)
    assert faults(kept) == 1
    assert seconds(kept)["disconnected"] >= 300 - 45
    assert kept.viewing.users(0, 2**60) == (1, 1)
    totals = kept.viewing.totals()
    assert totals["attempts", ""] >= 1
    assert totals["reconnect", "sum_ms"] >= 300_000


def test_te004_a_report_lands_with_what_the_tab_knew(launch, jobs, opened):
    overview, composed = launch(opened=False)
    page = opened(overview)
    overview.wait_for_state("live")

    shown = page.open_report()
    assert shown["Live link"] == "live"
    assert shown["Data"].endswith("old; up to 45s is good")
    page.write("The numbers have not moved.")
    assert page.send("Thank you") == "Thank you. It was sent as shown above."
    assert page.note() == ""

    [found] = composed.deps.store.viewing.reports(0, 2**60)
    assert (found.category, found.note) == (
        "not_updating",
        "The numbers have not moved.",
    )
    assert (found.source, found.confirmed) == ("jobs", False)
    assert json.loads(found.record)["link"] == "live"
    overview.escape()
    overview.expect_no_dialog()
    wait_for(lambda: overview.focused() == ("report-open", "page"))


def test_te005_a_report_that_cannot_be_sent_keeps_its_note_and_lands_once(
    proxied, jobs, page_at, opened, kept
):
    proxy = proxied()
    page = opened(page_at(proxy.url))
    page.overview.wait_for_state("live")
    proxy.go_away()
    page.overview.wait_for_state("reconnecting")

    shown = page.open_report()
    assert shown["Live link"].startswith("lost, being made again, for ")
    page.click(
        "#report-category label[for*='wrong'], #report-category input[value='wrong_data']"
    )
    page.write("Ünïcode <b>stuck</b>")
    assert "the server cannot be reached" in page.send("not sent")
    assert page.note() == "Ünïcode <b>stuck</b>"
    proxy.come_back()
    page.send("Thank you")

    [found] = kept.viewing.reports(0, 2**60)
    assert (found.category, found.note) == ("wrong_data", "Ünïcode <b>stuck</b>")
    assert found.confirmed


@pytest.mark.exhaustive
def test_te006_the_dialog_is_used_with_the_keyboard_alone(launch, jobs, opened):
    overview, composed = launch(opened=False)
    page = opened(overview)
    overview.wait_for_state("live")
    overview.run("document.getElementById('report-open').focus()")

    overview.press_enter()
    wait_for(lambda: page.text("report-record"))
    wait_for(lambda: overview.focused()[1] == "dialog")
    seen = [overview.tab() for _ in range(7)]
    assert {"report-note", "report-send"} <= {*seen}
    assert overview.focused()[1] == "dialog"
    overview.escape()
    overview.expect_no_dialog()
    assert composed.deps.store.viewing.reports(0, 2**60) == []


@pytest.mark.exhaustive
def test_te007_without_the_live_link_the_way_to_report_is_there(launch, jobs, opened):
    overview, composed = launch(opened=False, JOBS_LIVE="off")
    page = opened(overview)

    shown = page.open_report()
    assert shown["Live link"] == "none; the page asks by itself"
    page.send("Thank you")

    [found] = composed.deps.store.viewing.reports(0, 2**60)
    assert not found.confirmed
