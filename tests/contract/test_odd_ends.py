"""Runs whose end is no instant: after all others, every one of them, by index."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from data.db import Database
from data.engines import odd_ends
from data.engines.base import JobEngine
from data.engines.dbos import DbosEngine
from data.exceptions import InvalidRequestError
from data.model import JobState, RunFilter
from tests.contract.test_cursors import walk
from tests.factories import NOW, JobTable, finished_run, job_table, make_run
from tests.factories import native_engine as opened
from tests.flows import Flows

#: In the order of the index: what is later than the calendar, and what is earlier.
ENDS: dict[str, list[Any]] = {
    "sqlite": ["'soon'", "'infinity'", "9e999", f"{NOW}000", f"{NOW}000", f"-{NOW}000"],
    "postgresql": ["'infinity'", "'20000-01-01'", "'20000-01-01'", "'4000-01-01 BC'"],
}


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


@pytest.fixture
def native(database_url: str, table: JobTable) -> Iterator[JobEngine]:
    with opened(database_url) as made:
        yield made


def with_odd_ends(table: JobTable) -> list[str]:
    """A run for each of them; their ids in the order of the history."""
    ends = ENDS[table.dialect]
    ids = table.add(*(finished_run() for _ in ends))
    for id_, end in zip(ids, ends, strict=True):
        change = f"UPDATE job_runs SET finished_at = {end} WHERE id = :id"  # noqa: S608
        table.execute(change, id=int(id_))
    # two of them end at the same time: the newer one comes first
    same = next(at for at, end in enumerate(ends) if end == ends[at + 1])
    ids[same], ids[same + 1] = ids[same + 1], ids[same]
    return ids


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_they_come_last_and_once(
    table: JobTable, native: JobEngine, limit: int
) -> None:
    odd = with_odd_ends(table)
    done = table.add(finished_run(), finished_run(finished_at=NOW - 1))
    waiting = table.add(make_run())

    assert walk(native, limit) == [*waiting, *done, *odd]


def test_a_page_goes_on_after_any_of_them(table: JobTable, native: JobEngine) -> None:
    with_odd_ends(table)
    table.add(finished_run(), make_run())
    page = native.page(RunFilter())

    ids = [job.run_id for job in page.jobs]
    for taken, cursor in enumerate(page.cursors, start=1):
        rest = native.page(RunFilter(), after=cursor)
        assert [job.run_id for job in rest.jobs] == ids[taken:]


@pytest.mark.parametrize(
    ("words", "is_there"),
    [
        ({"states": frozenset({JobState.SUCCEEDED})}, True),
        ({"states": frozenset({JobState.FAILED})}, False),
        ({"states": frozenset({JobState.RUNNING})}, False),
        ({"job_name": "mail"}, True),
        ({"job_name": "other"}, False),
        ({"queue": "default"}, True),
        ({"queue": "other"}, False),
        ({"text": "nowhere"}, False),
        ({"since_ms": 0}, False),
        ({"until_ms": NOW}, False),
    ],
)
def test_filters_hold_for_them_and_they_are_in_no_span(
    table: JobTable, native: JobEngine, words: dict[str, Any], *, is_there: bool
) -> None:
    odd = with_odd_ends(table)
    table.execute("UPDATE job_runs SET job_name = 'mail', queue = 'default'")

    assert walk(native, 2, **words) == (odd if is_there else [])
    counted = native.count(RunFilter(**words), up_to=100)
    assert counted in (None, len(odd) if is_there else 0)


def test_they_are_counted(table: JobTable, native: JobEngine) -> None:
    odd = with_odd_ends(table)
    table.add(finished_run(), make_run())

    assert native.count(RunFilter(), up_to=100) == len(odd) + 2
    assert native.count(RunFilter(), up_to=3) == 3


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_a_search_among_many_of_them_is_stopped_and_goes_on(
    table: JobTable,
    native: JobEngine,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    monkeypatch.setattr(odd_ends, "AT_ONCE", at_once)
    monkeypatch.setattr(odd_ends, "SEARCH_LIMIT_S", 0)
    odd = with_odd_ends(table)
    table.execute("UPDATE job_runs SET queue = 'rare' WHERE id = :id", id=int(odd[-1]))

    assert walk(native, 50, queue="rare") == odd[-1:]
    assert walk(native, 2) == odd


def test_one_that_got_an_end_meanwhile_is_no_place_to_go_on(
    table: JobTable, native: JobEngine
) -> None:
    odd = with_odd_ends(table)
    page = native.page(RunFilter(), limit=1)
    table.execute("DELETE FROM job_runs WHERE id = :id", id=int(odd[0]))

    with pytest.raises(InvalidRequestError, match="start again"):
        native.page(RunFilter(), after=page.next)


def test_an_index_answers(table: JobTable, native: JobEngine) -> None:
    with_odd_ends(table)
    asked: list[tuple[str, Any]] = []
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[table.dialect]

    def note(_conn: Connection, _cursor: Any, words: str, values: Any, *_: Any) -> None:
        if "finished_at >" in words or "finished_at <" in words:
            asked.append((words, values))

    engine = native._db._reading  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", note)
    pages = walk(native, 1)
    event.remove(engine, "before_cursor_execute", note)

    assert len(pages) == len(ENDS[table.dialect])
    assert len(asked) > 2 * len(pages)
    with table.owner.connect() as connection:
        if table.dialect == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
        for words, values in asked:
            rows = connection.exec_driver_sql(f"{explain} {words}", values)
            plan = "\n".join(str(row) for row in rows)
            assert "SCAN job_runs" not in plan, words
            assert "Seq Scan" not in plan, words


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


@pytest.mark.parametrize("limit", [1, 2, 50])
@pytest.mark.parametrize("words", [{}, {"job_name": "flow"}])
def test_those_of_dbos_come_last_and_once(
    flows: Flows, dbos: DbosEngine, limit: int, words: dict[str, Any]
) -> None:
    ends = [NOW * 1_000_000, NOW * 1000, NOW * 1000, -NOW * 1000]
    if flows.is_file:
        flows.done("a-text", completed_at="soon")
    for at, end in enumerate(ends):
        flows.done(f"{'cdba'[at]}-odd", completed_at=end)
    flows.done("usual")
    flows.done("before", completed_at=NOW - 1)
    flows.add("still open", completed_at=NOW * 1000)

    odd = ["c-odd", "d-odd", "b-odd", "a-odd"]
    expected = [
        "still open",
        "usual",
        "before",
        *(["a-text"] if flows.is_file else []),
        *odd,
    ]
    assert walk(dbos, limit, **words) == expected
    assert dbos.count(RunFilter(**words), up_to=100) in (None, len(expected))
    page = dbos.page(RunFilter(**words))
    for taken, cursor in enumerate(page.cursors, start=1):
        rest = dbos.page(RunFilter(**words), after=cursor)
        assert [job.run_id for job in rest.jobs] == expected[taken:]
    assert walk(dbos, limit, since_ms=0, **words) == expected[:3]


def test_a_cursor_that_names_no_id_is_refused(
    native: JobEngine, dbos: DbosEngine
) -> None:
    for engine, cursor in ((native, "xsoon"), (native, "x"), (dbos, "xnobody")):
        with pytest.raises(InvalidRequestError, match="start again"):
            engine.page(RunFilter(), after=cursor)
