"""Rollups, episodes and telemetry of tests, written as their owners would."""

from collections import Counter, defaultdict
from typing import Any, NamedTuple

from sqlalchemy import insert

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.rules import by_worker
from data.rules.histogram import bucket_of, encode
from data.store import Store
from data.store.tables import rollup_day, rollup_hour, rollup_state, stall_episode
from data.store.viewing_tables import viewer_report, viewer_slot, viewing_slot


class Ran(NamedTuple):
    """Runs of one type that ended in one hour."""

    at: int
    job: str
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    #: of each of them
    took_ms: int = 1_000
    worker: str = ""


def roll(store: Store, *ran: Ran, source: str = "jobs", known_since: int = 0) -> None:
    """Keep these runs by hour and by day; every hour since ``known_since`` is in."""
    hours: Counter[tuple[int, str, str, int, str]] = Counter()
    for one in ran:
        hour = one.at // HOUR_MS * HOUR_MS
        for status in ("succeeded", "failed", "cancelled"):
            key = hour, one.job, status.upper(), one.took_ms, one.worker
            hours[key] += getattr(one, status)
    with store.database.writing() as connection:
        for table, length in ((rollup_hour, HOUR_MS), (rollup_day, DAY_MS)):
            rows = _rows(hours, table.columns.keys()[1], length, source)
            if rows:
                connection.execute(insert(table), rows)
        connection.execute(
            insert(rollup_state).values(
                source=source,
                generation=1,
                refreshed_until=known_since,
                backfilled_from=known_since,
                complete=True,
                audited_hour=known_since,
                episodes_from=known_since,
            )
        )


def _rows(
    hours: Counter[tuple[int, str, str, int, str]], name: str, length: int, source: str
) -> list[dict[str, Any]]:
    cells: dict[tuple[int, str, str], Counter[int]] = defaultdict(Counter)
    workers: dict[tuple[int, str, str], Counter[str]] = defaultdict(Counter)
    for (hour, job, status, took_ms, worker), runs in hours.items():
        if runs:
            key = hour // length * length, job, status
            cells[key][took_ms] += runs
            workers[key][worker] += runs
    return [
        {
            "source": source,
            name: at,
            "job_name": job,
            "status": status,
            "runs": sum(lengths.values()),
            "duration_ms": sum(ms * runs for ms, runs in lengths.items()),
            "wait_ms": 0,
            "durations": encode({bucket_of(ms): n for ms, n in lengths.items()}),
            "workers": by_worker.encode(workers[at, job, status]),
        }
        for (at, job, status), lengths in cells.items()
    ]


def stall(
    store: Store, at: int, *, lasted_ms: int, source: str = "jobs", **more: Any
) -> None:
    """A stalled run, over its limit at ``at``, seen a minute later, over in the end."""
    row = {
        "source": source,
        "run_id": f"{at}-{lasted_ms}",
        "job_name": "etl",
        "run_started_at": at - 30 * MINUTE_MS,
        "state": "overdue",
        "rule": "default limit",
        "limit_ms": 30 * MINUTE_MS,
        "first_seen_at": at + MINUTE_MS,
        "ended_at": at + lasted_ms,
        "outcome": "finished_ok",
        "origin": "watched",
        **more,
    }
    with store.database.writing() as connection:
        connection.execute(insert(stall_episode).values(row))


def look(
    store: Store,
    at: int,
    *,
    viewers: int = 0,
    lost: int = 0,
    minutes: int = 0,
    good: int = 0,
) -> None:
    """Who looked in a quarter of an hour, and how many of its minutes were good."""
    seen = [
        {
            "slot": at,
            "visitor": f"v{n}",
            "good_s": 60,
            "stale_s": 0,
            "disconnected_s": 0,
            "faults": int(n < lost),
        }
        for n in range(viewers)
    ]
    slot = {"slot": at, "minutes": minutes, "good_minutes": good}
    seconds = dict.fromkeys(("good_s", "stale_s", "disconnected_s", "faults"), 0)
    with store.database.writing() as connection:
        if seen:
            connection.execute(insert(viewer_slot), seen)
        connection.execute(insert(viewing_slot).values(**slot, **seconds))


def report(store: Store, at: int, *, confirmed: bool, **more: Any) -> None:
    """Somebody said that a page was not updating."""
    row = {
        "report_id": f"{at:032x}",
        "at": at,
        "visitor": "somebody",
        "source": "jobs",
        "category": "not_updating",
        "note": "a private note",
        "record": "{}",
        "confirmed": confirmed,
        **more,
    }
    with store.database.writing() as connection:
        connection.execute(insert(viewer_report).values(row))
