"""Programs send and get params digit by digit."""

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dash
import pytest

from app import compose
from dashboard.panels.details import _changed
from dashboard.settings import load_settings
from dashboard.views.details import pretty
from tests.factories import JobTable, finished_run, job_table

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    from starlette.testclient import TestClient

EXACT = (
    '{"account": 1970670598291982290, "amount": 12.10,'
    ' "rate": 0.12345678901234567890, "none": NaN}'
)


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        yield made


@pytest.fixture
def client(table: JobTable, tmp_path: Path) -> Iterator[TestClient]:
    wanted = {
        "JOBS_DATABASE_URL": table.url,
        "JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
    }
    with ExitStack() as stack:
        stack.callback(dash.page_registry.clear)
        composed = compose(load_settings(wanted, directory=tmp_path))
        stack.callback(composed.deps.store.close)
        stack.callback(composed.deps.sources["jobs"].engine.close)
        yield stack.enter_context(
            TestClient(composed.asgi, base_url="http://127.0.0.1:8050")
        )


def stored(table: JobTable) -> dict[str, str | None]:
    with sqlite3.connect(table.owner.url.database or "") as raw:
        return dict(raw.execute("SELECT CAST(id AS TEXT), params FROM job_runs"))


def test_params_are_stored_and_told_with_the_digits_that_were_sent(
    client: TestClient, table: JobTable
) -> None:
    [old] = table.add(finished_run())
    head = {"Content-Type": "application/json"}
    start = f'{{"source": "jobs", "job_name": "send-mail", "params": {EXACT}}}'
    retry = f'{{"source": "jobs", "run_ids": ["{old}"], "params": {EXACT}}}'

    started = client.post("/api/runs", content=start, headers=head).json()["run_id"]
    retried = client.post("/api/runs/retry", content=retry, headers=head).json()
    told = client.get("/api/run", params={"run_id": started}).json()["params"]

    params = stored(table)
    assert params[started] == params[retried["started"][old]] == EXACT
    assert told == EXACT


def test_the_page_shows_and_edits_every_digit() -> None:
    assert pretty(EXACT) == (
        '{\n  "account": 1970670598291982290,\n  "amount": 12.10,\n'
        '  "rate": 0.12345678901234567890,\n  "none": NaN\n}'
    )


@pytest.mark.parametrize(
    ("given", "edited", "changed"),
    [
        ("{}", "{}", None),
        ("", None, None),
        ("half\r\nof {", "half\nof {", None),
        ('{"a": "x y"}', '{"a": "x  y"}', '{"a": "x  y"}'),
        ('{"a": 1}', "", ""),
    ],
)
def test_params_that_nobody_edited_are_not_sent(
    given: str, edited: str | None, changed: str | None
) -> None:
    assert _changed(given, edited) == changed
