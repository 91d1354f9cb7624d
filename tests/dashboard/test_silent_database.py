"""A source or the store went silent: said within seconds, and nobody else waits for it."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.db import Database
from tests.browser.served import Served
from tests.factories import job_table, make_run
from tests.flows import Flows
from tests.silence import Wire, silent_wire

#: What the page promises, and room for a machine that is busy.
_PROMISED_S = 10
_BUSY_S = 5
_GENEROUS_S = 60
#: How many wait for a source that is silent.
_ASKED = 40


@contextmanager
def flows(url: str) -> Iterator[None]:
    """DBOS's own tables."""
    made = Flows(url)
    yield
    made.owner.dispose()


@pytest.fixture
def served(
    postgresql_url: str, sqlite_url: str, tmp_path: Path
) -> Iterator[tuple[Served, dict[str, Wire]]]:
    """A product with a source of each engine behind a wire, and one that is a file."""
    with (
        job_table(postgresql_url),
        flows(postgresql_url),
        job_table(sqlite_url),
        silent_wire(postgresql_url) as (native, native_url),
        silent_wire(postgresql_url) as (dbos, dbos_url),
    ):
        (tmp_path / "job-manager.toml").write_text(
            f'[sources.native]\nurl = "{native_url}"\n'
            f'[sources.dbos]\nengine = "dbos"\nurl = "{dbos_url}"\n'
            f'[sources.near]\nurl = "{sqlite_url}"\n'
        )
        server = Served(tmp_path)
        yield server.start(), {"native": native, "dbos": dbos}
        server.stop()


@pytest.fixture
def stored(
    postgresql_url: str, sqlite_url: str, tmp_path: Path
) -> Iterator[tuple[Served, Wire]]:
    """A product whose store lies behind a wire, and whose source is a file."""
    with job_table(sqlite_url) as table, silent_wire(postgresql_url) as (wire, url):
        table.add(make_run(started_at=1))
        server = Served(tmp_path, JOBS_DATABASE_URL=sqlite_url, JOBS_STORE_URL=url)
        yield server.start(), wire
        server.stop()


def test_a_silent_source_is_told_and_holds_up_neither_others_nor_the_stop(
    served: tuple[Served, dict[str, Wire]],
) -> None:
    server, wires = served
    assert _sources(server) == {"native": "ok", "dbos": "ok", "near": "ok"}

    for far, wire in wires.items():
        _told_while_silent(server, far, wire)
        wire.recover()
        _wait_until(lambda far=far: _sources(server)[far] == "ok")

    for wire in wires.values():
        wire.go_silent()
    began = time.monotonic()
    server.terminate()
    assert time.monotonic() - began < _PROMISED_S


def _told_while_silent(server: Served, far: str, wire: Wire) -> None:
    """One source goes silent, and the others do not notice."""
    wire.go_silent()
    began = time.monotonic()
    with ThreadPoolExecutor(_ASKED + 1) as pool, httpx.Client() as client:
        asked = [
            pool.submit(_status, client, f"{server.url}api/runs?source={far}")
            for _ in range(_ASKED)
        ]
        near = pool.submit(_timed, client, f"{server.url}api/runs?source=near")
        assert near.result() < _BUSY_S
        _wait_until(lambda: _sources(server)[far] != "ok")
        told_after_s = time.monotonic() - began
        assert {one.result() for one in asked} == {httpx.codes.SERVICE_UNAVAILABLE}

    assert told_after_s < _PROMISED_S + _BUSY_S
    others = {name: told for name, told in _sources(server).items() if name != far}
    assert {*others.values()} == {"ok"}
    assert server.metric(f'jobmanager_source_up{{source="{far}"}}') == 0
    for name in others:
        assert server.metric(f'jobmanager_source_up{{source="{name}"}}') == 1
    trouble = server.get(f"api/snapshot?source={far}").json()["view"]["trouble"]
    assert far in trouble["message"]

    began = time.monotonic()
    refused = _clean_up(server, far)
    assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert time.monotonic() - began < _PROMISED_S + _BUSY_S


def test_a_silent_store_is_told_and_holds_up_neither_the_runs_nor_the_stop(
    stored: tuple[Served, Wire],
) -> None:
    server, wire = stored
    assert server.get("readyz").json()["store"] == "ok"
    assert _stalled(server) == ["1"]

    wire.go_silent()
    began = time.monotonic()
    said = server.get("readyz")
    assert time.monotonic() - began < _PROMISED_S + _BUSY_S
    assert said.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert re.search("(did|does) not answer", said.json()["store"])
    assert set(said.json()["sources"].values()) == {"ok"}
    shown = server.get("api/snapshot").json()
    assert shown["view"]["trouble"] is None
    assert _stalled(server) == ["1"]

    began = time.monotonic()
    asked = _clean_up(server, "jobs")
    assert time.monotonic() - began < _PROMISED_S + _BUSY_S
    assert asked.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "Nothing was done" in asked.json()["error"]["message"]
    assert _stalled(server) == ["1"]

    began = time.monotonic()
    server.terminate()
    assert time.monotonic() - began < _PROMISED_S


def test_the_system_too_notices_a_peer_that_is_gone(postgresql_url: str) -> None:
    with silent_wire(postgresql_url) as (_, url):
        database = Database(url, name="orders")
        with database.reading() as connection:
            driver: Any = connection.connection.driver_connection
            with socket.fromfd(
                driver.fileno(), socket.AF_INET, socket.SOCK_STREAM
            ) as line:
                kept = [
                    line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    *(
                        line.getsockopt(socket.IPPROTO_TCP, option)
                        for option in (
                            socket.TCP_KEEPIDLE,
                            socket.TCP_KEEPINTVL,
                            socket.TCP_KEEPCNT,
                            socket.TCP_USER_TIMEOUT,
                        )
                    ),
                ]
        database.close()
    assert kept == [1, 5, 2, 3, 5_000]


def _sources(server: Served) -> dict[str, str]:
    """What is said of each source."""
    told: dict[str, str] = server.get("readyz").json()["sources"]
    return told


def _clean_up(server: Served, source: str) -> httpx.Response:
    return httpx.post(
        f"{server.url}api/stalled/cleanup",
        json={"source": source},
        timeout=_GENEROUS_S,
    )


def _stalled(server: Served) -> list[str]:
    return [run["run_id"] for run in server.get("api/stalled").json()["runs"]]


def _status(client: httpx.Client, url: str) -> int:
    return client.get(url, timeout=_GENEROUS_S).status_code


def _timed(client: httpx.Client, url: str) -> float:
    began = time.monotonic()
    assert _status(client, url) == httpx.codes.OK
    return time.monotonic() - began


def _wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + _GENEROUS_S
    while not condition():
        assert time.monotonic() < ends
        threading.Event().wait(0.2)
