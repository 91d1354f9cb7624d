"""What nobody foresaw while a source is read is an error of that source, told once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from data.clock import SECOND_MS
from data.db import Database
from data.engines.native import NativeEngine
from data.exceptions import SourceUnavailableError
from data.model import OpenRuns, Snapshot
from data.monitor import SourceWatch
from data.monitor.outages import Outages
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.tracking import install, uninstall
from data.tracking.tracker import Tracker
from tests.composing import composed
from tests.conftest import FakeClock
from tests.factories import JobTable, job_table, make_run

POLL_MS = 2_000
#: A watch looks so often.
LOOK_MS = 250
SENTENCE = "orders: reading failed unexpectedly (ZeroDivisionError: division by zero)."


class Breaking(NativeEngine):
    """Fails as it is told to."""

    error: Exception | None = None
    probe_error: Exception | None = None

    def open_runs(self) -> OpenRuns:
        if self.error:
            raise self.error
        return super().open_runs()

    def probe(self) -> object:
        if self.probe_error:
            raise self.probe_error
        return super().probe()


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        yield made


@pytest.fixture
def engine(table: JobTable) -> Iterator[Breaking]:
    made = Breaking(Database(table.url, name="orders"))
    yield made
    made.close()


@pytest.fixture
def source(engine: Breaking, clock: FakeClock) -> Source:
    reader = SnapshotReader(
        "orders", engine, limits=StallLimits(), clock=clock, poll_every_ms=POLL_MS
    )
    return Source(
        name="orders", label="Orders", engine=engine, dialect="sqlite", reader=reader
    )


def division() -> ZeroDivisionError:
    return ZeroDivisionError("division by zero")


def watched(source: Source, clock: FakeClock, *hear: object) -> SourceWatch:
    return SourceWatch(source, clock=clock, publish=[*hear], probing=True)  # type: ignore[list-item]


def look_for(watch: SourceWatch, clock: FakeClock, span_ms: int) -> None:
    for _ in range(0, span_ms, LOOK_MS):
        watch.step()
        clock.advance_ms(LOOK_MS)


def test_it_is_shown_as_an_error_of_the_source_and_the_rows_stay(
    source: Source, engine: Breaking, table: JobTable, clock: FakeClock
) -> None:
    table.add(make_run())
    good = source.reader.current()
    engine.error = division()
    clock.advance_ms(POLL_MS)

    read = source.reader.current()

    assert read.jobs == good.jobs
    assert read.read_at == good.read_at
    assert read.trouble
    assert read.trouble.message == SENTENCE
    assert not read.trouble.unreachable


def test_a_secret_in_its_message_is_shown_to_nobody(
    source: Source, engine: Breaking
) -> None:
    engine.error = ValueError("postgresql://me:s3cret@host/db")

    trouble = source.reader.current().trouble

    assert trouble
    assert "s3cret" not in trouble.message


def test_it_is_tried_less_and_less_often_and_told_once(
    source: Source,
    engine: Breaking,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.error = division()
    watch = watched(source, clock)

    look_for(watch, clock, 20 * SECOND_MS)

    assert source.reader.reads == 3  # at 0 s, 4 s and 12 s
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.records[0].exc_info
    assert caplog.records[0].exc_info[1] is engine.error


def test_it_is_tracked_once_with_its_traceback(
    source: Source, engine: Breaking, clock: FakeClock, tmp_path: Path
) -> None:
    with composed(clock, f"sqlite:///{tmp_path / 'none.db'}", tmp_path) as made:
        tracker = Tracker(made.deps.store.errors, clock=clock)
        install(tracker)
        watch = watched(source, clock, Outages().note)
        engine.error = division()
        look_for(watch, clock, 20 * SECOND_MS)
        uninstall(tracker)

    [event] = tracker.recent()
    assert event.type == "ZeroDivisionError"
    assert event.action == "loadActiveJobs"


def test_another_cause_within_an_outage_is_told_too(
    source: Source,
    engine: Breaking,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.error = SourceUnavailableError("orders: away.")
    source.reader.refresh()
    since = clock.now_ms
    engine.error = division()
    clock.advance_ms(POLL_MS)

    read = source.reader.refresh()

    assert read.trouble
    assert read.trouble.since == since
    assert caplog.messages == [
        "source orders: orders: away.",
        f"source orders: {SENTENCE}",
    ]


def test_once_it_is_over_the_source_is_read_as_before(
    source: Source, engine: Breaking, clock: FakeClock
) -> None:
    engine.error = division()
    for _ in range(20):
        source.reader.refresh()
    assert source.reader.rest_ms == 30 * SECOND_MS
    engine.error = None
    clock.advance_ms(30 * SECOND_MS)

    assert source.reader.current().trouble is None
    clock.advance_ms(POLL_MS)
    assert source.reader.due()


def test_a_failing_probe_is_told_once_and_the_poll_goes_on(
    source: Source,
    engine: Breaking,
    table: JobTable,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine.probe_error = division()
    told: list[Snapshot] = []
    watch = watched(source, clock, told.append)
    watch.step()
    table.add(make_run())

    look_for(watch, clock, 2 * POLL_MS)

    assert len(told[-1].jobs) == 1
    assert caplog.messages == [
        "looking for changes of orders failed; it is tried again"
    ]


def test_who_cannot_take_a_snapshot_keeps_it_from_no_other(
    source: Source, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Snapshot] = []

    def fail(_snapshot: Snapshot) -> None:
        raise ZeroDivisionError

    watch = watched(source, clock, fail, told.append)
    look_for(watch, clock, 3 * POLL_MS)

    assert len(told) >= 3
    assert len(caplog.records) == 1


def test_readyz_answers_that_the_source_cannot_be_read(
    table: JobTable, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_engine: NativeEngine) -> OpenRuns:
        raise division()

    monkeypatch.setattr(NativeEngine, "open_runs", fail)
    with composed(clock, table.url, tmp_path) as made:
        answer = TestClient(made.asgi, base_url="http://127.0.0.1:8050").get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["sources"] == {
        "jobs": "jobs: reading failed unexpectedly "
        "(ZeroDivisionError: division by zero)."
    }
