"""From a commit to the frame that shows it, in a real browser."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from statistics import median
from time import sleep
from typing import Final

from sqlalchemy import Engine, insert

from bench.asked import Asked
from bench.browser import Page, chromium
from bench.report import Line
from bench.servers import serving
from bench.tables import DIALECTS, NAMES, Open, engine_of, running_row
from bench.waiting import wait_until
from data.clock import now_ms, utc_now
from data.engines.native_table import job_runs

FIGURE: Final = "commit to pixel"
OPEN: Final = Open(running=25, overdue=2)
_SINGLES: Final = 10
_PAIRS: Final = 10
_APART_S: Final = 1.0
#: More than a poll, so that no change rides on the one before.
_PAUSE_S: Final = (2.1, 3.1)
_SETTLE_S: Final = 3.0
_LIMITS_S: Final = {"sqlite": 0.3, "postgresql": 0.7}
#: One poll.
_LATEST_S: Final = 2.0

#: Notes each new number of the tile with the time of the frame that shows it.
_WATCH: Final = """
const element = document.querySelector('#tile-running .tile-value');
const number = () => Number(element.textContent.replace(/[^0-9]/g, ''));
window.benchSeen = [];
new MutationObserver(() => {
  const value = number();
  requestAnimationFrame(() => window.benchSeen.push([value, Date.now()]));
}).observe(element, { childList: true, characterData: true, subtree: true });
return number();
"""
#: The page's clock rounds down, and so does the writer's.
_SEEN: Final = "return window.benchSeen"


def measure(asked: Asked) -> Iterator[Line]:
    """Both databases at once, each with a server and a browser: they mostly wait."""
    with ThreadPoolExecutor() as pool:
        late_s = list(pool.map(lambda dialect: _measure(asked, dialect), DIALECTS))
    for dialect, (singles, pairs) in zip(DIALECTS, late_s, strict=True):
        limit_s = _LIMITS_S[dialect]
        middle, latest = median(singles + pairs), max(singles + pairs)
        value = (
            f"median {middle:.2f} s (singles {median(singles):.2f}, "
            f"second of a pair {median(pairs[1::2]):.2f}), latest {latest:.2f} s"
        )
        yield Line(
            FIGURE,
            NAMES[dialect],
            f"{_SINGLES} singles, {_PAIRS} pairs {_APART_S:g} s apart",
            value,
            "",
            f"median <= {limit_s:g} s, latest <= {_LATEST_S:g} s",
            middle <= limit_s and latest <= _LATEST_S,
        )


def _measure(asked: Asked, dialect: str) -> tuple[list[float], list[float]]:
    """Seconds for each single change, and for each change of the pairs."""
    url = asked.tables.fresh(dialect, asked.usual, OPEN)
    engine = engine_of(url)
    rng = Random(2)  # noqa: S311 - it repeats
    try:
        with serving({"DATABASE_URL": url}) as server, chromium() as page:
            page.open(f"{server.origin}/")
            first = int(page.run(_WATCH))
            sleep(_SETTLE_S)
            committed = []
            for _ in range(_SINGLES):
                committed.append(_start_a_run(engine))
                sleep(rng.uniform(*_PAUSE_S))
            for _ in range(_PAIRS):
                committed.append(_start_a_run(engine))
                sleep(_APART_S)
                committed.append(_start_a_run(engine))
                sleep(rng.uniform(*_PAUSE_S))
            late_s = _late_s(page, first, committed)
    finally:
        engine.dispose()
        asked.tables.drop(url)
    return late_s[:_SINGLES], late_s[_SINGLES:]


def _start_a_run(engine: Engine) -> int:
    """One more run is RUNNING; the instant it was committed, epoch ms."""
    with engine.begin() as connection:
        row = running_row("bench", started_at=now_ms(utc_now), worker="bench")
        connection.execute(insert(job_runs()), row)
    return now_ms(utc_now)


def _late_s(page: Page, first: int, committed: list[int]) -> list[float]:
    """For each commit, how long until the tile said so, or more."""

    def shown() -> list[tuple[int, int]]:
        return [(int(value), int(at)) for value, at in page.run(_SEEN)]

    last = first + len(committed)
    wait_until(
        lambda: any(value >= last for value, _ in shown()), "A change is missing."
    )
    seen = shown()
    return [
        (min(at for value, at in seen if value >= number) - instant) / 1000
        for number, instant in enumerate(committed, first + 1)
    ]
