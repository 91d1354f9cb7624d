"""Behind a real nginx that keeps or strips the prefix, alone and in a portal's frame.

``localhost`` and ``127.0.0.1`` are two sites to a browser: a portal on one of them frames
the product on the other across sites.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import pytest

from tests.browser.jobs import Jobs
from tests.browser.nginx import (
    BLOCKED,
    WAYS,
    location,
    nginx,
    page_of,
    server_block,
)
from tests.browser.pages import OverviewPage, wait_for_banner, wait_for_jobs
from tests.browser.served import Served, free_port
from tests.browser.waiting import wait_for
from tests.conftest import RunningClock
from tests.factories import JobTable, job_table
from tests.matrix import each_once, pairwise

#: The portal frames what its address says, keeps what it is told, and gives the frame the
#: height it asks for.
PORTAL = (
    "<!doctype html><title>Portal</title><script>window.told=[];"
    'addEventListener("message",(e)=>{told.push([e.origin,e.data]);'
    'if(e.data.type==="height")document.querySelector("iframe").height=e.data.height})'
    "</script><h1>Portal</h1><iframe title=Jobs width=1200 height=300></iframe><script>"
    'document.querySelector("iframe").src=new URLSearchParams(location.search).get("src")'
    "</script>"
)


class Behind(NamedTuple):
    """The product behind nginx in each way, and two portals."""

    table: JobTable
    clock: RunningClock
    #: by how the prefix is handed on, and whether the socket is blocked
    ports: dict[tuple[str, bool], int]
    #: the ports of the portal that may frame it, and of one that may not
    portal: int
    stranger: int

    def url(self, way: str, *, blocked: bool = False) -> str:
        """Where the product is for the public."""
        return f"http://127.0.0.1:{self.ports[way, blocked]}/jobs/"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """One product for all: the ways differ in nginx only."""
    folder = tmp_path_factory.mktemp("nginx")
    ways = list(product(WAYS, [False, True]))
    *public, portal, stranger = [free_port() for _ in range(len(ways) + 2)]
    ports = dict(zip(ways, public, strict=True))
    with job_table(f"sqlite:///{folder / 'jobs.db'}") as table:
        served = Served(
            folder,
            JOBS_DATABASE_URL=table.url,
            JOBS_STORE_URL=f"sqlite:///{folder / 'store.db'}",
            JOBS_PREFIX="/jobs/",
            JOBS_PUBLIC_ORIGINS=",".join(f"http://127.0.0.1:{port}" for port in public),
            JOBS_FRAME_ANCESTORS=f"self,http://127.0.0.1:{portal},http://localhost:{portal}",
            JOBS_REFRESH_EVERY="1s",
        )
        servers = [
            *(
                server_block(port, location(way, served.port), BLOCKED * blocked)
                for (way, blocked), port in ports.items()
            ),
            *(server_block(port, page_of(PORTAL)) for port in (portal, stranger)),
        ]
        try:
            served.start()
            with nginx(folder, public[0], *servers):
                yield Behind(table, served.clock, ports, portal, stranger)
        finally:
            served.stop()


@pytest.fixture
def jobs(behind: Behind) -> Iterator[Jobs]:
    """The empty job table of all."""
    yield Jobs(behind.table, behind.clock)
    behind.table.clear()


@each_once("way, blocked", [*WAYS], [False, True])
def test_ng001_the_overview_works_below_a_prefix(
    behind: Behind,
    jobs: Jobs,
    page_at: Callable[[str], OverviewPage],
    *,
    way: str,
    blocked: bool,
) -> None:
    jobs.running("first")
    url = behind.url(way, blocked=blocked)
    page = page_at(url).open()

    page.wait_for_state("reconnecting" if blocked else "live")
    jobs.running("second")
    wait_for_jobs(page, ["first", "second"])

    page.run("document.querySelector('.nav-item[href$=history]').click()")
    wait_for(lambda: page.address() == f"{url}history")
    page.run("document.querySelector('.nav-item').click()")
    wait_for_jobs(page, ["first", "second"])


@pytest.mark.parametrize("way", WAYS)
def test_ng002_a_clean_up_goes_through_the_proxy(
    behind: Behind,
    jobs: Jobs,
    page_at: Callable[[str], OverviewPage],
    *,
    way: str,
) -> None:
    jobs.stalled("stuck")
    url = behind.url(way)
    page = page_at(url).open()
    wait_for_banner(page, lambda banner: banner and "1 job" in banner.title)

    page.open_clean_up()
    page.confirm()

    assert "1 marked as failed" in page.wait_for_outcome("marked")


@pytest.mark.parametrize("way", WAYS)
def test_ng003_the_json_interface_answers_below_the_prefix(
    behind: Behind, jobs: Jobs, way: str
) -> None:
    jobs.running("first")
    url = behind.url(way)

    assert httpx.get(f"{url}healthz").text == "ok"
    [run] = httpx.get(f"{url}api/runs").json()["runs"]
    assert run["job_name"] == "first"
    assert httpx.get(url.rstrip("/")).status_code == 308
    foreign = {"Origin": "http://evil.example"}
    refused = httpx.post(f"{url}api/undo", json={"undo_token": "x"}, headers=foreign)
    assert refused.status_code == 403


def _portal(host: str, port: int, src: str) -> str:
    """The address of a portal that frames this."""
    return f"http://{host}:{port}/?{urlencode({'src': src})}"


def _in_frame(page: OverviewPage, script: str) -> Any:
    """What ``script`` gives inside the portal's frame."""
    driver = page._driver
    frame = driver.find_element("css selector", "iframe")
    driver.switch_to.frame(frame)
    try:
        return driver.execute_script(script)
    finally:
        driver.switch_to.default_content()


