"""One read serves everybody; a source that is away keeps its last known rows."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine, make_url, text

from data import snapshot
from data.clock import HOUR_MS, MINUTE_MS
from data.db import Database
from data.engines.native import NativeEngine
from data.model import JobState, Snapshot
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, job_table, make_run

pytestmark = pytest.mark.one_database

POLL_MS = 2_000


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


def reader_of(
    url: str,
    clock: FakeClock,
    *,
    limits: StallLimits | None = StallLimits(),  # noqa: B008
) -> SnapshotReader:
    engine = NativeEngine(Database(url, name="orders"))
    return SnapshotReader(
        "orders", engine, limits=limits, clock=clock, poll_every_ms=POLL_MS
    )


@pytest.fixture
def reader(table: JobTable, clock: FakeClock) -> Iterator[SnapshotReader]:
    made = reader_of(table.url, clock)
    yield made
    made.engine.close()


def lose(table: JobTable) -> None:
    """The database is gone: the file moved away, or the server lets nobody in."""
    if table.dialect == "sqlite":
        _file(table).rename(_file(table).with_suffix(".away"))
    else:
        _let_in(table, anybody=False)


def bring_back(table: JobTable) -> None:
    if table.dialect == "sqlite":
        _file(table).with_suffix(".away").rename(_file(table))
    else:
        _let_in(table, anybody=True)


def _file(table: JobTable) -> Path:
    return Path(str(make_url(table.url).database))


def _let_in(table: JobTable, *, anybody: bool) -> None:
    place = make_url(table.url)
    server = create_engine(
        place.set(database="postgres", drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with server.connect() as connection:
        connection.execute(
            text(f"ALTER DATABASE {place.database} ALLOW_CONNECTIONS {anybody}")
        )
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = :name"
            ),
            {"name": place.database},
        )
    server.dispose()
    table.close()


def ids(read: Snapshot) -> set[str]:
    return {job.run_id for job in read.jobs}


# reading


def test_before_the_first_read_nothing_is_claimed(reader: SnapshotReader) -> None:
    assert reader.latest == Snapshot(source="orders", seq=0, read_at=None)
    assert reader.reads == 0


def test_a_snapshot_holds_runs_counts_and_judgement(
    reader: SnapshotReader, table: JobTable, clock: FakeClock
) -> None:
    stalled, odd, waiting = table.add(
        make_run(),
        make_run(started_at=None),
        make_run(status="PENDING", started_at=None),
    )

    read = reader.current()

    assert (read.seq, read.read_at, read.trouble) == (1, clock.now_ms, None)
    assert ids(read) == {stalled, odd, waiting}
    assert read.counts == {JobState.RUNNING: 2, JobState.PENDING: 1}
    assert set(read.judgement.verdicts) == {stalled}
    assert set(read.judgement.anomalies) == {odd}
    assert read.read_only_reason == ""


def test_without_stall_detection_nothing_is_judged(
    table: JobTable, clock: FakeClock
) -> None:
    table.add(make_run())
    reader = reader_of(table.url, clock, limits=None)

    read = reader.current()

    assert len(read.jobs) == 1
    assert read.judgement == ({}, {})
    reader.engine.close()


def test_it_is_read_again_only_when_the_poll_interval_has_passed(
    reader: SnapshotReader, clock: FakeClock
) -> None:
    first = reader.current()
    clock.advance_ms(POLL_MS - 1)
    reader._read_cost_ms = 0
    assert reader.current() is first

    clock.advance_ms(1)
    assert reader.current().seq == 2
    assert reader.reads == 2


def test_fifty_viewers_cost_one_read(reader: SnapshotReader, clock: FakeClock) -> None:
    viewers = 50
    start = Barrier(viewers)

    def look(_viewer: int) -> Snapshot:
        start.wait()
        return reader.current()

    with ThreadPoolExecutor(viewers) as pool:
        for round_ in range(1, 4):
            seen = list(pool.map(look, range(viewers)))
            assert reader.reads == round_
            assert all(read.seq >= round_ - 1 for read in seen)
            assert reader.current().seq == round_
            clock.advance_ms(HOUR_MS)


def test_the_first_viewers_wait_for_the_first_read(reader: SnapshotReader) -> None:
    viewers = 20
    start = Barrier(viewers)

    def look(_viewer: int) -> int:
        start.wait()
        return reader.current().seq

    with ThreadPoolExecutor(viewers) as pool:
        assert set(pool.map(look, range(viewers))) == {1}


def test_a_refresh_reads_at_once(reader: SnapshotReader, table: JobTable) -> None:
    reader.current()
    table.add(make_run())

    assert len(reader.refresh().jobs) == 1
    assert reader.reads == 2


def test_a_clock_that_is_set_back_does_not_stop_the_reading(
    reader: SnapshotReader, clock: FakeClock
) -> None:
    reader.current()
    clock.advance_ms(-HOUR_MS)

    assert reader.current().seq == 2


def test_a_slow_source_is_left_alone_for_longer(
    reader: SnapshotReader, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three reads that took 1 s each are followed by 20 s of rest; fewer may be chance."""
    seconds = iter(range(100))
    stopwatch = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr(snapshot, "time", stopwatch)

    assert [(reader.refresh(), reader.rest_ms)[1] for _ in range(3)] == [0, 0, 20_000]
    clock.advance_ms(19_999)
    assert not reader.due()
    clock.advance_ms(1)
    assert reader.due()


