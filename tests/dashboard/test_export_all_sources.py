"""All sources as one file: every run of each, or an error instead of a part."""

import csv
import io
import json
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dash

from app import compose
from dashboard.settings import load_settings
from tests.factories import NOW, finished_run, job_table

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    from starlette.testclient import TestClient

_NAMES = ("one", "two")
_RUNS = 1_200


@contextmanager
def serving(tmp_path: Path, runs: int) -> Iterator[TestClient]:
    """The product over as many runs in each source."""
    parts = [
        f'[sources.{name}]\nengine = "native"\nurl = "sqlite:///{tmp_path / name}.db"\n'
        for name in _NAMES
    ]
    (tmp_path / "job-manager.toml").write_text("\n".join(parts))
    store = {"JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}"}
    with ExitStack() as stack:
        for later, name in enumerate(_NAMES):
            url = f"sqlite:///{tmp_path / name}.db"
            table = stack.enter_context(job_table(url))
            ends = (NOW - 2 * at - later for at in range(runs))
            table.add(*(finished_run(finished_at=end) for end in ends))
        stack.callback(dash.page_registry.clear)
        composed = compose(load_settings(store, directory=tmp_path))
        stack.callback(composed.deps.store.close)
        for source in composed.deps.sources.values():
            stack.callback(source.engine.close)
        yield stack.enter_context(
            TestClient(
                composed.asgi,
                base_url="http://127.0.0.1:8050",
                raise_server_exceptions=False,
            )
        )


def test_the_file_and_the_pages_have_every_run_in_order(tmp_path: Path) -> None:
    with serving(tmp_path, _RUNS) as client:
        answer = client.get("/api/runs.csv", params={"source": "all"})
        listed = list_all(client)

    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    expected = [f"{name}/{id_}" for id_ in range(1, _RUNS + 1) for name in _NAMES]
    assert [row["run_id"] for row in rows] == expected
    assert listed == expected


def list_all(client: TestClient) -> list[str]:
    """Every run, page by page."""
    listed, after = [], None
    while True:
        query = {"source": "all", "limit": 500, **({"after": after} if after else {})}
        page = client.get("/api/runs", params=query).json()
        listed += [f"{run['source']}/{run['run_id']}" for run in page["runs"]]
        after = page["next"]
        if after is None:
            return listed


def test_a_source_that_is_down_is_named_and_no_part_is_a_file(tmp_path: Path) -> None:
    with serving(tmp_path, 10) as client:
        with sqlite3.connect(tmp_path / "two.db") as raw:
            raw.execute("ALTER TABLE job_runs RENAME TO elsewhere")

        listed = client.get("/api/runs", params={"source": "all", "limit": 5})
        export = client.get("/api/runs.csv", params={"source": "all"})

    assert {run["source"] for run in listed.json()["runs"]} == {"one"}
    [sentence] = listed.json()["missing"]
    assert "two" in sentence
    assert export.status_code == 503
    assert "two" in json.loads(export.text)["error"]["message"]
