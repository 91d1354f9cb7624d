"""From a small phone to a wide screen: no page scrolls sideways, every control is there."""

import pytest

from tests.browser.conftest import Launch
from tests.browser.jobs import Jobs
from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = pytest.mark.browser

PAGES = {
    "": "#overview:not(.loading)",
    "history": "#history:not(.loading)",
    "trends": "#trends:not(.loading)",
    "errors": "#errors:not(.loading)",
    "alerts": "#alerts:not(.loading)",
    "audit": "#audit:not(.loading)",
}
#: Around every place where the layout changes, and between.
WIDTHS = (
    320,
    390,
    480,
    640,
    760,
    761,
    820,
    900,
    901,
    1000,
    1024,
    1100,
    1279,
    1280,
    1920,
)
#: With the widest words that the badge has: how many pixels lie past the edge, and
#: which controls a
#: person cannot get at, because they are past an edge or cut off by what they lie in.
_MEASURE = """
const put = (id, text) => { document.getElementById(id).textContent = text; };
put("live-state", "Live link, data over 10 min old");
put("live-attempts", "attempt 128");
document.getElementById("live-reconnect").hidden = false;
const edges = (element) => {
  for (let at = element.parentElement; at; at = at.parentElement) {
    const style = getComputedStyle(at).overflowX;
    if (style === "auto" || style === "scroll") return null;
    if (style === "hidden" || style === "clip") return at.getBoundingClientRect();
  }
  return { left: 0, right: document.documentElement.clientWidth };
};
const beyond = [...document.querySelectorAll("button, a[href], input, select, textarea")]
  .filter((element) => element.checkVisibility())
  .filter((element) => !element.closest(".visually-hidden, .skip-link, .btn-check, .ag-root"))
  .filter((element) => {
    const { left, right, width } = element.getBoundingClientRect();
    const within = edges(element);
    return width && within && (left < within.left - 1 || right > within.right + 1);
  })
  .map((element) => element.id || element.outerHTML.slice(0, 80));
const { scrollWidth, clientWidth } = document.scrollingElement;
return [Math.max(0, scrollWidth - clientWidth), beyond];
"""


def resize(page: OverviewPage, width: int) -> None:
    page.cdp(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    wait_for(lambda: page.run("return innerWidth") == width)


def test_wi001_no_page_scrolls_sideways_and_every_control_is_in_reach(
    launch: Launch, jobs: Jobs
) -> None:
    name = "com.example.billing." + "Reconciliation" * 8
    jobs.stalled(f"{name}One", worker="worker-1.eu-central-1.compute.internal:4711")
    for number in range(3):
        jobs.table.add(finished_run(job_name=f"{name}{number}", finished_at=jobs.now))
    page, _ = launch(opened=False, JOBS_TITLE="The jobs of our whole organisation")
    for path, ready in PAGES.items():
        page.load(path)
        wait_for(lambda ready=ready: page.how_many(ready) == 1)
        wait_for(lambda: page.how_many("#first-view") == 0)
        page.wait_for_state("live")
        for width in WIDTHS:
            resize(page, width)
            assert page.run(_MEASURE) == [0, []], (path, width)
