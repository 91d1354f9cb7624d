"""What is no instant, and no number, is told as it is; the run is there all the same."""

import sqlite3
from collections.abc import Iterator

import pytest

from data.clock import LAST_MS
from data.engines.base import JobEngine
from data.model import Job, RunFilter
from tests.factories import (
    NOW,
    JobTable,
    finished_run,
    job_table,
    make_run,
    native_engine,
)


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[tuple[JobTable, JobEngine]]:
    with job_table(sqlite_url) as table, native_engine(sqlite_url) as engine:
        yield table, engine


@pytest.fixture
def on_postgresql(postgresql_url: str) -> Iterator[tuple[JobTable, JobEngine]]:
    with job_table(postgresql_url) as table, native_engine(postgresql_url) as engine:
        yield table, engine


def everywhere(engine: JobEngine, run_id: str) -> list[Job]:
    """The run out of its page and out of its details."""
    details = engine.details(run_id)
    assert details is not None
    jobs = engine.page(RunFilter()).jobs
    return [*(job for job in jobs if job.run_id == run_id), details.job]


@pytest.mark.parametrize(
    ("value", "instant", "odd"),
    [
        ("soon", None, "soon"),
        ("2026-11-30 23:09:47", None, "2026-11-30 23:09:47"),
        (b"\xff\x00", None, "\ufffd\0"),
        (float("inf"), None, "inf"),
        ("x" * 500, None, "x" * 100),
        (NOW * 1000, NOW * 1000, None),
        (-(2**63), -(2**63), None),
        (12.5, 12, None),
        (None, None, None),
    ],
)
def test_sqlite_takes_anything_in_an_instant(
    on_sqlite: tuple[JobTable, JobEngine],
    value: object,
    instant: int | None,
    odd: str | None,
) -> None:
    table, engine = on_sqlite
    run_id, other = table.add(finished_run(), finished_run())
    with sqlite3.connect(table.owner.url.database or "") as raw:
        raw.execute("UPDATE job_runs SET heartbeat_at = ? WHERE id = 1", (value,))

    for job in everywhere(engine, run_id):
        assert job.heartbeat_at == instant
        assert job.odd == ((("heartbeat_at", odd),) if odd is not None else ())
    assert all(job.odd == () for job in everywhere(engine, other))


def test_sqlite_takes_anything_for_a_number(
    on_sqlite: tuple[JobTable, JobEngine],
) -> None:
    table, engine = on_sqlite
    [run_id] = table.add(finished_run())
    table.execute("UPDATE job_runs SET attempt = 'third', progress = 'half'")

    for job in everywhere(engine, run_id):
        assert (job.attempt, job.progress) == (1, None)
        assert job.odd == (("attempt", "third"), ("progress", "half"))


@pytest.mark.parametrize(
    ("value", "odd"),
    [
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("0044-03-15 12:00:00+00 BC", "0044-03-15 12:00:00+00 BC"),
        ("12345-01-01 00:00:00+00", "12345-01-01 00:00:00+00"),
    ],
)
def test_postgresql_has_instants_that_no_calendar_has(
    on_postgresql: tuple[JobTable, JobEngine], value: str, odd: str
) -> None:
    table, engine = on_postgresql
    run_id, other = table.add(finished_run(), finished_run())
    table.execute(
        f"UPDATE job_runs SET heartbeat_at = '{value}', started_at = '{value}'"  # noqa: S608
        " WHERE id = 1"
    )

    for job in everywhere(engine, run_id):
        assert (job.started_at, job.heartbeat_at) == (None, None)
        assert dict(job.odd) == {"started_at": odd, "heartbeat_at": odd}
    assert all(job.odd == () for job in everywhere(engine, other))


def test_the_last_instant_of_the_calendar_is_one(
    on_postgresql: tuple[JobTable, JobEngine],
) -> None:
    table, engine = on_postgresql
    [run_id] = table.add(finished_run(heartbeat_at=LAST_MS))

    for job in everywhere(engine, run_id):
        assert (job.heartbeat_at, job.odd) == (LAST_MS, ())


def test_a_look_at_the_table_survives_an_endless_instant(
    on_sqlite: tuple[JobTable, JobEngine],
) -> None:
    table, engine = on_sqlite
    table.add(make_run())
    table.execute("UPDATE job_runs SET started_at = 1e999, enqueued_at = 1e999")

    engine.check()
    assert len(engine.open_runs().jobs) == 1
