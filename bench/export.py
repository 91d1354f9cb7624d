"""The whole history as CSV: the server's memory, and what other viewers notice."""

import http.client
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from time import perf_counter, sleep
from typing import Final, NamedTuple

from bench.asked import Asked
from bench.report import Line, percentile
from bench.servers import Server, serving
from bench.tables import DIALECTS, NAMES, Open

FIGURE: Final = "CSV of the history"
_OPEN: Final = Open(running=25, overdue=2)
_MEMORY_LIMIT_MB: Final = 50
_LATE_LIMIT: Final = 2.0
_SETTLE_S: Final = 3.0
#: Another viewer asks this often, in seconds, and so many times while nothing else goes on.
_ASK_EVERY_S: Final = 0.05
_IDLE_ASKS: Final = 200
_PART: Final = 1 << 16


def measure(asked: Asked) -> Iterator[Line]:
    """Lines for each database, at the largest size."""
    rows = asked.rows[-1]
    for dialect in DIALECTS:
        url = asked.tables.fresh(dialect, rows, _OPEN)
        with serving({"DATABASE_URL": url}) as server:
            yield from _measure(server, NAMES[dialect], rows)
        asked.tables.drop(url)


def _measure(server: Server, database: str, rows: int) -> Iterator[Line]:
    sleep(_SETTLE_S)
    idle_s = [_ask(server) for _ in range(_IDLE_ASKS)]
    before_mb = _memory_mb(server)
    spawned = get_context("spawn")
    told: Queue[_Read] = spawned.Queue()
    reader = spawned.Process(target=read_all, args=(server.port, told))
    reader.start()
    busy_s: list[float] = []
    highest_mb = before_mb
    while reader.is_alive():
        busy_s.append(_ask(server))
        highest_mb = max(highest_mb, _memory_mb(server))
    export = told.get()
    if export.lines < rows:
        raise RuntimeError(f"{export.lines} lines came of {rows} rows.")
    size = f"{rows:.0e} rows, {export.bytes / 1e6:.0f} MB in {export.took_s:.0f} s"
    more_mb = highest_mb - before_mb
    yield Line(
        f"{FIGURE}: memory over idle",
        database,
        size,
        f"{more_mb:.0f} MB (idle {before_mb:.0f} MB)",
        "",
        f"<= {_MEMORY_LIMIT_MB} MB",
        more_mb <= _MEMORY_LIMIT_MB,
    )
    idle, busy = percentile(idle_s, 95), percentile(busy_s, 95)
    yield Line(
        f"{FIGURE}: another viewer's p95",
        database,
        size,
        f"{busy * 1000:.1f} ms (idle {idle * 1000:.1f} ms)",
        f"{busy / idle:.2f}x",
        f"<= {_LATE_LIMIT:g}x",
        busy / idle <= _LATE_LIMIT,
    )


class _Read(NamedTuple):
    """What came of the export."""

    bytes: int
    lines: int
    took_s: float


def read_all(port: int, told: "Queue[_Read]") -> None:
    """Read the CSV as fast as it comes: a process of its own, as another viewer is."""
    started = perf_counter()
    size = lines = 0
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/api/runs.csv")
    answer = connection.getresponse()
    while part := answer.read(_PART):
        size += len(part)
        lines += part.count(b"\n")
    connection.close()
    told.put(_Read(size, lines, perf_counter() - started))


def _ask(server: Server) -> float:
    """One question of another viewer: how long it took, in seconds."""
    sleep(_ASK_EVERY_S)
    started = perf_counter()
    server.get("/api/snapshot")
    return perf_counter() - started


def _memory_mb(server: Server) -> float:
    """What the process holds of the machine's memory."""
    lines = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii").splitlines()
    [held] = [line for line in lines if line.startswith("VmRSS:")]
    return int(held.split()[1]) / 1000
