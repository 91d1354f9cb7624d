"""How often the job table is read, whatever the number of viewers.

Every viewer has a socket and asks by the interval callback as well, in the page's own
words. The windows are short because the poll is made twice as fast as by default; the
interval callbacks are hastened by as much. Nobody changes the table, so that only the
clock decides when it is read. Both databases are measured at once: reads are counted,
not timed.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from threading import Event
from time import perf_counter
from typing import Any, Final

from bench.asked import Asked
from bench.report import Line
from bench.servers import Server, serving
from bench.tables import DIALECTS, NAMES, Open
from bench.viewers import viewers
from bench.waiting import wait_until

FIGURE: Final = "job-table reads a minute"
_OPEN: Final = Open(running=25, overdue=2)
_VIEWERS: Final = (1, 10, 100, 500)
_POLL_EVERY_S: Final = 1.0
#: 15 s at the default poll of 2 s.
_REFRESH_EVERY_S: Final = 7.5
_WINDOW_S: Final = 10.0
_SETTLE_S: Final = 3.0
#: More than equal: the threads that read do not keep time to the millisecond.
_TOLERANCE: Final = 0.05
_ASKERS: Final = 8


def measure(asked: Asked) -> Iterator[Line]:
    """One line for each database."""
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda dialect: _measure(asked, dialect), DIALECTS))
    for dialect, rates in zip(DIALECTS, found, strict=True):
        spread = max(rates) / min(rates)
        yield Line(
            FIGURE,
            NAMES[dialect],
            f"{', '.join(map(str, _VIEWERS))} viewers, poll {_POLL_EVERY_S:g} s",
            f"{', '.join(f'{rate:.0f}' for rate in rates)} (median {median(rates):.0f})",
            f"{spread:.2f}x",
            f"equal (<= {1 + _TOLERANCE:g}x)",
            spread <= 1 + _TOLERANCE,
        )


def _measure(asked: Asked, dialect: str) -> list[float]:
    """Reads a minute for each number of viewers."""
    with ExitStack() as stack:
        url = asked.tables.fresh(dialect, asked.usual, _OPEN)
        stack.callback(asked.tables.drop, url)
        poll = f"{_POLL_EVERY_S:g}s"
        server = stack.enter_context(serving({"DATABASE_URL": url, "POLL_EVERY": poll}))
        question = _question(server)
        return [_rate(server, count, question) for count in _VIEWERS]


def _rate(server: Server, count: int, question: str) -> float:
    over = Event()
    with viewers(server, count), ThreadPoolExecutor() as pool:
        for number in range(min(_ASKERS, count)):
            share = len(range(number, count, _ASKERS))
            pool.submit(_ask, server, question, _REFRESH_EVERY_S / share, over)
        try:
            over.wait(_SETTLE_S)
            reads, started = _next_read(server)
            over.wait(_WINDOW_S)
            reads_then, ended = _next_read(server)
        finally:
            over.set()
    return (reads_then - reads) / (ended - started) * 60


def _next_read(server: Server) -> tuple[int, float]:
    """Number and time of the next read: windows begin and end with one."""
    before = server.reads()
    wait_until(lambda: server.reads() > before, "The table is not read.")
    return server.reads(), perf_counter()


def _ask(server: Server, question: str, every_s: float, over: Event) -> None:
    """Ask as the pages of several viewers do, one after the other."""
    while not over.wait(every_s):
        server.post("/_dash-update-component", question)


def _question(server: Server) -> str:
    """What the page posts when its interval has passed."""
    callbacks = json.loads(server.get("/_dash-dependencies"))
    (interval,) = [
        callback
        for callback in callbacks
        if callback["clientside_function"] is None
        and [part["id"] for part in callback["inputs"]] == ["refresh-asked"]
    ]
    output: str = interval["output"]
    body: dict[str, Any] = {
        "output": output,
        "outputs": [_part(name) for name in output.strip(".").split("...")],
        "inputs": [{**part, "value": 1} for part in interval["inputs"]],
        "changedPropIds": ["refresh-asked.data"],
        "parsedChangedPropsIds": ["refresh-asked.data"],
        "state": [{**part, "value": "jobs"} for part in interval["state"]],
    }
    return json.dumps(body)


def _part(name: str) -> dict[str, str]:
    component, _, prop = name.rpartition(".")
    return {"id": component, "property": prop}
