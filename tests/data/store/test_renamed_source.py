"""A source that was renamed or removed is not part of "all sources" any more."""

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.monitor.measures import Measures, stall_series
from data.rules.alarms import checked
from data.store import Store, open_store
from data.store.tables import rollup_state
from tests.factories import NOW
from tests.rolled import Ran, roll, stall

HOUR = NOW - NOW % HOUR_MS
SINCE = HOUR - 30 * DAY_MS


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """ "jobs" was renamed to "orders"; "mail" is read by another server."""
    opened = open_store(sqlite_url, sources=["orders", "down"])
    for source in ("jobs", "orders", "mail", "down"):
        roll(opened, Ran(HOUR, "etl", succeeded=9, failed=1), source=source)
        stall(opened, HOUR, lasted_ms=MINUTE_MS, source=source)
    read(opened, "jobs", NOW - HOUR_MS, complete=False)
    read(opened, "orders", NOW)
    read(opened, "mail", NOW - MINUTE_MS)
    read(opened, "down", NOW - 3 * DAY_MS)
    yield opened
    opened.close()


def read(store: Store, source: str, at: int, *, complete: bool = True) -> None:
    with store.database.writing() as connection:
        connection.execute(
            update(rollup_state)
            .where(rollup_state.c.source == source)
            .values(refreshed_until=at, backfilled_from=SINCE, complete=complete)
        )


def test_its_runs_are_counted_once(store: Store) -> None:
    until = HOUR + HOUR_MS
    assert store.trends.weeks("", until).finished == 30
    totals = store.trends.totals("", HOUR, until, HOUR_MS)
    assert sum(sum(runs.values()) for runs in totals.values()) == 30
    assert sum(cell.runs for cell in store.trends.hours("", HOUR, until)) == 30
    assert sum(store.trends.stalled_by_day("", HOUR, until).values()) == 3
    assert len(store.trends.incidents("", HOUR, until)) == 3
    assert store.trends.weeks("jobs", until).finished == 10


def test_its_stalled_runs_alert_nobody(store: Store) -> None:
    measures = Measures({}, store, (), NOW + HOUR_MS)
    rule = "StalledFrequency"
    reading = measures.readings(rule, checked(rule, {}), ())[""]
    assert reading.value == 3
    series = stall_series(store, NOW)
    assert series.at(NOW + HOUR_MS).today == 3


def test_its_history_is_not_waited_for(store: Store) -> None:
    assert store.trends.progress("") is None
    assert store.trends.known_since("") == SINCE
    assert store.trends.hours_since("") == SINCE


def test_rows_that_it_lost_do_not_matter(store: Store) -> None:
    with store.database.writing() as connection:
        connection.execute(update(rollup_state).values(rows_lost_at=0))
        gone = rollup_state.c.source == "jobs"
        lost = {"rows_lost_at": HOUR, "counted_from": HOUR + HOUR_MS}
        connection.execute(update(rollup_state).where(gone).values(lost))

    assert store.trends.rates_from("") is None
    assert store.trends.rates_from("jobs") == HOUR + HOUR_MS
