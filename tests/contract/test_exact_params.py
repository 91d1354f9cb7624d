"""Params and results come out as they were written, and go in as they were typed."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from data.engines.base import JobEngine
from data.exceptions import InvalidParamsError
from tests.factories import NOW, JobTable, finished_run, job_table, native_engine

EXACT = (
    '{"account": 1970670598291982290, "amount": 12.10, "rate": 0.12345678901234567890}'
)
NAN = '{"score": NaN, "low": -Infinity}'
#: What people call their column on each database.
TYPES = {"sqlite": ("TEXT",), "postgresql": ("jsonb", "json", "text")}


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


@pytest.fixture
def engine(database_url: str, table: JobTable) -> Iterator[JobEngine]:
    with native_engine(database_url) as made:
        yield made


def columns(table: JobTable) -> Iterator[str]:
    """Each type that the columns may have; they have it while it is yielded."""
    for type_ in TYPES[table.dialect]:
        if table.dialect == "postgresql":
            table.execute(
                "ALTER TABLE job_runs ALTER params TYPE text, ALTER result TYPE text"
            )
            change = f"{type_} USING params::{type_}"
            result = f"{type_} USING result::{type_}"
            table.execute(
                f"ALTER TABLE job_runs ALTER params TYPE {change},"
                f" ALTER result TYPE {result}"
            )
        yield type_


def written(table: JobTable, words: str) -> str:
    """The id of a finished run with this text as params and result."""
    [run_id] = table.add(finished_run())
    with table.owner.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE job_runs SET params = '{words}', result = '{words}'"  # noqa: S608
            f" WHERE id = {run_id}"
        )
    return run_id


def stored(table: JobTable, run_id: str) -> str:
    as_text = "SELECT CAST(params AS TEXT) FROM job_runs WHERE id = :id"
    with table.owner.connect() as connection:
        found = connection.execute(text(as_text), {"id": int(run_id)}).scalar_one()
    return str(found)


def test_every_digit_is_shown_copied_and_written(
    table: JobTable, engine: JobEngine
) -> None:
    for type_ in columns(table):
        old = written(table, EXACT)
        details = engine.details(old)
        again = engine.enqueue_again([old], at_ms=NOW).started[old]
        edited = engine.enqueue_again([old], at_ms=NOW, params=EXACT).started[old]
        new = engine.enqueue("pay", EXACT, queue=None, run_at_ms=None, at_ms=NOW)

        assert details is not None
        shown = (details.params, details.result)
        in_order = EXACT if type_ != "jsonb" else stored(table, old)
        assert shown == (in_order, in_order)
        for digits in ("1970670598291982290", "12.10", "0.12345678901234567890"):
            assert digits in in_order
        assert {stored(table, id_) for id_ in (again, edited, new)} == {in_order}


def test_what_is_no_number_is_kept_where_the_column_holds_it(
    table: JobTable, engine: JobEngine
) -> None:
    for type_ in columns(table):
        if type_.startswith("json"):
            with pytest.raises(InvalidParamsError, match="does not take these params"):
                engine.enqueue("pay", NAN, queue=None, run_at_ms=None, at_ms=NOW)
            continue
        old = written(table, NAN)
        again = engine.enqueue_again([old], at_ms=NOW).started[old]
        edited = engine.enqueue_again([old], at_ms=NOW, params=NAN).started[old]
        assert (stored(table, again), stored(table, edited)) == (NAN, NAN)


def test_params_that_are_no_json_run_again_as_they_are(
    table: JobTable, engine: JobEngine
) -> None:
    for type_ in columns(table):
        if type_.startswith("json"):
            continue
        old = written(table, "{half")
        again = engine.enqueue_again([old], at_ms=NOW).started[old]
        assert stored(table, again) == "{half"
