"""Pages know of which version and settings they are, and so does the server."""

import re
from pathlib import Path

import dash
from fastapi.testclient import TestClient

from app import compose
from dashboard.build import build_of
from dashboard.deps import Look
from dashboard.settings import load_settings


def test_a_build_is_that_of_its_settings_in_every_process() -> None:
    own = build_of(Look(), [], tracking=True)

    assert re.fullmatch(r"[0-9a-f]{16}", own)
    assert build_of(Look(), [], tracking=True) == own
    assert build_of(Look(live=False), [], tracking=True) != own
    assert build_of(Look(refresh_every_ms=1_000), [], tracking=True) != own
    assert build_of(Look(), [], tracking=False) != own


def test_page_messages_and_api_tell_the_same_build(
    tmp_path: Path, sqlite_url: str
) -> None:
    environ = {
        "JOBS_DATABASE_URL": sqlite_url,
        "JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
    }
    composed = compose(load_settings(environ, directory=tmp_path))
    client = TestClient(composed.asgi, base_url="http://127.0.0.1:8050")

    page, told = client.get("/").text, client.get("/api/build").json()
    snapshot = composed.deps.snapshot("jobs")
    composed.deps.store.close()
    dash.page_registry.clear()

    assert told["build"] == composed.deps.build
    assert f'<meta name="job-manager-build" content="{told["build"]}">' in page
    assert composed.hub.messages.answer(snapshot)["build"] == told["build"]


def test_a_page_that_cannot_run_scripts_says_so(
    tmp_path: Path, sqlite_url: str
) -> None:
    environ = {
        "JOBS_DATABASE_URL": sqlite_url,
        "JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
    }
    composed = compose(load_settings(environ, directory=tmp_path))
    client = TestClient(composed.asgi, base_url="http://127.0.0.1:8050")

    page = client.get("/").text
    composed.deps.store.close()
    dash.page_registry.clear()

    without = page.split("<noscript>")[1].split("</noscript>")[0]
    assert "needs allow-scripts allow-same-origin" in without
