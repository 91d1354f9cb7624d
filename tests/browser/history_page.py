"""The history as a person sees and uses it: the only place with its selectors."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from selenium.webdriver.common.action_chains import ActionChains
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
_AUDIT_ROWS = """
const cell = (row, name) => row.querySelector(`[col-id="${name}"]`)?.innerText ?? "";
return [...document.querySelectorAll("#audit-grid .ag-center-cols-container .ag-row")]
  .sort((a, b) => a.getAttribute("row-index") - b.getAttribute("row-index"))
  .map((row) => ["actor", "action", "run_id", "job", "outcome"].map((name) => cell(row, name)));
"""
_SCROLL_TO = """
document.getElementById(arguments[0]).scrollIntoView({block: "center", behavior: "instant"});
"""
_SET_WHEN = """
const field = document.getElementById("run-when");
const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
set.call(field, arguments[0]);
field.dispatchEvent(new Event("input", {bubbles: true}));
field.dispatchEvent(new Event("change", {bubbles: true}));
return new Date(arguments[0]).getTime();
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

    def open(self, query: str = "", *, path: str = "history") -> Self:
        self._driver.get(f"{self._page.url}{path}{query}")
        wait_until(self._is_painted)
        return self

    def _is_painted(self) -> None:
        assert self._page.how_many("#first-view") == 0
        page = self._one("#overview, #history, #trends, #errors, #audit")
        assert "loading" not in page.get_attribute("class").split()

    def rows(self) -> list[HistoryRow]:
        return [HistoryRow(*cells) for cells in self._page.run(_ROWS)]

    def audit_rows(self) -> list[list[str]]:
        return list(self._page.run(_AUDIT_ROWS))

    def ids(self) -> list[str]:
        return [row.id for row in self.rows()]

    def wait_for_ids(self, ids: list[str]) -> None:
        def check() -> None:
            assert self.ids() == ids

        wait_until(check)

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

    def older(self, page: str = "history") -> None:
        self._page.run(_SCROLL_TO, f"{page}-older")
        self._one(f"#{page}-older").click()

    def query(self) -> str:
        return str(self._page.run("return location.search"))

    def link(self, id_: str) -> str:
        return str(self._one(f"#{id_}").get_attribute("href"))

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

    def cancel_run(self) -> str:
        """Cancel the run that is open; what was said before it was done."""
        self.press("cancel-run")
        plan = wait_for(lambda: self.shown("cancel-run-plan"))
        self.press("cancel-run-confirm")
        return plan

    def press(self, id_: str) -> None:
        self._page.run("document.getElementById(arguments[0]).click()", id_)

    def press_link(self, selector: str) -> None:
        self._page.run("document.querySelector(arguments[0]).click()", selector)

    def keys(self, *keys: str) -> None:
        """Typed wherever the focus is, without a pause."""
        ActionChains(self._driver).send_keys(*keys).perform()

    def focused(self) -> str:
        return str(self._page.run("return document.activeElement.id"))

    def focused_row(self) -> str | None:
        """The id of the row that has the focus."""
        return self._page.run(
            "return document.activeElement.closest('.ag-row')?.getAttribute('row-id')"
        )

    def path(self) -> str:
        return str(self._page.run("return location.pathname"))

    def fill(self, id_: str, text: str) -> None:
        """Put this in place of what a field holds."""
        self._type(f"#{id_}", text)

    def value(self, id_: str) -> str:
        return str(self._one(f"#{id_}").get_attribute("value"))

    def offered_jobs(self) -> list[str]:
        return list(
            self._page.run(
                "return [...document.querySelectorAll('#run-names option')]"
                ".map((option) => option.value)"
            )
        )

    def bad_line(self, id_: str) -> str | None:
        return self._page.run(
            "return document.querySelector(arguments[0])?.innerText",
            f"#{id_}-lines .bad",
        )

    def set_when(self, words: str) -> int:
        """Choose a moment as the picker would; epoch ms."""
        wait_for(lambda: self._one("#run-when").get_attribute("type") != "text")
        return int(self._page.run(_SET_WHEN, words))

    def run(self, script: str) -> Any:
        return self._page.run(script)

    def run_async(self, script: str) -> Any:
        return self._driver.execute_async_script(script)

    def themes(self) -> Iterator[str]:
        """Turn the page, as it is, into each theme."""
        return self._page.themes()

    def settle(self) -> None:
        """Wait until nothing fades or slides any more."""
        self._page.settle()

    def close_details(self) -> None:
        self._page.run("document.querySelector('#run-details .btn-close').click()")

    def _one(self, selector: str):
        return self._driver.find_element(By.CSS_SELECTOR, selector)

    def _type(self, selector: str, text: str) -> None:
        field = self._one(selector)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(text)
