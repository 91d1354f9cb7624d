"""The overview as a person sees and uses it: the only place with selectors."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

from dash.testing.browser import Browser
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.browser.waiting import wait_until

_BADGE = """
const badge = document.getElementById("live-badge");
if (!badge) return null;
const text = (id) => document.getElementById(id).textContent;
return [badge.dataset.state, text("live-state"), text("live-attempts"),
        !document.getElementById("live-reconnect").hidden, text("live-last-message"),
        getComputedStyle(badge.querySelector(".live-dot")).backgroundColor];
"""
_BANNER = """
const banner = document.getElementById("stalled-banner");
const text = (id) => document.getElementById(id).textContent;
const shown = (id) => document.getElementById(id).checkVisibility();
if (!banner.checkVisibility()) return null;
return [text("stalled-title"), text("stalled-detail"), text("cleanup-unavailable"),
        shown("cleanup-stalled")];
"""
_TILES = """
return Object.fromEntries([...document.querySelectorAll(".tile")].map((tile) =>
  [tile.id.replace("tile-", ""),
   [tile.querySelector(".tile-value").textContent, tile.querySelector(".tile-note").textContent]]));
"""
_ROWS = """
const cell = (row, name) => row.querySelector(`[col-id="${name}"]`)?.innerText ?? "";
return [...document.querySelectorAll("#active-runs .ag-center-cols-container .ag-row")]
  .filter((row) => row.getAttribute("row-index") !== null)
  .sort((a, b) => a.getAttribute("row-index") - b.getAttribute("row-index"))
  .map((row) => ["id", "job", "status", "started", "worker", "alive", "progress"]
    .map((name) => cell(row, name)));
"""
_SHOWN_TEXT = """
const element = document.getElementById(arguments[0]);
return element && element.checkVisibility() ? element.innerText : null;
"""
_CANDIDATES = """
return [...document.querySelectorAll("#cleanup-review .form-check")].map((option) =>
  [option.innerText, option.querySelector("input").checked,
   option.querySelector("a")?.getAttribute("href") ?? ""]);
"""
_COUNT_STATUS_WRITES = """
window.statusWrites = [];
new MutationObserver((changes) => window.statusWrites.push(
  ...changes.map(() => document.getElementById("live-state").textContent)))
  .observe(document.getElementById("live-state"),
           {childList: true, characterData: true, subtree: true});
"""
_HIDE = """
Object.defineProperty(document, "hidden", {get: () => arguments[0], configurable: true});
document.dispatchEvent(new Event("visibilitychange"));
"""
_QUESTIONS = """
return performance.getEntriesByType("resource")
  .filter((entry) => entry.name.includes("_dash-update-component"))
  .map((entry) => [entry.startTime, entry.responseEnd]);
"""
_ORIGINS = """
return [...new Set(performance.getEntriesByType("resource")
  .map((entry) => new URL(entry.name)).filter((url) => url.protocol !== "data:")
  .map((url) => url.origin))];
"""
_FOCUSED = """
const element = document.activeElement;
const place = element === document.body ? "browser" : element.closest(".modal") ? "dialog" : "page";
return [element.id, place];
"""
_IN_VIEW = """
const element = document.querySelector(arguments[0]);
const {left, right} = element.getBoundingClientRect();
return element.checkVisibility() && left >= 0 && right <= innerWidth;
"""
_UNNAMED = """
const named = (element) => element.getAttribute("aria-label") || element.innerText.trim()
  || [...(element.labels ?? [])].some((label) => label.textContent.trim());
return [...document.querySelectorAll("button, input, select, a[href]")]
  .filter((element) => element.checkVisibility() && !element.closest(".ag-root"))
  .filter((element) => !named(element)).map((element) => element.outerHTML.slice(0, 200));
"""
_CONTRASTS = """
const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
const rgba = (color) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = (color) => {
  const [r, g, b] = color.map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = rgba(getComputedStyle(at).backgroundColor);
    if (color[3] === 255) return color;
  }
  return [255, 255, 255, 255];
};
const ownText = (element) => [...element.childNodes].some(
  (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
return [...document.querySelectorAll("body *")]
  .filter((element) => element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}))
  .filter((element) => !element.matches(":disabled, .visually-hidden, .skip-link, script"))
  .filter(ownText)
  .map((element) => {
    const style = getComputedStyle(element);
    const lights = [light(rgba(style.color)), light(ground(element))];
    const ratio = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
    return [ratio, element.outerHTML.slice(0, 120)];
  });
