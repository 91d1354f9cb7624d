"""Odd values in a job table: every row of every page and file is there, and shows them."""

import csv
import io
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import dash
import pytest

from app import compose
from dashboard.api.export import safe
from dashboard.commands.cleanup import _evidence
from dashboard.settings import load_settings
from dashboard.views.details import details_view, usual_words
from dashboard.views.history import history_view
from data.model import JobState, RunDetails, RunPage
from tests.factories import NOW, JobTable, finished_run, job_table, make_job

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    from starlette.testclient import TestClient

MICROSECONDS = NOW * 1000
#: Whatever SQLite takes in a column of numbers, and what is shown of it.
ODD: list[tuple[Any, str]] = [
    (MICROSECONDS, str(MICROSECONDS)),
    (-(2**63), str(-(2**63))),
    (2**63 - 1, str(2**63 - 1)),
    ("soon", "soon"),
    ("=1+1", "'=1+1"),
    (float("inf"), "inf"),
    (-1, "1969-12-31T23:59:59.999000+00:00"),
]
COLUMNS = ("enqueued_at", "started_at", "heartbeat_at")
OF_ENDED = (*COLUMNS, "finished_at")


@pytest.fixture(scope="module")
def over(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], TestClient]]:
    """One product over runs of each status: nothing changes them."""
    with ExitStack() as stack:
        stack.callback(dash.page_registry.clear)

        @cache
        def over(status: str) -> TestClient:
            place = tmp_path_factory.mktemp(status)
            table = stack.enter_context(job_table(f"sqlite:///{place / 'jobs.db'}"))
            fill(table, ended=status == "SUCCEEDED")
            return stack.enter_context(client_of(table, place))

        yield over


@contextmanager
def client_of(table: JobTable, place: Path) -> Iterator[TestClient]:
    wanted = {
        "JOBS_DATABASE_URL": table.url,
        "JOBS_STORE_URL": f"sqlite:///{place / 'store.db'}",
    }
    composed = compose(load_settings(wanted, directory=place))
    with TestClient(composed.asgi, base_url="http://127.0.0.1:8050") as client:
        yield client
    composed.deps.store.close()
    composed.deps.sources["jobs"].engine.close()


def fill(table: JobTable, *, ended: bool) -> None:
    """A run with each odd value in each column, and one more."""
    columns = OF_ENDED if ended else COLUMNS
    values = {"status": "SUCCEEDED", "finished_at": NOW}
    one = finished_run(**(values if ended else {"status": "RUNNING"}))
    one["finished_at"] = NOW if ended else None
    ids = table.add(one, *(one for _ in ODD for _ in columns))
    wanted = [(value, name) for value, _ in ODD for name in columns]
    with sqlite3.connect(table.owner.url.database or "") as raw:
        for run_id, (value, name) in zip(ids[1:], wanted, strict=True):
            change = f"UPDATE job_runs SET {name} = ? WHERE id = ?"  # noqa: S608
            raw.execute(change, (value, run_id))


@pytest.mark.parametrize("status", ["SUCCEEDED", "RUNNING"])
def test_a_file_has_every_run_and_odd_values_in_their_cells(
    over: Callable[[str], TestClient], status: str
) -> None:
    answer = over(status).get("/api/runs.csv", params={"status": status})

    text = answer.content.decode("utf-8-sig")
    rows = {row["run_id"]: row for row in csv.DictReader(io.StringIO(text))}
    columns = OF_ENDED if status == "SUCCEEDED" else COLUMNS
    assert len(rows) == 1 + len(ODD) * len(columns)
    wanted = [(shown, name) for _, shown in ODD for name in columns]
    for at, (shown, name) in enumerate(wanted, start=2):
        assert rows[str(at)][name] == shown


@pytest.mark.parametrize("status", ["SUCCEEDED", "RUNNING"])
def test_programs_get_every_run_and_its_odd_values(
    over: Callable[[str], TestClient], status: str
) -> None:
    client = over(status)

    query = {"status": status, "limit": 500}
    runs = {
        run["run_id"]: run
        for run in client.get("/api/runs", params=query).json()["runs"]
    }
    one = client.get("/api/run", params={"run_id": "2"}).json()["run"]

    columns = OF_ENDED if status == "SUCCEEDED" else COLUMNS
    assert len(runs) == 1 + len(ODD) * len(columns)
    assert runs["1"]["odd"] == {}
    assert runs["2"]["odd"] == one["odd"] == {"enqueued_at": str(MICROSECONDS)}
    assert client.get("/api/snapshot").status_code == 200
    assert client.get("/api/stalled").status_code == 200


def test_the_history_shows_them_and_makes_no_duration_of_them() -> None:
    micros = make_job(state=JobState.SUCCEEDED, finished_at=MICROSECONDS)
    words = make_job(
        state=JobState.SUCCEEDED, odd=(("finished_at", "soon"), ("attempt", "third"))
    )

    rows = history_view(
        RunPage([micros, words], None), replace=True, counted=2, verdicts={}
    )["rows"]

    assert [(row["at"], row["took"], row["attempt"]) for row in rows] == [
        (str(MICROSECONDS), None, 1),
        ("soon", None, "third"),
    ]


def test_the_dialog_shows_them_after_what_it_knows() -> None:
    job = make_job(heartbeat_at=MICROSECONDS, odd=(("scheduled_at", "soon"),))
    details = RunDetails(
        job=job,
        max_attempts=None,
        params=None,
        result=None,
        error_type=None,
        error=None,
    )

    view = details_view(details, None, [job], logs_url="", now_ms=NOW)

    assert [(moment["words"], moment["odd"]) for moment in view["moments"]] == [
        ("Enqueued", ""),
        ("Started", ""),
        ("Scheduled for", "soon"),
        ("Last heartbeat", str(MICROSECONDS)),
    ]
    assert view["marks"] == []
    assert usual_words([job._replace(finished_at=MICROSECONDS)]) == "not known yet"


def test_the_command_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    candidate: Any = {
        "run_id": "7",
        "job": "mail",
        "elapsed": "running for 1h",
        "heartbeat": "last heartbeat",
        "heartbeat_at": MICROSECONDS,
        "worker": "",
    }

    assert f"last heartbeat {MICROSECONDS}" in _evidence(candidate)


@pytest.mark.parametrize("text", ["-5", "-1.5", "-9223372036854775808", "-2e-7"])
def test_a_negative_number_stays_one(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    "text",
    ["-w1", "-1+cmd", "-1-1", "--1", "-", "-1\n", "+1", "=1", "@x", "\t-1", "-٣"],
)
def test_what_a_spreadsheet_would_run_is_a_text(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize(
    "path",
    [
        *("runs.csv", "errors.csv", "errors/groups.csv", "audit.csv"),
        *("alerts/history.csv", "trends/throughput.csv?range=24h"),
    ],
)
def test_every_file_begins_with_one_byte_order_mark(
    over: Callable[[str], TestClient], path: str
) -> None:
    content = over("SUCCEEDED").get(f"/api/{path}").content

    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\xef\xbb\xbf") == 1
