"""The demo's worker process: ``python -m data.demo.worker PATH --parent PID``.

It enqueues runs and works on them as an application would, until SIGTERM, SIGINT or
the end of the process that started it. On a polite end it hands back what it holds.
What a killed worker leaves RUNNING is nobody's: it stays as it is and is found to be
stalled when its limit is over. That is true of the two runs that are stalled from the
start as well, until somebody cleans them up.
"""

import argparse
import os
import signal
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from random import Random
from threading import Event
from typing import Final
from urllib.parse import quote

from data.clock import Clock, now_ms, utc_now
from data.demo.orders import Orders
from data.demo.steps import State, hand_back, step

#: How often the worker looks around, in seconds.
_STEP_S: Final = 0.25
#: How long one step may wait for somebody else's lock: short, to stop when told to.
_LOCK_S: Final = 0.3


def run_worker(
    path: Path,
    *,
    stop: Event,
    parent: int | None = None,
    clock: Clock = utc_now,
    rng: Random | None = None,
) -> None:
    """Work on the job table in ``path`` until ``stop`` is set or the parent is gone.

    ``parent`` is the process id of whoever started this process; without it, the one
    that is found is taken for it, which is wrong when it is gone already.

    While the database is locked nothing happens and nothing is lost: the step is
    tried again. Raises sqlite3.OperationalError when there is no such file.
    """
    rng = rng or Random()  # noqa: S311 - a demo
    parent = parent or os.getppid()
    with closing(_opened(path)) as connection:
        orders = Orders(connection, f"demo-worker:{os.getpid()}")
        state = State()
        while not stop.wait(_STEP_S) and os.getppid() == parent:
            look = partial(step, orders, now_ms=now_ms(clock), rng=rng)
            state = _in_transaction(connection, look, state)
        _in_transaction(connection, partial(hand_back, orders), state)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker on the file named in ``arguments`` until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m data.demo.worker")
    parser.add_argument("path", type=Path, help="a SQLite file with the table job_runs")
    parser.add_argument("--parent", type=int, help="stop when this process has ended")
    given = parser.parse_args(arguments)
    path: Path = given.path
    if not path.is_file():
        parser.error(f"there is no file {path}")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_worker(path, stop=stop, parent=given.parent)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=_LOCK_S,
        isolation_level=None,
    )
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _in_transaction(
    connection: sqlite3.Connection, change: Callable[[State], State], state: State
) -> State:
    """What ``change`` makes of ``state``; ``state`` itself while it is locked."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        changed = change(state)
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        with suppress(sqlite3.OperationalError):
            connection.execute("ROLLBACK")
        return state
    return changed


if __name__ == "__main__":
    main()
