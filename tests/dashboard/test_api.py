"""The JSON interface: the same actions as on the pages, and errors that say what helps."""

import csv
import io
import json
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dash
import pytest

from app import compose
from dashboard.deps import Deps, Role, Viewer
from dashboard.settings import load_settings
from data.clock import HOUR_MS
from data.exceptions import SourceUnavailableError
from tests.browser.waiting import wait_for
from tests.conftest import FakeClock
from tests.databases import new_database
from tests.factories import JobTable, finished_run, job_table, make_run

pytestmark = pytest.mark.one_database

with warnings.catch_warnings():
    # it would rather have httpx2, the successor of what it works with
    warnings.simplefilter("ignore", UserWarning)
    from starlette.testclient import TestClient

CLOCK = FakeClock()
NOW = CLOCK.now_ms
RUN_KEYS = {
    *("source", "run_id", "job_name", "queue", "status", "attempt", "worker"),
    *("enqueued_at", "started_at", "heartbeat_at", "finished_at", "verdict"),
}


class Product(NamedTuple):
    """The product over a table."""

    table: JobTable
    client: TestClient
    deps: Deps


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of an empty database: the tests run once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('database') / 'jobs.db'}"
        return
    server, numbers = map(
        request.getfixturevalue, ("postgresql_server", "database_numbers")
    )
    with new_database(server, numbers) as url:
        yield url


