"""Reading and judging what is open, against the bare driver reading the same rows."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from statistics import median
from time import perf_counter
from typing import Any, Final

import psycopg
from sqlalchemy import make_url

from bench.asked import Asked
from bench.report import Line
from bench.tables import DIALECTS, NAMES, Open
from data.clock import now_ms, utc_now
from data.db import Database
from data.engines.native import NativeEngine
from data.rules.stalls import StallLimits, judge

FIGURE: Final = "stall check"
OPEN: Final = Open(running=1_000, overdue=100)
_ROUNDS: Final = 150
_BARE_LIMIT: Final = 3.0
_SIZE_LIMIT: Final = 2.0
_JUDGE_LIMIT_MS: Final = 1.0
#: The same columns of the same rows, as the driver gives them.
_BARE: Final = """
SELECT id, job_name, queue, status, attempt, worker, progress, enqueued_at, scheduled_at,
  started_at, heartbeat_at, finished_at, cancel_requested_at
FROM job_runs WHERE finished_at IS NULL
"""

_Work = Callable[[], object]


def measure(asked: Asked) -> Iterator[Line]:
    """Lines for each database and size."""
    for dialect in DIALECTS:
        with ExitStack() as stack:
            works: dict[tuple[int, str], _Work] = {}
            for rows in asked.rows:
                url = asked.tables.fresh(dialect, rows, OPEN)
                stack.callback(asked.tables.drop, url)
                works |= _works(rows, url, stack)
            yield from _lines(dialect, asked.rows, _medians_ms(works))


def _works(rows: int, url: str, stack: ExitStack) -> dict[tuple[int, str], _Work]:
    """What is measured on one table: bare, whole, and judging alone."""
    engine = NativeEngine(Database(url, name="bench"))
    stack.callback(engine.close)
    engine.check()
    limits = StallLimits()
    jobs, _counts = engine.open_runs()

    def whole() -> object:
        found, _ = engine.open_runs()
        return judge(found, now_ms=now_ms(utc_now), limits=limits)

    def judging() -> object:
        return judge(jobs, now_ms=now_ms(utc_now), limits=limits)

    if (
        len(jobs) != OPEN.running
        or len(judge(jobs, now_ms=now_ms(utc_now), limits=limits).verdicts)
        != OPEN.overdue
    ):
        raise RuntimeError("The table does not hold the open runs that were asked for.")
    return {
        (rows, "bare"): _bare(url, stack),
        (rows, "whole"): whole,
        (rows, "judging"): judging,
    }


def _bare(url: str, stack: ExitStack) -> _Work:
    """Reads by the driver alone."""
    parsed = make_url(url)
    connection: Any
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(parsed.database), isolation_level=None)
    else:
        plain = parsed.set(drivername="postgresql")
        connection = psycopg.connect(
            plain.render_as_string(hide_password=False), autocommit=True
        )
    stack.enter_context(closing(connection))
    return lambda: connection.execute(_BARE).fetchall()


def _medians_ms(works: dict[tuple[int, str], _Work]) -> dict[tuple[int, str], float]:
    """Each by turns, so that whatever disturbs the machine disturbs all alike."""
    times: dict[tuple[int, str], list[float]] = {key: [] for key in works}
    for _ in range(_ROUNDS):
        for key, work in works.items():
            started = perf_counter()
            work()
            times[key].append((perf_counter() - started) * 1000)
    return {key: median(found) for key, found in times.items()}


def _lines(
    dialect: str, sizes: tuple[int, ...], ms: dict[tuple[int, str], float]
) -> Iterator[Line]:
    name = NAMES[dialect]
    for rows in sizes:
        size = f"{rows:.0e} rows, {OPEN.running} open"
        ratio = ms[rows, "whole"] / ms[rows, "bare"]
        value = f"{ms[rows, 'whole']:.2f} ms (bare {ms[rows, 'bare']:.2f} ms)"
        limit = f"<= {_BARE_LIMIT:g}x"
        yield Line(
            FIGURE, name, size, value, f"{ratio:.2f}x", limit, ratio <= _BARE_LIMIT
        )
    if len(sizes) > 1:
        growth = ms[sizes[-1], "whole"] / ms[sizes[0], "whole"]
        size = f"{sizes[-1]:.0e} / {sizes[0]:.0e} rows"
        limit = f"<= {_SIZE_LIMIT:g}x"
        value = f"{ms[sizes[-1], 'whole']:.2f} / {ms[sizes[0], 'whole']:.2f} ms"
        yield Line(
            FIGURE, name, size, value, f"{growth:.2f}x", limit, growth <= _SIZE_LIMIT
        )
    judging = max(ms[rows, "judging"] for rows in sizes)
    limit = f"<= {_JUDGE_LIMIT_MS:g} ms"
    yield Line(
        f"{FIGURE}: judging alone",
        name,
        f"{OPEN.running} open",
        f"{judging:.2f} ms",
        "",
        limit,
        judging <= _JUDGE_LIMIT_MS,
    )
