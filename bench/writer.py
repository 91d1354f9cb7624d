"""What the monitor takes from a program that writes jobs as fast as it can."""

import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Final

from bench.asked import Asked
from bench.busy_writer import Rate, write_until_told
from bench.report import Line
from bench.tables import DIALECTS, NAMES, Open
from bench.watching import watch_when_told

FIGURE: Final = "busy writer beside the monitor"
_OPEN: Final = Open(running=1_000, overdue=100)
_PAIRS: Final = 16
_SLICE_S: Final = 0.8
#: After switching the monitor on or off, before counting.
_SETTLE_S: Final = 0.3
_WARM_UP_S: Final = 5.0
_LIMIT: Final = 0.9
_ANSWER_LIMIT_S: Final = 30.0


def measure(asked: Asked) -> Iterator[Line]:
    """One line for each database."""
    for dialect in DIALECTS:
        url = asked.tables.fresh(dialect, asked.usual, _OPEN)
        watched, alone = _rates(url)
        asked.tables.drop(url)
        kept = median(w / a for w, a in zip(watched, alone, strict=True))
        yield Line(
            FIGURE,
            NAMES[dialect],
            f"{asked.usual:.0e} rows, {_OPEN.running} open",
            f"{median(watched):.0f} commits/s (alone {median(alone):.0f})",
            f"{kept:.0%}",
            f">= {_LIMIT:.0%}",
            kept >= _LIMIT,
        )


def _rates(url: str) -> tuple[list[float], list[float]]:
    """Commits a second with the monitor and without it, slice by slice."""
    # A forked process would share connections and threads with this one.
    processes = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jobs-")))
        commits = processes.Value("q", 0)
        over = processes.Event()
        switch, other_end = processes.Pipe()
        writer = processes.Process(
            target=write_until_told, args=(url, commits, over), daemon=True
        )
        monitor = processes.Process(
            target=watch_when_told, args=(url, place, other_end), daemon=True
        )
        for process in (writer, monitor):
            process.start()
            stack.callback(process.join, _ANSWER_LIMIT_S)
        stack.callback(over.set)
        stack.callback(switch.send, None)
        _turn(switch, on=True)
        sleep(_WARM_UP_S)
        watched: list[float] = []
        alone: list[float] = []
        for number in range(_PAIRS):
            # A B B A: what grows or slows with time weighs on both alike
            for on in (True, False) if number % 2 else (False, True):
                rate = _slice(switch, commits, on=on)
                (watched if on else alone).append(rate)
    return watched, alone


def _slice(switch: Connection, commits: Rate, *, on: bool) -> float:
    _turn(switch, on=on)
    sleep(_SETTLE_S)
    before, started = commits.value, perf_counter()
    sleep(_SLICE_S)
    return (commits.value - before) / (perf_counter() - started)


def _turn(switch: Connection, *, on: bool) -> None:
    switch.send(on)
    if not switch.poll(_ANSWER_LIMIT_S):
        raise TimeoutError("The monitor does not answer.")
    switch.recv()
