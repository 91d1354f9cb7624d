"""The alerts page as a person sees and uses it: the only place with its selectors."""

from typing import Any, NamedTuple, Self

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from data.monitor.alerting import Alerting
from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for, wait_until

_CARDS = """
return [...document.querySelectorAll("#alerts-list .alert-card")].map((card) => [
  card.querySelector(".chip").innerText, card.querySelector("strong").innerText,
  card.innerText]);
"""
_RULES = """
return Object.fromEntries([...document.querySelectorAll("#alerts-list tbody tr")].map((row) =>
  [row.dataset.rule, [row.querySelector(".chip").innerText, row.cells[2].innerText]]));
"""
_ROWS = """
return [...document.querySelectorAll(arguments[0] + " tbody tr")].map((row) =>
  [...row.cells].map((cell) => cell.innerText.trim()));
"""
_TEXT = """
const element = document.getElementById(arguments[0]);
return element?.checkVisibility() ? element.innerText : null;
"""
_CLICK = "document.querySelector(arguments[0]).click()"
_FIELD = """
return [...document.querySelectorAll("#alert-rule-fields input")]
  .find((field) => field.closest("[id]").id.includes(`"name":"${arguments[0]}"`));
"""
_PREVIEW_ENDS = """
const { bottom } = document.querySelector("#alert-rule-chart .main-svg").getBoundingClientRect();
return bottom <= document.querySelector("#alert-rule-save").getBoundingClientRect().top;
"""
_ON_SCREEN = """
const { top, bottom } = document.getElementById(arguments[0]).getBoundingClientRect();
return 0 <= top && bottom <= window.innerHeight;
"""
_ABOVE = """
const box = (id) => document.getElementById(id).getBoundingClientRect();
const { height, bottom } = box(arguments[0]);
return 0 < height && bottom <= box(arguments[1]).top;
"""
_BANDS = "return document.querySelectorAll('#alert-rule-chart .shapelayer path').length"
_SELECT = """
const field = document.getElementById(arguments[0]);
const set = Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value").set;
set.call(field, arguments[1]);
field.dispatchEvent(new Event("change", {bubbles: true}));
"""
_SET_DATE = """
const field = document.getElementById(arguments[0]);
const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
set.call(field, arguments[1]);
field.dispatchEvent(new Event("input", {bubbles: true}));
field.dispatchEvent(new Event("change", {bubbles: true}));
"""


class Card(NamedTuple):
    chip: str
    title: str
    text: str


class RuleLine(NamedTuple):
    chip: str
    words: str


class AlertsPage:
    """One open tab with the alerts."""

    def __init__(self, overview: OverviewPage) -> None:
        self.page = overview

    def open(self, query: str = "") -> Self:
        self.page._driver.get(f"{self.page.url}alerts{query}")
        wait_until(self._is_painted)
        return self

    def _is_painted(self) -> None:
        assert self.page.how_many("#first-view") == 0
        assert self.page.how_many("#alerts.page:not(.loading)") == 1

    def refresh(self) -> None:
        self.click("#alerts-refresh")

    # ---- reading ----

    def cards(self) -> list[Card]:
        return [Card(*found) for found in self.page.run(_CARDS)]

    def card(self, title: str) -> Card:
        return next(card for card in self.cards() if card.title == title)

    def rules(self) -> dict[str, RuleLine]:
        return {name: RuleLine(*found) for name, found in self.page.run(_RULES).items()}

    def rows(self, id_: str) -> list[list[str]]:
        """Cells of a table."""
        return list(self.page.run(_ROWS, f"#{id_}"))

    def text(self, id_: str) -> str | None:
        """The text of an element, None while it is not shown."""
        found: str | None = self.page.run(_TEXT, id_)
        return found

    def news(self) -> str:
        """What is read out."""
        return str(
            self.page.run("return document.getElementById('alerts-news').textContent")
        )

    def query(self) -> str:
        return str(self.page.run("return location.search"))

    def preview_ends_above_its_buttons(self) -> bool:
        return bool(self.page.run(_PREVIEW_ENDS))

    def is_on_screen(self, id_: str) -> bool:
        """Is all of its height within the window?"""
        return bool(self.page.run(_ON_SCREEN, id_))

    def is_above(self, id_: str, below: str) -> bool:
        """Does it end where the other one begins, or higher?"""
        return bool(self.page.run(_ABOVE, id_, below))

    def firing_bands(self) -> int:
        """What the chart draws beside the measure: times of firing, and the limit."""
        return int(self.page.run(_BANDS))

    def field(self, name: str) -> str:
        return str(self._threshold(name).get_attribute("value"))

    def value(self, id_: str) -> str:
        return str(self._one(f"#{id_}").get_attribute("value"))

    # ---- doing ----

    def click(self, selector: str) -> None:
        self.page.run(_CLICK, selector)

    def do(self, what: str, **data: str) -> None:
        """Click the button of this kind, for this rule, episode or channel."""
        wanted = "".join(f'[data-{name}="{value}"]' for name, value in data.items())
        self.click(f'#alerts button[data-do="{what}"]{wanted}')

    def fill(self, id_: str, text: str) -> None:
        field = self._one(f"#{id_}")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE, text)

    def threshold(self, name: str, text: str) -> None:
        field = self._threshold(name)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE, text)

    def select(self, id_: str, value: str) -> None:
        self.page.run(_SELECT, id_, value)

    def until(self, words: str) -> None:
        self.page.run(_SET_DATE, "alert-silence-until", words)

    def open_rule(self, rule: str) -> None:
        self.do("rule", rule=rule)
        wait_for(lambda: self.text("alert-rule") and f"rule={rule}" in self.query())
        wait_for(lambda: self.text("alert-rule-words"))

    def open_dialog(self, what: str, **data: str) -> str:
        """What the dialog says that opens."""
        self.do(what, **data)
        name = {"remove": "channel-remove"}.get(what, f"alert-{what}")
        wait_for(lambda: self.page.run("return document.querySelector('.modal.show')"))
        return wait_for(lambda: self.text(f"{name}-body"))

    def confirm(self, name: str, says: str) -> None:
        """Click once, and wait until the dialog says so."""
        self.click(f"#{name}-confirm")
        wait_for(lambda: says in (self.text(f"{name}-message") or ""))

    def close(self, name: str) -> None:
        self.click(f"#{name}-close")
        wait_for(lambda: not self.page.run("return document.querySelector('.modal')"))

    def _threshold(self, name: str):
        return wait_for(lambda: self.page.run(_FIELD, name))

    def _one(self, selector: str):
        return wait_for(
            lambda: self.page._driver.find_element(By.CSS_SELECTOR, selector)
        )


def judged(composed: Any, jobs: Any) -> None:
    """Every rule is judged now."""
    deps = composed.deps
    Alerting(deps.sources, deps.store).do(jobs.now)


def fired(launch: Any, jobs: Any, **environ: str) -> tuple[AlertsPage, Any]:
    """Four runs are stalled, and the alert of that fires."""
    for _ in range(4):
        jobs.stalled()
    overview, composed = launch(opened=False, **environ)
    episodes = composed.deps.store.episodes
    wait_for(lambda: len(episodes.open("jobs")) == 4)

    def fires() -> bool:
        judged(composed, jobs)
        return any(one.firing for one in composed.deps.store.alerts.standings())

    wait_for(fires)
    return AlertsPage(overview).open(), composed
