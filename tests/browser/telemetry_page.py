"""What a tab counts and reports; its seconds pass when the test says so."""

from typing import Self

from selenium.webdriver.common.by import By

from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for

#: The page's own clock goes on, and further when it is told to; each second ticks.
_CLOCK = """
(() => {
  const plainNow = performance.now.bind(performance);
  const plainInterval = window.setInterval;
  const { get: stamp } = Object.getOwnPropertyDescriptor(Event.prototype, "timeStamp");
  const ticks = [];
  let shift = 0;
  performance.now = () => plainNow() + shift;
  Object.defineProperty(Event.prototype, "timeStamp", {
    get() { return stamp.call(this) + shift; },
  });
  window.setInterval = (run, every, ...more) => {
    if (run.name === "onTick") ticks.push(run);
    return plainInterval(run, every, ...more);
  };
  window.passSeconds = (seconds) => {
    for (let n = 0; n < seconds; n += 1) {
      shift += 1000;
      for (const tick of ticks) tick();
    }
  };
})();
"""


_PASS = """
const { dataAt, waiting } = window.jobManagerTelemetry.seen();
if (dataAt === null || Object.keys(waiting).length) return false;
window.passSeconds(arguments[0]);
return true;
"""


class TelemetryPage:
    """The overview with a clock that can be moved, and the dialog of a report."""

    def __init__(self, overview: OverviewPage) -> None:
        self.overview = overview
        self._script = ""

    def open(self) -> Self:
        found = self.overview.cdp(
            "Page.addScriptToEvaluateOnNewDocument", source=_CLOCK
        )
        self._script = found["identifier"]
        self.overview.open()
        return self

    def close(self) -> None:
        self.overview.cdp(
            "Page.removeScriptToEvaluateOnNewDocument", identifier=self._script
        )

    def pass_seconds(self, seconds: int) -> None:
        """Once there is data, and nobody waits for an answer that would be late by as much."""
        wait_for(lambda: self.overview.run(_PASS, seconds))

    def open_report(self) -> dict[str, str]:
        """What goes with the report, by its name."""
        self.click("#report-open")
        wait_for(lambda: self.text("report-record"))
        self.overview.settle()
        found = self.overview.run(
            "return [...document.querySelectorAll('#report-record > div')]"
            ".map((line) => [...line.children].map((part) => part.textContent))"
        )
        return dict(found)

    def write(self, note: str) -> None:
        self._one("#report-note").send_keys(note)

    def note(self) -> str:
        return str(self._one("#report-note").get_property("value"))

    def send(self, says: str) -> str:
        self.click("#report-send")
        return wait_for(lambda: says in self.message() and self.message())

    def message(self) -> str:
        return self.text("report-message") or ""

    def click(self, selector: str) -> None:
        self._one(selector).click()

    def text(self, id_: str) -> str | None:
        found = self.overview.run(
            "const found = document.getElementById(arguments[0]);"
            "return found && found.checkVisibility() ? found.innerText : null;",
            id_,
        )
        return None if found is None else str(found)

    def _one(self, selector: str):
        return self.overview._driver.find_element(By.CSS_SELECTOR, selector)
