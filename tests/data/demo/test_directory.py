import io
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from data.clock import to_ms
from data.demo.directory import prepare, progress_bar
from tests.data.demo.shop import NOON

NOON_MS = to_ms(NOON)


def _count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM job_runs").fetchone()
    return int(count)


def _prepared(directory: Path, told: list[float]) -> Path:
    return prepare(directory, now_ms=NOON_MS, runs=300, report=told.append)


def test_directory_and_history_are_made_once_and_kept(tmp_path: Path) -> None:
    path = _prepared(tmp_path / "new" / "demo", [])

    assert path == tmp_path / "new" / "demo" / "orders.db"
    assert _count(path) == 310
    made = sorted(file.name for file in path.parent.iterdir())
    assert made == ["job-manager.db", "orders.db", "workflows.db"]

    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM job_runs WHERE id > 7")
    told: list[float] = []

    _prepared(path.parent, told)

    assert _count(path) == 7
    assert told == []


@pytest.mark.exhaustive  # what a kill leaves is replaced below
def test_half_a_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "orders.db.part").write_bytes(b"SQLite format 3\0 and then the end")

    assert _count(_prepared(tmp_path, [])) == 310
    assert not (tmp_path / "orders.db.part").exists()


def test_a_kill_leaves_no_half_history(tmp_path: Path) -> None:
    # The program kills itself in the middle, as nobody can handle.
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from data.demo.directory import prepare\n"
        "def report(part):\n"
        "    if part > 0.5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "prepare(Path(sys.argv[1]), now_ms=int(sys.argv[2]), runs=300, report=report)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(NOON_MS)]
    killed = subprocess.run(command, check=False, timeout=30)  # noqa: S603

    assert killed.returncode < 0
    assert [file.name for file in tmp_path.iterdir()] == ["orders.db.part"]
    assert _count(_prepared(tmp_path, [])) == 310
    assert not (tmp_path / "orders.db.part").exists()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_stays_on_one_line_of_a_terminal() -> None:
    stream = _Terminal()
    draw = progress_bar(stream)

    for part in (0, 0.001, 0.5, 1):
        draw(part)

    frames = stream.getvalue().split("\r")[1:]
    assert [frame.split("] ")[1] for frame in frames] == ["  0 %", " 50 %", "100 %\n"]
    assert frames[1].count("#") == 20


@pytest.mark.parametrize("steps", [10, 1_000])
def test_a_log_gets_the_beginning_and_the_end(steps: int) -> None:
    stream = io.StringIO()
    draw = progress_bar(stream)

    for step in range(steps + 1):
        draw(step / steps)

    lines = stream.getvalue().splitlines()
    assert [line.split("] ")[1] for line in lines] == ["  0 %", "100 %"]
