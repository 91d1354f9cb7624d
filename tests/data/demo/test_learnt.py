"""The demo's store looks as if somebody had watched for ninety days."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, to_ms
from data.demo.history import write_history
from data.demo.learnt import prepare_store
from tests.data.demo.shop import NOON

NOON_MS = to_ms(NOON)
#: Enough for some that take too long.
RUNS = 60_000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("learnt")
    orders = made / "orders.db"
    write_history(orders, now_ms=NOON_MS, runs=RUNS, report=lambda _part: None)
    prepare_store(made / "store.db", orders, now_ms=NOON_MS)
    return made


@pytest.fixture
def learnt(place: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(place / "store.db")) as connection:
        yield connection


def rows(connection: sqlite3.Connection, statement: str) -> list[tuple[int, ...]]:
    return connection.execute(statement).fetchall()


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("viewer_slot", "slot"),
        ("viewing_slot", "slot"),
        ("error_event", "at"),
        ("alert_episode", "fired_at"),
    ],
)
def test_each_kind_reaches_from_ninety_days_ago_to_now(
    learnt: sqlite3.Connection, table: str, column: str
) -> None:
    [(first, last, most)] = rows(
        learnt,
        f"SELECT min({column}), max({column}), count(*) FROM {table}",  # noqa: S608
    )

    assert most > 10
    assert 80 * DAY_MS < NOON_MS - first <= 91 * DAY_MS
    assert 0 < NOON_MS - last < 8 * DAY_MS


def test_the_same_now_gives_the_same_store_whatever_a_killed_start_left(
    place: Path, tmp_path: Path, learnt: sqlite3.Connection
) -> None:
    (tmp_path / "store.db.part").write_bytes(b"SQLite format 3\0 and then the end")
    (tmp_path / "store.db.part-wal").write_bytes(b"half a log")

    prepare_store(tmp_path / "store.db", place / "orders.db", now_ms=NOON_MS)

    assert [file.name for file in tmp_path.iterdir()] == ["store.db"]
    with closing(sqlite3.connect(tmp_path / "store.db")) as other:
        for table in ("viewer_slot", "viewing_slot", "alert_episode", "viewer_report"):
            statement = f"SELECT * FROM {table}"  # noqa: S608
            assert rows(other, statement) == rows(learnt, statement)


def test_nobody_saw_more_than_the_time_that_passed(learnt: sqlite3.Connection) -> None:
    [(longest,)] = rows(
        learnt, "SELECT max(good_s + stale_s + disconnected_s) FROM viewer_slot"
    )

    assert longest <= 15 * MINUTE_MS / 1000
    assert rows(learnt, "SELECT * FROM viewing_slot WHERE good_minutes > minutes") == []


def test_the_uptime_is_above_its_target_and_not_perfect(
    learnt: sqlite3.Connection,
) -> None:
    [(good, all_)] = rows(
        learnt, "SELECT sum(good_minutes), sum(minutes) FROM viewing_slot"
    )

    assert 0.99 < good / all_ < 0.9995


def test_alerts_were_told_of_before_they_were_over(learnt: sqlite3.Connection) -> None:
    odd = "fired_at < active_at OR resolved_at <= fired_at OR acked_at > resolved_at"

    assert rows(learnt, f"SELECT * FROM alert_episode WHERE {odd}") == []  # noqa: S608


def test_some_finished_runs_took_longer_than_they_may(place: Path) -> None:
    with closing(sqlite3.connect(place / "orders.db")) as orders:
        [(many, longest)] = rows(
            orders,
            "SELECT count(*), max(finished_at - started_at) "
            "FROM job_runs WHERE finished_at - started_at > 1800000 "
            "AND job_name <> 'nightly-invoices'",
        )

    assert 3 < many < 40
    assert longest < 3 * HOUR_MS
