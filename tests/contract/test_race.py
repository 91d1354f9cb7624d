"""Workers finish runs while two people clean them up: nobody overwrites anybody."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random
from threading import Barrier, Event
from typing import Any

import psycopg
from sqlalchemy import make_url

from data.clock import HOUR_MS
from data.engines.base import BATCH, Seen
from data.engines.native import NativeEngine
from data.exceptions import SourceUnavailableError
from tests.factories import NOW, JobTable, job_table, make_run, native_engine

RUNS = 3_000
WORKERS = 4
CLEANERS = 2
_TRIES = 100
_PATIENCE_S = 20.0
_FINISH = (
    "UPDATE job_runs SET status = 'SUCCEEDED', finished_at = {now}, result = {result}"
    " WHERE id = {id} AND status = 'RUNNING'"
)


class Pace:
    """Sees to it that each side wins some, however fast the machine is."""

    def __init__(self) -> None:
        self.some_finished = Event()
        self.some_cleaned = Event()
        self.cleaners = Barrier(CLEANERS)


def test_every_verdict_is_written_by_exactly_one_side(database_url: str) -> None:
    with job_table(database_url) as table, native_engine(database_url) as engine:
        if table.dialect == "sqlite":
            table.scalar("PRAGMA journal_mode = WAL")
        ids = table.add(*[make_run(started_at=NOW - HOUR_MS - n) for n in range(RUNS)])
        seen = [
            Seen(run_id, NOW - HOUR_MS - n, None, guard_heartbeat=True)
            for n, run_id in enumerate(ids)
        ]

        finished, cleaned = _race(table, engine, seen)

        left = table.rows()

    assert Counter(finished + cleaned) == Counter(ids)
    assert finished
    assert cleaned
    assert {id_ for id_ in ids if left[id_]["status"] == "SUCCEEDED"} == {*finished}
    assert {id_ for id_ in ids if left[id_]["status"] == "FAILED"} == {*cleaned}
    assert not any(left[run_id]["error"] for run_id in finished)
    assert not any(left[run_id]["result"] for run_id in cleaned)


def _race(
    table: JobTable, engine: NativeEngine, seen: Sequence[Seen]
) -> tuple[list[str], list[str]]:
    """Ids that workers finished by their row counts, and that cleaners were told of."""
    pace = Pace()
    with ThreadPoolExecutor(WORKERS + CLEANERS) as pool:
        working = [
            pool.submit(_work, table, [run.run_id for run in seen[n::WORKERS]], pace)
            for n in range(WORKERS)
        ]
        cleaning = [pool.submit(_clean, engine, seen, pace) for _ in range(CLEANERS)]
        return (
            [run_id for work in working for run_id in work.result()],
            [run_id for clean in cleaning for run_id in clean.result()],
        )


def _clean(engine: NativeEngine, seen: Sequence[Seen], pace: Pace) -> list[str]:
    """Everything, a batch at a time, each at the same time as the other cleaner."""
    marked: list[str] = []
    pace.some_finished.wait(_PATIENCE_S)
    for at in range(0, len(seen), BATCH):
        pace.cleaners.wait(_PATIENCE_S)
        marked += _patiently(
            lambda at=at: (
                engine.mark_stalled(  # type: ignore[misc]
                    seen[at : at + BATCH], reason="it hung", at_ms=NOW
                ).done
            )
        )
        pace.some_cleaned.set()
    return marked


def _patiently(mark: Callable[[], Iterable[str]]) -> Iterable[str]:
    """A busy database refuses a batch as a whole: nothing of it was done."""
    for _ in range(_TRIES):
        try:
            return mark()
        except SourceUnavailableError as error:
            last = error
    raise last


def _work(table: JobTable, run_ids: Sequence[str], pace: Pace) -> list[str]:
    """Finish these runs in no order, as far as they are still ours."""
    order = Random(len(run_ids)).sample(run_ids, len(run_ids))
    finished = []
    with closing(_connect(table)) as connection:
        for number, run_id in enumerate(order):
            if number == len(order) // 4:
                pace.some_cleaned.wait(_PATIENCE_S)
            if _finish(connection, run_id):
                finished.append(run_id)
                pace.some_finished.set()
    return finished


def _connect(table: JobTable) -> Any:
    if table.dialect == "sqlite":
        connection = sqlite3.connect(
            str(make_url(table.url).database), timeout=30, isolation_level=None
        )
        connection.execute("PRAGMA synchronous = OFF")
        return connection
    url = make_url(table.url).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def _finish(connection: Any, run_id: str) -> bool:
    if isinstance(connection, sqlite3.Connection):
        statement = _FINISH.format(now="?", result="?", id="?")
        values: tuple[Any, ...] = (NOW, "{}", int(run_id))
    else:
        statement = _FINISH.format(
            now="to_timestamp(%s / 1000.0)", result="%s::jsonb", id="%s"
        )
        values = (NOW, '{"done": true}', int(run_id))
    return bool(connection.execute(statement, values).rowcount == 1)