@pytest.fixture(scope="module")
def shared(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """One product for all that neither break it nor count what others did."""
    with (
        job_table(database) as table,
        serve(table, tmp_path_factory.mktemp("shared")) as product,
    ):
        yield product


@pytest.fixture
def fresh(database_url: str, tmp_path: Path) -> Iterator[Product]:
    """A product of its own."""
    with job_table(database_url) as table, serve(table, tmp_path) as product:
        yield product


@pytest.fixture
def table(shared: Product) -> Iterator[JobTable]:
    """An empty table."""
    yield shared.table
    shared.table.clear()


@pytest.fixture
def client(shared: Product) -> TestClient:
    return shared.client


@pytest.fixture
def viewer(shared: Product) -> Iterator[TestClient]:
    """The same for somebody who may only look."""
    before = shared.deps.viewer
    object.__setattr__(shared.deps, "viewer", lambda: Viewer("eve", Role.VIEWER))
    yield shared.client
    object.__setattr__(shared.deps, "viewer", before)


@contextmanager
def serve(table: JobTable, place: Path, **environ: str) -> Iterator[Product]:
    wanted = {
        "JOBS_DATABASE_URL": table.url,
        "JOBS_STORE_URL": f"sqlite:///{place / 'store.db'}",
        **environ,
    }
    with ExitStack() as stack:
        stack.callback(dash.page_registry.clear)
        composed = compose(load_settings(wanted, directory=place), clock=CLOCK)
        stack.callback(composed.deps.store.close)
        stack.callback(composed.deps.sources["jobs"].engine.close)
        client = TestClient(
            composed.asgi,
            base_url="http://127.0.0.1:8050",
            raise_server_exceptions=False,
        )
        yield Product(table, stack.enter_context(client), composed.deps)


def recent(**changes: Any) -> dict[str, Any]:
    return finished_run(**{"finished_at": NOW - 1_000, **changes})


def error_of(answer: Any) -> tuple[int, str]:
    body = answer.json()["error"]
    assert set(body) == {"code", "message", "ref"}
    assert body["message"].endswith((".", "?", "…", "}"))
    return answer.status_code, body["code"]


# reading


def test_sources_say_what_can_be_done(client: TestClient) -> None:
    client.get("/api/snapshot")

    assert client.get("/api/sources").json() == {
        "sources": [
            {
                "name": "jobs",
                "label": "jobs",
                "actions": ["clean up", "run jobs", "run again", "cancel"],
                "reason": "",
            }
        ]
    }


def test_runs_are_listed_page_by_page(client: TestClient, table: JobTable) -> None:
    ids = table.add(*(recent(finished_at=NOW - n) for n in range(5)))

    answer = client.get("/api/runs", params={"limit": 3})
    assert answer.status_code == 200, answer.text
    first = answer.json()
    second = client.get("/api/runs", params={"limit": 3, "after": first["next"]}).json()

    assert [run["run_id"] for run in first["runs"] + second["runs"]] == ids
    assert second["next"] is None
    assert set(first["runs"][0]) >= RUN_KEYS
    assert first["runs"][0]["verdict"] is None


def test_runs_are_filtered(client: TestClient, table: JobTable) -> None:
    failed, cancelled, _ = table.add(
        recent(status="FAILED", job_name="a"),
        recent(status="CANCELLED", job_name="a"),
        recent(status="FAILED", job_name="b"),
    )

    query = {"status": ["FAILED", "CANCELLED"], "job": "a"}
    found = client.get("/api/runs", params=query).json()["runs"]

    assert {run["run_id"] for run in found} == {failed, cancelled}


def test_one_run_with_its_texts(client: TestClient, table: JobTable) -> None:
    [run_id] = table.add(recent(status="FAILED", error="x\ny", error_type="E"))

    body = client.get("/api/run", params={"run_id": run_id, "source": "jobs"}).json()

    assert body["run"]["run_id"] == run_id
    assert (body["error_type"], body["error"], body["params"]) == ("E", "x\ny", None)


def test_stalled_runs_carry_their_verdict(database_url: str, tmp_path: Path) -> None:
    with job_table(database_url) as table:
        [run_id] = table.add(make_run(started_at=NOW - HOUR_MS))
        with serve(table, tmp_path) as (_, client, _deps):
            [run] = wait_for(lambda: client.get("/api/stalled").json()["runs"])

    assert run["run_id"] == run_id
    assert run["verdict"]["state"] == "overdue"
    assert run["verdict"]["limit_ms"] == HOUR_MS / 2
    assert run["verdict"]["elapsed_ms"] >= HOUR_MS
    assert run["verdict"]["evidence"]["heartbeat"] == "none"


# acting


def test_a_run_is_started(client: TestClient, table: JobTable) -> None:
    table.add(recent())
    asked = {"source": "jobs", "job_name": "send-mail", "params": {"to": "Änn"}}

    answer = client.post("/api/runs", json=asked)

    assert answer.status_code == 201
    row = table.row(answer.json()["run_id"])
    assert (row["status"], row["queue"]) == ("PENDING", "default")


def test_runs_are_cancelled(client: TestClient, table: JobTable) -> None:
    running, done = table.add(make_run(started_at=NOW), recent())
    asked = {"source": "jobs", "run_ids": [running, done, "a/b"]}

    answer = client.post("/api/runs/cancel", json=asked)

    assert answer.json() == {
        "cancelled": [],
        "asked": [running],
        "finished_meanwhile": [done],
        "unknown": ["a/b"],
        "not_reached": [],
        "reasons": {},
    }


def test_runs_are_run_again_once(client: TestClient, table: JobTable) -> None:
    [done] = table.add(recent())
    asked = {"source": "jobs", "run_ids": [done], "once": "0123456789abcdef"}

    first = client.post("/api/runs/retry", json=asked).json()
    second = client.post("/api/runs/retry", json=asked).json()

    assert first["started"] == second["started"]
    assert len(table.rows()) == 2


def test_runs_are_run_again_with_other_params(
    client: TestClient, table: JobTable
) -> None:
    [run_id] = table.add(recent(params={"n": 1}))
    asked = {"source": "jobs", "run_ids": [run_id], "params": {"n": 2}}

    started = client.post("/api/runs/retry", json=asked).json()["started"]

    found = client.get("/api/run", params={"run_id": started[run_id]}).json()
    assert json.loads(found["params"]) == {"n": 2}


def test_what_was_done_is_listed_and_exported_without_what_undoes_it(
    fresh: Product,
) -> None:
    table, client, _ = fresh
    [run_id] = table.add(recent(job_name="=1+1"))
    asked = {"source": "jobs", "run_ids": [run_id], "once": "a-number-of-this-request"}
    new = client.post("/api/runs/retry", json=asked).json()["started"][run_id]

    [row] = client.get("/api/audit", params={"q": new}).json()["audit"]
    assert (row["actor"], row["action"], row["run_id"]) == (
        "local",
        "run again",
        run_id,
    )
    assert row["after"] == {"run_id": new}
    answer = client.get("/api/audit.csv")
    [cells] = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (cells["job_name"], cells["run_id"]) == ("'=1+1", run_id)
    assert asked["once"] not in answer.text
    assert client.get("/api/audit", params={"actor": "eve"}).json()["audit"] == []
    assert error_of(client.get("/api/audit", params={"source": "x"})) == (
        404,
        "unknown_source",
    )


def test_the_audit_is_listed_page_by_page(fresh: Product) -> None:
    table, client, _ = fresh
    for _ in range(3):
        client.post(
            "/api/runs/retry", json={"source": "jobs", "run_ids": table.add(recent())}
        )

    first = client.get("/api/audit", params={"limit": 2}).json()
    rest = client.get("/api/audit", params={"after": first["next"]}).json()

    assert [row["id"] for row in first["audit"] + rest["audit"]] == ["3", "2", "1"]
    assert rest["next"] is None
    assert len(client.get("/api/audit.csv").text.splitlines()) == 4


def test_without_ids_a_clean_up_leaves_alone_what_is_still_alive(
    client: TestClient, table: JobTable
) -> None:
    long_ago = NOW - HOUR_MS
    silent, lost, alive = table.add(
        make_run(started_at=long_ago),
        make_run(started_at=long_ago, heartbeat_at=NOW - HOUR_MS),
        make_run(started_at=long_ago, heartbeat_at=NOW),
    )

    body = client.post("/api/stalled/cleanup", json={"source": "jobs"}).json()
    again = client.post("/api/stalled/cleanup", json={"source": "jobs"}).json()
    asked = {"source": "jobs", "run_ids": [alive]}
    named = client.post("/api/stalled/cleanup", json=asked).json()

    assert {*body["cleaned"]} == {silent, lost}
    assert (again["cleaned"], again["not_reached"]) == ([], [])
    assert named["cleaned"] == [alive]


def test_stalled_runs_are_cleaned_up_and_put_back(
    client: TestClient, table: JobTable
) -> None:
    first, second = table.add(
        make_run(started_at=NOW - HOUR_MS), make_run(started_at=NOW - HOUR_MS)
    )

    asked = {"source": "jobs", "run_ids": [first]}
    body = client.post("/api/stalled/cleanup", json=asked).json()

    assert body["cleaned"] == [first]
    assert table.row(second)["status"] == "RUNNING"
    undone = client.post("/api/undo", json={"undo_token": body["undo_token"]})
    assert undone.json() == {
        "restored": [first],
        "changed_since": [],
        "not_reached": [],
        "reasons": {},
    }
    again = client.post("/api/undo", json={"undo_token": body["undo_token"]})
    assert error_of(again) == (410, "expired")


def test_without_ids_every_stalled_run_is_cleaned_up(
    client: TestClient, table: JobTable
) -> None:
    ids = table.add(*(make_run(started_at=NOW - HOUR_MS) for _ in range(3)))

    body = client.post("/api/stalled/cleanup", json={"source": "jobs"}).json()

    assert sorted(body["cleaned"]) == sorted(ids)


# what goes wrong


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/api/runs?source=nope", None, (404, "unknown_source")),
        ("GET", "/api/run?run_id=999", None, (404, "unknown_run")),
        ("GET", "/api/run?run_id=a%2Fb", None, (404, "unknown_run")),
        ("GET", "/api/run", None, (422, "invalid")),
        ("GET", "/api/runs?limit=0", None, (422, "invalid")),
        ("GET", "/api/runs?limit=x", None, (422, "invalid")),
        ("GET", "/api/runs?status=BROKEN", None, (422, "invalid")),
        ("GET", "/api/runs?after=zzz", None, (422, "invalid")),
        ("GET", "/api/nope", None, (404, "not_found")),
        ("PUT", "/api/runs", None, (405, "not_allowed")),
        ("POST", "/api/runs", {"source": "jobs"}, (422, "invalid")),
        (
            "POST",
            "/api/runs",
            {"source": "jobs", "job_name": "never-seen"},
            (404, "unknown_job"),
        ),
        (
            "POST",
            "/api/runs",
            {"source": "jobs", "job_name": "x", "params": [1]},
            (422, "invalid"),
        ),
        (
            "POST",
            "/api/runs/cancel",
            {"source": "jobs", "run_ids": []},
            (422, "invalid"),
        ),
        (
            "POST",
            "/api/runs/cancel",
            {"source": "nope", "run_ids": ["1"]},
            (404, "unknown_source"),
        ),
        ("POST", "/api/undo", {"undo_token": "guess"}, (410, "expired")),
    ],
)
def test_what_cannot_be_done_is_told(
    client: TestClient, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    assert error_of(client.request(method, path, json=body)) == expected


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 422),
        (b'{"source": "jobs", "job_name": "x", "params": {"a": NaN}}', 404),
        (b'{"source": "' + b"x" * 3_000_000 + b'"}', 413),
    ],
)
def test_a_body_that_is_no_json_is_told(
    client: TestClient, content: bytes, status: int
) -> None:
    answer = client.post(
        "/api/runs", content=content, headers={"Content-Type": "application/json"}
    )

    assert error_of(answer)[0] == status


