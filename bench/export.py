"""The whole history as CSV: the server's memory, and what other viewers notice."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Final

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
    Event().wait(_SETTLE_S)
    never = Event()
    idle_s = [_ask(server, never) for _ in range(_IDLE_ASKS)]
    before_mb = _memory_mb(server)
    over = Event()
    export = _Export(server, over)
    export.start()
    busy_s: list[float] = []
    highest_mb = before_mb
    while not over.is_set():
        busy_s.append(_ask(server, over))
        highest_mb = max(highest_mb, _memory_mb(server))
    export.join()
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


class _Export(Thread):
    """Reads the CSV as fast as it comes."""

    def __init__(self, server: Server, over: Event) -> None:
        super().__init__()
        self._server = server
        self._over = over
        self.bytes = 0
        self.lines = 0
        self.took_s = 0.0

    def run(self) -> None:
        """Read to the end, then say so."""
        started = perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port)
        try:
            connection.request("GET", "/api/runs.csv")
            answer = connection.getresponse()
            while part := answer.read(_PART):
                self.bytes += len(part)
                self.lines += part.count(b"\n")
        finally:
            connection.close()
            self.took_s = perf_counter() - started
            self._over.set()


def _ask(server: Server, over: Event) -> float:
    """One question of another viewer: how long it took, in seconds."""
    over.wait(_ASK_EVERY_S)
    started = perf_counter()
    server.get("/api/snapshot")
    return perf_counter() - started


def _memory_mb(server: Server) -> float:
    """What the process holds of the machine's memory."""
    lines = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii").splitlines()
    [held] = [line for line in lines if line.startswith("VmRSS:")]
    return int(held.split()[1]) / 1000
