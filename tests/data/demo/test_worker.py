import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from data.clock import MINUTE_MS, to_ms, utc_now
from data.demo.worker import run_worker
from tests.data.demo.shop import NOON, chance

OPEN = "SELECT count(*) FROM job_runs WHERE status = 'RUNNING' AND worker LIKE 'demo-%'"
LOOK_S = 0.05
LOOKS = 400


def _until(condition: Callable[[], bool]) -> None:
    """Wait for ``condition``, twenty seconds at most."""
    pause = Event()
    for _ in range(LOOKS):
        if condition():
            return
        pause.wait(LOOK_S)
    pytest.fail("it did not come true")


def _count(path: Path, statement: str) -> int:
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        (count,) = connection.execute(statement).fetchone()
    return int(count)


@contextmanager
def _process(*command: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


@contextmanager
def _thread(path: Path) -> Iterator[Callable[[], int]]:
    """A worker in a thread; how many steps it has begun."""
    stop = Event()
    looks: list[None] = []

    def counting_clock() -> datetime:
        looks.append(None)
        return utc_now()

    thread = Thread(
        target=run_worker,
        args=(path,),
        kwargs={"stop": stop, "clock": counting_clock, "rng": chance()},
    )
    thread.start()
    try:
        yield lambda: len(looks)
    finally:
        stop.set()
        thread.join(timeout=60)
        assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_works_until_it_is_told_to_stop(
    empty_path: Path, number: signal.Signals
) -> None:
    command = (sys.executable, "-m", "data.demo.worker", str(empty_path))
    with _process(*command) as process:
        _until(lambda: _count(empty_path, OPEN) > 0)

        process.send_signal(number)

        assert process.wait(timeout=60) == 0
        assert process.communicate()[0] == ""
    assert _count(empty_path, OPEN) == 0


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
def test_the_process_ends_with_the_one_that_started_it(empty_path: Path) -> None:
    program = (
        "import os, signal, subprocess, sys\n"
        "command = [sys.executable, '-m', 'data.demo.worker', sys.argv[1], '--parent']\n"
        "worker = subprocess.Popen([*command, str(os.getpid())])\n"
        "print(worker.pid, flush=True)\n"
        "signal.pause()\n"
    )
    with _process(sys.executable, "-c", program, str(empty_path)) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        _until(lambda: _count(empty_path, OPEN) > 0)

        parent.kill()

        _until(lambda: not _lives(worker))


def test_the_process_ends_when_its_parent_is_gone_before_it_began(
    empty_path: Path,
) -> None:
    with _process(sys.executable, "-c", "") as gone:
        gone.wait(timeout=60)
    command = (sys.executable, "-m", "data.demo.worker", str(empty_path))

    with _process(*command, "--parent", str(gone.pid)) as process:
        assert process.wait(timeout=60) == 0


def _lives(pid: int) -> bool:
    """Whether the process is there; an orphan may stay as a zombie for ever."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nothing.db"
    command = (sys.executable, "-m", "data.demo.worker", str(missing))
    with _process(*command) as process:
        words, _ = process.communicate(timeout=60)

    assert process.returncode == 2
    assert f"there is no file {missing}" in words
    assert not missing.exists()


def test_it_goes_on_after_the_database_was_locked(empty_path: Path) -> None:
    other = sqlite3.connect(empty_path, isolation_level=None)
    with closing(other), _thread(empty_path) as steps:
        _until(lambda: _count(empty_path, OPEN) > 0)
        _until(lambda: _begun(other))
        held, begun = _count(empty_path, OPEN), steps()
        # The third step begins only when the first two have given up.
        _until(lambda: steps() > begun + 2)
        assert _count(empty_path, OPEN) == held
        other.execute(
            "UPDATE job_runs SET status = 'PENDING' WHERE status = 'SCHEDULED'"
        )
        other.execute("COMMIT")

        _until(lambda: _count(empty_path, OPEN) > held)


def _begun(connection: sqlite3.Connection) -> bool:
    with suppress(sqlite3.OperationalError):
        connection.execute("BEGIN IMMEDIATE")
        return True
    return False


def test_it_stops_while_the_database_is_locked(empty_path: Path) -> None:
    with closing(sqlite3.connect(empty_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with _thread(empty_path):
            pass


def test_another_error_is_not_swallowed(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE something (id INTEGER)")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        run_worker(path, stop=Event())


def test_the_clock_is_the_one_that_is_given(empty_path: Path) -> None:
    stop = Event()

    def an_hour_later() -> datetime:
        stop.set()
        return NOON + timedelta(hours=1)

    run_worker(empty_path, stop=stop, clock=an_hour_later, rng=chance())

    beat = "SELECT max(heartbeat_at) FROM job_runs WHERE worker = 'worker-2'"
    assert _count(empty_path, beat) == to_ms(NOON) + 60 * MINUTE_MS
