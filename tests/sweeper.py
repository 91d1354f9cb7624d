"""Whatever a run of the tests starts ends with it, also when the run is killed.

Every process that it starts, directly or not, inherits a mark in its environment. A
sweeper holds the other end of a pipe to the run: when that ends, however it does, all
that bear the mark are killed.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

MARK = "TESTS_RUN"
_PROCESSES = Path("/proc")  # elsewhere than on Linux nothing is found
_LIMIT_S = 20.0
_LOOK_S = 0.05


def begin() -> subprocess.Popen[bytes]:
    """Mark this process's children, and start a sweeper for them."""
    os.environ[MARK] = secrets.token_hex(4)
    return subprocess.Popen(  # noqa: S603
        [sys.executable, __file__, os.environ[MARK]],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def end(sweeper: subprocess.Popen[bytes], limit_s: float = _LIMIT_S) -> list[str]:
    """What was started and does not end by itself, as command lines; it is killed."""
    mark = os.environ[MARK]
    deadline = time.monotonic() + limit_s
    while (left := marked(mark, but=sweeper.pid)) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    sweeper.communicate()
    return sorted(left.values())


def marked(mark: str, *, but: int) -> dict[int, str]:
    """Processes that bear the mark, with their command lines."""
    found: dict[int, str] = {}
    for place in _PROCESSES.glob("[0-9]*"):
        pid = int(place.name)
        # those that are gone meanwhile, or somebody else's
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in (place / "environ").read_bytes():
                words = (place / "cmdline").read_bytes().decode(errors="replace")
                found[pid] = f"{pid} {words.replace(chr(0), ' ').strip()}"
    return {pid: words for pid, words in found.items() if pid not in {but, os.getpid()}}


def sweep(mark: str) -> None:
    """Kill all that bear the mark, and what they start meanwhile; remove databases."""
    while left := marked(mark, but=os.getpid()):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_S)
    for folder in Path(tempfile.gettempdir()).glob(f"jobs-pg-{mark}-*"):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    sweep(sys.argv[1])
