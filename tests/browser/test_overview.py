"""What the overview shows, and that it keeps itself right."""

from datetime import timedelta

import pytest

from app import Composed
from data.clock import MINUTE_MS
from tests.browser.pages import wait_for_banner, wait_for_jobs
from tests.browser.waiting import wait_for, wait_until
from tests.conftest import FakeClock

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

on_both = pytest.mark.parametrize("jobs", ["sqlite", "postgresql"], indirect=True)


def wait_for_second_read(composed: Composed) -> None:
    """The first one takes longer: it connects, and looks at the table."""
    reader = composed.deps.sources["jobs"].reader
    wait_for(lambda: reader.reads > 1)


@on_both
def test_ov001_a_new_run_appears_without_a_reload(launch, jobs):
    jobs.running("first")
    page, composed = launch()
    page.mark()
    wait_for_jobs(page, ["first"])
    wait_for_second_read(composed)

    jobs.running("second")

    wait_for_jobs(page, ["first", "second"])
    assert page.tiles()["running"].value == "2"
    assert page.tab_state() is True


@pytest.mark.exhaustive
def test_ov002_the_badge_goes_from_connecting_to_live(launch, jobs):
    page, _ = launch(opened=False)

    page.load()

    seen = [wait_until(page.badge)]
    badge = page.wait_for_state("live")
    assert seen[0].words in ("Connecting...", "Live")
    assert badge.words == "Live"
    assert badge.attempts == ""
    assert not badge.can_reconnect
    assert page.is_connected()
    wait_for(lambda: "just now" in page.badge().last_message)


@on_both
def test_ov003_the_stalled_banner_comes_and_goes_by_itself_on_two_pages(launch, jobs):
    page, composed = launch()
    wait_for_second_read(composed)
    pages = [page, page.in_another_window().open()]
    assert [each.banner() for each in pages] == [None, None]

    stalled = [jobs.stalled("resize-images"), jobs.stalled("match-scores")]

    for each in pages:
        banner = wait_for_banner(each, bool)
        assert banner.title == "2 job(s) may be stalled"
        assert banner.detail.startswith(
            "Running for more than 30 minutes without completion"
        )
        assert "own limit" not in banner.detail
        assert banner.can_clean_up
        assert each.tiles()["stalled"].value == "2"
        assert [row.status for row in each.rows()] == ["⚠ Stalled", "⚠ Stalled"]

    jobs.succeed(*stalled)

    for each in pages:
        wait_for_banner(each, lambda banner: banner is None)
        assert each.tiles()["stalled"].value == "0"


def test_ov004_a_run_becomes_stalled_while_the_page_is_open(launch, jobs, clock):
    jobs.running("slow", minutes=25)
    page, _ = launch()
    assert page.banner() is None

    clock.advance(timedelta(minutes=5))

    banner = wait_for_banner(page, bool)

    assert banner.title == "1 job(s) may be stalled"
    assert banner.detail.endswith("· slow")


@pytest.mark.exhaustive
def test_ov005_exactly_the_limit_is_not_stalled_and_one_millisecond_more_is(
    launch, jobs
):
    clock = jobs.clock = FakeClock()
    jobs.running("punctual", minutes=30)
    page, composed = launch(clock=clock)
    wait_for_jobs(page, ["punctual"])
    page.wait_for_state("live")
    assert page.banner() is None
    assert page.tiles()["stalled"].value == "0"

    clock.advance_ms(1)
    composed.monitor.changed("jobs")

    banner = wait_for_banner(page, bool)
    assert banner.title == "1 job(s) may be stalled"
    assert page.tiles()["stalled"].value == "1"


@pytest.mark.exhaustive
def test_ov006_a_limit_of_its_own_counts_and_is_said(launch, jobs):
    jobs.running("match-scores", minutes=47)
    jobs.running("send-mail", minutes=3)
    jobs.running("resize-images", minutes=47)
    page, _ = launch(JOBS_STALL_LIMITS='{"match-scores": "2h", "send-mail": "90s"}')

    banner = page.banner()

    assert banner.title == "2 job(s) may be stalled"
    assert banner.detail.startswith(
        "Running for more than 30 minutes without completion"
        " or longer than their own limit"
    )
    assert page.row_of("match-scores").status == "Running"
    assert page.row_of("match-scores").elapsed.endswith("/ 2h")
    assert page.row_of("send-mail").status == "⚠ Stalled"
    assert page.row_of("send-mail").elapsed.endswith("/ 1m 30s")


