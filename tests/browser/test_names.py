"""Long names: what differs can be seen, the whole can be had, nothing is pushed aside."""

import pytest

from data.store.audit import AuditEntry
from tests.browser.conftest import Launch
from tests.browser.jobs import Jobs
from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = pytest.mark.browser

COMMON = "com.example.platform.billing.reconciliation.nightly.InvoiceSettlementJob"
NAMES = [f"{COMMON}{end}" for end in ("Primary", "Secondary")]
#: Of each name in a grid: what is there to be copied, what is said while it is pointed
#: at, and whether its end lies inside of its cell.
_SHOWN = """
const cells = [...document.querySelectorAll(".ag-row .ag-cell[col-id='job'] .cell-name")];
return cells.map((name) => {
  const cell = name.closest(".ag-cell").getBoundingClientRect();
  const tail = name.querySelector(".name-tail").getBoundingClientRect();
  return [name.innerText, name.title, tail.width > 30 && tail.right <= cell.right + 1];
}).sort();
"""
_INSIDE = """
const dialog = document.querySelector(".modal.show .modal-content").getBoundingClientRect();
const close = document.querySelector(".modal.show .btn-close").getBoundingClientRect();
return close.width > 10 && close.right <= dialog.right && close.left >= dialog.left;
"""


def at_width(page: OverviewPage, width: int) -> None:
    page.cdp(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=width < 500,
    )


@pytest.mark.parametrize(
    "width", [390, pytest.param(1360, marks=pytest.mark.exhaustive)]
)
def test_na001_names_that_begin_alike_are_told_apart(
    launch: Launch, jobs: Jobs, width: int
) -> None:
    for name in NAMES:
        jobs.stalled(name, heartbeat_at=jobs.now - 41 * 60_000)
        jobs.table.add(finished_run(job_name=name, finished_at=jobs.now))
    page, composed = launch(opened=False)
    done = [AuditEntry(name, name, {}, "") for name in NAMES]
    composed.deps.store.audit.open_batch("ann", "jobs", "clean up", done, jobs.now)
    at_width(page, width)
    expected = [[name, name, True] for name in NAMES]

    for path in ("", "history"):
        page.load(path)
        wait_for(lambda: page.run(_SHOWN) == expected)
        page.run("document.querySelector('.ag-cell[col-id=job]').click()")
        wait_for(lambda: page.how_many(".modal.show .details"))
        assert page.run(_INSIDE)
        title = page.run("return document.querySelector('.modal-title').innerText")
        assert title in NAMES
    at_width(page, 1360)
    page.load("audit")
    wait_for(lambda: page.run(_SHOWN) == expected)


def test_na002_on_a_phone_a_row_says_whether_its_run_is_alive(
    launch: Launch, jobs: Jobs
) -> None:
    jobs.stalled("dead", heartbeat_at=jobs.now - 41 * 60_000)
    jobs.stalled("slow", heartbeat_at=jobs.now)
    page, _ = launch(opened=False)
    at_width(page, 390)
    page.open()
    cells = """
      return [...document.querySelectorAll(".cell-below")]
        .filter((element) => element.checkVisibility())
        .map((element) => element.innerText);
    """

    told = wait_for(lambda: sorted(page.run(cells)))

    assert told[1] == "heartbeat lost 41m ago"
    assert told[0].startswith("heartbeat ")
    assert page.width() <= 390
    at_width(page, 1360)
    wait_for(lambda: page.run(cells) == [])
    assert page.row_of("dead").alive == "heartbeat lost 41m ago"