@pytest.mark.parametrize("params", [{"a": "\ud83d"}, {"a": "\0"}])
def test_params_that_no_database_takes_are_refused(
    client: TestClient, table: JobTable, params: dict[str, Any]
) -> None:
    table.add(recent())
    asked = {"source": "jobs", "job_name": "send-mail", "params": params}

    answer = client.post(
        "/api/runs",
        content=json.dumps(asked),
        headers={"Content-Type": "application/json"},
    )

    assert error_of(answer) == (422, "invalid")


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("runs/cancel", {}),
        ("runs/retry", {}),
        ("stalled/cleanup", {}),
        ("runs/retry", {"source": "\ud800"}),
    ],
)
def test_nothing_is_done_to_ids_that_no_answer_could_repeat(
    client: TestClient, table: JobTable, path: str, more: dict[str, Any]
) -> None:
    [run_id] = table.add(make_run(started_at=NOW - HOUR_MS))
    before = table.row(run_id)
    asked = {"source": "jobs", "run_ids": [run_id, "\ud800"], **more}

    answer = client.post(
        f"/api/{path}",
        content=json.dumps(asked),
        headers={"Content-Type": "application/json"},
    )

    assert error_of(answer) == (422, "invalid")
    assert "surrogate pair" in answer.json()["error"]["message"]
    assert table.row(run_id) == before


