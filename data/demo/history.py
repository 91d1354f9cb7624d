"""Ninety days of a shop's runs, written as one SQLite file."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import ClauseElement

from data.demo import finished_runs, open_runs
from data.demo.rhythm import hours_before
from data.engines.native_table import job_runs

#: How far back the history goes.
DAYS: Final = 90
#: How many finished runs it holds.
RUNS: Final = 1_000_000

_SEED: Final = 20_261
#: The part of the time that writing the rows takes; the rest makes the indexes.
_ROWS_PART: Final = 0.75
#: Nobody reads the file before it is complete, so nothing needs to be safe meanwhile.
_FAST: Final = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -262144",
)


def write_history(
    path: Path,
    *,
    now_ms: int,
    runs: int = RUNS,
    report: Callable[[float], None],
) -> None:
    """Make the database ``path``: ``runs`` finished runs, the newest just before now.

    The same ``now_ms`` and ``runs`` give the same rows. ``report`` hears how far it is,
    0 to 1. The file appears only when it is complete; what a killed run left beside
    it is replaced.
    """
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        for pragma in _FAST:
            connection.execute(pragma)
        connection.execute("BEGIN")
        _write(connection, now_ms=now_ms, runs=runs, report=report)
        connection.execute("COMMIT")
        connection.execute("PRAGMA locking_mode = NORMAL")
        connection.execute("PRAGMA journal_mode = WAL")
    part.replace(path)
    report(1.0)


def _write(
    connection: sqlite3.Connection,
    *,
    now_ms: int,
    runs: int,
    report: Callable[[float], None],
) -> None:
    table = job_runs()
    rng = Random(_SEED)  # noqa: S311 - a demo, and it must repeat
    week = finished_runs.week_load()
    hours = hours_before(now_ms, days=DAYS, runs=runs, week=week, rng=rng)
    connection.execute(_sql(CreateTable(table)))
    for done, rows in enumerate(finished_runs.runs_of(hours, now_ms=now_ms, rng=rng)):
        connection.executemany(finished_runs.INSERT, rows)
        report(_ROWS_PART * done / len(hours))
    connection.executemany(open_runs.INSERT, open_runs.open_runs(now_ms, rng))
    for number, index in enumerate(
        sorted(table.indexes, key=lambda index: str(index.name))
    ):
        connection.execute(_sql(CreateIndex(index)))
        report(_ROWS_PART + (1 - _ROWS_PART) * (number + 1) / (len(table.indexes) + 1))


def _sql(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=sqlite.dialect()))
