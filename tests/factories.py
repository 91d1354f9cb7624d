"""Runs for tests: as records, and as rows of a real native table."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from sqlalchemy import (
    Engine,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)

from data.clock import HOUR_MS, MINUTE_MS, to_ms
from data.db import Database
from data.engines.native import NativeEngine
from data.engines.native_table import job_runs
from data.model import Job, JobState
from tests.conftest import WEDNESDAY

#: What a FakeClock says until it is advanced, epoch ms.
NOW = to_ms(WEDNESDAY)
_INSTANTS = {
    "enqueued_at": NOW - 2 * HOUR_MS,
    "scheduled_at": None,
    "started_at": None,
    "heartbeat_at": None,
    "finished_at": None,
    "cancel_requested_at": None,
}
_LOOK_S = 0.01
_LIMIT_S = 60.0


def make_job(run_id: str = "1", **changes: Any) -> Job:
    """A run that has been RUNNING for a minute, but for ``changes``."""
    values: dict[str, Any] = {
        "job_name": "send-mail",
        "queue": "default",
        "state": JobState.RUNNING,
        "attempt": 1,
        "worker": "host:1",
        "progress": None,
        **_INSTANTS,
        "started_at": NOW - MINUTE_MS,
        **changes,
    }
    values.setdefault("status_word", values["state"].value)
    return Job(run_id, **values)


def make_run(**changes: Any) -> dict[str, Any]:
    """The row of a run that has been RUNNING for an hour, but for ``changes``."""
    return {
        "job_name": "send-mail",
        "queue": "default",
        "status": "RUNNING",
        "attempt": 1,
        "worker": "host:1",
        "progress": None,
        "error_type": None,
        "error": None,
        **_INSTANTS,
        "started_at": NOW - HOUR_MS,
        **changes,
    }


def finished_run(**changes: Any) -> dict[str, Any]:
    """The row of a run that succeeded just now, but for ``changes``."""
    return make_run(**{"status": "SUCCEEDED", "finished_at": NOW, **changes})


class JobTable:
    """A native table as its owner sees it: any program may write what it likes."""

    def __init__(self, url: str, *, schema: str | None = None) -> None:
        self.url = url
        self.dialect = make_url(url).get_backend_name()
        self.table = job_runs(schema)
        self.owner = _owner(url)

    def create(self) -> "JobTable":
        self.table.metadata.create_all(self.owner)
        return self

    def add(self, *runs: dict[str, Any]) -> list[str]:
        """Insert these rows; their ids in the same order."""
        c = self.table.c
        statement = insert(self.table).returning(c.id, sort_by_parameter_order=True)
        with self.owner.begin() as connection:
            rows = [self._storable(run) for run in runs]
            ids = connection.execute(statement, rows).scalars().all()
        return [str(id_) for id_ in ids]

    def _storable(self, run: dict[str, Any]) -> dict[str, Any]:
        """SQLite keeps JSON as text."""
        if self.dialect == "sqlite" and "params" in run:
            return {**run, "params": json.dumps(run["params"])}
        return run

    def change(self, *run_ids: str, **values: Any) -> int:
        """Update these rows behind everybody's back; how many there were."""
        ids = [int(run_id) for run_id in run_ids]
        statement = update(self.table).where(self.table.c.id.in_(ids))
        with self.owner.begin() as connection:
            return connection.execute(statement.values(**values)).rowcount

    def clear(self) -> None:
        """Delete all rows."""
        with self.owner.begin() as connection:
            connection.execute(delete(self.table))

    def row(self, run_id: str) -> dict[str, Any]:
        return self.rows()[run_id]

    def rows(self) -> dict[str, dict[str, Any]]:
        """All columns of all rows by run id."""
        with self.owner.connect() as connection:
            found = connection.execute(select(self.table)).mappings()
            return {str(row["id"]): dict(row) for row in found}

    def mapping(self, run_id: str) -> dict[str, Any]:
        """Every column that the table has, the contract's or not."""
        asked = text("SELECT * FROM job_runs WHERE id = :id")
        with self.owner.connect() as connection:
            found = connection.execute(asked, {"id": int(run_id)}).mappings()
            return dict(found.one())

    def execute(self, statements: str, **values: Any) -> None:
        with self.owner.begin() as connection:
            for statement in filter(str.strip, statements.split(";")):
                connection.execute(text(statement), values)

    def scalar(self, statement: str, **values: Any) -> Any:
        with self.owner.connect() as connection:
            return connection.execute(text(statement), values).scalar()

    def close(self) -> None:
        self.owner.dispose()


def _owner(url: str) -> Engine:
    place = make_url(url)
    if place.get_backend_name() == "postgresql":
        return create_engine(place.set(drivername="postgresql+psycopg"))
    engine = create_engine(place)

    @event.listens_for(engine, "connect")
    def _without_syncing(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    return engine


@contextmanager
def job_table(url: str, *, schema: str | None = None) -> Iterator[JobTable]:
    """A native table in the empty database at ``url``."""
    table = JobTable(url, schema=schema)
    if schema:
        table.execute(f'CREATE SCHEMA "{schema}"')
    yield table.create()
    table.close()


@contextmanager
def native_engine(url: str, **options: Any) -> Iterator[NativeEngine]:
    """The engine over the database at ``url``."""
    engine = NativeEngine(Database(url, name="orders"), **options)
    yield engine
    engine.close()


def until(condition: Callable[[], object]) -> None:
    """Wait for ``condition``, a minute at most."""
    pause, deadline = Event(), time.monotonic() + _LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("it did not come true")
        pause.wait(_LOOK_S)