def test_a_clean_up_says_of_every_id_what_became_of_it(
    client: TestClient, table: JobTable
) -> None:
    stalled, young, ended = table.add(
        make_run(started_at=NOW - HOUR_MS),
        make_run(started_at=NOW, heartbeat_at=NOW),
        finished_run(),
    )
    asked = {"source": "jobs", "run_ids": [stalled, young, ended, "abc", "", "999"]}

    body = client.post("/api/stalled/cleanup", json=asked).json()

    assert body["cleaned"] == [stalled]
    assert body["finished_meanwhile"] == [ended]
    assert body["not_reached"] == [young, "abc", "", "999"]
    assert body["reasons"] == {
        young: "It is not stalled.",
        **dict.fromkeys(["abc", "", "999"], "There is no run of this id."),
    }
    assert table.row(young)["status"] == "RUNNING"


def test_a_clean_up_that_cannot_say_what_became_of_an_id_does_nothing(
    shared: Product, table: JobTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    [run_id] = table.add(make_run(started_at=NOW - HOUR_MS))

    def fail(_ids: object) -> None:
        message = "the database cannot be reached."
        raise SourceUnavailableError(message)

    monkeypatch.setattr(shared.deps.sources["jobs"].engine, "runs", fail)
    asked = {"source": "jobs", "run_ids": [run_id, "999"]}

    answer = shared.client.post("/api/stalled/cleanup", json=asked)

    assert error_of(answer) == (503, "unavailable")
    assert table.row(run_id)["status"] == "RUNNING"


@pytest.mark.parametrize("q", ["%", "_", "'", '"', "\0", "a\\b"])
def test_hostile_filters_find_nothing(
    client: TestClient, table: JobTable, q: str
) -> None:
    table.add(recent(error="fine"))

    assert client.get("/api/runs", params={"q": q}).json()["runs"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/runs", {"source": "jobs", "job_name": "send-mail"}),
        ("/api/runs/cancel", {"source": "jobs", "run_ids": ["1"]}),
        ("/api/runs/retry", {"source": "jobs", "run_ids": ["1"]}),
        ("/api/stalled/cleanup", {"source": "jobs"}),
        ("/api/undo", {"undo_token": "x"}),
    ],
)
def test_who_may_only_look_changes_nothing(
    viewer: TestClient, table: JobTable, path: str, body: dict[str, Any]
) -> None:
    table.add(recent(), make_run(started_at=NOW - HOUR_MS))
    before = table.rows()

    assert error_of(viewer.post(path, json=body)) == (403, "forbidden")
    assert table.rows() == before
    assert viewer.get("/api/runs").status_code == 200
    assert viewer.get("/api/runs.csv").status_code == 200