def test_schema_and_rights_are_looked_at_once_a_minute(
    reader: SnapshotReader, table: JobTable, clock: FakeClock
) -> None:
    reader.refresh()
    table.execute("DROP INDEX job_runs_failed")
    clock.advance_ms(MINUTE_MS - 1)
    reader.refresh()
    assert reader.findings == []

    clock.advance_ms(1)
    reader.refresh()
    assert len(reader.findings) == 1


def test_figures_of_the_last_day_come_with_the_next_snapshot(
    reader: SnapshotReader,
) -> None:
    reader.note_recent(None)
    assert reader.refresh().recent is None


# away and back


def test_a_source_that_goes_away_keeps_its_rows_and_says_since_when(
    reader: SnapshotReader,
    table: JobTable,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="data.snapshot")
    [run_id] = table.add(make_run())
    good = reader.current()
    lose(table)

    since = clock.now_ms + HOUR_MS
    clock.advance_ms(HOUR_MS)
    for n in range(5):
        read = reader.current()
        assert ids(read) == {run_id}
        assert read.read_at == good.read_at == NOW
        assert read.counts == good.counts
        assert read.trouble
        assert read.trouble.since == since
        assert read.seq == n + 2
        clock.advance_ms(POLL_MS)

    bring_back(table)
    read = reader.current()

    assert read.trouble is None
    assert read.read_at == clock.now_ms
    assert ids(read) == {run_id}
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.messages[1] == "source orders: answers again"


def test_a_source_that_is_away_at_the_start_is_found_when_it_comes(
    sqlite_url: str, clock: FakeClock
) -> None:
    reader = reader_of(sqlite_url, clock)
    read = reader.current()
    assert read.read_at is None
    assert read.trouble
    assert "there is no database file" in read.trouble.message

    with job_table(sqlite_url) as table:
        table.add(make_run())
        clock.advance_ms(POLL_MS)
        read = reader.current()

    assert read.trouble is None
    assert len(read.jobs) == 1
    reader.engine.close()


def test_a_file_that_is_replaced_is_read(
    sqlite_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    with (
        job_table(sqlite_url) as table,
        job_table(f"sqlite:///{tmp_path / 'other.db'}") as other,
    ):
        reader = reader_of(sqlite_url, clock)
        table.add(make_run(job_name="old"))
        assert {job.job_name for job in reader.current().jobs} == {"old"}

        other.add(make_run(job_name="new"))
        (tmp_path / "other.db").replace(tmp_path / "jobs.db")
        clock.advance_ms(POLL_MS)

        assert {job.job_name for job in reader.current().jobs} == {"new"}
        reader.engine.close()


def test_a_server_whose_connections_were_cut_is_read_as_if_nothing_had_been(
    postgresql_url: str, clock: FakeClock
) -> None:
    with job_table(postgresql_url) as table:
        reader = reader_of(postgresql_url, clock)
        reader.current()
        _let_in(table, anybody=True)
        clock.advance_ms(POLL_MS)

        assert reader.current().trouble is None
        reader.engine.close()


def test_a_table_that_is_dropped_and_made_again_by_the_mend(
    reader: SnapshotReader, table: JobTable, clock: FakeClock
) -> None:
    reader.current()
    table.execute("DROP TABLE job_runs")
    clock.advance_ms(POLL_MS)
    reader.current()
    clock.advance_ms(POLL_MS)
    trouble = reader.current().trouble

    assert trouble
    assert trouble.message == "orders: there is no table job_runs."
    assert trouble.since == NOW + POLL_MS
    table.execute(trouble.mend)
    clock.advance_ms(POLL_MS)
    assert reader.current().trouble is None