def test_ov007_the_limit_is_said_in_words(launch, jobs):
    jobs.stalled()
    page, _ = launch(JOBS_STALL_AFTER="45m")

    assert page.banner().detail.startswith(
        "Running for more than 45 minutes without completion"
    )


@pytest.mark.exhaustive
def test_ov008_only_running_runs_with_a_start_time_are_judged(launch, jobs):
    long_ago = jobs.ago(timedelta(hours=9))
    jobs.pending("waits", enqueued_at=long_ago)
    jobs.pending("later", status="SCHEDULED", scheduled_at=jobs.now + 9 * MINUTE_MS)
    jobs.running("no-start", started_at=None)
    jobs.running("quick", minutes=2)
    page, _ = launch()

    wait_for_jobs(page, ["waits", "later", "no-start", "quick"])

    assert page.banner() is None
    assert page.tiles()["running"].value == "2"
    assert page.tiles()["pending"].value == "1"
    assert page.tiles()["stalled"].value == "0"
    assert page.row_of("no-start").alive == "no start time, not judged"
    assert page.row_of("waits").status == "Pending"
    wait_for(lambda: page.row_of("later").alive.startswith("due in 8m"))


@pytest.mark.exhaustive
def test_ov009_a_row_tells_all_that_is_known_of_a_run(launch, jobs):
    run = jobs.running("send-mail", worker="mail-1:77", progress=0.25)
    jobs.beat(run)
    page, _ = launch()

    row = page.row_of("send-mail")

    assert row.id == run
    assert row.status == "Running"
    assert row.elapsed.startswith("1m ")
    assert row.worker == "mail-1:77"
    assert row.alive.startswith("heartbeat ")
    assert row.progress == "25%"


@pytest.mark.exhaustive
def test_ov010_elapsed_time_moves_in_the_browser(launch, jobs):
    jobs.running("send-mail")
    page, _ = launch()
    page.wait_for_state("live")
    before = page.row_of("send-mail").elapsed

    wait_for(lambda: page.row_of("send-mail").elapsed != before)


def test_ov011_an_empty_table_says_so_and_fills_by_itself(launch, jobs):
    page, _ = launch()
    assert "No active jobs" in page.emptiness()
    assert page.tiles()["running"].value == "0"

    jobs.running("first")

    wait_for_jobs(page, ["first"])
    assert page.emptiness() is None


def test_ov012_a_filter_keeps_what_is_looked_for_and_stands_in_the_address(
    launch, jobs
):
    jobs.running("send-mail")
    jobs.running("match-scores")
    page, _ = launch()

    page.filter("scores")

    wait_for_jobs(page, ["match-scores"])
    wait_for(lambda: "q=scores" in page.address())


def test_ov013_the_page_of_one_source_follows_the_choice(
    launch, jobs, tmp_path, environ
):
    jobs.running("send-mail")
    (tmp_path / "job-manager.toml").write_text(
        f"""
        [sources.orders]
        url = "{jobs.url}"
        label = "Orders"
        [sources.mail]
        url = "sqlite:///{tmp_path / "mail.db"}"
        """,
        encoding="utf-8",
    )
    page, _ = launch(JOBS_DATABASE_URL="")
    page.wait_for_state("live")
    wait_for_jobs(page, ["send-mail"])

    page.choose_source("mail")

    wait_for(page.trouble)
    wait_for(lambda: "source=mail" in page.address())
    wait_for_jobs(page, [])
    page.choose_source("Orders")
    wait_for(lambda: page.trouble() is None)
    wait_for_jobs(page, ["send-mail"])


@pytest.mark.exhaustive
def test_ov014_without_stall_detection_nothing_is_judged(launch, jobs):
    jobs.stalled()
    page, _ = launch(JOBS_STALL_DETECTION="off")

    wait_for_jobs(page, ["resize-images"])

    assert page.banner() is None
    assert page.row_of("resize-images").status == "Running"
    assert page.tiles()["stalled"].value in ("0", "—")


def test_ov015_without_the_live_link_there_is_no_badge_and_no_socket(launch, jobs):
    page, composed = launch(JOBS_LIVE="off", JOBS_REFRESH_EVERY="1s")
    assert not page.has_badge()

    jobs.running("first")

    wait_for_jobs(page, ["first"])
    assert composed.hub.viewers == 0
