"""What a browser may do here, and what a page tells when something breaks."""

import pytest

from tests.browser.pages import wait_for_banner, wait_for_jobs
from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser


def test_wa001_nothing_is_asked_of_anybody_else(launch, jobs):
    jobs.stalled()
    page, _ = launch()
    page.wait_for_state("live")
    page.open_clean_up().close_dialog()

    assert page.origins_asked() == [page.url.rstrip("/")]


def test_wa002_a_script_that_gets_in_is_not_run(launch, jobs):
    page, _ = launch()

    page.run(
        "const element = document.createElement('script');"
        "element.textContent = 'window.owned = 1'; document.body.append(element);"
    )

    assert page.run("return window.owned") is None
    assert any("Content Security Policy" in each["message"] for each in page.logs())


def test_wa003_all_of_it_works_below_a_prefix(launch, jobs):
    run = jobs.stalled()
    page, _ = launch(JOBS_PREFIX="/portal")
    page.wait_for_state("live")
    assert page.address().endswith("/portal/")

    jobs.running("second")
    wait_for_jobs(page, ["resize-images", "second"])
    assert "1 marked as failed" in page.open_clean_up().confirm()
    wait_for_banner(page, lambda banner: banner is None)
    assert jobs.of(run)["status"] == "FAILED"
    page.close_dialog()
    page.load("../portal")
    page.wait_for_paint()
    assert page.address().endswith("/portal/")


@pytest.mark.exhaustive
def test_wa004_below_a_prefix_the_page_works_without_the_link(launch, jobs):
    page, _ = launch(JOBS_PREFIX="/portal", JOBS_LIVE="off", JOBS_REFRESH_EVERY="500ms")

    jobs.running("first")

    wait_for_jobs(page, ["first"])


def test_wa005_a_failing_callback_is_told_with_a_reference(
    launch, jobs, monkeypatch, caplog
):
    jobs.stalled()
    page, composed = launch(JOBS_POLL_EVERY="1h")
    wait_for(page.banner)

    def fail() -> None:
        message = "geheim"
        raise RuntimeError(message)

    monkeypatch.setattr(composed.deps.sources["jobs"].reader, "refresh", fail)
    page.click_clean_up()

    said = wait_for(page.toasts)
    assert "Something went wrong" in said
    ref = said.split("(ref ")[1].split(")")[0]
    assert f"callback failed (ref {ref})" in caplog.text
    assert "geheim" not in said
    assert "Traceback" not in said
    assert page.dialog() is None
    page.wait_for_state("live")


@pytest.mark.exhaustive
def test_wa006_an_address_with_nothing_behind_it_says_so(launch, jobs):
    page, _ = launch()

    page.load("wp-admin")

    assert page.run("return document.body.innerText") == "There is no page /wp-admin."
    assert all("404" in each["message"] for each in page.logs())


@pytest.mark.exhaustive
def test_wa007_the_title_and_the_heading_are_the_ones_that_were_set(launch, jobs):
    page, _ = launch(JOBS_TITLE="Orders <b>& Co</b>")

    assert page.title() == "Orders <b>& Co</b>"
    assert page.how_many(".brand b") == 0