@pairwise("way, blocked, site", [*WAYS], [False, True], ["same-site", "cross-site"])
def test_ng004_a_portal_frames_it_and_is_told(
    behind: Behind,
    jobs: Jobs,
    page_at: Callable[[str], OverviewPage],
    *,
    way: str,
    blocked: bool,
    site: str,
) -> None:
    jobs.stalled("stuck")
    host = {"same-site": "127.0.0.1", "cross-site": "localhost"}[site]
    url = behind.url(way, blocked=blocked)
    own = url.removesuffix("/jobs/")
    page = page_at(_portal(host, behind.portal, f"{url}?embed=1&theme=dark")).load()

    def told(type_: str) -> list[Any]:
        found = page.run("return window.told")
        return [
            data for origin, data in found if origin == own and data["type"] == type_
        ]

    wait_for(lambda: told("stalled") and told("stalled")[-1]["count"] == 1)
    wait_for(lambda: told("height"))
    if not blocked:
        wait_for(lambda: told("live") and told("live")[-1]["connected"])
    shown = "return getComputedStyle(document.querySelector('.navbar-top')).display"
    assert _in_frame(page, shown) == "none"
    assert _in_frame(page, "return document.documentElement.dataset.bsTheme") == "dark"
    tile = "return document.querySelector('#tile-stalled .tile-value')?.textContent"
    wait_for(lambda: _in_frame(page, tile) == "1")


def test_ng005_nobody_else_may_frame_it(
    behind: Behind, jobs: Jobs, page_at: Callable[[str], OverviewPage]
) -> None:
    jobs.stalled("stuck")
    url = behind.url("keep")
    page = page_at(_portal("localhost", behind.stranger, f"{url}?embed=1")).load()

    wait_for(lambda: any("frame-ancestors" in log["message"] for log in page.logs()))
    assert page.run("return window.told") == []
    policy = httpx.get(url).headers["content-security-policy"]
    assert f"frame-ancestors 'self' http://127.0.0.1:{behind.portal} " in policy


@pytest.mark.parametrize(
    ("panel", "there", "missing"),
    [
        ("status", "#tile-running", "#active-runs, #stalled-banner"),
        ("stalled", "#stalled-banner", "#active-runs, .tiles"),
        ("active", "#active-runs .ag-row", ".tiles, #stalled-banner"),
    ],
)
def test_ng006_a_panel_stands_alone_and_is_as_wide_as_its_frame(
    behind: Behind,
    jobs: Jobs,
    page_at: Callable[[str], OverviewPage],
    *,
    panel: str,
    there: str,
    missing: str,
) -> None:
    jobs.stalled("stuck")
    page = page_at(f"{behind.url('keep')}panel/{panel}").load()
    wait_for(lambda: page.how_many(f"#content {there}"))
    page.wait_for_state("live")
    assert page.how_many(f"#content :is({missing})") == 0
    for width in (390, 1360):
        page.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=700,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        wait_for(lambda width=width: page.width() <= width)
    needs_grid = panel == "active"
    assert page.run("return Boolean(window.dash_ag_grid)") == needs_grid


def test_ng007_links_of_a_frame_open_outside(
    behind: Behind, jobs: Jobs, page_at: Callable[[str], OverviewPage]
) -> None:
    jobs.stalled("stuck")
    panel = f"{behind.url('keep')}panel/stalled?source=jobs"
    page = page_at(_portal("localhost", behind.portal, panel)).load()
    found = "return document.querySelector('.embed-foot a')?.offsetWidth"
    wait_for(lambda: _in_frame(page, found))
    driver = page._driver
    [portal_tab] = driver.window_handles

    _in_frame(page, "document.querySelector('.embed-foot a').click()")

    wait_for(lambda: len(driver.window_handles) == 2)
    [opened] = set(driver.window_handles) - {portal_tab}
    driver.switch_to.window(opened)
    wait_for(lambda: driver.current_url.endswith("/jobs/"))
    driver.close()
    driver.switch_to.window(portal_tab)
