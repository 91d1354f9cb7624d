"""The product as a process of its own, and what is asked of such a process."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent
PRODUCT: Final = ("-c", "import app; app.main()", "serve")
_START_LIMIT_S: Final = 30.0
_STOP_LIMIT_S: Final = 10.0
_ANSWER_LIMIT_S: Final = 15.0


class Server(NamedTuple):
    """A process that serves on 127.0.0.1."""

    port: int
    pid: int

    @property
    def origin(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> float:
        """The CPU time its process has used so far, all threads together, in seconds."""
        # Linux makes a clock's number of a process's (clock_getcpuclockid).
        return time.clock_gettime((~self.pid << 3) | 2)

    def get(self, path: str) -> str:
        """The body at ``path``; raises ConnectionError unless it is a 200."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: str, kind: str = "application/json") -> str:
        """The body that answers ``body``; raises ConnectionError unless it is a 200."""
        return self._ask("POST", path, body.encode(), kind)

    def accept(self, path: str, body: str) -> None:
        """Post ``body``; raises ConnectionError unless it is a 202."""
        self._ask("POST", path, body.encode(), "application/json", http.client.ACCEPTED)

    def reads(self) -> int:
        """How often the job table was read so far."""
        lines = self.get("/metrics").splitlines()
        found = [x for x in lines if x.startswith("jobmanager_source_reads_total")]
        return int(float(found[0].rpartition(" ")[2]))

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        kind: str = "",
        expected: int = http.client.OK,
    ) -> str:
        headers = {"Origin": self.origin, **({"Content-Type": kind} if kind else {})}
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=_ANSWER_LIMIT_S
        )
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read().decode()
        finally:
            connection.close()
        if answer.status != expected:
            raise ConnectionError(f"{method} {path}: {answer.status} {content:.200}")
        return content


@contextmanager
def serving(
    settings: Mapping[str, str], command: tuple[str, ...] = PRODUCT
) -> Iterator[Server]:
    """A server with these ``JOBS_*`` settings (without the prefix), once it answers."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="jobs-bench-") as place:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *command],
            cwd=place,
            env=environment({"PORT": str(port), **settings}),
            stdout=subprocess.DEVNULL,
        )
        try:
            server = Server(port, process.pid)
            _await_answer(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, without the settings of whoever runs the benchmarks, and with these."""
    ours = {
        key: text for key, text in os.environ.items() if not key.startswith("JOBS_")
    }
    theirs = {f"JOBS_{key}": text for key, text in settings.items()}
    return {**ours, "PYTHONPATH": str(ROOT), **theirs}


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _await_answer(server: Server, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while True:
        try:
            server.get("/healthz")
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The server did not start.") from error
            time.sleep(0.05)
        else:
            return
