"""What the page claims of its data: its age is judged, not that of the last message."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from data.clock import utc_now
from tests.browser.conftest import Launch
from tests.browser.jobs import Jobs
from tests.browser.pages import OverviewPage
from tests.browser.proxy import Proxy
from tests.browser.served import Served
from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser

PAGES = ("", "history", "trends", "errors", "alerts", "audit")
PANELS = ("panel/status", "panel/stalled", "panel/active", "?embed=1")
_NOTICE = """
const element = document.getElementById(arguments[0]);
return element?.checkVisibility() ? element.innerText : "";
"""


def notice(page: OverviewPage, name: str = "stale") -> str:
    """What is said below the header, "" for nothing."""
    return str(page.run(_NOTICE, f"{name}-notice"))


class Later:
    """The time, set forward by as much as a story says."""

    def __init__(self) -> None:
        self.by = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.by


def test_fr001_a_live_link_over_old_data_is_amber_and_says_how_old(
    launch: Launch, jobs: Jobs
) -> None:
    jobs.running("first")
    clock = Later()
    page, composed = launch(clock=clock)
    live = page.wait_for_state("live")
    assert (live.words, notice(page)) == ("Live", "")
    reader = composed.deps.sources["jobs"].reader

    with reader._reading:  # a read that takes for ever
        clock.by = timedelta(seconds=70)

        badge = wait_for(lambda: page.badge().words != "Live" and page.badge())
        assert badge.words == "Live link, data over 1 min old"
        assert badge.state == "live"
        assert badge.colour != live.colour
        assert "The source was not read lately." in notice(page)
        wait_for(lambda: "1m 1" in notice(page))
        assert page.how_many("#overview.is-stale") == 1

    wait_for(lambda: page.badge().words == "Live")
    assert notice(page) == ""
    assert page.how_many("#overview.is-stale") == 0


@pytest.mark.parametrize(
    ("live", "paths"),
    [
        ("on", ("history", *PANELS[:1])),
        pytest.param("on", (*PAGES, *PANELS), marks=pytest.mark.exhaustive),
        pytest.param("off", (*PAGES, *PANELS), marks=pytest.mark.exhaustive),
    ],
    ids=["two pages", "all pages", "without the live link"],
)
def test_fr002_every_page_says_that_its_source_cannot_be_read(
    launch: Launch, jobs: Jobs, tmp_path: Path, live: str, paths: tuple[str, ...]
) -> None:
    jobs.running("first")
    page, _ = launch(complains=True, JOBS_LIVE=live, JOBS_REFRESH_EVERY="500ms")
    (tmp_path / "jobs.db").rename(tmp_path / "away.db")
    wait_for(page.trouble)

    for path in paths:
        page.load(path)
        told = wait_for(lambda: notice(page) or page.trouble())
        assert "Database unreachable" in told, path
        if live == "on":
            wait_for(lambda: page.badge().words not in ("Connecting...", "Live"))
            assert page.badge().words.startswith("Live link, "), path

    (tmp_path / "away.db").rename(tmp_path / "jobs.db")
    page.load("history")
    wait_for(lambda: page.how_many(".ag-header") and not notice(page))


def test_fr003_a_server_that_is_gone_is_said_in_words(
    proxied: Callable[..., Proxy], jobs: Jobs, page_at: Callable[[str], OverviewPage]
) -> None:
    jobs.running("first")
    proxy = proxied(JOBS_REFRESH_EVERY="500ms")
    page = page_at(proxy.url).load("history")
    page.wait_for_state("live")

    proxy.go_away()
    page.pass_time(60)

    told = wait_for(partial(notice, page))
    assert told.startswith("No answer from Job Manager.")
    assert "Data from" in told
    proxy.come_back()
    wait_for(lambda: not notice(page))


def test_fr004_a_tab_from_before_a_restart_with_other_settings_is_asked_to_reload(
    serve: Callable[..., Served], jobs: Jobs, page_at: Callable[[str], OverviewPage]
) -> None:
    jobs.running("first")
    server = serve(JOBS_REFRESH_EVERY="500ms")
    page = page_at(server.url).open()
    page.wait_for_state("live")
    page.mark()

    server.terminate()
    server.environ["JOBS_LIVE"] = "off"
    server.start()
    page.pass_time(60)

    wait_for(partial(notice, page, "reload"))
    assert wait_for(lambda: page.badge().words == "Reload needed")
    page.run("document.querySelector('.nav-item[href$=history]').click()")
    wait_for(lambda: page.how_many("#history"))
    assert "reload this page" in notice(page, "reload")
    page.run("document.getElementById('reload-page').click()")
    wait_for(lambda: page.tab_state() is None and page.how_many("#history"))
    assert notice(page, "reload") == ""
    assert not page.has_badge()


# ---- frames with a sandbox ----

_FRAME = '<iframe sandbox="{sandbox}" src="{src}" width="1200" height="700"></iframe>'


class _Portal(BaseHTTPRequestHandler):
    """A page with nothing but a frame: of which sandbox and address, its query says."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if not asked:  # the tab's icon
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = _FRAME.format(sandbox=asked["sandbox"][0], src=asked["src"][0])
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def portal() -> Iterator[str]:
    """Its address: another origin than that of the product."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Portal)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def inside(page: OverviewPage) -> Iterator[None]:
    """Look into the portal's frame."""
    driver = page._driver
    driver.switch_to.frame(driver.find_element("css selector", "iframe"))
    try:
        yield
    finally:
        driver.switch_to.default_content()


#: What a sandbox allows, and what the page then says that it lacks.
SANDBOXES = {
    "allow-scripts": "allow-same-origin",
    "allow-same-origin": "allow-scripts",
    "allow-popups": "allow-scripts allow-same-origin",
}


def test_fr005_a_frame_that_cannot_ask_says_that_it_is_frozen_and_why(
    launch: Launch, jobs: Jobs, page_at: Callable[[str], OverviewPage]
) -> None:
    jobs.stalled("stuck")
    with portal() as home:
        ancestors = f"self,{home}"
        own, _ = launch(opened=False, complains=True, JOBS_FRAME_ANCESTORS=ancestors)
        wait_for(lambda: "stuck" in httpx.get(own.url).text)

        def framed(sandbox: str) -> OverviewPage:
            return page_at(home).load(f"/?sandbox={sandbox}&src={own.url}?embed=1")

        page = framed("allow-scripts allow-same-origin")
        with inside(page):
            wait_for(lambda: page.how_many("#active-runs .ag-row"))
            assert page.wait_for_state("live").words == "Live"
            assert page.how_many("#frozen-notice") == 0
        for sandbox, lacking in SANDBOXES.items():
            page = framed(sandbox)
            with inside(page):
                _expect_frozen(page, lacking)


def _expect_frozen(page: OverviewPage, lacking: str) -> None:
    shown = wait_for(lambda: _shown_notice(page))
    assert shown.startswith("Frozen: ")
    assert lacking in shown
    assert "Data from" in shown
    assert "stuck" in page._driver.find_element("css selector", "body").text
    words = page._driver.find_element("id", "live-state").get_attribute("innerText")
    assert words != "Live"


def _shown_notice(page: OverviewPage) -> str:
    notices = page._driver.find_elements("css selector", "#first-view .page-notice")
    return next((one.text for one in notices if one.is_displayed()), "")
