"""An action of two statements whose second fails tells what the first one did."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from data.db import Database
from data.engines.base import Cancelled, Marked, Written
from data.engines.dbos import DbosEngine
from data.engines.native import NativeEngine
from data.exceptions import DataError, OutcomeUnknownError, SourceBusyError
from data.model import Job, JobState
from tests.factories import (
    NOW,
    JobTable,
    finished_run,
    job_table,
    make_run,
    native_engine,
)
from tests.flows import Flows

BUSY = SourceBusyError("jobs: busy. Nothing was written there.")
LOST = OutcomeUnknownError("jobs: the connection was lost.")


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        yield made


@pytest.fixture
def engine(table: JobTable) -> Iterator[NativeEngine]:
    with native_engine(table.url) as made:
        yield made


def fail_second(
    monkeypatch: pytest.MonkeyPatch, engine: NativeEngine, error: DataError
) -> None:
    change, calls = engine._writer.change, iter(range(9))

    def failing(*arguments: Any) -> Written:
        if next(calls) == 1:
            raise error
        return change(*arguments)

    monkeypatch.setattr(engine._writer, "change", failing)


def test_a_cancel_tells_what_was_called_off_before_the_table_was_locked(
    table: JobTable, engine: NativeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, running = table.add(make_run(status="PENDING"), make_run())
    fail_second(monkeypatch, engine, BUSY)

    done = engine.cancel([waiting, running], at_ms=NOW)

    assert done == Cancelled([waiting], [], {running: str(BUSY)})
    assert table.row(waiting)["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("status", "error"), [("RUNNING", BUSY), ("RUNNING", LOST), ("PENDING", LOST)]
)
def test_a_cancel_that_did_nothing_or_nobody_knows_what_is_an_error(
    table: JobTable,
    engine: NativeEngine,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    error: DataError,
) -> None:
    ids = table.add(make_run(status=status), make_run())
    fail_second(monkeypatch, engine, error)

    with pytest.raises(type(error), match=str(error)):
        engine.cancel(ids, at_ms=NOW)


@pytest.mark.parametrize("error", [BUSY, LOST])
def test_an_undo_tells_what_was_put_back_before_the_database_failed(
    table: JobTable,
    engine: NativeEngine,
    monkeypatch: pytest.MonkeyPatch,
    error: DataError,
) -> None:
    failed = finished_run(status="FAILED", error_type="Stalled")
    ids = table.add(failed, failed)
    started = failed["started_at"]
    marked = [
        Marked(run_id, started, failed["finished_at"], asked_at)
        for run_id, asked_at in zip(ids, (NOW, None), strict=True)
    ]
    fail_second(monkeypatch, engine, error)

    put_back = engine.unmark_stalled(marked)

    assert put_back == Written({ids[0]: None}, {ids[1]: str(error)})


def test_a_cancel_of_dbos_whose_answer_cannot_be_read_is_unknown(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flows = Flows(sqlite_url)
    flows.add("run")
    with closing(DbosEngine(Database(sqlite_url, name="flows"))) as engine:
        engine.check()
        read, calls = engine.runs, iter(range(9))

        def lost(run_ids: Sequence[str]) -> list[Job]:
            if next(calls) == 1:
                raise BUSY
            return read(run_ids)

        monkeypatch.setattr(engine, "runs", lost)
        with pytest.raises(OutcomeUnknownError, match=str(BUSY)):
            engine.cancel(["run"], at_ms=NOW)
        assert read(["run"])[0].state is JobState.CANCELLED
    flows.owner.dispose()
