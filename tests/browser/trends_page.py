"""The trends page as a person sees and uses it: the only place with its selectors."""

from pathlib import Path
from typing import Any, Self

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for, wait_until

#: What plotly drew: of every mark of a chart its trace and its value.
_MARKS = """
const marks = [...document.querySelectorAll(`#${arguments[0]} .point`)];
return marks.map((mark) => {
  const [{trace}] = mark.closest(".trace").__data__;
  const {s, y} = mark.__data__ ?? mark.firstChild.__data__;
  return [trace.name ?? "", s ?? y];
}).filter(([, value]) => Number.isFinite(value));
"""
_TABLE = """
return [...document.querySelectorAll(`#${arguments[0]}-table tr`)]
  .map((row) => [...row.cells].map((cell) => cell.textContent));
"""
_RANGE = """
return document.querySelector(`#${arguments[0]} .js-plotly-plot`).layout.xaxis.range
  .map((end) => new Date(typeof end === "number" ? end : `${end.replace(" ", "T")}Z`).getTime());
"""
_LIMITS = """
return document.querySelectorAll(`#${arguments[0]} .shapelayer path`).length;
"""
_PICTURE = """
const [id, done] = arguments;
window.Plotly.toImage(window.jobManagerCharts.picture(id), {format: "svg", width: 900, height: 400})
  .then((image) => done(decodeURIComponent(image)));
"""
_PNG = """
const [id, done] = arguments;
window.Plotly.toImage(window.jobManagerCharts.picture(id), {format: "png", width: 900, height: 400})
  .then(done, (error) => done(String(error)));
"""
_SET = """
const field = document.getElementById(arguments[0]);
const kind = field.tagName === "SELECT" ? HTMLSelectElement : HTMLInputElement;
Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, arguments[1]);
field.dispatchEvent(new Event("input", {bubbles: true}));
field.dispatchEvent(new Event("change", {bubbles: true}));
"""
_TEXT = """
const element = document.getElementById(arguments[0]);
return element?.checkVisibility() ? element.innerText : null;
"""
_CLICK = "document.querySelector(arguments[0]).click()"
#: A plot has an area that takes the pointer once it is drawn.
_DRAWN = "return document.querySelectorAll('.trend .nsewdrag').length"
CHARTS = 8


class TrendsPage:
    """One open tab with the trends."""

    def __init__(self, overview: OverviewPage) -> None:
        self.page = overview
        self._driver: Any = overview._driver
        self._ticks = 0

    def open(self, query: str = "", *, charts: int = CHARTS) -> Self:
        self._driver.get(f"{self.page.url}trends{query}")
        wait_until(self._is_painted)
        wait_for(lambda: self.page.run(_DRAWN) >= charts)
        return self

    def _is_painted(self) -> None:
        assert self.page.how_many("#first-view") == 0
        assert self.page.how_many("#trends.page:not(.loading)") == 1

    def marks(self, id_: str) -> list[tuple[str, float]]:
        return [(name, value) for name, value in self.page.run(_MARKS, id_)]

    def lines(self, id_: str) -> int:
        return self.page.how_many(f"#{id_} .scatterlayer .js-line")

    def limits(self, id_: str) -> int:
        return int(self.page.run(_LIMITS, id_))

    def words(self, id_: str) -> str:
        return self.text(f"{id_}-words") or ""

    def text(self, id_: str) -> str | None:
        found: str | None = self.page.run(_TEXT, id_)
        return found

    def table(self, id_: str) -> list[list[str]]:
        """Head and rows, newest first, seen or not."""
        found: list[list[str]] = self.page.run(_TABLE, id_)
        return found

    def do(self, id_: str, what: str) -> None:
        self.page.run(_CLICK, f"[data-chart={id_}] [data-do={what}]")

    def click_row(self, id_: str, number: int) -> None:
        row = f"tr:nth-child({number + 1})"
        self.page.run(_CLICK, f"#{id_}-table tbody {row} button")

    def click_chart(self, id_: str, share: float) -> None:
        """Where a chart's point is, as a share of its width."""
        self._at(id_, share).click().perform()

    def zoom(self, id_: str, since: float, until: float) -> None:
        area = self._area(id_)
        self._at(id_, since).click_and_hold().move_by_offset(
            round((until - since) * area.size["width"]), 0
        ).release().perform()

    def _at(self, id_: str, share: float) -> ActionChains:
        area = self._area(id_)
        self.page.run(
            "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", area
        )
        x = round((share - 0.5) * area.size["width"])
        return ActionChains(self._driver).move_to_element_with_offset(
            area, area.size["width"] / 2 + x, area.size["height"] / 2
        )

    def _area(self, id_: str) -> Any:
        return self._driver.find_element(By.CSS_SELECTOR, f"#{id_} .nsewdrag")

    def range(self, id_: str) -> list[int]:
        return [int(end) for end in self.page.run(_RANGE, id_)]

    def can_go_back(self, id_: str) -> bool:
        selector = f"[data-chart={id_}] [data-do=whole]:not([hidden])"
        return self.page.how_many(selector) == 1

    def pick(self, value: str) -> None:
        self.page.run(_CLICK, f"#trends-range input[value='{value}']")

    def set(self, id_: str, value: str) -> None:
        self.page.run(_SET, id_, value)

    def field(self, id_: str) -> str:
        return str(
            self.page.run("return document.getElementById(arguments[0]).value", id_)
        )

    def query(self) -> str:
        return str(self.page.run("return location.search"))

    def link(self, selector: str) -> str:
        return str(
            self.page.run(
                "return document.querySelector(arguments[0])?.href ?? ''", selector
            )
        )

    def tick(self) -> None:
        """The time has come to look whether anything changed."""
        self._ticks += 1
        self.page.run(
            "dash_clientside.set_props('trends-interval', {n_intervals: arguments[0]})",
            1_000 + self._ticks,
        )

    def mark_table(self, id_: str) -> None:
        """A mark that painting wipes out."""
        self.page.run(
            "document.querySelector(`#${arguments[0]}-table table`).dataset.seen = 'yes'",
            id_,
        )

    def is_marked(self, id_: str) -> bool:
        return self.page.how_many(f"#{id_}-table table[data-seen]") == 1

    def picture(self, id_: str) -> str:
        """What the PNG would show, as SVG."""
        return str(self._driver.execute_async_script(_PICTURE, id_))

    def png(self, id_: str) -> str:
        """The picture that is saved, as a data: address."""
        return str(self._driver.execute_async_script(_PNG, id_))

    def scripts(self) -> list[str]:
        entries: list[str] = self.page.run(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        )
        return [Path(name.split("?")[0]).name for name in entries]
