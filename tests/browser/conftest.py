"""Chromium, once for all stories, and the product to look at with it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import dash
import pytest
from dash.testing.application_runners import ThreadedRunner
from dash.testing.composite import DashComposite
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options

from app import Composed, compose
from dashboard.settings import load_settings
from data.clock import Clock
from tests.browser.jobs import Jobs
from tests.browser.pages import OverviewPage
from tests.browser.proxy import Proxy, proxy_to
from tests.browser.served import Served, free_port
from tests.browser.waiting import LIMIT_S
from tests.conftest import RunningClock
from tests.factories import job_table

_ARGUMENTS = (
    "--window-size=1360,900",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # two windows are two people: neither is slowed down for being behind the other
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # dots that pulse and dialogs that fade in are drawn many times a second
    "--force-prefers-reduced-motion",
)
#: A page that goes writes down what it has counted.
_KEEP_NOTHING = """
Storage.prototype.setItem = () => {};
localStorage.clear();
sessionStorage.clear();
"""
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
_STOP_LIMIT_S = 10


class Launched(NamedTuple):
    """The product in this process, and a page on it."""

    page: OverviewPage
    composed: Composed


@pytest.fixture
def clock() -> RunningClock:
    """The clock of a story: of the product, and of the rows that are written for it."""
    return RunningClock()


class Launch(Protocol):
    """Starts the product with these settings and opens its page."""

    def __call__(
        self, *, clock: Clock | None = None, opened: bool = True, **environ: str
    ) -> Launched: ...


@pytest.fixture(scope="session")
def chromium(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DashComposite]:
    """One Chromium: to start one for each story would take longer than the stories."""
    options = Options()
    options.binary_location = next(filter(None, map(shutil.which, _CHROMIUMS)), "")
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    with DashComposite(
        server=None,
        browser="Chrome",
        headless=request.config.getoption("headless"),
        options=[options],
        download_path=str(tmp_path_factory.mktemp("downloads")),
        percy_run=False,
    ) as composite:
        composite.driver.implicitly_wait(0)
        yield composite


@pytest.fixture
def dash_duo(chromium: DashComposite) -> Iterator[DashComposite]:
    """dash[testing]'s fixture, but for Chromium, which was there before."""
    _forget(chromium)
    with ThreadedRunner(stop_timeout=_STOP_LIMIT_S) as runner:
        chromium.server = runner
        yield chromium
        # a page that is gone does not ask a server that is going
        _forget(chromium)


@pytest.fixture(scope="session")
def page_port() -> int:
    """One origin for all, so that Chromium need not compile the scripts each time."""
    return free_port()


@pytest.fixture(autouse=True)
def _one_app_a_process() -> Iterator[None]:
    """Dash keeps the pages of the last app for the next one."""
    yield
    dash.page_registry.clear()


@pytest.fixture
def jobs(request: pytest.FixtureRequest, clock: RunningClock) -> Iterator[Jobs]:
    """An empty job table; SQLite unless the test asks for ``postgresql``."""
    kind = getattr(request, "param", "sqlite")
    with job_table(request.getfixturevalue(f"{kind}_url")) as table:
        yield Jobs(table, clock)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Settings that every server needs, and a past that is soon read."""
    return {
        "JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
        "JOBS_RETENTION": "35d",
    }


@pytest.fixture
def launch(
    request: pytest.FixtureRequest,
    dash_duo: DashComposite,
    environ: dict[str, str],
    clock: RunningClock,
    tmp_path: Path,
) -> Iterator[Launch]:
    """No story of a server that is there may end with complaints in the console."""
    launched: list[Composed] = []
    story_clock, page_port = clock, request.getfixturevalue("page_port")

    def launch(
        *, clock: Clock | None = None, opened: bool = True, **wanted: str
    ) -> Launched:
        found = {**environ, **wanted}
        if "JOBS_DATABASE_URL" not in found:
            found["JOBS_DATABASE_URL"] = request.getfixturevalue("jobs").url
        settings = load_settings(found, directory=tmp_path)
        composed = compose(settings, clock=clock or story_clock)
        launched.append(composed)
        dash_duo.start_server(
            composed.app,
            navigate=False,
            start_timeout=LIMIT_S,
            port=page_port,
            log_level="warning",
        )
        page = OverviewPage(dash_duo, f"http://127.0.0.1:{page_port}{settings.prefix}")
        return Launched(page.open() if opened else page, composed)

    yield launch
    complaints = dash_duo.get_logs()
    _forget(dash_duo)
    for composed in launched:
        dash_duo.server.stop()
        dash_duo.server.started = False
        _close(composed)
    assert complaints == []


@pytest.fixture
def serve(
    request: pytest.FixtureRequest,
    environ: dict[str, str],
    clock: RunningClock,
    tmp_path: Path,
) -> Iterator[Callable[..., Served]]:
    """Starts ``job-manager serve`` over the job table."""
    served: list[Served] = []

    def serve(**wanted: str) -> Served:
        found = {**environ, **wanted}
        if "JOBS_DATABASE_URL" not in found:
            found["JOBS_DATABASE_URL"] = request.getfixturevalue("jobs").url
        served.append(Served(tmp_path, clock=clock, **found))
        return served[-1].start()

    yield serve
    for server in served:
        server.stop()


@pytest.fixture
def proxied(
    serve: Callable[..., Served],
) -> Iterator[Callable[..., tuple[Served, Proxy]]]:
    """Starts the same behind a proxy."""
    with ExitStack() as stack:

        def proxied(**wanted: str) -> tuple[Served, Proxy]:
            server = serve(**wanted)
            return server, stack.enter_context(proxy_to(server.port))

        yield proxied


@pytest.fixture
def page_at(dash_duo: DashComposite) -> Callable[[str], OverviewPage]:
    """The overview at an address."""
    return lambda url: OverviewPage(dash_duo, url)


def _close(composed: Composed) -> None:
    composed.deps.store.close()
    for source in composed.deps.sources.values():
        source.engine.close()


def _forget(chromium: DashComposite) -> None:
    """One empty tab, nothing kept, nothing emulated, nothing logged."""
    driver = chromium.driver
    first, *others = driver.window_handles
    for tab in others:
        driver.switch_to.window(tab)
        driver.close()
    driver.switch_to.window(first)
    with suppress(WebDriverException):
        driver.execute_script(_KEEP_NOTHING)
    driver.get("about:blank")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.delete_all_cookies()
    driver.get_log("browser")
