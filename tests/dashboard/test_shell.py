"""The app as a whole, without a browser: its routes, its walls, its callbacks."""

import inspect
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

import dash
import pytest
from starlette.websockets import WebSocketDisconnect

from app import Composed, compose
from dashboard.settings import load_settings
from tests.factories import finished_run, job_table

with warnings.catch_warnings():
    # it would rather have httpx2, the successor of what it works with
    warnings.simplefilter("ignore", UserWarning)
    from starlette.testclient import TestClient

SOCKETS = "ws://127.0.0.1:8050"
#: Below a path, which is one with a slash at each end or without.
PORTAL = {"JOBS_PREFIX": "portal"}
EVIL = {"Origin": "https://evil.example"}
REBOUND = {"Host": "evil.example:8050"}


class Start(Protocol):
    """Starts the product with these settings."""

    def __call__(self, **environ: str) -> tuple[TestClient, Composed]: ...


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """One product for each settings, for all that leave it as it is."""
    with ExitStack() as stack:
        stack.callback(dash.page_registry.clear)

        @cache
        def start(**environ: str) -> tuple[TestClient, Composed]:
            return stack.enter_context(
                started(tmp_path_factory.mktemp("kept"), environ)
            )

        yield start


@pytest.fixture
def start_alone(tmp_path: Path) -> Iterator[Start]:
    """A product of its own."""
    with ExitStack() as stack:

        def start(**environ: str) -> tuple[TestClient, Composed]:
            return stack.enter_context(started(tmp_path, environ))

        yield start


@contextmanager
def started(
    place: Path, environ: Mapping[str, str]
) -> Iterator[tuple[TestClient, Composed]]:
    wanted = {
        "JOBS_DATABASE_URL": f"sqlite:///{place / 'jobs.db'}",
        "JOBS_STORE_URL": f"sqlite:///{place / 'store.db'}",
        **environ,
    }
    with job_table(wanted["JOBS_DATABASE_URL"]):
        composed = compose(load_settings(wanted, directory=place))
        with TestClient(composed.asgi, base_url="http://127.0.0.1:8050") as client:
            yield client, composed
        composed.deps.store.close()
        composed.deps.sources["jobs"].engine.close()


def test_every_callback_of_the_server_runs_beside_the_event_loop(
    start_alone: Start,
) -> None:
    _, composed = start_alone()
    functions = {
        name: entry["callback"]
        for name, entry in composed.app.callback_map.items()
        if "callback" in entry
    }

    assert len(functions) >= 4
    blocking = [
        name
        for name, function in functions.items()
        if not inspect.iscoroutinefunction(function)
    ]
    assert blocking == []


def test_a_foreign_host_name_is_refused_whatever_it_asks_for(start: Start) -> None:
    client, _ = start()

    for path in ("/", "/healthz", "/metrics", "/_dash-layout", "/assets/live.js"):
        answer = client.get(path, headers=REBOUND)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden"


def test_a_foreign_origin_may_look_but_not_act(start: Start) -> None:
    client, _ = start()

    assert client.get("/", headers=EVIL).status_code == 200
    answer = client.post("/_dash-update-component", headers=EVIL, json={})
    assert answer.status_code == 403


