"""A process that does nothing but write jobs, a commit for each step."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from multiprocessing.synchronize import Event
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy import make_url

from data.clock import now_ms, utc_now

#: How often it looks whether it shall end.
_LOOK_EVERY: Final = 50
#: The life of one run. ``{now}`` and ``{mark}`` are what the driver calls them.
_LIFE: Final = (
    """
    INSERT INTO job_runs (job_name, status, enqueued_at)
    VALUES ('bench', 'PENDING', {now}) RETURNING id
    """,
    """
    UPDATE job_runs SET status = 'RUNNING', started_at = {now}, heartbeat_at = {now},
      worker = 'bench' WHERE id = {mark} AND status = 'PENDING'
    """,
    """
    UPDATE job_runs SET heartbeat_at = {now}, progress = 0.5
    WHERE id = {mark} AND status = 'RUNNING'
    """,
    """
    UPDATE job_runs SET status = 'SUCCEEDED', finished_at = {now}
    WHERE id = {mark} AND status = 'RUNNING'
    """,
)
_NOW_ON_POSTGRESQL: Final = "now()"


class Rate(Protocol):
    """A number that processes share."""

    value: int


def write_until_told(url: str, commits: Rate, over: Event) -> None:
    """Write until ``over``; ``commits`` counts the commits so far."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        _write_to_file(str(parsed.database), commits, over)
    else:
        plain = parsed.set(drivername="postgresql")
        _write_to_server(plain.render_as_string(hide_password=False), commits, over)


def _write_to_file(path: str, commits: Rate, over: Event) -> None:
    life = [step.format(now=":now", mark=":mark") for step in _LIFE]
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

        def live() -> None:
            values: dict[str, Any] = {"now": now_ms(utc_now)}
            (values["mark"],) = connection.execute(life[0], values).fetchone()
            for step in life[1:]:
                connection.execute(step, values)

        _repeat(live, commits, over)


def _write_to_server(url: str, commits: Rate, over: Event) -> None:
    life = [step.format(now=_NOW_ON_POSTGRESQL, mark="%s") for step in _LIFE]
    with psycopg.connect(url, autocommit=True) as connection:

        def live() -> None:
            row = connection.execute(life[0].encode()).fetchone()
            for step in life[1:]:
                connection.execute(step.encode(), row)

        _repeat(live, commits, over)


def _repeat(live: Callable[[], None], commits: Rate, over: Event) -> None:
    while not over.is_set():
        for _ in range(_LOOK_EVERY):
            live()
            commits.value += len(_LIFE)
