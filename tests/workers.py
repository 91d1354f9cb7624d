"""Real workers for tests: a process each, on a native table or a DBOS database."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from data.clock import now_ms, utc_now
from data.db import Database
from data.engines.base import JobEngine
from data.engines.dbos import DbosEngine
from data.engines.native import NativeEngine
from data.model import Job, JobState
from tests.factories import job_table, until

#: The queue that a DBOS worker listens to.
QUEUE = "work"


class Worker:
    """A worker process; ``kill`` gives it no time for a goodbye."""

    def __init__(self, module: str, url: str, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", module, url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=60)


class Workshop(NamedTuple):
    """An engine over a database that real workers work on."""

    engine: JobEngine
    url: str
    module: str
    #: where a job that hangs finds the file that lets it go on
    folder: Path

    @property
    def is_dbos(self) -> bool:
        return self.module == "tests.dbos_worker"

    @contextmanager
    def worker(self, name: str) -> Iterator[Worker]:
        """A worker for as long as the block takes."""
        worker = Worker(self.module, self.url, name)
        try:
            yield worker
        finally:
            worker.kill()

    def start(self, job: str, *, run_at_ms: int | None = None, **params: Any) -> str:
        """Start a run as the product does; its id."""
        return self.engine.enqueue(
            job,
            json.dumps(params),
            queue=QUEUE,
            run_at_ms=run_at_ms,
            at_ms=now_ms(utc_now),
        )

    def hang(self, name: str) -> str:
        """A run that waits for the file ``name``, in the middle of a step; its id."""
        run_id = self.start("hang", path=str(self.folder / name))
        self.wait(run_id, JobState.RUNNING)
        if self.is_dbos:
            until(lambda: self.job(run_id).heartbeat_at)
        return run_id

    def job(self, run_id: str) -> Job:
        [job] = self.engine.runs([run_id])
        return job

    def wait(self, run_id: str, state: JobState) -> Job:
        """Wait until the run is in this state."""
        until(lambda: self.job(run_id).state is state)
        return self.job(run_id)


@contextmanager
def native_workshop(url: str, folder: Path) -> Iterator[Workshop]:
    """Workers on a native table in the empty database at ``url``."""
    with job_table(url):
        engine = NativeEngine(Database(url, name="orders"))
        engine.check()
        yield Workshop(engine, url, "tests.native_worker", folder)
        engine.close()


@contextmanager
def dbos_workshop(url: str, folder: Path) -> Iterator[Workshop]:
    """Workers on the empty database at ``url``, where DBOS makes its tables."""
    Worker("tests.dbos_worker", url, "first").kill()
    engine = DbosEngine(Database(url, name="flows"))
    engine.check()
    yield Workshop(engine, url, "tests.dbos_worker", folder)
    engine.close()
