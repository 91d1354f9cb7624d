"""Makes docs/pictures anew: ``make screenshots``.

The demo in both themes, on a phone, with the clean-up dialog, with all sources and a
workflow, its errors, trends and alerts; then a small table whose file is moved away
while the page is looked at. Everything lives in a temporary directory and is stopped
before the script ends.
"""

import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from selenium.webdriver import Chrome, ChromeOptions

from data.clock import now_ms, utc_now
from data.demo.directory import ORDERS, prepare

PICTURES: Final = Path(__file__).parent / "pictures"
DESK: Final = (1360, 860)
TALL_DESK: Final = (1360, 1300)
PHONE: Final = (390, 844)
#: Runs of the table that goes away: enough for every tile, made in a second.
_FEW_RUNS: Final = 50_000
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-lcd-text",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)
_PATIENCE_S: Final = 120
_READY: Final = """
document.querySelector("#live-badge")?.dataset.state === "live"
  && document.querySelectorAll(".ag-center-cols-container .ag-row").length >= 8
  && ![...document.querySelectorAll(".tile-note")]
    .some((note) => note.textContent === "reading history…")
  && !document.querySelector('[data-as="due"]:empty')
"""
_DIALOG_OPEN: Final = """
document.querySelector(".modal.show .candidate") !== null
  && document.querySelector(".modal").getAnimations({ subtree: true }).length === 0
"""
_DATABASE_LOST: Final = """
document.querySelector("#source-trouble").hidden === false
"""
#: The demo's run of DBOS that hangs; its row is there once it is stalled.
_OPEN_WORKFLOW: Final = """
(() => {
  const cells = [...document.querySelectorAll(".cell-job")];
  const found = cells.find((cell) => cell.textContent === "reconcile-ledger");
  found?.click();
  return Boolean(found);
})()
"""
_STEPS_SHOWN: Final = """
document.querySelector(".modal.show .steps li") !== null
  && document.querySelector(".modal").getAnimations({ subtree: true }).length === 0
  && !document.querySelector(".modal [data-since]:empty")
"""
#: The groups that people met are there; those of jobs come by the minute.
_GROUPS: Final = """
[...document.querySelectorAll(".group-title")]
  .some((title) => title.textContent === "TypeError: Failed to fetch")
"""
_CLICK_GROUP: Final = """
[...document.querySelectorAll(".group-title")]
  .find((title) => title.textContent === "TypeError: Failed to fetch").click()
"""
_GROUP_SHOWN: Final = """
document.querySelector("#error-detail:not([hidden]) pre") !== null
  && !document.querySelector("#errors [data-since]:empty")
"""
_CHARTS_DRAWN: Final = """
document.querySelectorAll(".trend .nsewdrag").length >= 8
  && !document.querySelector("#trends.loading")
"""
#: A step in the middle of the throughput, which has runs.
_TABLE: Final = """
document.querySelector("[data-chart=fig-throughput] [data-do=table]").click()
"""
_CLICK_POINT: Final = """
document.querySelector("#fig-throughput-table tbody tr:nth-child(4) button").click()
"""
_CAUSE_SHOWN: Final = """
document.querySelectorAll("#fig-throughput-cause .trend-part").length >= 4
"""
_RULES_SHOWN: Final = """
document.querySelectorAll(".rules tbody tr").length >= 11
  && !document.querySelector("#alerts.loading")
"""
_CLICK_CLEAN_UP: Final = 'document.querySelector("#cleanup-stalled").click()'


def main() -> None:
    """Take every picture."""
    PICTURES.mkdir(exist_ok=True)
    with _temporary() as place, _browser() as browser:
        with _demo(place) as address:
            _picture_demo(browser, address)
        _picture_lost_database(browser, place / "small")


