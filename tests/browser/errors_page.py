"""The errors page as a person sees and uses it: the only place with its selectors."""

from typing import Any, NamedTuple, Self

from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for, wait_until

_GROUPS = """
return [...document.querySelectorAll("#error-groups tbody tr")].map((row) => {
  const cells = [...row.cells].map((cell) => cell.innerText.trim());
  return [row.querySelector(".group-title").innerText, cells[2], cells[4], cells[6]];
});
"""
_TEXT = """
const element = document.getElementById(arguments[0]);
return element?.checkVisibility() ? element.innerText : null;
"""
_CLICK = "document.querySelector(arguments[0]).click()"
_SELECT = """
const field = document.getElementById(arguments[0]);
const set = Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set;
set.call(field, arguments[1]);
field.dispatchEvent(new Event("change", {bubbles: true}));
"""


class GroupRow(NamedTuple):
    title: str
    events: str
    runs: str
    status: str


class ErrorsPage:
    """One open tab with the errors."""

    def __init__(self, overview: OverviewPage) -> None:
        self.page = overview

    def open(self, query: str = "") -> Self:
        self.page._driver.get(f"{self.page.url}errors{query}")
        wait_until(self._is_painted)
        return self

    def _is_painted(self) -> None:
        assert self.page.how_many("#first-view") == 0
        assert self.page.how_many("#errors.page:not(.loading)") == 1

    def groups(self) -> list[GroupRow]:
        return [GroupRow(*cells) for cells in self.page.run(_GROUPS)]

    def titles(self) -> list[str]:
        return [group.title for group in self.groups()]

    def wait_for_titles(self, *titles: str) -> None:
        def check() -> None:
            found = self.titles()
            assert found == [*titles], found

        wait_until(check)

    def choose(self, title: str) -> None:
        number = self.titles().index(title) + 1
        self.click(f"#error-groups tbody tr:nth-child({number}) .group-title")
        wait_for(lambda: self.text("error-heading") == title)

    def text(self, id_: str) -> str | None:
        found: str | None = self.page.run(_TEXT, id_)
        return found

    def click(self, selector: str) -> None:
        self.page.run(_CLICK, selector)

    def pick(self, id_: str, value: str) -> None:
        """One of the options side by side."""
        self.click(f'#{id_} input[value="{value}"]')

    def select(self, id_: str, value: str) -> None:
        self.page.run(_SELECT, id_, value)

    def track(self, message: str, **context: Any) -> str:
        script = (
            "return window.jobManager.trackError(new Error(arguments[0]), arguments[1])"
        )
        return str(self.page.run(script, message, context))

    def recent(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.run(
            "return window.jobManager.getRecentErrors()"
        )
        return found

    def query(self) -> str:
        found: str = self.page.run("return location.search")
        return found
