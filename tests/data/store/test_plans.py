"""What is asked of all sources at once looks rows up: no statement scans a large table."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from data.clock import DAY_MS, HOUR_MS
from data.store import Store
from data.store.error_records import ErrorFilter, KeptEvent
from data.store.signs import (
    events_by_hour,
    stalled_between,
    stalled_since,
    stalls_of,
    visitors_since,
)
from tests.conftest import WEDNESDAY, FakeClock
from tests.data.store.test_errors import event as error

NOW = FakeClock(WEDNESDAY).now_ms
LARGE = (
    *("stall_episode", "rollup_hour", "rollup_day", "error_hour", "error_day"),
    *("error_run", "error_visitor", "error_met", "viewer_slot", "audit"),
)
_KNOWN: Any = dict.fromkeys(KeptEvent._fields, "")
KEPT = KeptEvent(**{**_KNOWN, "id": 9, "at": NOW})
_SCAN = re.compile(r"^SCAN (\w+)|Seq Scan on (\w+)")
ASKED: dict[str, Callable[[Store], Any]] = {
    "/metrics": lambda store: store.tallies.read(NOW),
    "critical stalls": lambda store: stalls_of(store.database, ["payroll"], NOW),
    "stalls of a day": lambda store: stalled_between(store.database, NOW - DAY_MS, NOW),
    "stalls of a preview": lambda store: stalled_since(store.database, NOW - DAY_MS),
    "people": lambda store: visitors_since(store.database, ["v2:a"], NOW - HOUR_MS),
    "events": lambda store: events_by_hour(store.database, ["v2:a"], NOW - HOUR_MS),
    "groups": lambda store: store.errors.groups(ErrorFilter(since=NOW - DAY_MS)),
    "an error's events": lambda store: store.errors.events(
        ["v2:a", "v2:b"], before=(NOW, 9), source="orders"
    ),
    "an error's newer event": lambda store: store.errors.newer_event(
        ["v2:a", "v2:b"], (NOW, 9), source="orders"
    ),
    "an error's position": lambda store: store.errors.position(
        ["v2:a", "v2:b"], KEPT, source="orders"
    ),
    "an error's runs": lambda store: store.errors.runs(
        ["v2:a", "v2:b"], limit=8, source="orders"
    ),
    "an error's group": lambda store: (
        store.errors.write([error("v2:a", source="orders", run_id="7")]),
        store.errors.group("v2:a", source="orders"),
    ),
    "met": lambda store: store.errors.met_by(NOW - DAY_MS, NOW),
    "run again": lambda store: store.errors.note_retried("orders", ["1"], NOW),
    "audit": lambda store: store.audit.prune(NOW - DAY_MS),
    "rollups": lambda store: store.rollups.prune(NOW),
    "episodes": lambda store: store.episodes.prune(NOW - DAY_MS, NOW),
    "errors": lambda store: store.errors.prune(NOW - DAY_MS),
    "viewing": lambda store: store.viewing.prune(NOW - DAY_MS),
}


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        found.append((text, values[0] if isinstance(values, list) else values))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("asked", ASKED)
def test_nothing_large_is_scanned(store: Store, asked: str) -> None:
    with statements() as found:
        ASKED[asked](store)
    planned = [
        (text, values)
        for text, values in found
        if text.split()[0] in ("SELECT", "UPDATE", "DELETE")
    ]
    assert planned
    # "errors" walks the events by their ids, to the oldest that is kept
    large = {*LARGE} if asked == "errors" else {*LARGE, "error_event"}
    assert [one for one in planned if scanned(store, *one) & large] == []


def scanned(store: Store, text: str, values: Any) -> set[str]:
    """The tables that the database would read whole, had they any rows."""
    explain = (
        "EXPLAIN QUERY PLAN " if store.database.dialect == "sqlite" else "EXPLAIN "
    )
    with store.database.connection() as connection:
        if store.database.dialect == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
        rows = connection.exec_driver_sql(explain + text, values).all()
    lines = [str(row[-1]).strip() for row in rows if "COVERING" not in str(row[-1])]
    found = [_SCAN.search(line) for line in lines]
    return {name for one in found if one for name in one.groups() if name}
