import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from data.clock import to_ms
from data.demo.history import write_history
from data.demo.orders import Orders
from tests.data.demo.shop import NOON, RUNS, Shop, chance


@pytest.fixture(scope="session")
def history_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("history") / "orders.db"
    write_history(path, now_ms=to_ms(NOON), runs=RUNS, report=lambda _part: None)
    return path


@pytest.fixture
def history(history_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(
        sqlite3.connect(f"file:{history_path}?mode=ro", uri=True)
    ) as connection:
        yield connection


@pytest.fixture
def empty_path(tmp_path: Path) -> Path:
    """A demo database with the open runs of the start and no history."""
    path = tmp_path / "orders.db"
    write_history(path, now_ms=to_ms(NOON), runs=0, report=lambda _part: None)
    return path


@pytest.fixture
def shop(empty_path: Path) -> Iterator[Shop]:
    """An empty job table with one worker, at noon."""
    with closing(sqlite3.connect(empty_path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM job_runs")
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = OFF")
        orders = Orders(connection, "demo-worker:1")
        yield Shop(connection, orders, chance(), to_ms(NOON))
