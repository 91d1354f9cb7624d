"""Databases that are made once and copied: to make tables takes longer than most tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from tests.databases import new_database
from tests.flows import Flows


@pytest.fixture
def own_store_url(tmp_path: Path, made_sqlite_store: Path) -> str:
    """The URL of an empty store in a file of its own, beside those of sources."""
    return f"sqlite:///{shutil.copy(made_sqlite_store, tmp_path / 'store.db')}"


@pytest.fixture(scope="session")
def made_sqlite_flows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tables of DBOS."""
    made = tmp_path_factory.mktemp("made") / "flows.db"
    Flows(f"sqlite:///{made}").owner.dispose()
    return made


@pytest.fixture(scope="session")
def made_postgresql_flows(
    postgresql_server: URL, database_numbers: Iterator[int]
) -> Iterator[str]:
    """The name of a database with the tables of DBOS."""
    with new_database(postgresql_server, database_numbers) as url:
        Flows(url).owner.dispose()
        yield str(make_url(url).database)


@pytest.fixture
def sqlite_flows_url(tmp_path: Path, made_sqlite_flows: Path) -> str:
    """The URL of a SQLite file with the empty tables of DBOS."""
    return f"sqlite:///{shutil.copy(made_sqlite_flows, tmp_path / 'flows.db')}"


@pytest.fixture
def postgresql_flows_url(
    postgresql_server: URL,
    database_numbers: Iterator[int],
    made_postgresql_flows: str,
) -> Iterator[str]:
    """The URL of a PostgreSQL database with the empty tables of DBOS."""
    with new_database(
        postgresql_server, database_numbers, like=made_postgresql_flows
    ) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def flows_url(request: pytest.FixtureRequest) -> str:
    """The URL of empty tables of DBOS: the test runs once on each kind of database."""
    url: str = request.getfixturevalue(f"{request.param}_flows_url")
    return url
