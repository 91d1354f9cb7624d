"""Chromium, once for all stories, and the product to look at with it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import dash
import pytest
from dash.testing.application_runners import ThreadedRunner
from dash.testing.composite import DashComposite
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from sqlalchemy import insert

from app import Composed, compose
from dashboard.settings import load_settings
from data.clock import HOUR_MS, Clock, to_ms
from data.store import RETENTION_MS, open_store
from data.store.tables import rollup_state
from tests.browser.jobs import Jobs
from tests.browser.pages import OverviewPage
from tests.browser.proxy import Proxy, proxy_to
from tests.browser.served import Served, free_port
from tests.browser.waiting import LIMIT_S
from tests.conftest import NOON, RunningClock
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
        self,
        *,
        clock: Clock | None = None,
        opened: bool = True,
        complains: bool = False,
        **environ: str,
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
    with without_faked_time():
        composite = DashComposite(
            server=None,
            browser="Chrome",
            headless=request.config.getoption("headless"),
            options=[options],
            download_path=str(tmp_path_factory.mktemp("downloads")),
            percy_run=False,
        )
    with composite:
        composite.driver.implicitly_wait(0)
        yield composite


@contextmanager
def without_faked_time() -> Iterator[None]:
    """Start something that does not bear libfaketime."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LD_PRELOAD", raising=False)
        yield


@pytest.fixture
def dash_duo(chromium: DashComposite) -> Iterator[DashComposite]:
    """dash[testing]'s fixture, but for Chromium, which was there before."""
    chromium.is_used = True
    with ThreadedRunner(stop_timeout=_STOP_LIMIT_S) as runner:
        chromium.server = runner
        yield chromium
        # a page that is gone does not ask a server that is going
        _forget(chromium)


@pytest.fixture(scope="session")
def page_port() -> int:
    """One origin for all, so that Chromium need not compile the scripts each time."""
    return free_port()


@pytest.fixture(scope="session")
def proxy_port() -> int:
    """The same for a proxy."""
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


@pytest.fixture(scope="session")
def read_store(
    made_sqlite_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A store that has read the past of the source "jobs", but for its last day."""
    made = tmp_path_factory.mktemp("read") / "store.db"
    shutil.copy(made_sqlite_store, made)
    store = open_store(f"sqlite:///{made}")
    # a gap of a day would be read anew
    since, until = to_ms(NOON) - RETENTION_MS, to_ms(NOON) - 23 * HOUR_MS
    with store.database.writing() as connection:
        connection.execute(
            insert(rollup_state).values(
                source="jobs",
                generation=1,
                refreshed_until=until,
                backfilled_from=since,
                complete=True,
                audited_hour=since,
                episodes_from=since,
            )
        )
    store.errors.note_scanned("jobs", until, since)
    store.close()
    return made


@pytest.fixture
def environ(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    read_store: Path,
    made_sqlite_store: Path,
) -> dict[str, str]:
    """Settings that every server needs; its past is read, but for ``unread_past``."""
    is_unread = request.node.get_closest_marker("unread_past")
    made = made_sqlite_store if is_unread else read_store
    shutil.copy(made, tmp_path / "store.db")
    return {"JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}"}


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
    complaining: list[bool] = []
    story_clock, page_port = clock, request.getfixturevalue("page_port")

    def launch(
        *,
        clock: Clock | None = None,
        opened: bool = True,
        complains: bool = False,
        **wanted: str,
    ) -> Launched:
        complaining.append(complains)
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
    assert complaints == [] or any(complaining)


@pytest.fixture
def serve(
    request: pytest.FixtureRequest,
    environ: dict[str, str],
    clock: RunningClock,
    tmp_path: Path,
    page_port: int,
) -> Iterator[Callable[..., Served]]:
    """Starts ``job-manager serve`` over the job table, one at a time."""
    served: list[Served] = []

    def serve(**wanted: str) -> Served:
        found = {**environ, **wanted}
        if "JOBS_DATABASE_URL" not in found:
            found["JOBS_DATABASE_URL"] = request.getfixturevalue("jobs").url
        served.append(Served(tmp_path, clock=clock, port=page_port, **found))
        return served[-1].start()

    yield serve
    for server in served:
        server.stop()


@pytest.fixture
def proxied(
    launch: Launch, page_port: int, proxy_port: int
) -> Iterator[Callable[..., Proxy]]:
    """Starts the product behind a proxy; its page may well complain of the proxy."""
    with ExitStack() as stack:

        def proxied(**wanted: str) -> Proxy:
            launch(opened=False, complains=True, **wanted)
            return stack.enter_context(proxy_to(page_port, proxy_port))

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
    if not chromium.is_used:
        return
    chromium.is_used = False
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
