"""A job table under another name is found, and the view that is offered can be read."""

import pytest

from data.engines.native_lookalike import is_likely, matched
from data.exceptions import SchemaMismatchError
from data.model import JobState
from tests.factories import NOW, JobTable, native_engine

WORDS = {
    "sqlite": ("INTEGER", str(NOW)),
    "postgresql": ("timestamptz", "now()"),
}
TABLES = """
CREATE TABLE customers (id INTEGER, name TEXT, created_at TEXT);
CREATE TABLE background_tasks (task_id INTEGER PRIMARY KEY, name TEXT, state TEXT,
  args TEXT, created_at INSTANT, started_at INSTANT, completed_at INSTANT);
INSERT INTO background_tasks (task_id, name, state, created_at, started_at)
  VALUES (7, 'mail', 'RUNNING', PRESENT, PRESENT)
"""


def test_a_table_of_jobs_is_named_with_what_it_lacks_and_a_view_that_works(
    database_url: str,
) -> None:
    table = JobTable(database_url)
    instant, now = WORDS[table.dialect]
    table.execute(TABLES.replace("INSTANT", instant).replace("PRESENT", now))
    with native_engine(database_url) as engine:
        with pytest.raises(SchemaMismatchError) as caught:
            engine.check()
        message, fix = str(caught.value), caught.value.mend

        assert message.startswith("orders: there is no table job_runs. The table ")
        assert "background_tasks seems to hold jobs" in message
        assert "heartbeat_at" in message
        assert "docs/connect.md" in message
        assert "CREATE TABLE" not in fix
        table.execute(fix)
        engine.check()
        [job] = engine.open_runs().jobs

    assert (job.run_id, job.job_name, job.state) == ("7", "mail", JobState.RUNNING)
    assert job.queue == "default"
    table.close()


@pytest.mark.parametrize(
    ("columns", "likely"),
    [
        (("id", "name", "status", "created_at", "finished_at"), True),
        (("ID", "TASK_NAME", "STATE", "RUN_AT", "PAYLOAD"), True),
        (("id", "name", "status", "created_at"), False),
        (("id", "name", "email", "created_at", "type", "output"), False),
    ],
)
def test_a_few_names_in_common_make_no_table_of_jobs(
    columns: tuple[str, ...], *, likely: bool
) -> None:
    assert is_likely(matched(columns)) is likely


def test_a_column_stands_for_one_of_ours() -> None:
    assert matched(["id", "name", "type"]) == {"id": "id", "job_name": "name"}
