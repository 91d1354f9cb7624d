"""What a database refuses is said in its own words, with what was done and what not."""

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dash
import pytest
from sqlalchemy import event
from sqlalchemy.exc import ProgrammingError

from app import Composed, compose
from dashboard.settings import load_settings
from tests.factories import JobTable, finished_run, job_table

pytestmark = pytest.mark.one_database

with warnings.catch_warnings():
    # it would rather have httpx2, the successor of what it works with
    warnings.simplefilter("ignore", UserWarning)
    from starlette.testclient import TestClient


#: Rows that pages of the audit may have room for when the file cannot grow.
_MOST_THAT_FIT = 200


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        yield made


@pytest.fixture
def made(table: JobTable, tmp_path: Path) -> Iterator[Composed]:
    wanted = {
        "JOBS_DATABASE_URL": table.url,
        "JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
    }
    with ExitStack() as stack:
        stack.callback(dash.page_registry.clear)
        composed = compose(load_settings(wanted, directory=tmp_path))
        stack.callback(composed.deps.store.close)
        stack.callback(composed.deps.sources["jobs"].engine.close)
        yield composed


@pytest.fixture
def client(made: Composed) -> Iterator[TestClient]:
    with ExitStack() as stack:
        client = TestClient(
            made.asgi, base_url="http://127.0.0.1:8050", raise_server_exceptions=False
        )
        yield stack.enter_context(client)


def _start(client: TestClient) -> Any:
    asked = {"source": "jobs", "job_name": "send-mail", "params": {"to": "x" * 9_000}}
    return client.post("/api/runs", json=asked)


def _fill_disk_of(made: Composed) -> None:
    """The store's file may not grow by one page more."""

    def no_room(driver: sqlite3.Connection, *_others: object) -> None:
        driver.execute("PRAGMA max_page_count = 1")  # as many as there are

    event.listen(made.deps.store.database._writing, "checkout", no_room)


def test_a_refusal_carries_the_words_of_the_database_to_answer_and_audit(
    client: TestClient, table: JobTable
) -> None:
    table.add(finished_run(job_name="send-mail"))
    with table.owner.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER freeze BEFORE INSERT ON job_runs"
            " WHEN length(NEW.params) > 9000 BEGIN"  # not for a run like those there
            " SELECT RAISE(ABORT, 'tenant acme is frozen, password=hunter2'); END"
        )

    answer = _start(client)

    body = answer.json()["error"]
    assert (answer.status_code, body["code"]) == (409, "refused")
    assert "tenant acme is frozen" in body["message"]
    assert body["message"].endswith("Nothing was written there.")
    assert "hunter2" not in answer.text
    assert "xxx" not in answer.text
    [row] = client.get("/api/audit").json()["audit"]
    assert row["outcome"] == "failed"
    assert "tenant acme is frozen" in row["after"]["reason"]


def test_a_full_store_stops_actions_before_they_begin_and_is_said_everywhere(
    made: Composed, client: TestClient, table: JobTable
) -> None:
    table.add(finished_run(job_name="send-mail"))
    assert client.get("/readyz").json()["store"] == "ok"
    _fill_disk_of(made)

    answers = [_start(client)]
    while answers[-1].status_code == 201 and len(answers) < _MOST_THAT_FIT:
        answers.append(_start(client))
    answer = answers[-1]

    body = answer.json()["error"]
    assert (answer.status_code, body["code"]) == (503, "full")
    assert body["message"].startswith("Nothing was done: ")
    assert "the disk is full" in body["message"]
    started = len(answers) - 1
    assert table.scalar("SELECT count(*) FROM job_runs") == 1 + started
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert "the disk is full" in ready.json()["store"]
    [notice] = [
        one
        for one in client.get("/api/snapshot").json()["view"]["notices"]
        if "store" in one["message"]
    ]
    assert "the disk is full" in notice["message"]


def test_an_error_of_a_driver_is_never_a_bare_500(
    made: Composed, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_more: object) -> object:
        orig = sqlite3.ProgrammingError("what nobody foresaw")
        raise ProgrammingError("SELECT secret", {}, orig)

    monkeypatch.setattr(made.deps.sources["jobs"].engine, "page", broken)

    answer = client.get("/api/runs")

    assert answer.status_code == 409
    assert "what nobody foresaw" in answer.json()["error"]["message"]
    assert "secret" not in answer.text
