"""One source that went silent: said within seconds, and nobody else waits for it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.browser.served import Served
from tests.factories import job_table
from tests.silence import Wire, silent_wire

#: What the page promises, and room for a machine that is busy.
_PROMISED_S = 10
_BUSY_S = 5
_GENEROUS_S = 60


@pytest.fixture
def served(
    postgresql_url: str, sqlite_url: str, tmp_path: Path
) -> Iterator[tuple[Served, Wire]]:
    """A product with a source behind a wire, and one that is a file."""
    with (
        job_table(postgresql_url),
        job_table(sqlite_url),
        silent_wire(postgresql_url) as (wire, url),
    ):
        (tmp_path / "job-manager.toml").write_text(
            f'[sources.far]\nurl = "{url}"\n[sources.near]\nurl = "{sqlite_url}"\n'
        )
        server = Served(tmp_path)
        yield server.start(), wire
        server.stop()


def test_a_silent_source_is_told_and_holds_up_neither_others_nor_the_stop(
    served: tuple[Served, Wire],
) -> None:
    server, wire = served
    assert server.get("readyz").json()["sources"] == {"far": "ok", "near": "ok"}

    wire.go_silent()
    began = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        asked = [
            pool.submit(_status, f"{server.url}api/runs?source=far") for _ in range(40)
        ]
        near = [
            pool.submit(_timed, f"{server.url}api/runs?source=near") for _ in range(1)
        ]
        assert max(one.result() for one in near) < _BUSY_S
        _wait_until(lambda: server.get("readyz").json()["sources"]["far"] != "ok")
        told_after_s = time.monotonic() - began
        assert {one.result() for one in asked} == {httpx.codes.SERVICE_UNAVAILABLE}

    assert told_after_s < _PROMISED_S + _BUSY_S
    assert server.get("readyz").json()["sources"]["near"] == "ok"
    assert server.metric('jobmanager_source_up{source="far"}') == 0
    assert server.metric('jobmanager_source_up{source="near"}') == 1
    trouble = server.get("api/snapshot?source=far").json()["view"]["trouble"]
    assert "far" in trouble["message"]

    began = time.monotonic()
    asked = httpx.post(
        f"{server.url}api/stalled/cleanup", json={"source": "far"}, timeout=_GENEROUS_S
    )
    assert asked.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert time.monotonic() - began < _PROMISED_S + _BUSY_S

    wire.recover()
    _wait_until(lambda: server.get("readyz").json()["sources"]["far"] == "ok")

    wire.go_silent()
    began = time.monotonic()
    server.terminate()
    assert time.monotonic() - began < _PROMISED_S


def _status(url: str) -> int:
    return httpx.get(url, timeout=_GENEROUS_S).status_code


def _timed(url: str) -> float:
    began = time.monotonic()
    assert _status(url) == httpx.codes.OK
    return time.monotonic() - began


def _wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + _GENEROUS_S
    while not condition():
        assert time.monotonic() < ends
        threading.Event().wait(0.2)