@pytest.mark.parametrize("headers", [EVIL, REBOUND, {"Origin": "null"}])
def test_a_foreign_socket_is_closed_before_it_hears_anything(
    start: Start, headers: dict[str, str]
) -> None:
    client, composed = start()

    with (
        client.websocket_connect(
            SOCKETS + "/live?source=jobs", headers=headers
        ) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()

    assert closed.value.code == 4403
    assert composed.hub.viewers == 0


def test_a_socket_for_an_unknown_source_is_closed(start: Start) -> None:
    client, composed = start()

    with (
        client.websocket_connect(SOCKETS + "/live?source=nobody") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()

    assert closed.value.code == 4404
    assert composed.hub.viewers == 0


def test_a_socket_of_ours_gets_the_snapshot_of_the_contract(start: Start) -> None:
    client, composed = start()
    own = {"Origin": "http://127.0.0.1:8050"}

    with client.websocket_connect(SOCKETS + "/live?source=jobs", headers=own) as socket:
        message = socket.receive_json()
        assert composed.hub.viewers == 1

    assert message["type"] == "snapshot"
    assert message["source"] == "jobs"
    assert message["seq"] >= 1
    assert message["view"]["banner"]["count"] == 0


@pytest.mark.parametrize(
    ("environ", "known", "unknown"),
    [
        pytest.param(
            {}, ["/", "/history"], ["/wp-admin", "/historian", "/_mcp"], id="root"
        ),
        pytest.param(
            PORTAL,
            [
                "/portal/",
                "/portal/history",
                "/portal/healthz",
                "/portal/assets/live.js",
            ],
            ["/portal/wp-admin", "/portal/historian", "/portal/portal/"],
            id="below-a-prefix",
        ),
        pytest.param(
            PORTAL,
            ["/", "/history", "/healthz", "/assets/live.js", "/api/sources"],
            ["/wp-admin", "/elsewhere", "/portals/history", "/_mcp"],
            id="stripped-by-a-proxy",
        ),
    ],
)
def test_pages_that_are_not_there_are_not_found(
    start: Start, environ: dict[str, str], known: list[str], unknown: list[str]
) -> None:
    client, _ = start(**environ)

    assert [client.get(path).status_code for path in known] == [200] * len(known)
    assert [client.get(path).status_code for path in unknown] == [404] * len(unknown)


def test_the_prefix_without_its_slash_leads_to_the_page(start: Start) -> None:
    client, _ = start(**PORTAL)

    answer = client.get("/portal", follow_redirects=False)

    assert answer.is_redirect
    assert answer.headers["location"] == "/portal/"


def test_a_page_whose_prefix_was_stripped_is_the_same_page(start: Start) -> None:
    client, _ = start(**PORTAL)

    client.get("/portal/api/snapshot")  # what the page tells must not change meanwhile
    kept, stripped = client.get("/portal/"), client.get("/")

    fresh = r'"end_id":"[^"]*"'  # Dash makes one for each answer
    assert re.sub(fresh, "", stripped.text) == re.sub(fresh, "", kept.text)
    assert stripped.headers["cache-control"] == kept.headers["cache-control"]
    assert client.get("/wp-admin").text == client.get("/portal/wp-admin").text


@pytest.mark.parametrize("path", ["/portal/live", "/live"])
def test_the_link_is_there_with_the_prefix_and_without(start: Start, path: str) -> None:
    client, _ = start(**PORTAL)

    with client.websocket_connect(f"{SOCKETS}{path}?source=jobs") as socket:
        assert socket.receive_json()["type"] == "snapshot"


def test_the_gate_stands_before_stripped_paths_too(start: Start) -> None:
    client, _ = start(**PORTAL)

    refused = client.post("/api/stalled/cleanup", json={"source": "jobs"}, headers=EVIL)

    assert refused.status_code == 403


def test_there_is_no_socket_of_dashs_own_and_no_tool_server(start: Start) -> None:
    client, _ = start()

    assert "_dash-ws-callback" not in client.get("/").text
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(SOCKETS + "/_dash-ws-callback"),
    ):
        pass
    assert client.get("/_mcp").status_code == 404
    assert client.post("/_mcp", json={}).status_code in (404, 405)
    assert client.get("/docs").status_code == 404
    assert client.get("/openapi.json").status_code == 404


def test_the_headers_keep_other_scripts_and_frames_out(start: Start) -> None:
    client, _ = start()

    page = client.get("/")

    policy = dict(
        part.split(" ", 1)
        for part in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert "'self'" in policy["script-src"]
    assert "unsafe" not in policy["script-src"]
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert "https://" not in page.text


def test_no_script_or_style_of_the_page_comes_from_elsewhere(start: Start) -> None:
    client, _ = start(**PORTAL)

    text = client.get("/portal/").text

    found = [part.split('"')[0] for part in text.split('src="')[1:]]
    found += [part.split('"')[0] for part in text.split('href="')[1:]]
    assert len(found) > 10
    assert [address for address in found if not address.startswith("/portal/")] == []
    asked = [address for address in found if "assets" in address or "vendor" in address]
    assert {client.get(address).status_code for address in asked} == {200}


def test_a_failing_callback_answers_with_a_reference_and_logs_the_rest(
    start_alone: Start,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, composed = start_alone()

    def fail(_snapshot: object) -> None:
        message = "geheim"
        raise RuntimeError(message)

    monkeypatch.setattr(composed.hub.messages, "answer", fail)
    outputs = [
        {"id": "snapshot", "property": "data"},
        {"id": "refresh-answered", "property": "data"},
    ]
    asked = {
        "output": "..snapshot.data...refresh-answered.data..",
        "outputs": outputs,
        "inputs": [{"id": "refresh-asked", "property": "data", "value": 1}],
        "state": [{"id": "source-select", "property": "value", "value": "jobs"}],
        "changedPropIds": ["refresh-asked.data"],
    }

    with caplog.at_level(logging.ERROR):
        answer = client.post("/_dash-update-component", json=asked)

    assert answer.status_code == 200
    assert "geheim" not in answer.text
    assert "Traceback" not in answer.text
    [record] = [each for each in caplog.records if each.name == "dashboard.shell"]
    ref = record.getMessage().removesuffix(")").rsplit(" ", 1)[1]
    assert f"(ref {ref})" in answer.text
    assert "geheim" in str(record.exc_info)


@pytest.mark.parametrize(
    "body",
    ["{}", "{", "[]", "null", "", '{"output":"x.y","inputs":[]}'],
)
def test_what_is_no_callback_of_the_page_is_told_so(
    start_alone: Start, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    client, _ = start_alone()
    headers = {"Content-Type": "application/json"}

    answer = client.post("/_dash-update-component", content=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"
    assert "reload" in answer.json()["error"]["message"]


def test_health_is_about_the_process_and_readiness_about_the_sources(
    start_alone: Start, tmp_path: Path
) -> None:
    client, _ = start_alone(JOBS_POLL_EVERY="100ms")
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"ready": True, "store": "ok", "sources": {"jobs": "ok"}}

    (tmp_path / "jobs.db").rename(tmp_path / "away.db")

    def is_unready() -> bool:
        answer = client.get("/readyz")
        return answer.status_code == 503 and "no database file" in answer.text

    assert any(is_unready() for _ in range(2_000))
    assert client.get("/healthz").text == "ok"


def test_metrics_tell_of_sources_and_viewers(
    start_alone: Start, sqlite_url: str
) -> None:
    with job_table(sqlite_url) as table:
        table.add(finished_run())
    client, _ = start_alone()
    client.get("/readyz")

    with client.websocket_connect(SOCKETS + "/live") as socket:
        socket.receive_text()
        lines = client.get("/metrics").text.splitlines()

    assert 'jobmanager_source_up{source="jobs"} 1.0' in lines
    assert 'jobmanager_stalled_jobs{source="jobs",state="overdue"} 0.0' in lines
    assert "jobmanager_ws_viewers 1.0" in lines


def test_without_the_live_link_there_is_no_socket_to_connect_to(start: Start) -> None:
    client, _ = start(JOBS_LIVE="off")

    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(SOCKETS + "/live"),
    ):
        pass


def test_a_method_that_is_not_there_does_nothing(start: Start) -> None:
    client, _ = start()

    assert client.post("/").status_code == 405
    assert client.delete("/healthz").status_code == 405
