"""A page's cursors: each run is a place to go on at, and what was made up is refused."""

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from data.clock import HOUR_MS
from data.db import Database
from data.engines import windows
from data.engines.base import JobEngine
from data.engines.dbos import DbosEngine
from data.exceptions import InvalidRequestError
from data.model import RunFilter
from tests.factories import NOW, JobTable, finished_run, job_table, make_run
from tests.factories import native_engine as opened
from tests.flows import Flows


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


@pytest.fixture
def native(database_url: str, table: JobTable) -> Iterator[JobEngine]:
    with opened(database_url) as made:
        yield made


def walk(engine: JobEngine, limit: int, **words: Any) -> list[str]:
    """The ids of every page; fails when one comes twice."""
    found: list[str] = []
    page = engine.page(RunFilter(**words), limit=limit)
    while True:
        found += [job.run_id for job in page.jobs]
        assert len(found) == len(set(found))
        if page.next is None:
            return found
        page = engine.page(RunFilter(**words), after=page.next, limit=limit)


def test_a_page_goes_on_after_any_of_its_runs(
    table: JobTable, native: JobEngine
) -> None:
    table.add(*(finished_run(finished_at=NOW - at) for at in (3, 2, 2, 1)))
    table.add(make_run(), make_run())
    page = native.page(RunFilter())

    ids = [job.run_id for job in page.jobs]
    assert len(ids) == len(page.cursors) == 6
    for taken, cursor in enumerate(page.cursors, start=1):
        rest = native.page(RunFilter(), after=cursor)
        assert [job.run_id for job in rest.jobs] == ids[taken:]


def test_negative_ids_are_paged_like_others(table: JobTable, native: JobEngine) -> None:
    table.add(*(make_run(id=id_) for id_ in (-7, 7, -9)))
    table.add(*(finished_run(id=id_) for id_ in (-1, 1, -3, 3)))

    assert walk(native, 1) == ["7", "-7", "-9", "3", "1", "-1", "-3"]


def test_a_search_that_is_stopped_repeats_no_negative_id(
    table: JobTable, native: JobEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "SEARCH_LIMIT_S", 0)
    first = NOW + 1 - HOUR_MS  # where the first window begins
    table.add(finished_run(id=5), finished_run(id=-5, finished_at=first))

    assert walk(native, 50, queue="default") == ["5", "-5"]


def test_sqlite_fractions_of_a_millisecond_are_no_gap(sqlite_url: str) -> None:
    with job_table(sqlite_url) as table, opened(sqlite_url) as engine:
        ids = table.add(*(finished_run() for _ in range(4)))
        with sqlite3.connect(table.owner.url.database or "") as raw:
            for id_, finer in zip(ids, (0.75, 0.5, 0.25, 0), strict=True):
                change = "UPDATE job_runs SET finished_at = ? WHERE id = ?"
                raw.execute(change, (NOW + finer, id_))

        assert walk(engine, 1) == ids


@pytest.mark.parametrize(
    "cursor",
    [
        "o9999999999999999999",
        "o-9999999999999999999",
        "f999999999999999999.1",
        "f-999999999999999999.1",
        "f1.9999999999999999999",
        "f1+1.1",
    ],
)
def test_a_cursor_beyond_every_calendar_and_id_is_refused(
    native: JobEngine, cursor: str
) -> None:
    with pytest.raises(InvalidRequestError, match="start again"):
        native.page(RunFilter(), after=cursor)


@pytest.fixture
def flows(database_url: str) -> Iterator[Flows]:
    made = Flows(database_url)
    yield made
    made.owner.dispose()


@pytest.fixture
def dbos(flows: Flows) -> Iterator[DbosEngine]:
    made = DbosEngine(Database(flows.url, name="flows"))
    yield made
    made.close()


def test_a_cursor_is_short_however_long_the_id_is(
    flows: Flows, dbos: DbosEngine
) -> None:
    long = ["ä" * 700 + letter for letter in "abc"]
    for run_id in long:
        flows.done(run_id)
        flows.add(f"open-{run_id}")

    page = dbos.page(RunFilter())

    assert max(map(len, page.cursors)) < 100
    ids = [job.run_id for job in page.jobs]
    assert walk(dbos, 1) == ids
    assert len(ids) == 6


def test_the_cursor_of_a_long_id_that_is_gone_is_refused(dbos: DbosEngine) -> None:
    with pytest.raises(InvalidRequestError, match="start again"):
        dbos.page(RunFilter(), after=f"f{NOW}#{'0' * 64}")


def test_an_open_run_that_has_an_end_is_shown_once(
    flows: Flows, dbos: DbosEngine
) -> None:
    flows.done("odd", "ENQUEUED")
    flows.done("over")

    assert walk(dbos, 1) == ["odd", "over"]
    assert all(a != b for a, b in pairwise(dbos.page(RunFilter()).cursors))
    assert dbos.count(RunFilter(), up_to=9) == 2
