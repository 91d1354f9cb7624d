"""The page for every eye, hand and window."""

import pytest

from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser

#: WCAG 2.2 AA for text.
CONTRAST = 4.5
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


def fill(jobs) -> None:
    jobs.stalled(
        "a-job-with-a-rather-long-name-that-does-not-fit", heartbeat_at=jobs.now
    )
    jobs.stalled("match-scores", heartbeat_at=jobs.now - 300_000)
    run = jobs.running("send-mail", progress=0.4)
    jobs.beat(run)
    jobs.running("future", started_at=jobs.now + 3_600_000)
    jobs.pending("waits")
    jobs.pending("later", status="SCHEDULED", scheduled_at=jobs.now + 900_000)


def expect_readable(page: OverviewPage) -> None:
    for _ in page.themes():
        found = page.contrasts()
        assert len(found) > 20
        assert [(ratio, where) for ratio, where in found if ratio < CONTRAST] == []


@pytest.mark.exhaustive
def test_lo001_every_text_can_be_read(launch, jobs):
    fill(jobs)
    page, _ = launch()
    page.wait_for_state("live")
    expect_readable(page)

    page.open_clean_up()
    page.settle()
    expect_readable(page)
    page.confirm()
    expect_readable(page)


def test_lo002_trouble_can_be_read(proxied, jobs, page_at, tmp_path):
    fill(jobs)
    proxy = proxied(JOBS_REFRESH_EVERY="500ms")
    proxy.without_sockets = True
    page = page_at(proxy.url).open()
    page.wait_for_state("reconnecting")

    (tmp_path / "jobs.db").rename(tmp_path / "away.db")

    wait_for(page.trouble)
    expect_readable(page)


def test_lo003_the_page_can_be_read_aloud(launch, jobs):
    fill(jobs)
    page, _ = launch()

    assert page.language() == "en"
    assert page.how_many("h1") == 1
    assert page.how_many("main") == 1
    assert page.how_many("header") == 1
    assert page.how_many("#live-state[role=status]") == 1
    assert (
        page.how_many("[role=status] #live-attempts, [role=status] #live-reconnect")
        == 0
    )
    assert page.how_many("#stalled-banner [role=status] #stalled-title") == 1
    assert page.unnamed_controls() == []
    page.open_clean_up()
    assert page.how_many("[role=dialog][aria-labelledby=cleanup-heading]") == 1
    assert page.how_many("#cleanup-heading") == 1
    assert page.unnamed_controls() == []


def test_lo004_a_phone_shows_all_of_it_without_scrolling_sideways(launch, jobs):
    fill(jobs)
    page, _ = launch(opened=False)
    page.cdp("Emulation.setDeviceMetricsOverride", **PHONE)

    page.open()
    page.wait_for_state("live")

    assert page.width() <= 390
    assert page.banner().can_clean_up
    assert page.is_in_view("#cleanup-stalled")
    assert len(page.tiles()) == 6
    page.open_clean_up()
    page.settle()
    assert page.width() <= 390
    assert page.is_in_view("#cleanup-confirm")
    assert "marked as failed" in page.confirm()
    assert page.width() <= 390


@pytest.mark.exhaustive
def test_lo005_a_phone_shows_trouble_without_scrolling_sideways(launch, jobs, tmp_path):
    jobs.table.execute("DROP TABLE job_runs")
    page, _ = launch(opened=False)
    page.cdp("Emulation.setDeviceMetricsOverride", **PHONE)

    page.open()

    assert "CREATE TABLE" in page.trouble()
    assert page.width() <= 390


def test_lo006_the_theme_that_was_chosen_stays(launch, jobs):
    page, _ = launch(opened=False)
    page.open("?theme=light")
    assert page.theme() == "light"

    page.toggle_theme()

    wait_for(lambda: page.theme() == "dark")
    assert page.open().theme() == "dark"
    page.toggle_theme()
    wait_for(lambda: page.theme() == "light")
    assert page.reload().theme() == "light"


@pytest.mark.exhaustive
def test_lo007_without_a_choice_the_theme_is_the_systems(launch, jobs):
    page, _ = launch(opened=False)
    for theme in ("light", "dark"):
        page.prefer(theme)
        assert page.open().theme() == theme


def test_lo008_the_first_tab_offers_to_skip_to_the_content(launch, jobs):
    page, _ = launch()

    page.tab()

    assert page.run("return document.activeElement.textContent") == "Skip to content"
