"""Ten thousand runs cleaned up, and run again, against bare batched statements.

Bare is what has to be written, by the drivers alone: the same guarded statement on the
job table, one for each batch of 500 and a transaction each, and the audit's row of each
run before and after. It reads nothing before, judges nothing, and answers nobody.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

import psycopg
from sqlalchemy import make_url

from bench.asked import Asked
from bench.report import Line
from bench.tables import DIALECTS, NAMES, Open, fill
from data.actions import Actions, seen_of
from data.clock import now_ms, utc_now
from data.db import Database
from data.engines.base import BATCH
from data.engines.native import NativeEngine
from data.model import RunFilter
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import open_store

FIGURE: Final = "10,000 runs"
_RUNS: Final = 10_000
_OPEN: Final = Open(running=_RUNS, overdue=_RUNS)
_ROUNDS: Final = 5
_LIMIT: Final = 3.0
#: ``{mark}`` is what the driver calls a value, ``{now}`` the instant, ``{rows}`` the batch.
_CLEAN_UP: Final = """
UPDATE job_runs SET status = 'FAILED', finished_at = {now}, error_type = 'Stalled',
  error = {mark}, cancel_requested_at = coalesce(cancel_requested_at, {now})
WHERE status = 'RUNNING' AND (id, started_at) IN (VALUES {rows}) RETURNING id
"""
_RETRY: Final = """
INSERT INTO job_runs (job_name, queue, params, max_attempts, status, attempt, enqueued_at)
SELECT job_name, queue, params, max_attempts, 'PENDING', 1, {now} FROM job_runs
WHERE finished_at IS NOT NULL AND id IN ({rows}) ORDER BY id RETURNING id
"""
_BEFORE: Final = """
INSERT INTO audit (at, actor, source, action, run_id, job_name, batch, before, after,
  outcome, detail) VALUES (?, 'ann', 'bench', 'bench', ?, 'a-job', 'a-batch', ?, '{}',
  'started', ?)
"""
_AFTER: Final = (
    "UPDATE audit SET outcome = 'done', after = ? WHERE id = ? AND outcome = 'started'"
)
_VALUES: Final = '{"status": "RUNNING", "started_at": 1790000000000, "error": null}'
_REASON: Final = "Stalled: it ran for more than 30 min without completion." * 3

_Work = Callable[[], int]


def measure(asked: Asked) -> Iterator[Line]:
    """Two lines for each database."""
    for dialect in DIALECTS:
        with ExitStack() as stack:
            url = asked.tables.fresh(dialect, asked.usual, _OPEN)
            stack.callback(asked.tables.drop, url)
            bulk = _Bulk(url, stack)
            yield _line("cleaned up", dialect, _timed(bulk, bulk.clean_up))
            yield _line("run again", dialect, _timed(bulk, bulk.retry))


class _Bulk:
    """Does both to the runs of one table, whole and bare."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._url = url
        self._is_file = url.startswith("sqlite")
        place = stack.enter_context(TemporaryDirectory(prefix="jobs-bench-"))
        self._store = open_store(f"sqlite:///{Path(place, 'store.db')}")
        stack.callback(self._store.close)
        engine = NativeEngine(Database(url, name="bench"))
        stack.callback(engine.close)
        limits = StallLimits()
        self._source = Source(
            name="bench",
            label="bench",
            engine=engine,
            dialect=make_url(url).get_backend_name(),
            reader=SnapshotReader(
                "bench", engine, limits=limits, clock=utc_now, poll_every_ms=3_600_000
            ),
        )
        self._actions = Actions(
            {"bench": self._source},
            self._store,
            limits=limits,
            clock=utc_now,
            changed=lambda _name: None,
        )
        self._connection = _connected(url, stack)
        self._audit = _connected(f"sqlite:///{Path(place, 'store.db')}", stack)

    def made_anew(self) -> None:
        """Every run is overdue again."""
        fill(self._url, _OPEN)

    def clean_up(self, *, bare: bool) -> _Work:
        """What cleans up everything that is overdue now; how many runs it did."""
        seen = seen_of(self._source.reader.refresh())
        if bare:
            rows = [(int(run.run_id), run.started_at) for run in seen]
            return lambda: self._bare(_CLEAN_UP, "({id}, {at})", rows, [_REASON])
        actions = self._actions
        return lambda: len(actions.clean_up("bench", seen, actor="ann").cleaned)

    def retry(self, *, bare: bool) -> _Work:
        """The same for running finished runs again."""
        page = self._source.engine.page(RunFilter(), limit=2 * _RUNS)
        ids = [job.run_id for job in page.jobs if job.finished_at is not None][:_RUNS]
        if bare:
            rows = [(int(run_id),) for run_id in ids]
            return lambda: self._bare(_RETRY, "{id}", rows, [])
        return lambda: len(self._actions.retry("bench", ids, actor="ann").started)

    def _bare(
        self,
        statement: str,
        row: str,
        rows: Sequence[tuple[int, ...]],
        values: list[Any],
    ) -> int:
        first_id = self._note_before([one[0] for one in rows])
        mark, now = ("?", str(now_ms(utc_now))) if self._is_file else ("%s", "now()")
        at = mark if self._is_file else f"to_timestamp({mark} / 1000.0)"
        done = 0
        for first in range(0, len(rows), BATCH):
            batch = rows[first : first + BATCH]
            listed = ", ".join([row.format(id=mark, at=at)] * len(batch))
            text = statement.format(mark=mark, now=now, rows=listed)
            self._connection.execute("BEGIN")
            flat = [*values, *(value for one in batch for value in one)]
            done += len(self._connection.execute(text, flat).fetchall())
            self._connection.execute("COMMIT")
        self._note_after(range(first_id, first_id + len(rows)))
        return done

    def _note_before(self, run_ids: Sequence[int]) -> int:
        """Write the audit's rows; the id of the first one."""
        at = now_ms(utc_now)
        rows = [(at, str(run_id), _VALUES, _REASON) for run_id in run_ids]
        self._audit.execute("BEGIN IMMEDIATE")
        self._audit.executemany(_BEFORE, rows)
        (last,) = self._audit.execute("SELECT max(id) FROM audit").fetchone()
        self._audit.execute("COMMIT")
        return int(last) - len(rows) + 1

    def _note_after(self, ids: Iterable[int]) -> None:
        self._audit.execute("BEGIN IMMEDIATE")
        self._audit.executemany(_AFTER, [(_VALUES, id_) for id_ in ids])
        self._audit.execute("COMMIT")


def _timed(bulk: _Bulk, made: Callable[..., _Work]) -> tuple[float, float]:
    """Seconds of whole and bare, by turns, each on fresh runs."""
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(_ROUNDS):
        for bare, found in times.items():
            bulk.made_anew()
            work = made(bare=bare)
            started = perf_counter()
            done = work()
            found.append(perf_counter() - started)
            if done != _RUNS:
                raise RuntimeError(f"{done} of {_RUNS} runs were done.")
    return median(times[False]), median(times[True])


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


def _line(what: str, dialect: str, seconds: tuple[float, float]) -> Line:
    whole, bare = seconds
    return Line(
        f"{FIGURE} {what}",
        NAMES[dialect],
        f"batches of {BATCH}",
        f"{whole:.2f} s (bare {bare:.2f} s)",
        f"{whole / bare:.2f}x",
        f"<= {_LIMIT:g}x",
        whole / bare <= _LIMIT,
    )
