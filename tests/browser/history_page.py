"""The history as a person sees and uses it: the only place with its selectors."""

from typing import NamedTuple, Self

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.select import Select

from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for, wait_until

_ROWS = """
const cell = (row, name) => row.querySelector(`[col-id="${name}"]`)?.innerText ?? "";
return [...document.querySelectorAll("#history-grid .ag-center-cols-container .ag-row")]
  .sort((a, b) => a.getAttribute("row-index") - b.getAttribute("row-index"))
  .map((row) => ["id", "job", "status", "queue"].map((name) => cell(row, name)));
"""
_SCROLL_TO = """
document.getElementById(arguments[0]).scrollIntoView({block: "center", behavior: "instant"});
"""
_TEXT = """
const element = document.getElementById(arguments[0]);
return element?.checkVisibility() ? element.innerText : null;
"""


class HistoryRow(NamedTuple):
    id: str
    job: str
    status: str
    queue: str


class HistoryPage:
    """One open tab with the history."""

    def __init__(self, overview: OverviewPage) -> None:
        self._page = overview
        self._driver: WebDriver = overview._driver

    def open(self, query: str = "") -> Self:
        self._driver.get(f"{self._page.url}history{query}")
        wait_until(self._is_painted, 20)
        return self

    def _is_painted(self) -> None:
        page = self._one("#history")
        assert "loading" not in page.get_attribute("class").split()

    def rows(self) -> list[HistoryRow]:
        return [HistoryRow(*cells) for cells in self._page.run(_ROWS)]

    def ids(self) -> list[str]:
        return [row.id for row in self.rows()]

    def wait_for_ids(self, ids: list[str]) -> None:
        def check() -> None:
            assert self.ids() == ids

        wait_until(check, 10)

    def shown(self, id_: str) -> str | None:
        """The text of an element, None while it is not shown."""
        found = self._page.run(_TEXT, id_)
        return None if found is None else str(found)

    def choose_status(self, words: str) -> None:
        Select(self._one("#history-status")).select_by_visible_text(words)

    def search(self, text: str) -> None:
        self._type("#history-search", text)

    def job(self, name: str) -> None:
        self._type("#history-job", name)

    def field(self, name: str) -> str:
        return str(self._one(f"#history-{name}").get_attribute("value"))

    def older(self) -> None:
        self._page.run(_SCROLL_TO, "history-older")
        self._one("#history-older").click()

    def query(self) -> str:
        return str(self._page.run("return location.search"))

    def export_url(self) -> str:
        return str(self._one("#history-export").get_attribute("href"))

    def select(self, *run_ids: str) -> None:
        for run_id in run_ids:
            self._one(
                f'#history-grid [row-id="{run_id}"] input[type="checkbox"]'
            ).click()
        wait_for(lambda: self.shown("bulk-count") == f"{len(run_ids)} selected")

    def review(self, button: str) -> str:
        """Open the dialog of "retry" or "cancel"; what it says will happen."""
        self._one(f"#bulk-{button}").click()
        return wait_for(lambda: self.shown("bulk-body"))

    def confirm(self, *, clicks: int = 1) -> str:
        """What the dialog says has happened."""
        before = self.shown("bulk-body")
        for _ in range(clicks):
            self._page.run("document.getElementById('bulk-confirm').click()")
        return wait_for(
            lambda: (now := self.shown("bulk-body")) and now != before and now
        )

    def open_row(self, run_id: str) -> None:
        self._one(f'#history-grid [row-id="{run_id}"] [col-id="job"]').click()

    def press(self, id_: str) -> None:
        self._page.run("document.getElementById(arguments[0]).click()", id_)

    def close_details(self) -> None:
        self._page.run("document.querySelector('#run-details .btn-close').click()")

    def _one(self, selector: str):
        return self._driver.find_element(By.CSS_SELECTOR, selector)

    def _type(self, selector: str, text: str) -> None:
        field = self._one(selector)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(text)
