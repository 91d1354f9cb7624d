"""A page of the history, against the bare driver's same query.

"Older" is a page in the middle of the table: to get there must cost nothing.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any, Final

import psycopg
from sqlalchemy import Select, make_url

from bench.asked import Asked
from bench.report import Line
from bench.tables import DIALECTS, NAMES, Open
from data.clock import DAY_MS, now_ms, utc_now
from data.db import Database
from data.demo.catalog import CATALOG
from data.engines.native import NativeEngine
from data.engines.native_history import History
from data.model import FINISHED, JobState, RunFilter

FIGURE: Final = "history page"
_OPEN: Final = Open(running=25, overdue=2)
_ROUNDS: Final = 150
_PAGE: Final = 50
#: Half of the days that the table covers.
_HALF_MS: Final = 45 * DAY_MS
_BARE_LIMIT: Final = 3.0
_SIZE_LIMIT: Final = 2.0
_FILTERS: Final = {
    "unfiltered": RunFilter(states=FINISHED),
    "by job": RunFilter(states=FINISHED, job_name=CATALOG[0].name),
    "FAILED": RunFilter(states=frozenset({JobState.FAILED})),
}

_Work = Callable[[], object]
#: kind of page, rows in the table, whose work
_Key = tuple[str, int, str]


def measure(asked: Asked) -> Iterator[Line]:
    """Lines for each database, kind of page and size."""
    for dialect in DIALECTS:
        with ExitStack() as stack:
            works: dict[_Key, _Work] = {}
            for rows in asked.rows:
                url = asked.tables.fresh(dialect, rows, _OPEN)
                stack.callback(asked.tables.drop, url)
                works |= _works(rows, url, stack)
            yield from _lines(NAMES[dialect], asked.rows, _medians_ms(works))


def _works(rows: int, url: str, stack: ExitStack) -> dict[_Key, _Work]:
    engine = NativeEngine(Database(url, name="bench"))
    stack.callback(engine.close)
    engine.check()
    connection = _connected(url, stack)
    works: dict[_Key, _Work] = {}
    for name, filter_ in _FILTERS.items():
        middle = replace(filter_, until_ms=now_ms(utc_now) - _HALF_MS)
        there = engine.page(middle, limit=_PAGE).next
        if there is None:
            raise RuntimeError("There is no page in the middle to measure.")
        for kind, after in ((name, None), (f"{name}, older", there)):
            statement = _statement_of(engine, filter_, after)
            works[kind, rows, "whole"] = _page(engine, filter_, after)
            works[kind, rows, "bare"] = _bare(connection, engine, statement)
    return works


def _page(engine: NativeEngine, filter_: RunFilter, after: str | None) -> _Work:
    return lambda: engine.page(filter_, after=after, limit=_PAGE)


def _statement_of(
    engine: NativeEngine, filter_: RunFilter, after: str | None
) -> Select[Any]:
    history: History = engine._history  # noqa: SLF001 - its own statement
    return history.statement(filter_, after=after, limit=_PAGE)


def _bare(connection: Any, engine: NativeEngine, statement: Select[Any]) -> _Work:
    """The same text, executed and fetched by the driver alone."""
    with engine._db.connection() as ours:  # noqa: SLF001 - its own dialect
        compiled = statement.compile(ours, compile_kwargs={"literal_binds": True})
    text = str(compiled)
    return lambda: connection.execute(text).fetchall()


def _connected(url: str, stack: ExitStack) -> Any:
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
    return connection


def _medians_ms(works: dict[_Key, _Work]) -> dict[_Key, float]:
    """Each by turns, so that whatever disturbs the machine disturbs all alike."""
    times: dict[_Key, list[float]] = {key: [] for key in works}
    for _ in range(_ROUNDS):
        for key, work in works.items():
            started = perf_counter()
            work()
            times[key].append((perf_counter() - started) * 1000)
    return {key: median(found) for key, found in times.items()}


def _lines(
    database: str, sizes: tuple[int, ...], ms: dict[_Key, float]
) -> Iterator[Line]:
    for kind in dict.fromkeys(kind for kind, _, _ in ms):
        for rows in sizes:
            whole, bare = ms[kind, rows, "whole"], ms[kind, rows, "bare"]
            ratio = whole / bare
            yield Line(
                f"{FIGURE}, {kind}",
                database,
                f"{rows:.0e} rows",
                f"{whole:.2f} ms (bare {bare:.2f} ms)",
                f"{ratio:.2f}x",
                f"<= {_BARE_LIMIT:g}x",
                ratio <= _BARE_LIMIT,
            )
        if len(sizes) > 1:
            small, large = ms[kind, sizes[0], "whole"], ms[kind, sizes[-1], "whole"]
            yield Line(
                f"{FIGURE}, {kind}",
                database,
                f"{sizes[-1]:.0e} / {sizes[0]:.0e} rows",
                f"{large:.2f} / {small:.2f} ms",
                f"{large / small:.2f}x",
                f"<= {_SIZE_LIMIT:g}x",
                large / small <= _SIZE_LIMIT,
            )
