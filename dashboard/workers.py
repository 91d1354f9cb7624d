"""Several processes behind one port, each with an application of its own.

The first must serve before the others are started: a start that must fail ends with the
status and the line of that one.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Final

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from dashboard.commands.tools import EXIT_FAILED, EXIT_USAGE

#: How a process ends that could not start: it would not the next time either.
_NOT_STARTED: Final = (EXIT_FAILED, EXIT_USAGE, STARTUP_FAILURE)
_LOOK_EVERY_S: Final = 0.1
#: While others serve it is tried again, after pauses that grow.
_PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)


class Workers(Multiprocess):
    """Starts them, replaces one that dies, and ends when none can start."""

    #: the exit status of it all
    status = 0
    on_ready: Callable[[], object] = staticmethod(lambda: None)
    _failed_starts = 0
    _again_at = 0.0

    def init_processes(self) -> None:
        """Start one, and when it serves the others."""
        self._start_one()
        first = self.processes[0]
        while not self.should_exit.wait(_LOOK_EVERY_S) and not first.is_ready(1):
            self.handle_signals()
            if not first.process.is_alive():
                self._end(first)
        if self.should_exit.is_set():
            return
        self.on_ready()
        for _ in range(self.processes_num - 1):
            self._start_one()

    def keep_subprocess_alive(self) -> None:
        """Replace those that died."""
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.is_alive(self.config.timeout_worker_healthcheck):
                continue
            process.kill()  # it may hang
            process.join()
            self._replace(place, process)

    def _start_one(self) -> None:
        process = Process(self.config, self.sockets)
        process.start()
        self.processes.append(process)

    def _replace(self, place: int, dead: Process) -> None:
        if dead.exitcode in _NOT_STARTED:
            if not any(one.process.is_alive() for one in self.processes):
                self._end(dead)
                return
            if not self._again_at:
                pause = min(self._failed_starts, len(_PAUSES_S) - 1)
                self._failed_starts += 1
                self._again_at = time.monotonic() + _PAUSES_S[pause]
            if time.monotonic() < self._again_at:
                return
        else:
            self._failed_starts = 0
        self._again_at = 0.0
        self.processes[place] = Process(self.config, self.sockets)
        self.processes[place].start()

    def _end(self, process: Process) -> None:
        process.join()
        self.status = process.exitcode or EXIT_FAILED
        self.should_exit.set()


def end_with_parent() -> None:
    """Have this process end when the one that started it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_outlive, args=(parent,), name="parent", daemon=True).start()


def _outlive(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
