"""What trends cost: to fill the rollups, to keep them up to date, to draw ninety days.

Before a rule is changed the page says what it would have done in the last 30 days; of
the rules the slowest one is shown.

The monitor fills them as it does in the product, from a table of each size. A chart over
all job types, its numbers and its percentiles, is compared with the bare driver fetching
the same rows of the same rollups. Memory is that of a served process with the largest
table and a million error events, whose clock runs thirty times as fast for an hour.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import insert, make_url

from bench.asked import Asked
from bench.errors import EVENTS, fill_events
from bench.report import Line, percentile
from bench.servers import Server, serving
from bench.tables import DIALECTS, NAMES, Open, engine_of
from data.bulk import execute_many
from data.clock import DAY_MS, HOUR_MS, now_ms, utc_now
from data.db import Database
from data.engines.native import NativeEngine
from data.engines.native_table import job_runs
from data.model import HourCell
from data.monitor import Monitor
from data.monitor.previews import PREVIEW_MS, preview
from data.rules.alarms import RULES
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.cells import day_of
from data.store.viewing import SLOT_MS
from data.store.viewing_tables import viewing_slot

FIGURE: Final = "trends"
_OPEN: Final = Open(running=25, overdue=2)
_CHART_LIMIT: Final = 3.0
_FLAT_LIMIT: Final = 2.0
_CYCLE_LIMIT_MS: Final = 50.0
_FIRST_DAY_LIMIT_S: Final = 2.0
_ALL_LIMIT_S: Final = 120.0
#: From this many rows on a day takes so long to read that the source gets its rest.
_RESTS_FROM: Final = 500_000
_RESTED_LIMIT_S: Final = 1_800.0
_MEMORY_LIMIT_MB: Final = 400
_GROWTH_LIMIT_MB: Final = 20
_PREVIEW_LIMIT_S: Final = 1.0
_LOOKS: Final = 30
_PREVIEWS: Final = 5
_CYCLES: Final = 30
_FILL_PATIENCE_S: Final = 2 * _RESTED_LIMIT_S
#: So much faster than ours is the clock of the process whose memory is measured.
_SPEED: Final = 30
_AN_HOUR_S: Final = 3600 / _SPEED
_WRITE_EVERY_S: Final = 0.2
#: The product, with a clock that runs fast from its start on and cycles to match.
_HURRIED: Final = (
    "-c",
    (
        "import app, data.monitor, data.clock as c\n"
        "began = c.utc_now()\n"
        f"app.compose.__kwdefaults__['clock'] = lambda: began + {_SPEED} * "
        "(c.utc_now() - began)\n"
        f"data.monitor.DUTY_EVERY_S /= {_SPEED}\n"
        "app.main()"
    ),
    "serve",
)
_BARE: Final = (
    "SELECT day, job_name, status, runs, duration_ms, wait_ms, durations FROM rollup_day "
    "WHERE source = 'jobs' AND day >= {since} AND day < {until}"
)


class _Filled(NamedTuple):
    """How long it took until rollups were there, and the store they are in."""

    store_url: str
    first_day_s: float
    all_s: float


def measure(asked: Asked) -> Iterator[Line]:
    """Lines for each database: filling, cycles, charts; then memory."""
    for dialect in DIALECTS:
        charts: dict[int, float] = {}
        for rows in asked.rows:
            with _table(asked, dialect, rows) as url, ExitStack() as stack:
                filled = _filled(asked, url, dialect)
                stack.callback(asked.tables.drop, filled.store_url)
                yield from _filling(dialect, rows, filled)
                store = open_store(filled.store_url)
                stack.callback(store.close)
                if rows == asked.rows[-1]:
                    yield from _cycles(dialect, rows, url, store)
                    yield _preview(dialect, rows, store)
                charts[rows], line = _chart(dialect, rows, store, filled.store_url)
                yield line
        yield _flat(dialect, charts)
    yield from _memory(asked)


@contextmanager
def _table(asked: Asked, dialect: str, rows: int) -> Iterator[str]:
    url = asked.tables.fresh(dialect, rows, _OPEN)
    try:
        yield url
    finally:
        asked.tables.drop(url)


def _source(url: str, dialect: str) -> Source:
    engine = NativeEngine(Database(url, name="jobs"))
    reader = SnapshotReader(
        "jobs", engine, limits=StallLimits(), clock=utc_now, poll_every_ms=2_000
    )
    return Source(
        name="jobs", label="jobs", engine=engine, dialect=dialect, reader=reader
    )


def _filled(asked: Asked, url: str, dialect: str) -> _Filled:
    """Let the monitor fill the rollups of an empty store."""
    store_url = asked.tables.empty(dialect)
    store = open_store(store_url)
    source = _source(url, dialect)
    monitor = Monitor(
        {"jobs": source}, store, clock=utc_now, holder="bench", publish=lambda _: None
    )
    started = time.perf_counter()
    monitor.start()
    try:
        begun = now_ms(utc_now)
        _until(lambda: (store.trends.known_since("jobs") or begun) <= begun - DAY_MS)
        first_day_s = time.perf_counter() - started
        _until(lambda: store.trends.progress("jobs") is None)
        all_s = time.perf_counter() - started
    finally:
        monitor.stop()
        source.engine.close()
        store.close()
    return _Filled(store_url, first_day_s, all_s)


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + _FILL_PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            message = "The rollups are not filled."
            raise TimeoutError(message)
        time.sleep(0.02)


def _filling(dialect: str, rows: int, filled: _Filled) -> Iterator[Line]:
    limit_s = _ALL_LIMIT_S if rows < _RESTS_FROM else _RESTED_LIMIT_S
    yield Line(
        f"{FIGURE}: first day visible",
        NAMES[dialect],
        f"{rows:.0e} rows",
        f"{filled.first_day_s:.2f} s",
        "",
        f"< {_FIRST_DAY_LIMIT_S:g} s",
        filled.first_day_s < _FIRST_DAY_LIMIT_S,
    )
    yield Line(
        f"{FIGURE}: 90 days filled",
        NAMES[dialect],
        f"{rows:.0e} rows",
        f"{filled.all_s:.1f} s",
        "",
        f"< {limit_s:g} s",
        filled.all_s < limit_s,
    )


def _cycles(dialect: str, rows: int, url: str, store: Store) -> Iterator[Line]:
    """What a refresh and an audit cost the source."""
    engine = NativeEngine(Database(url, name="jobs"))
    times: list[float] = []

    def read(since_ms: int, until_ms: int) -> list[HourCell]:
        started = time.perf_counter()
        cells = engine.finished_cells(since_ms, until_ms)
        times.append((time.perf_counter() - started) * 1000)
        return cells

    rollups = store.rollups
    for name, step in (("refresh", rollups.refresh), ("audit", rollups.audit_step)):
        times.clear()
        for _ in range(_CYCLES):
            step("jobs", read, now_ms(utc_now))
        middle = median(times)
        yield Line(
            f"{FIGURE}: {name} on the source",
            NAMES[dialect],
            f"{rows:.0e} rows",
            f"{middle:.1f} ms (p95 {percentile(times, 95):.1f} ms)",
            "",
            f"<= {_CYCLE_LIMIT_MS:g} ms",
            middle <= _CYCLE_LIMIT_MS,
        )
    engine.close()


def _chart(dialect: str, rows: int, store: Store, store_url: str) -> tuple[float, Line]:
    """Ninety days of all job types, beside the bare driver, by turns."""
    until = now_ms(utc_now)
    since = day_of(until) - 89 * DAY_MS
    bare_sql = _BARE.format(since=since, until=until)
    times: list[float] = []
    bare_times: list[float] = []
    with ExitStack() as stack:
        bare = _connected(store_url, stack)
        for _ in range(_LOOKS):
            started = time.perf_counter()
            store.trends.totals("jobs", since, until, DAY_MS)
            store.trends.percentiles("jobs", since, until, DAY_MS)
            times.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            cells = bare.execute(bare_sql).fetchall()
            bare_times.append((time.perf_counter() - started) * 1000)
    middle, bare_middle = median(times), median(bare_times)
    ratio = middle / bare_middle
    return middle, Line(
        f"{FIGURE}: chart of 90 days",
        NAMES[dialect],
        f"{rows:.0e} rows, {len(cells)} cells",
        f"{middle:.1f} ms (bare {bare_middle:.1f} ms)",
        f"{ratio:.2f}x",
        f"<= {_CHART_LIMIT:g}x",
        ratio <= _CHART_LIMIT,
    )


def _preview(dialect: str, rows: int, store: Store) -> Line:
    """The rule that takes longest, where somebody looked at pages all the time."""
    now = now_ms(utc_now)
    first = now - now % SLOT_MS - PREVIEW_MS
    slots = [
        {
            "slot": at,
            "minutes": 50,
            "good_minutes": 50 - at // SLOT_MS % 2,
            **dict.fromkeys(("good_s", "stale_s", "disconnected_s", "faults"), 0),
        }
        for at in range(first, now, SLOT_MS)
    ]
    with store.database.writing() as connection:
        execute_many(connection, insert(viewing_slot), slots)
    times: dict[str, list[float]] = {rule: [] for rule in RULES}
    for _ in range(_PREVIEWS):
        for rule, found in times.items():
            started = time.perf_counter()
            preview(store, {}, rule, {}, now)
            found.append(time.perf_counter() - started)
    slowest = max(times, key=lambda rule: median(times[rule]))
    middle = median(times[slowest])
    return Line(
        f"{FIGURE}: preview of 30 days",
        NAMES[dialect],
        f"{rows:.0e} rows, {slowest}",
        f"{middle:.2f} s (p95 {percentile(times[slowest], 95):.2f} s)",
        "",
        f"<= {_PREVIEW_LIMIT_S:g} s",
        middle <= _PREVIEW_LIMIT_S,
    )


def _connected(url: str, stack: ExitStack) -> Any:
    parsed = make_url(url)
    connection: Any
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(parsed.database))
    else:
        plain = parsed.set(drivername="postgresql")
        connection = psycopg.connect(
            plain.render_as_string(hide_password=False), autocommit=True
        )
    return stack.enter_context(closing(connection))


def _flat(dialect: str, charts: dict[int, float]) -> Line:
    (small, small_ms), (large, large_ms) = min(charts.items()), max(charts.items())
    ratio = large_ms / small_ms
    return Line(
        f"{FIGURE}: chart of 90 days",
        NAMES[dialect],
        f"{large:.0e} / {small:.0e} rows",
        f"{large_ms:.1f} / {small_ms:.1f} ms",
        f"{ratio:.2f}x",
        f"<= {_FLAT_LIMIT:g}x",
        ratio <= _FLAT_LIMIT,
    )


def _memory(asked: Asked) -> Iterator[Line]:
    """The whole served process, after everything was read and for an hour of cycles."""
    rows = asked.rows[-1]
    store_url = asked.tables.empty("sqlite")
    store = open_store(store_url)
    fill_events(store_url, "sqlite")
    size = f"{rows:.0e} rows, {EVENTS:.0e} errors"
    with _table(asked, "sqlite", rows) as url:
        settings = {"DATABASE_URL": url, "STORE_URL": store_url}
        with serving(settings, _HURRIED) as server, _writing(url):
            _until(lambda: store.trends.known_since("jobs") is not None)
            _until(lambda: store.trends.progress("jobs") is None)
            time.sleep(_AN_HOUR_S / 6)
            filled_mb, peak_mb = _memory_mb(server)
            time.sleep(_AN_HOUR_S)
            later_mb, later_peak_mb = _memory_mb(server)
    store.close()
    asked.tables.drop(store_url)
    yield Line(
        f"{FIGURE}: peak memory of the process",
        NAMES["sqlite"],
        size,
        f"{max(peak_mb, later_peak_mb):.0f} MB",
        "",
        f"<= {_MEMORY_LIMIT_MB} MB",
        max(peak_mb, later_peak_mb) <= _MEMORY_LIMIT_MB,
    )
    yield Line(
        f"{FIGURE}: memory after an hour of cycles",
        NAMES["sqlite"],
        size,
        f"{later_mb:.0f} MB (before {filled_mb:.0f} MB)",
        "",
        f"<= {_GROWTH_LIMIT_MB} MB more",
        later_mb - filled_mb <= _GROWTH_LIMIT_MB,
    )


@contextmanager
def _writing(url: str) -> Iterator[None]:
    """Runs end all the while, at the instants of the fast clock."""
    over = Event()
    engine, table = engine_of(url), job_runs()
    began = now_ms(utc_now)

    def write() -> None:
        while not over.wait(_WRITE_EVERY_S):
            at = began + _SPEED * (now_ms(utc_now) - began)
            row = {
                "job_name": "order-emails",
                "status": "SUCCEEDED",
                "enqueued_at": at - HOUR_MS // 60,
                "started_at": at - HOUR_MS // 120,
                "finished_at": at,
            }
            with engine.begin() as connection:
                connection.execute(insert(table), [row] * 20)

    thread = Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        engine.dispose()


def _memory_mb(server: Server) -> tuple[float, float]:
    """What the process holds, and the most that it ever held."""
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    kilobytes = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in status.splitlines())
        if name in {"VmRSS", "VmHWM"}
    }
    return kilobytes["VmRSS"] / 1024, kilobytes["VmHWM"] / 1024
