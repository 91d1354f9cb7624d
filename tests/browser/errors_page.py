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
_OUTCOME = """
const words = (line, name) => line.querySelector(name).innerText;
return [...document.querySelectorAll("#error-retry-body .outcome > div")].map((line) =>
  [words(line, ".outcome-line"), words(line, ".outcome-ids")]);
"""
_BARS = """
const bars = document.querySelector("#errors-chart .js-plotly-plot")?.data ?? [];
return bars.map(({name, x, y}) => [name, y.reduce((sum, n) => sum + n, 0),
                                   Date.parse(x[1]) - Date.parse(x[0])]);
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

    def outcome(self) -> list[tuple[str, str]]:
        """Sentence and run ids of each list in the dialog."""
        return [(words, ids) for words, ids in self.page.run(_OUTCOME)]

    def bars(self) -> dict[str, int]:
        """The events of each action in the chart."""
        return {name: events for name, events, _ in self.page.run(_BARS) if events}

    def chart_height(self) -> float:
        """Of what is drawn, in pixels."""
        return float(
            self.page.run(
                "return document.querySelector('#errors-chart .main-svg')"
                ".getBoundingClientRect().height"
            )
        )

    def step_of_bars_ms(self) -> int:
        (step,) = {step for _, _, step in self.page.run(_BARS)}
        return int(step)

    def query(self) -> str:
        found: str = self.page.run("return location.search")
        return found