"""


class Badge(NamedTuple):
    state: str
    words: str
    attempts: str
    can_reconnect: bool
    last_message: str
    colour: str


class Banner(NamedTuple):
    title: str
    detail: str
    unavailable: str
    can_clean_up: bool


class Tile(NamedTuple):
    value: str
    note: str


class Row(NamedTuple):
    id: str
    job: str
    status: str
    elapsed: str
    worker: str
    alive: str
    progress: str


class Candidate(NamedTuple):
    text: str
    chosen: bool
    logs: str


class OverviewPage:
    """One open tab with the overview."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self._browser = browser
        self._tab = browser.driver.current_window_handle

    # ---- opening ----

    def open(self, query: str = "") -> Self:
        """Load the page and wait until the first data is on it."""
        self.load(query)
        return self.wait_for_paint()

    def load(self, query: str = "") -> Self:
        self._driver.get(self.url + query)
        return self

    def wait_for_paint(self) -> Self:
        def is_painted() -> None:
            assert self.how_many("#first-view") == 0
            page = self._one("#overview")
            assert page.get_attribute("data-painted") == "yes"
            assert self.emptiness() or self.rows()

        wait_until(is_painted)
        return self

    def leave(self) -> None:
        """Go to a page that is not ours."""
        self._driver.get("about:blank")

    def in_another_window(self) -> "OverviewPage":
        """The same address, opened in a window of its own."""
        self._driver.switch_to.new_window("window")
        return OverviewPage(self._browser, self.url)

    def reload(self) -> Self:
        self._driver.refresh()
        return self.wait_for_paint()

    # ---- reading ----

    def badge(self) -> Badge:
        """An AssertionError while the page has none yet."""
        found = self.run(_BADGE)
        assert found, "no badge yet"
        return Badge(*found)

    def has_badge(self) -> bool:
        return self.run(_BADGE) is not None

    def banner(self) -> Banner | None:
        """None while it is not shown."""
        found = self.run(_BANNER)
        return found and Banner(*found)

    def tiles(self) -> dict[str, Tile]:
        return {name: Tile(*words) for name, words in self.run(_TILES).items()}

    def rows(self) -> list[Row]:
        """The rows in view."""
        return [Row(*cells) for cells in self.run(_ROWS)]

    def jobs(self) -> list[str]:
        return [row.job for row in self.rows()]

    def row_of(self, job: str) -> Row:
        return next(row for row in self.rows() if row.job == job)

    def row_count(self) -> int:
        """All rows of the grid, in view or not."""
        script = "return dash_ag_grid.getApi('active-runs').getDisplayedRowCount()"
        return int(self.run(script))

    def trouble(self) -> str | None:
        return self._shown("source-trouble")

    def notices(self) -> str | None:
        return self._shown("source-notices")

    def emptiness(self) -> str | None:
        """What is said in place of rows, None when there are rows."""
        return self._shown("active-empty")

    def more(self) -> str | None:
        return self._shown("active-more")

    def count(self) -> str | None:
        return self._shown("active-count")

    def toasts(self) -> str:
        return self._shown("toasts") or ""

    def title(self) -> str:
        return str(self._driver.title)

    def address(self) -> str:
        return str(self._driver.current_url)

    def theme(self) -> str:
        return str(self.run("return document.documentElement.dataset.bsTheme"))

    def language(self) -> str:
        return str(self.run("return document.documentElement.lang"))

    def how_many(self, selector: str) -> int:
        return len(self._driver.find_elements(By.CSS_SELECTOR, selector))

    def unnamed_controls(self) -> list[str]:
        return list(self.run(_UNNAMED))

    def contrasts(self) -> list[tuple[float, str]]:
        """Of every text on the page: its contrast, and where it stands."""
        return [(ratio, where) for ratio, where in self.run(_CONTRASTS)]

    def animations(self) -> int:
        return int(self.run("return document.getAnimations().length"))

    def settle(self) -> None:
        """Wait until nothing fades or slides any more."""
        wait_until(self._expect_rest)

    def _expect_rest(self) -> None:
        assert self.animations() == 0

    def is_in_view(self, selector: str) -> bool:
        """Is it on the screen in its full width?"""
        return bool(self.run(_IN_VIEW, selector))

    def width(self) -> int:
        """How wide the page is, whatever the window shows of it."""
        return int(self.run("return document.scrollingElement.scrollWidth"))

    def is_connected(self) -> bool:
        return bool(self.run("return window.jobManager.connected"))

    def origins_asked(self) -> list[str]:
        return list(self.run(_ORIGINS))

    def questions(self) -> list[tuple[float, float]]:
        """Begin and end of every request for a callback, ms since the page was loaded."""
        return [(begin, end) for begin, end in self.run(_QUESTIONS)]

    def settled_questions(self) -> int:
        """How many questions there were, once none is under way any more."""
        self.wait_ms(300)
        return len(self.questions())

    def wait_ms(self, span: int) -> None:
        """Let the page live that long by its own clock: for what must not happen."""
        self._driver.execute_async_script(
            "const [span, done] = arguments; setTimeout(done, span);", span
        )

    def tab_state(self) -> Any:
        """A mark that a reload would wipe out."""
        return self.run("return window.notReloaded")

    # ---- the live link ----

    def wait_for_state(self, state: str) -> Badge:
        def check() -> Badge:
            badge = self.badge()
            assert badge.state == state, badge
            return badge

        return wait_until(check)

    def reconnect(self) -> None:
        self._one("#live-reconnect").click()

    def open_help(self) -> None:
        self._one("#live-help-open").click()

    def help(self) -> str | None:
        return self.run("return document.querySelector('.popover')?.innerText ?? null")

    def pass_time(self, seconds: float) -> None:
        """The page's clock goes on at once by so much."""
        self.run(
            "const [before, by] = [Date.now, arguments[0]]; Date.now = () => before() + by;",
            1000 * seconds,
        )

    def mark(self) -> None:
        self.run("window.notReloaded = true")

    def record_events(self) -> None:
        """From now on: connection events, and what is written to the status."""
        self.run(
            "window.heard = []; document.addEventListener('jobmanager:connection',"
            "(event) => window.heard.push(event.detail.connected));"
            + _COUNT_STATUS_WRITES
        )

    def connection_events(self) -> list[bool]:
        return list(self.run("return window.heard"))

    def status_writes(self) -> list[str]:
        """The words after each write to the status, since ``record_events``."""
        return list(self.run("return window.statusWrites"))

    # ---- the clean-up ----

    def open_clean_up(self) -> Self:
        self.click_clean_up()

        def is_open() -> None:
            assert self.candidates()
            assert self._one("#cleanup-confirm").is_displayed()

        wait_until(is_open)
        return self

    def click_clean_up(self) -> None:
        def click() -> None:
            self._one("#cleanup-stalled").click()

        wait_until(click)

    def candidates(self) -> list[Candidate]:
        return [Candidate(*found) for found in self.run(_CANDIDATES)]

    def candidate_of(self, job: str) -> Candidate:
        return next(found for found in self.candidates() if job in found.text)

    def toggle(self, job: str) -> None:
        options = self._driver.find_elements(
            By.CSS_SELECTOR, "#cleanup-review .form-check"
        )
        option = next(option for option in options if job in option.text)
        option.find_element(By.CSS_SELECTOR, "input").click()

    def confirm_words(self) -> str:
        return str(self._one("#cleanup-confirm").text)

    def can_confirm(self) -> bool:
        return bool(self._one("#cleanup-confirm").is_enabled())

    def confirm(self) -> str:
        """Click the confirm button; the outcome in words."""
        self._one("#cleanup-confirm").click()
        return self.wait_for_outcome()

    def wait_for_outcome(self, words: str = "") -> str:
        def check() -> str:
            said = self._shown("cleanup-result")
            assert said
            assert words in said
            return said

        return wait_until(check)

    def click_undo(self) -> None:
        self._one("#cleanup-undo").click()

    def undo(self) -> str:
        self.click_undo()
        return self.wait_for_outcome("as before the clean-up")

    def can_undo(self) -> bool:
        return self._shown("cleanup-undo") is not None

    def show_last_clean_up(self) -> None:
        self._one("#cleanup-last-show").click()

    def close_dialog(self) -> None:
        self._one("#cleanup-cancel").click()
        wait_until(self.expect_no_dialog)

    def dialog(self) -> str | None:
        """Everything the dialog says, None while it is closed."""
        found = self._driver.find_elements(
            By.CSS_SELECTOR, "#cleanup-modal .modal-body"
        )
        return str(found[0].text) if found and found[0].is_displayed() else None

    def expect_no_dialog(self) -> None:
        assert self.how_many(".modal.show") == 0

    # ---- keyboard, window, network ----

    def press(self, *keys: str) -> None:
        ActionChains(self._driver).send_keys(*keys).perform()

    def escape(self) -> None:
        self.press(Keys.ESCAPE)

    def press_enter(self) -> None:
        self.press(Keys.ENTER)

    def tab(self) -> str:
        """Press Tab: the id of what has the focus now."""
        self.press(Keys.TAB)
        return self.focused()[0]

    def tab_back(self) -> str:
        """The same with Shift+Tab."""
        keys = ActionChains(self._driver).key_down(Keys.SHIFT).send_keys(Keys.TAB)
        keys.key_up(Keys.SHIFT).perform()
        return self.focused()[0]

    def focused(self) -> tuple[str, str]:
        """The id of what has the focus, and where that is: dialog, page or browser."""
        id_, place = self.run(_FOCUSED)
        return id_, place

    def toggle_theme(self) -> None:
        self._one("#theme-toggle").click()

    def filter(self, words: str) -> None:
        field = self._one("#active-filter")
        field.clear()
        field.send_keys(words)

    def choose_source(self, label: str) -> None:
        Select(self._one("#source-select")).select_by_visible_text(label)

    def hide(self, *, hidden: bool) -> None:
        """Make the page believe that its tab is hidden, or back in view."""
        self.run(_HIDE, hidden)

    def themes(self) -> Iterator[str]:
        """Turn the page, as it is, into each theme."""
        for theme in ("light", "dark"):
            self.run("document.documentElement.dataset.bsTheme = arguments[0]", theme)
            yield theme

    def prefer(self, theme: str) -> None:
        """What the viewer's system is set to: "light" or "dark"."""
        self.cdp(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": theme}],
        )

    def move(self, *, reduced: bool) -> None:
        """Let the viewer's system ask for stillness, or not."""
        value = "reduce" if reduced else "no-preference"
        self.cdp(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-reduced-motion", "value": value}],
        )

    def run(self, script: str, *values: Any) -> Any:
        return self._driver.execute_script(script, *values)

    def cdp(self, command: str, **values: Any) -> Any:
        """A command of Chromium's own protocol, for this tab."""
        return self._driver.execute_cdp_cmd(command, values)

    def logs(self) -> list[dict[str, Any]]:
        """What the console complained about since the last call."""
        self._driver.title  # noqa: B018  # into this tab first
        return list(self._browser.get_logs())

    # ---- inside ----

    @property
    def _driver(self) -> Any:
        driver = self._browser.driver
        if driver.current_window_handle != self._tab:
            driver.switch_to.window(self._tab)
        return driver

    def _one(self, selector: str) -> Any:
        return self._driver.find_element(By.CSS_SELECTOR, selector)

    def _shown(self, id_: str) -> str | None:
        found = self.run(_SHOWN_TEXT, id_)
        return None if found is None else str(found)


def wait_for_jobs(page: OverviewPage, jobs: Sequence[str]) -> None:
    """Wait until exactly these jobs are listed, in any order.

    Where a machine is so busy that a read takes half a second, the next one is due only
    ten seconds later: a source is read for a twentieth of its time at most.
    """

    def check() -> None:
        assert sorted(page.jobs()) == sorted(jobs)

    wait_until(check)


def wait_for_banner(
    page: OverviewPage, check: Callable[[Banner | None], object]
) -> Banner | None:
    """Wait until ``check`` is true of the banner."""

    def look() -> Banner | None:
        banner = page.banner()
        assert check(banner), banner
        return banner

    return wait_until(look)
