"""From a click on a row of the history until the run is shown."""

from collections.abc import Iterator
from statistics import median
from time import sleep
from typing import Final

from bench.asked import Asked
from bench.browser import Page, chromium
from bench.report import Line
from bench.servers import serving
from bench.tables import DIALECTS, NAMES, Open
from bench.waiting import wait_until

FIGURE: Final = "details: click to shown"
_OPEN: Final = Open(running=25, overdue=2)
_CLICKS: Final = 15
_LIMIT_MS: Final = 300
_SETTLE_S: Final = 2.0
_PAUSE_S: Final = 0.4
_ROWS: Final = """
return [...document.querySelectorAll('#history-grid .ag-row')]
  .map((row) => row.getAttribute('row-id')).slice(0, arguments[0]);
"""
#: Shown is the frame in which the dialog's body names the run.
_CLICK: Final = """
const id = arguments[0];
window.benchShown = null;
const started = performance.now();
const look = () => {
  const facts = document.querySelector('#details-body .facts + .facts');
  if (facts?.innerText.includes(id)) window.benchShown = performance.now() - started;
  else requestAnimationFrame(look);
};
document.querySelector(`#history-grid [row-id="${id}"] [col-id="job"]`).click();
requestAnimationFrame(look);
"""
_SHOWN: Final = "return window.benchShown"
_CLOSE: Final = "document.querySelector('#run-details .btn-close').click()"
_CLOSED: Final = "return !document.querySelector('#run-details')"


def measure(asked: Asked) -> Iterator[Line]:
    """A line for each database, at the largest size."""
    rows = asked.rows[-1]
    for dialect in DIALECTS:
        url = asked.tables.fresh(dialect, rows, _OPEN)
        with serving({"DATABASE_URL": url}) as server, chromium() as page:
            page.open(f"{server.origin}/")
            page.run("location.assign('/history')")
            shown_ms = [_click(page, id_) for id_ in _rows(page)]
        asked.tables.drop(url)
        middle = median(shown_ms)
        yield Line(
            FIGURE,
            NAMES[dialect],
            f"{rows:.0e} rows, {_CLICKS} clicks",
            f"median {middle:.0f} ms (latest {max(shown_ms):.0f} ms)",
            "",
            f"median <= {_LIMIT_MS} ms",
            middle <= _LIMIT_MS,
        )


def _rows(page: Page) -> list[str]:
    """The ids of the first rows, once they are there."""
    wait_until(lambda: len(page.run(_ROWS, _CLICKS)) == _CLICKS, "No history.")
    sleep(_SETTLE_S)
    return [str(run_id) for run_id in page.run(_ROWS, _CLICKS)]


def _click(page: Page, run_id: str) -> float:
    """Open one run and close it again; milliseconds until it was shown."""
    page.run(_CLICK, run_id)
    wait_until(lambda: page.run(_SHOWN) is not None, "The run is not shown.")
    took = float(page.run(_SHOWN))
    page.run(_CLOSE)
    wait_until(lambda: bool(page.run(_CLOSED)), "The dialog does not close.")
    sleep(_PAUSE_S)
    return took