def test_another_site_is_refused(client: TestClient) -> None:
    answer = client.post(
        "/api/undo", json={}, headers={"Origin": "https://evil.example"}
    )

    assert error_of(answer) == (403, "forbidden")


def test_a_source_that_is_down_is_told(fresh: Product) -> None:
    table, client, _ = fresh
    table.execute("ALTER TABLE job_runs RENAME TO elsewhere")

    answer = client.get("/api/runs")

    assert error_of(answer)[0] == 503
    assert "Traceback" not in answer.text


# export


def test_every_run_is_exported_and_no_cell_is_a_formula(
    client: TestClient, table: JobTable
) -> None:
    table.add(*(recent(job_name=f"job-{n}", finished_at=NOW - n) for n in range(1_100)))
    table.add(recent(job_name='=HYPERLINK("http://evil")', worker="@cmd", queue="-1"))

    answer = client.get("/api/runs.csv")

    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 1_101
    [evil] = [row for row in rows if "HYPERLINK" in row["job_name"]]
    assert (evil["job_name"][0], evil["worker"], evil["queue"]) == ("'", "'@cmd", "-1")


def test_an_export_that_cannot_begin_gives_its_room_back(fresh: Product) -> None:
    table, client, _ = fresh
    table.execute("ALTER TABLE job_runs RENAME TO elsewhere")
    assert {client.get("/api/runs.csv").status_code for _ in range(4)} == {503}
    table.execute("ALTER TABLE elsewhere RENAME TO job_runs")

    assert client.get("/api/runs.csv").status_code == 200


# the description


def test_the_description_names_every_route_below_the_prefix(
    database_url: str, tmp_path: Path
) -> None:
    prefix = {"JOBS_PREFIX": "/portal/jobs/"}
    with (
        job_table(database_url) as table,
        serve(table, tmp_path, **prefix) as (_, client, _deps),
    ):
        described = client.get("/portal/jobs/api/openapi.json").json()

        assert described["info"]["title"] == "Job Manager"
        assert {
            path.removeprefix("/portal/jobs/api/") for path in described["paths"]
        } == {
            *("sources", "snapshot", "runs", "run", "stalled", "runs.csv"),
            *("audit", "audit.csv", "errors", "errors.csv"),
            *("errors/groups", "errors/groups.csv"),
            *("errors/status", "errors/merge", "errors/split"),
            *("runs/cancel", "runs/retry", "stalled/cleanup", "undo", "telemetry"),
            *("alerts", "alerts/history", "alerts/history.csv", "alerts/rule"),
            *("alerts/acknowledge", "alerts/silence", "alerts/silence/end"),
            *("trends/{metric}", "trends/{metric}.csv"),
        }
