"""Ninety days of alerts: what fired, who saw to it, how long it took."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import insert

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.db import Database
from data.model import Severity
from data.store.alert_tables import alert_episode

_LONG_MS: Final = 30 * MINUTE_MS
#: More long runs than this in a day are told of: chance makes as many now and then.
_LIMIT: Final = 4
_LONG_RUNS: Final = """
SELECT started_at FROM job_runs
WHERE finished_at > ? AND finished_at - started_at > ? AND job_name <> 'nightly-invoices'
ORDER BY started_at
"""


class Fired(NamedTuple):
    """One alert of the past."""

    rule: str
    title: str
    sentence: str
    severity: Severity
    value: float
    days_ago: int
    hour: int
    #: minutes from its beginning until it was told of, seen to, and over
    told: int
    seen: int
    over: int
    by: str
    label: str = ""


_LOST: Final = ("WsDisconnectRate", "Viewers lose the live connection")
_DOWN: Final = ("SourceDown", "A source does not answer")
_FIRED: Final = (
    Fired(
        *_DOWN, "Orders does not answer for 11 minutes.",
        Severity.CRITICAL, 1, 86, 3, 1, 64, 171, "ada", "orders",
    ),
    Fired(
        "NewErrorGroup", "A new error",
        "TypeError: Cannot read properties of undefined, 14 events in an hour.",
        Severity.WARNING, 14, 80, 11, 2, 55, 320, "ada",
    ),
    Fired(
        *_LOST, "31% of 35 viewers in 15 minutes (limit 5%).",
        Severity.CRITICAL, 0.31, 71, 9, 6, 41, 96, "ada",
    ),
    Fired(
        "ErrorRateWoW", "Errors grow", "Error rate 4.9%, 1.6 times last week's.",
        Severity.WARNING, 1.61, 64, 8, 60, 210, 1150, "grace",
    ),
    Fired(
        *_DOWN, "Orders does not answer for 4 minutes.",
        Severity.CRITICAL, 1, 58, 22, 1, 38, 95, "grace", "orders",
    ),
    Fired(
        *_LOST, "22% of 32 viewers in 15 minutes (limit 5%).",
        Severity.CRITICAL, 0.22, 52, 14, 6, 22, 70, "ada",
    ),
    Fired(
        "NewErrorGroup", "A new error",
        "SourceUnavailableError: connection refused, 11 events in an hour.",
        Severity.WARNING, 11, 44, 9, 2, 19, 130, "grace",
    ),
    Fired(
        *_LOST, "28% of 36 viewers in 15 minutes (limit 5%).",
        Severity.CRITICAL, 0.28, 33, 10, 6, 12, 62, "grace",
    ),
    Fired(
        *_DOWN, "Workflows does not answer for 2 minutes.",
        Severity.CRITICAL, 1, 29, 5, 1, 9, 31, "ada", "workflows",
    ),
    Fired(
        "NewErrorGroup", "A new error", "TypeError: Failed to fetch, 12 events in an hour.",
        Severity.WARNING, 12, 20, 15, 2, 14, 74, "ada",
    ),
    Fired(
        *_LOST, "25% of 34 viewers in 15 minutes (limit 5%).",
        Severity.CRITICAL, 0.25, 12, 13, 6, 7, 61, "grace",
    ),
    Fired(
        "NewErrorGroup", "A new error",
        "An error is back that was resolved: Cannot read properties of undefined.",
        Severity.WARNING, 10, 6, 10, 2, 11, 48, "ada",
    ),
)  # fmt: skip


def write_alerts(database: Database, orders: Path, *, now_ms: int) -> None:
    """Write the alerts of the past; those of long runs where the job table has them."""
    midnight = now_ms // DAY_MS * DAY_MS
    rows = [_row(one, midnight) for one in _FIRED]
    rows += [*_stalled(_starts(orders, now_ms), now_ms)]
    with database.writing() as connection:
        connection.execute(
            insert(alert_episode), sorted(rows, key=lambda row: row["fired_at"])
        )


def _row(one: Fired, midnight: int) -> dict[str, Any]:
    began = midnight - one.days_ago * DAY_MS + one.hour * HOUR_MS
    return _episode(
        one.rule,
        one.label,
        severity=one.severity,
        title=one.title,
        sentence=one.sentence,
        value=one.value,
        began=began,
        told=one.told,
        seen=one.seen,
        over=began + one.over * MINUTE_MS,
        by=one.by,
    )


def _episode(
    rule: str, label: str, *, began: int, told: int, seen: int, over: int, by: str,
    severity: Severity, title: str, sentence: str, value: float,
) -> dict[str, Any]:  # fmt: skip
    fired = began + told * MINUTE_MS
    return {
        "rule": rule,
        "label": label,
        "severity": severity.value,
        "title": title,
        "sentence": sentence,
        "value": value,
        "active_at": began,
        "fired_at": fired,
        "resolved_at": over,
        "acked_at": min(fired + seen * MINUTE_MS, over),
        "acked_by": by,
        "ack_note": "",
        "step": 0,
    }


def _starts(orders: Path, now_ms: int) -> list[int]:
    with closing(sqlite3.connect(f"file:{orders}?mode=ro", uri=True)) as connection:
        rows = connection.execute(_LONG_RUNS, (now_ms - 90 * DAY_MS, _LONG_MS))
        return [started_at for (started_at,) in rows]


def _stalled(starts: Sequence[int], now_ms: int) -> Iterator[dict[str, Any]]:
    """Each time when more runs than the limit were too long within a day."""
    quiet_until = 0
    seen = [at + _LONG_MS for at in starts]
    for place in range(_LIMIT, len(seen)):
        first, last = seen[place - _LIMIT], seen[place]
        over = seen[place - 1] + DAY_MS
        if last - first >= DAY_MS or last < quiet_until or over > now_ms:
            continue
        quiet_until = over
        yield _episode(
            "StalledFrequency",
            "",
            severity=Severity.WARNING,
            title="Stalled runs",
            sentence=f"{_LIMIT + 1} stalled runs in 24 h (limit {_LIMIT}).",
            value=_LIMIT + 1,
            began=last,
            told=0,
            seen=35,
            over=over,
            by="grace",
        )
