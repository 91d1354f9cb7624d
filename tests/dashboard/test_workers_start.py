"""Several processes start, end and say what is wrong as one does."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.browser.served import Served, free_port, run_command
from tests.browser.waiting import wait_for
from tests.factories import JobTable, job_table


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as table:
        yield table


@pytest.mark.parametrize(
    ("environ", "status", "words"),
    [
        pytest.param(
            {"JOBS_STORE_URL": "sqlite:////nowhere/x.db"},
            1,
            "The store sqlite:////nowhere/x.db cannot be used.",
            id="bad-store",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            {"JOBS_NOTIFY_URLS": "nosuch://x"},
            2,
            "JOBS_NOTIFY_URLS: ",
            id="bad-address",
        ),
    ],
)
def test_a_start_that_must_fail_is_one_line_and_the_status_of_one_process(
    table: JobTable, tmp_path: Path, environ: dict[str, str], status: int, words: str
) -> None:
    wanted = {"JOBS_DATABASE_URL": table.url, "JOBS_PORT": str(free_port()), **environ}

    ended = run_command(tmp_path, "serve", JOBS_WORKERS="2", **wanted)

    assert ended.returncode == status
    [line] = ended.stderr.splitlines()
    assert line.startswith(words)
    assert ended.stdout == ""


def test_a_port_that_is_taken_is_said_and_is_no_success(
    table: JobTable, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run_command(
            tmp_path,
            "serve",
            JOBS_DATABASE_URL=table.url,
            JOBS_PORT=port,
            JOBS_WORKERS="2",
        )

    assert ended.returncode == 3
    assert "address already in use" in ended.stderr.lower()
    assert "Traceback" not in ended.stderr


@pytest.fixture
def two(table: JobTable, tmp_path: Path) -> Iterator[Served]:
    more = {"JOBS_WORKERS": "2", "JOBS_POLL_EVERY": "100ms"}
    server = Served(tmp_path, JOBS_DATABASE_URL=table.url, **more)
    yield server.start()
    server.stop()


def workers_of(server: Served) -> list[int]:
    """The processes that serve, by what the kernel says."""
    assert server._process is not None
    pid = server._process.pid
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in found
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_workers_serve_the_same_page_and_write_their_log_as_one_process_does(
    two: Served, table: JobTable, tmp_path: Path
) -> None:
    wait_for(lambda: f"Job Manager is at {two.url}" in two.lines())
    answers = [two.get("_dash-layout").status_code for _ in range(6)]
    assert answers == [httpx.codes.OK] * 6

    (tmp_path / "jobs.db").rename(tmp_path / "away.db")
    line = re.compile(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING data\.snapshot: source jobs: .+"
    )
    wait_for(lambda: [one for one in two.lines() if line.fullmatch(one)])

    assert two.terminate() in (0, -signal.SIGTERM)


def test_a_worker_that_dies_is_replaced_and_all_end_with_their_parent(
    two: Served,
) -> None:
    wait_for(lambda: len(workers_of(two)) == 2)
    first, second = workers_of(two)
    os.kill(first, signal.SIGKILL)
    wait_for(
        lambda: (
            len(found := workers_of(two)) == 2
            and first not in found
            and second in found
        )
    )
    assert two.get("healthz").status_code == httpx.codes.OK
    workers = workers_of(two)

    two.kill()

    wait_for(lambda: not any(is_alive(pid) for pid in workers))


def test_a_dead_sink_and_a_full_queue_do_not_hold_up_the_end(
    table: JobTable, tmp_path: Path
) -> None:
    """Somebody takes the connection and never answers: each try takes seconds."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        port = silent.getsockname()[1]
        server = Served(
            tmp_path,
            JOBS_DATABASE_URL=table.url,
            JOBS_ERROR_WEBHOOK=f"http://127.0.0.1:{port}/",
        )
        server.start()
        try:
            (tmp_path / "jobs.db").unlink()
            sent = {
                "v": 1,
                "events": [{"eventId": f"{n:032x}", "message": "x"} for n in range(40)],
            }
            httpx.post(f"{server.url}api/errors", json=sent, timeout=60)
            held, _ = silent.accept()
            began = time.monotonic()
            assert server.terminate() in (0, -signal.SIGTERM)
            took_s = time.monotonic() - began
        finally:
            server.stop()
        held.close()

    assert took_s < 10
