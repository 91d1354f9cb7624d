"""What the doctor finds, and that its mend makes the finding go away."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from data.clock import DAY_MS, Clock, utc_now
from data.db import Database
from data.doctor import Finding, examine, is_well
from data.engines.base import Grade
from data.engines.doctoring import surroundings
from data.engines.native import NativeEngine
from data.snapshot import SnapshotReader, Source
from data.store import open_store
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


def source_of(url: str, *, read_only: bool = False) -> Source:
    engine = NativeEngine(Database(url, name="Orders"), read_only=read_only)
    reader = SnapshotReader(
        "orders", engine, limits=None, clock=FakeClock(), poll_every_ms=2_000
    )
    return Source(
        name="orders",
        label="Orders",
        engine=engine,
        dialect=url.split(":", maxsplit=1)[0],
        reader=reader,
    )


def look(
    url: str, store: Path, *, clock: Clock | None = None, read_only: bool = False
) -> list[Finding]:
    source = source_of(url, read_only=read_only)
    try:
        ours = clock or (FakeClock() if url.startswith("sqlite") else utc_now)
        return examine({"orders": source}, f"sqlite:///{store / 'store.db'}", ours)
    finally:
        source.engine.close()


def wrong(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(f.what, f.mend) for f in findings if f.grade is Grade.MEND]


def make_wal(table: JobTable) -> None:
    if table.dialect == "sqlite":
        with table.owner.connect() as connection:
            connection.execute(text("PRAGMA journal_mode=WAL"))


def test_all_is_well_where_it_is(table: JobTable, tmp_path: Path) -> None:
    make_wal(table)
    table.add(*(finished_run(finished_at=NOW - n) for n in range(500)))

    found = look(table.url, tmp_path)

    assert wrong(found) == []
    assert is_well(found)
    assert {f.what for f in found if f.where == "orders"} >= {
        *("reachable", "schema", "rights", "index", "plan"),
    }
    assert len([f for f in found if f.what == "plan"]) == 9
    assert not (tmp_path / "store.db").exists()
    assert "will be made at the first start" in found[-1].message


@pytest.mark.parametrize(
    "index", ["job_runs_finished", "job_runs_name_finished", "job_runs_failed"]
)
def test_a_missing_index_is_named_and_its_ddl_mends_it(
    table: JobTable, tmp_path: Path, index: str
) -> None:
    make_wal(table)
    table.execute(f"DROP INDEX {index}")

    found = look(table.url, tmp_path)

    [mend] = [mend for what, mend in wrong(found) if what == "index"]
    assert mend.startswith(f"CREATE INDEX {index} ON job_runs")
    # the others' questions can do with that one, if worse
    slow = any(what == "plan" for what, _ in wrong(found))
    assert slow == (index == "job_runs_finished")
    table.execute(mend)
    assert wrong(look(table.url, tmp_path)) == []


def test_an_index_on_heartbeats_is_told(table: JobTable, tmp_path: Path) -> None:
    make_wal(table)
    table.execute("CREATE INDEX slow ON job_runs (heartbeat_at)")

    [(what, mend)] = wrong(look(table.url, tmp_path))

    assert (what, mend) == ("index", "DROP INDEX slow;")
    table.execute(mend)
    assert wrong(look(table.url, tmp_path)) == []


def test_a_table_or_column_that_is_missing_comes_with_its_ddl(
    table: JobTable, tmp_path: Path
) -> None:
    table.execute("ALTER TABLE job_runs DROP COLUMN progress")
    [(what, mend)] = wrong(look(table.url, tmp_path))
    assert what == "schema"
    table.execute(mend)
    table.execute("DROP TABLE job_runs")

    [(what, mend)] = wrong(look(table.url, tmp_path))

    assert what == "schema"
    assert mend.startswith("CREATE TABLE job_runs") or "CREATE TABLE" in mend


def test_a_source_that_is_away_does_not_hide_the_store(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path / 'store.db'}").close()

    found = look(f"sqlite:///{tmp_path / 'nothing.db'}", tmp_path)

    assert [(f.where, f.what, f.grade) for f in found] == [
        ("orders", "reachable", Grade.MEND),
        ("store", "version", Grade.OK),
    ]
    assert "writable and of this version" in found[1].message


def test_a_source_that_may_only_be_read_is_a_note(
    table: JobTable, tmp_path: Path
) -> None:
    make_wal(table)

    found = look(table.url, tmp_path, read_only=True)

    [note] = [f for f in found if f.grade is Grade.NOTE]
    assert (note.what, note.message) == (
        "rights",
        "This source is configured as read-only.",
    )
    assert is_well(found)


def test_the_journal_mode_of_a_file_is_told(sqlite_url: str, tmp_path: Path) -> None:
    with job_table(sqlite_url) as table:
        table.execute("PRAGMA journal_mode=DELETE")

        assert wrong(look(sqlite_url, tmp_path)) == [
            ("journal", "PRAGMA journal_mode=WAL;")
        ]


@pytest.mark.parametrize(
    ("at", "what"), [(NOW // 1000, "units"), (NOW + 2 * DAY_MS, "clock")]
)
def test_seconds_and_ends_in_the_future_are_told(
    sqlite_url: str, tmp_path: Path, at: int, what: str
) -> None:
    with job_table(sqlite_url) as table:
        make_wal(table)
        table.add(finished_run(finished_at=at, started_at=at))

        assert [found for found, _ in wrong(look(sqlite_url, tmp_path))] == [what]


def test_a_servers_clock_that_differs_is_told(
    postgresql_url: str, tmp_path: Path
) -> None:
    def a_minute_ago() -> datetime:
        return utc_now() - timedelta(minutes=1)

    with job_table(postgresql_url):
        found = look(postgresql_url, tmp_path, clock=a_minute_ago)

    [clock] = [f for f in found if f.what == "clock"]
    assert clock.grade is Grade.MEND
    assert re.search(r"is (59|60)\.\d s ahead of", clock.message)


def test_an_answer_that_takes_long_is_no_clock_that_differs(
    postgresql_url: str,
) -> None:
    ahead_s = iter([-30, 30])  # as the question is asked, and when the answer is there
    database = Database(postgresql_url, name="Orders")

    with database.connection() as connection:
        clock = next(
            surroundings(
                connection, lambda: utc_now() + timedelta(seconds=next(ahead_s))
            )
        )

    assert (clock.what, clock.grade) == ("clock", Grade.OK)
    database.close()


def test_a_store_that_is_newer_is_told(sqlite_url: str, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with store.database.writing() as connection:
        connection.execute(text("UPDATE job_manager_version SET version_num = '9999'"))
    store.close()
    with job_table(sqlite_url) as table:
        make_wal(table)
        found = look(sqlite_url, tmp_path)

    assert [f.where for f in found if f.grade is Grade.MEND] == ["store"]
    assert "newer Job Manager" in found[-1].message