def _picture_demo(browser: Chrome, address: str) -> None:
    for theme in ("light", "dark"):
        _open(browser, f"{address}?theme={theme}", DESK)
        _save(browser, f"overview-{theme}")
    _open(browser, f"{address}?theme=light", PHONE)
    _save(browser, "phone")
    _open(browser, f"{address}?theme=light", DESK)
    _evaluate(browser, _CLICK_CLEAN_UP)
    _wait(browser, _DIALOG_OPEN)
    _save(browser, "clean-up")
    _open(browser, f"{address}?theme=light&source=all", DESK)
    _save(browser, "all-sources")
    _open(browser, f"{address}?theme=dark&source=all", DESK)
    _wait(browser, _OPEN_WORKFLOW)
    _wait(browser, _STEPS_SHOWN)
    _save(browser, "workflow")
    _open(browser, f"{address}errors?theme=light&range=30d&status=all", DESK, _GROUPS)
    _evaluate(browser, _CLICK_GROUP)
    _wait(browser, _GROUP_SHOWN)
    _save(browser, "errors")
    _open(browser, f"{address}trends?theme=light&range=7d", TALL_DESK, _CHARTS_DRAWN)
    _evaluate(browser, _TABLE)
    _evaluate(browser, _CLICK_POINT)
    _wait(browser, _CAUSE_SHOWN)
    _evaluate(browser, _TABLE)
    _save(browser, "trends")
    _open(browser, f"{address}alerts?theme=light", DESK, _RULES_SHOWN)
    _save(browser, "alerts")


def _picture_lost_database(browser: Chrome, place: Path) -> None:
    table = prepare(
        place, now_ms=now_ms(utc_now), report=lambda _part: None, runs=_FEW_RUNS
    )
    with _small(place) as address:
        _open(browser, f"{address}?theme=light", DESK)
        table.rename(table.with_suffix(".moved"))
        _wait(browser, _DATABASE_LOST)
        _save(browser, "database-down")


def _open(
    browser: Chrome, url: str, size: tuple[int, int], ready: str = _READY
) -> None:
    """Show ``url`` in a view of ``size``; a window can be no narrower than 500."""
    width, height = size
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": size == PHONE,
        },
    )
    browser.get(url)
    _wait(browser, ready)


def _save(browser: Chrome, name: str) -> None:
    taken = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    path = PICTURES / f"{name}.png"
    path.write_bytes(base64.b64decode(taken["data"]))
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KB")


def _wait(browser: Chrome, condition: str) -> None:
    """Wait until ``condition``, an expression of the page, is true."""
    deadline = time.monotonic() + _PATIENCE_S
    while not _evaluate(browser, condition):
        if time.monotonic() > deadline:
            message = f"this did not come true: {condition}"
            raise TimeoutError(message)
        time.sleep(0.1)


def _evaluate(browser: Chrome, expression: str) -> object:
    answer = browser.execute_cdp_cmd("Runtime.evaluate", {"expression": expression})
    found: dict[str, object] = answer["result"]
    return found.get("value")


@contextmanager
def _demo(place: Path) -> Iterator[str]:
    command = ["demo", "--dir", str(place), "--port", str(_free_port())]
    with _running(command, place, {}) as address:
        yield address


@contextmanager
def _small(place: Path) -> Iterator[str]:
    settings = {
        "JOBS_DATABASE_URL": f"sqlite:///{ORDERS}",
        "JOBS_STORE_URL": "sqlite:///job-manager.db",
        "JOBS_PORT": str(_free_port()),
    }
    with _running(["serve"], place, settings) as address:
        yield address


@contextmanager
def _running(
    arguments: list[str], place: Path, settings: Mapping[str, str]
) -> Iterator[str]:
    """The address of a Job Manager that runs in ``place``, with these settings only."""
    command = [str(Path(sys.executable).with_name("job-manager")), *arguments]
    kept = {key: value for key, value in os.environ.items() if key[:5] != "JOBS_"}
    environment = {**kept, **settings}
    process = subprocess.Popen(  # noqa: S603
        command, cwd=place, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield _address_of(process)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _address_of(process: subprocess.Popen[str]) -> str:
    """What it prints once it answers."""
    for line in process.stdout or ():
        if line.startswith("Job Manager is at "):
            return line.split()[-1]
    message = "job-manager ended before it answered"
    raise RuntimeError(message)


@contextmanager
def _browser() -> Iterator[Chrome]:
    options: Any = ChromeOptions()  # half of it has no types
    options.binary_location = next(filter(None, map(shutil.which, _BROWSERS)))
    for flag in _FLAGS:
        options.add_argument(flag)
    browser = Chrome(options=options)
    try:
        yield browser
    finally:
        browser.quit()


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="job-manager-") as place:
        yield Path(place)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
