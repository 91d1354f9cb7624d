"""The right to view is checked in one place, and for everything that shows something."""

from collections.abc import Iterator
from dataclasses import FrozenInstanceError

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app import Composed
from dashboard.deps import Action, Role, Viewer
from tests.composing import composed
from tests.conftest import FakeClock
from tests.factories import job_table


class Nobody(Viewer):
    """Signed in, and not allowed anything."""

    def may(self, action: Action) -> bool:
        return False


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """One product for all: nothing changes it."""
    folder, more = tmp_path_factory.mktemp("place"), {"JOBS_PREFIX": "/jobs/"}
    url = f"sqlite:///{folder / 'jobs.db'}"
    with job_table(url), composed(FakeClock(), url, folder, **more) as made:
        with pytest.raises(FrozenInstanceError):
            made.deps.viewer = lambda: Nobody("eve", Role.VIEWER)  # type: ignore[misc]
        object.__setattr__(made.deps, "viewer", lambda: Nobody("eve", Role.VIEWER))
        yield made


@pytest.fixture(scope="module")
def client(place: Composed) -> TestClient:
    return TestClient(place.asgi, base_url="http://127.0.0.1:8050/jobs/")


@pytest.mark.parametrize(
    "path",
    [
        *("", "history", "trends", "errors", "alerts", "audit", "panel/active"),
        *("api/snapshot", "api/runs", "api/runs.csv", "api/run?run_id=1"),
        *("api/sources", "api/stalled", "api/errors", "api/errors/groups.csv"),
        *("api/alerts", "api/audit", "api/trends/error-rate", "api/openapi.json"),
        "_dash-layout",
    ],
)
def test_who_may_not_view_is_shown_nothing(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 403
    assert answer.json()["error"] == {
        "code": "forbidden",
        "message": "eve (viewer) may not view.",
        "ref": None,
    }


def test_callbacks_are_refused_too(client: TestClient) -> None:
    assert client.post("_dash-update-component", json={}).status_code == 403


def test_the_live_link_is_closed(client: TestClient) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        client.websocket_connect("ws://127.0.0.1:8050/jobs/live?source=jobs") as socket,
    ):
        socket.receive_text()
    assert closed.value.code == 4403


@pytest.mark.parametrize("path", ["healthz", "metrics", "assets/theme.js"])
def test_health_metrics_and_our_own_files_are_for_everyone(
    client: TestClient, path: str
) -> None:
    assert client.get(path).status_code == 200
