"""How soon a person sees something who opens the overview for the first time.

An empty cache, 10 Mbit/s and 30 ms, as the browser's own developer tools slow it down. Of
each load is noted when the first number could be read, when the page was live and the grid
had its rows, and what came over the line. The ratio is the first number against what a
page without plain HTML would need: until its scripts have painted.
"""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median
from typing import Any, Final

from bench.asked import Asked
from bench.browser import Page, chromium
from bench.report import Line
from bench.servers import serving
from bench.tables import Open
from bench.waiting import wait_until

FIGURE: Final = "cold load"
_OPEN: Final = Open(running=25, overdue=2)
_LOADS: Final = 5
_BYTES_A_SECOND: Final = 10_000_000 / 8
_LATENCY_MS: Final = 30
_LINE: Final = f"10 Mbit/s, {_LATENCY_MS} ms"
_NUMBER_LIMIT_S: Final = 0.5
_LIVE_LIMIT_S: Final = 1.8
#: Notes when things are first seen; runs before the page's own scripts.
_WATCH: Final = """
window.seen = {};
(function look() {
  const seen = (name, is) => {
    if (is && !window.seen[name]) window.seen[name] = performance.now();
  };
  const value = document.querySelector('.tile-value');
  seen('number', /\\d/.test(value?.textContent ?? ''));
  seen('painted', document.querySelector('#overview[data-painted]'));
  seen('live', document.querySelector('#live-badge[data-state=live]'));
  seen('rows', document.querySelector('.ag-row') && !document.getElementById('first-view'));
  if (Object.keys(window.seen).length < 4) requestAnimationFrame(look);
})();
"""
_SEEN: Final = "return Object.keys(window.seen ?? {}).length === 4"
_FILES: Final = """
return performance.getEntriesByType('resource').map((e) => [e.name, e.transferSize])
"""
#: What a file belongs to, by a part of its address; the first that fits.
_BUNDLES: Final = (
    ("AG Grid", "/dash_ag_grid/"),
    ("Dash: components", "/dash/dcc/"),
    ("Dash: components", "/dash/html/"),
    ("Dash: renderer and React", "/dash/"),
    ("Bootstrap components", "/dash_bootstrap_components/"),
    ("WebSocket component", "/dash_extensions/"),
    ("Bootstrap CSS", "/vendor/"),
    ("ours: scripts and styles", "/assets/"),
    ("answers: layout, callbacks", ""),
)


def measure(asked: Asked) -> Iterator[Line]:
    """One line for each instant, and one for each bundle."""
    url = asked.tables.fresh("sqlite", asked.usual, _OPEN)
    loads: list[dict[str, float]] = []
    files: list[list[Any]] = []
    with serving({"DATABASE_URL": url}) as server:
        for _ in range(_LOADS):
            with chromium() as page:
                seen, files = _load(page, f"{server.origin}/")
                loads.append(seen)
    asked.tables.drop(url)
    middle = {name: median(load[name] for load in loads) / 1000 for name in loads[0]}
    yield _instant("first number", middle["number"], middle["painted"], _NUMBER_LIMIT_S)
    ready = max(middle["live"], middle["rows"])
    yield _instant("live and clickable", ready, middle["painted"], _LIVE_LIMIT_S)
    for bundle, size in _bundles(files).items():
        value = f"{size / 1000:.0f} KB"
        yield Line(FIGURE, "-", bundle, value, "", "", passed=True)


def _instant(name: str, at_s: float, painted_s: float, limit_s: float) -> Line:
    return Line(
        FIGURE,
        "SQLite",
        f"{name}, {_LINE}",
        f"{at_s:.2f} s",
        f"{at_s / painted_s:.2f}x",
        f"<= {limit_s:g} s",
        at_s <= limit_s,
    )


def _load(page: Page, address: str) -> tuple[dict[str, float], list[list[Any]]]:
    """When things were seen, in milliseconds, and the files with their bytes."""
    page.devtools("Network.enable")
    page.devtools(
        "Network.emulateNetworkConditions",
        offline=False,
        latency=_LATENCY_MS,
        downloadThroughput=_BYTES_A_SECOND,
        uploadThroughput=_BYTES_A_SECOND,
    )
    page.devtools("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
    page.open(address)
    wait_until(lambda: bool(page.run(_SEEN)), "The page has no rows.")
    return page.run("return window.seen"), page.run(_FILES)


def _bundles(files: list[list[Any]]) -> dict[str, int]:
    """Bytes over the line by what they belong to."""
    found: defaultdict[str, int] = defaultdict(int)
    for address, size in files:
        name = next(name for name, part in _BUNDLES if part in address)
        found[name] += size
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
