"""The product as people start it: ``job-manager serve`` in a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.browser.waiting import LIMIT_S, wait_until
from tests.conftest import RunningClock

#: The console script beside the Python that runs the tests.
COMMAND = Path(sys.executable).parent / "job-manager"
_CLOCKED = Path(__file__).parents[1] / "clocked"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def run_command(
    directory: Path, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(  # noqa: S603
        [COMMAND, *arguments],
        cwd=directory,
        env=_environment(environ),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def _environment(wanted: Mapping[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key[:5] != "JOBS_"}
    return {**kept, **wanted}


def clocked(clock: RunningClock) -> dict[str, str]:
    """The environment in which the product goes by this clock."""
    return {
        "PYTHONPATH": str(_CLOCKED),
        "TESTS_CLOCK_AHEAD_S": f"{clock.ahead_s():.6f}",
    }


class Served:
    """A server process that can be killed and started again on the same port."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: RunningClock | None = None,
        port: int | None = None,
        **environ: str,
    ) -> None:
        self.clock = clock or RunningClock()
        self.port = port or free_port()
        self.directory = directory
        self.environ = {"JOBS_PORT": str(self.port), **environ}
        self.prefix = environ.get("JOBS_PREFIX", "/")
        self.log = directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def start(self) -> "Served":
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [COMMAND, "serve"],
                cwd=self.directory,
                env={**_environment(self.environ), **clocked(self.clock)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers)
        return self

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=LIMIT_S)

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=LIMIT_S)

    def stop(self) -> None:
        self.kill()

    def lines(self) -> list[str]:
        """Everything it said so far."""
        return self.log.read_text(encoding="utf-8").splitlines()

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=LIMIT_S)

    def metric(self, name: str) -> float:
        """The value of a metric; labels and all: ``name{source="jobs"}``."""
        for line in self.get("metrics").text.splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[-1])
        raise LookupError(name)

    def _answers(self) -> None:
        assert self._process is not None
        if self._process.poll() is not None:
            message = "\n".join(self.lines())
            raise RuntimeError(message)
        try:
            assert self.get("healthz").status_code == httpx.codes.OK
        except httpx.HTTPError as error:
            raise AssertionError from error
