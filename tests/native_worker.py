"""A worker of the native table for tests: ``python -m tests.native_worker URL NAME``.

The same jobs as ``tests.dbos_worker``, in the words of the contract. It says ``ready``
when it works, and works until its input ends or it is killed.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sqlalchemy import create_engine, func, select, update

from data.clock import now_ms, utc_now
from tests.factories import JobTable

_LOOK_S = 0.05


def add(table: JobTable, run_id: str, left: int = 1, right: int = 2) -> int:
    del table, run_id
    return left + right


def fail(table: JobTable, run_id: str, words: str = "it broke") -> None:
    raise ValueError(words)


def hang(table: JobTable, run_id: str, path: str) -> str:
    """Wait until there is a file at ``path``, or somebody asks to stop."""
    pause = Event()
    while not Path(path).exists():
        pause.wait(_LOOK_S)
        if table.row(run_id)["cancel_requested_at"] is not None:
            end(table, run_id, "CANCELLED")
            return ""
    return "went on"


JOBS: dict[str, Callable[..., Any]] = {"add": add, "fail": fail, "hang": hang}


def take(table: JobTable, name: str) -> dict[str, Any] | None:
    """The oldest run that is due, which runs here now."""
    t = table.table
    with table.owner.begin() as connection:
        due = [t.c.status == "SCHEDULED", t.c.scheduled_at <= now_ms(utc_now)]
        connection.execute(update(t).where(*due).values(status="PENDING"))
        waits = select(func.min(t.c.id)).where(t.c.status == "PENDING")
        run_id = connection.execute(waits).scalar()
        mine = update(t).where(t.c.id == run_id, t.c.status == "PENDING")
        start = {"status": "RUNNING", "worker": name, "started_at": now_ms(utc_now)}
        if not run_id or not connection.execute(mine.values(**start)).rowcount:
            return None
    return table.row(str(run_id))


def end(table: JobTable, run_id: str, status: str, **values: Any) -> None:
    t = table.table
    held = update(t).where(t.c.id == int(run_id), t.c.status == "RUNNING")
    with table.owner.begin() as connection:
        connection.execute(
            held.values(status=status, finished_at=now_ms(utc_now), **values)
        )


def work(table: JobTable, row: dict[str, Any]) -> None:
    run_id, params = str(row["id"]), row["params"] or {}
    params = json.loads(params) if isinstance(params, str) else params
    try:
        result = JOBS[row["job_name"]](table, run_id, **params)
    except ValueError as error:
        end(table, run_id, "FAILED", error_type="ValueError", error=str(error))
    else:
        kept = json.dumps(result) if table.dialect == "sqlite" else result
        end(table, run_id, "SUCCEEDED", result=kept)


def main() -> None:
    url, name = sys.argv[1:]
    table = JobTable(url)
    table.owner = create_engine(table.owner.url, pool_size=20)
    over, pause = Event(), Event()
    Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    print("ready", flush=True)  # noqa: T201
    while not over.is_set():
        row = take(table, name)
        if row is None:
            pause.wait(_LOOK_S)
        else:
            Thread(target=work, args=(table, row), daemon=True).start()


if __name__ == "__main__":
    main()
