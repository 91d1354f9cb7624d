"""From a commit to the last of 500 viewers, and what the pushing costs."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from random import Random
from statistics import median
from time import perf_counter, sleep
from typing import Final

from sqlalchemy import Engine, func, select, update

from bench.asked import Asked
from bench.report import Line, percentile
from bench.servers import Server, serving
from bench.tables import DIALECTS, NAMES, Open, engine_of
from bench.viewers import Viewers, viewers
from data.engines.native_table import job_runs

FIGURE: Final = "push"
OPEN: Final = Open(running=5_000, overdue=300)
VIEWERS: Final = 500
_ROUNDS: Final = 4
_PUSHES: Final = 5
#: Changes come at random, so that none keeps step with the probe: between, in seconds.
_PAUSE_S: Final = (0.9, 1.9)
_BARE_PAUSE_S: Final = 0.3
#: Whatever the server does at its start is over then.
_SETTLE_S: Final = 4.0
_ARRIVAL_LIMIT_S: Final = 15.0
_LATE_LIMIT_S: Final = 1.0
_CPU_LIMIT: Final = 1.5
_BARE: Final = ("-m", "bench.bare_server")


def measure(asked: Asked) -> Iterator[Line]:
    """How late, and how costly, on each database."""
    for dialect in DIALECTS:
        with ExitStack() as stack:
            url = asked.tables.fresh(dialect, asked.usual, OPEN)
            stack.callback(asked.tables.drop, url)
            product = stack.enter_context(serving({"DATABASE_URL": url}))
            bare = stack.enter_context(serving({}, _BARE))
            watching = stack.enter_context(viewers(product, VIEWERS))
            waiting = stack.enter_context(viewers(bare, VIEWERS))
            pushing = Pushing(url, product, watching, bare, waiting)
            sleep(_SETTLE_S)
            pushing.warm_up()
            for _ in range(_ROUNDS):
                pushing.by_product()
                pushing.by_bare()
            yield from _lines(NAMES[dialect], pushing)


class Pushing:
    """Changes a row, and sees how long that takes to reach every viewer."""

    def __init__(
        self,
        url: str,
        product: Server,
        watching: Viewers,
        bare: Server,
        waiting: Viewers,
    ) -> None:
        self._engine = engine_of(url)
        self._run_id = _an_overdue_run(self._engine)
        self._product = product
        self._watching = watching
        self._bare = bare
        self._waiting = waiting
        self._numbers = count(1)
        self._rng = Random(1)  # noqa: S311 - it repeats
        self._texts: list[str] = []
        #: from commit to the last viewer, in seconds
        self.late_s: list[float] = []
        #: CPU seconds for each push
        self.product_cpu_s: list[float] = []
        self.bare_cpu_s: list[float] = []
        self.bytes = 0

    def warm_up(self) -> None:
        """One of each, not counted."""
        self._change()
        self._send(self._watching.marked)

    def by_product(self) -> None:
        """Some changes, pushed by the product; all its CPU time counts."""
        before = self._product.cpu_s()
        self._texts = []
        for _ in range(_PUSHES):
            sleep(self._rng.uniform(*_PAUSE_S))
            self.late_s.append(self._change())
            self._texts.append(self._watching.marked)
        self.bytes = len(self._watching.marked.encode())
        self.product_cpu_s.append((self._product.cpu_s() - before) / _PUSHES)

    def by_bare(self) -> None:
        """The same texts once more, sent by the bare server."""
        before = self._bare.cpu_s()
        for text in self._texts:
            sleep(_BARE_PAUSE_S)
            self._send(text)
        self.bare_cpu_s.append((self._bare.cpu_s() - before) / _PUSHES)

    def _change(self) -> float:
        """Change a row that every viewer sees; seconds until the last one has it."""
        worker = f"bench-{next(self._numbers)}-end"
        self._watching.expect(worker)
        c = job_runs().c
        statement = update(c.id.table).where(c.id == self._run_id)
        with self._engine.begin() as connection:
            connection.execute(statement.values(worker=worker))
        committed = perf_counter()
        return self._watching.last_at(_ARRIVAL_LIMIT_S) - committed

    def _send(self, text: str) -> None:
        self._waiting.expect(text[:80])
        self._bare.post("/push", text, "text/plain")
        self._waiting.last_at(_ARRIVAL_LIMIT_S)


def _an_overdue_run(engine: Engine) -> int:
    table = job_runs()
    oldest = select(func.min(table.c.id)).where(table.c.finished_at.is_(None))
    with engine.connect() as connection:
        return int(connection.execute(oldest).scalar_one())


def _lines(name: str, pushing: Pushing) -> Iterator[Line]:
    size = f"{VIEWERS} sockets, {OPEN.running} open, {pushing.bytes / 1000:.0f} kB"
    late_s = percentile(pushing.late_s, 95)
    value = f"p95 {late_s:.2f} s (median {median(pushing.late_s):.2f} s)"
    limit = f"<= {_LATE_LIMIT_S:g} s"
    yield Line(
        f"{FIGURE}: commit to last socket",
        name,
        size,
        value,
        "",
        limit,
        late_s <= _LATE_LIMIT_S,
    )
    product, bare = median(pushing.product_cpu_s), median(pushing.bare_cpu_s)
    value = f"{product * 1000:.0f} ms a push (bare {bare * 1000:.0f} ms)"
    ratio = product / bare
    limit = f"<= {_CPU_LIMIT:g}x"
    yield Line(
        f"{FIGURE}: server CPU",
        name,
        size,
        value,
        f"{ratio:.2f}x",
        limit,
        ratio <= _CPU_LIMIT,
    )
