"""A real DBOS application for tests: ``python -m tests.dbos_worker URL NAME``.

It says ``ready`` when it works, and works until its input ends or it is killed.
"""

import sys
from pathlib import Path
from threading import Event

from dbos import DBOS, DBOSConfig

VERSION = "1"
QUEUE = "work"


@DBOS.step()
def note(words: str) -> str:
    return words


@DBOS.step()
def wait_for(path: str) -> None:
    """Wait until there is a file at ``path``."""
    pause = Event()
    while not Path(path).exists():
        pause.wait(0.05)


@DBOS.workflow(name="add")
def add(left: int = 1, right: int = 2) -> int:
    note("added")
    return left + right


@DBOS.workflow(name="fail")
def fail(words: str = "it broke") -> None:
    note("about to fail")
    raise ValueError(words)


@DBOS.workflow(name="hang")
def hang(path: str) -> str:
    note("began")
    wait_for(path)
    return note("went on")


def config(url: str, name: str) -> DBOSConfig:
    """The application as its worker ``name`` on the database at ``url``."""
    return {
        "name": "tests",
        "system_database_url": url,
        "executor_id": name,
        "application_version": VERSION,
        "run_admin_server": False,
        "log_level": "ERROR",
    }


def main() -> None:
    url, name = sys.argv[1:]
    DBOS(config=config(url, name))
    DBOS.launch()
    DBOS.register_queue(QUEUE, polling_interval_sec=0.1)
    print("ready", flush=True)  # noqa: T201
    sys.stdin.read()
    DBOS.destroy()


if __name__ == "__main__":
    main()
