"""Counters only grow, whatever is forgotten, and tell the same on both databases."""

from itertools import count

import pytest
from sqlalchemy import insert

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.model import (
    ErrorEvent,
    Evidence,
    GroupStatus,
    Liveness,
    StallRule,
    StallState,
    Verdict,
)
from data.store import Store
from data.store.alert_tables import alert_episode
from data.store.sums import Sums
from data.store.tallies import JOB_TYPES, RESOLVED_S, cumulative
from tests.factories import NOW

_ids = count(1)


def stalled(
    store: Store,
    job_name: str,
    *,
    outcome: str = "",
    ended_at: int = NOW,
    state: StallState = StallState.OVERDUE,
) -> str:
    """A run that was over its limit of a minute for an hour."""
    run_id = str(next(_ids))
    started_at = ended_at - HOUR_MS - MINUTE_MS
    evidence = Evidence(started_at, None, Liveness.NONE, "host:1")
    found = Verdict(state, StallRule.DEFAULT_LIMIT, MINUTE_MS, MINUTE_MS + 1, evidence)
    seen_at = ended_at - HOUR_MS
    store.episodes.record("jobs", {run_id: found}, {run_id: job_name}, seen_at)
    if outcome:
        store.episodes.close("jobs", {run_id: outcome}, ended_at)
    return run_id


def an_error(**more: object) -> ErrorEvent:
    number = next(_ids)
    values: dict[str, object] = {
        "event_id": f"{number:032x}",
        "fingerprint": "v1:a",
        "title": "no",
        "at": NOW,
        "received_at": NOW,
        "level": "error",
        "origin": "browser",
        "kind": "manual",
        "type": "TypeError",
        "message": "no",
        "action": "cancelJob",
        **more,
    }
    return ErrorEvent(**values)  # type: ignore[arg-type]


def of(sums: Sums, name: str) -> dict[str, int]:
    return {label: n for (found, label), n in sums.items() if found == name}


def told(store: Store, name: str) -> dict[str, int]:
    return of(store.tallies.read(NOW).sums, name)


def test_episodes_are_counted_by_type_state_and_outcome(store: Store) -> None:
    stalled(store, "etl", outcome="cleaned")
    stalled(store, "etl", outcome="finished")
    stalled(store, "etl")
    stalled(store, "send mail")
    assert told(store, "episodes") == {"overdue etl": 3, "overdue send mail": 1}
    assert told(store, "outcomes") == {"cleaned": 1, "finished": 1}


def test_incidents_are_counted_by_how_long_they_took(store: Store) -> None:
    stalled(store, "etl", outcome="cleaned")
    stalled(store, "etl")
    row = {
        "rule": "StalledFrequency",
        "label": "",
        "severity": "warning",
        "title": "t",
        "sentence": "s",
        "active_at": NOW - 10 * MINUTE_MS,
        "fired_at": NOW,
        "resolved_at": NOW,
        "acked_by": "",
        "ack_note": "",
        "step": 0,
    }
    with store.database.writing() as connection:
        connection.execute(insert(alert_episode), [row, {**row, "resolved_at": None}])
    sums = store.tallies.read(NOW).sums
    counts = cumulative(sums, "resolved", RESOLVED_S)
    assert dict(zip(RESOLVED_S, counts[:-1], strict=True)) == {
        60: 0,
        300: 0,
        900: 1,
        1_800: 1,
        3_600: 2,
        14_400: 2,
        43_200: 2,
        86_400: 2,
    }
    assert counts[-1] == 2
    assert sums["resolved", "sum_ms"] == HOUR_MS + 10 * MINUTE_MS


def test_what_is_forgotten_stays_counted(store: Store) -> None:
    long_ago = NOW - 100 * DAY_MS
    stalled(store, "etl", outcome="cleaned", ended_at=long_ago)
    stalled(store, "etl", outcome="cleaned", ended_at=NOW - 2 * HOUR_MS)
    stalled(store, "etl", ended_at=long_ago)
    store.rollups.refresh("jobs", lambda _since, _until: [], NOW)  # it is still read
    before = store.tallies.read(NOW).sums
    for _ in range(3):
        forgotten = store.prune(NOW, 90 * DAY_MS)
    assert forgotten["episodes"] == 0
    assert store.tallies.read(NOW).sums == before
    assert before["episodes", "overdue etl"] == 3

    stalled(store, "etl", outcome="cleaned", ended_at=NOW + HOUR_MS)
    assert told(store, "episodes") == {"overdue etl": 4}
    later = NOW + 200 * DAY_MS
    store.rollups.refresh("jobs", lambda _since, _until: [], later)
    store.prune(later, 90 * DAY_MS)
    assert told(store, "episodes") == {"overdue etl": 4}
    assert told(store, "outcomes") == {"cleaned": 3}
    assert told(store, "resolved")["le=3600"] == 3


def test_a_clock_that_was_set_back_counts_nothing_twice(store: Store) -> None:
    stalled(store, "etl", outcome="cleaned")
    store.tallies.fold(NOW + DAY_MS)
    store.tallies.fold(NOW - DAY_MS)
    store.tallies.fold(NOW + DAY_MS)
    assert told(store, "episodes") == {"overdue etl": 1}


def test_of_many_job_types_the_first_keep_their_names(store: Store) -> None:
    for number in range(JOB_TYPES + 3):
        stalled(store, f"type-{1000 - number}", outcome="cleaned")
    first = told(store, "episodes")
    assert len(first) == JOB_TYPES + 1
    assert first["overdue other"] == 3
    assert "overdue type-1000" in first

    store.tallies.fold(NOW + 1)
    assert told(store, "episodes") == first
    stalled(store, "aaa")
    stalled(store, "type-1000")
    assert told(store, "episodes") == {
        **first,
        "overdue other": 4,
        "overdue type-1000": 2,
    }


def test_errors_are_counted_by_what_they_are_about_in_few_words(store: Store) -> None:
    twice = an_error(times=2)
    store.errors.write([twice, an_error(level="warning", action="liveLink")])
    store.errors.write([twice], [an_error(action="<b>{user}</b>", origin="server")])
    assert told(store, "errors") == {
        "browser error cancelJob": 2,
        "browser warning liveLink": 1,
        "server error other": 1,
    }
    store.errors.prune(NOW + DAY_MS)
    assert told(store, "errors")["browser error cancelJob"] == 2


def test_groups_are_counted_by_their_status(store: Store) -> None:
    for number in range(4):
        store.errors.write([an_error(fingerprint=f"v1:{number}")])
    store.errors.set_status("v1:1", GroupStatus.RESOLVED, by="ann", at_ms=NOW)
    store.errors.merge("v1:2", ["v1:3"])
    assert store.tallies.read(NOW).groups == {"open": 2, "resolved": 1}


@pytest.mark.parametrize("times", [1, 3])
def test_sums_are_added_to(store: Store, times: int) -> None:
    for _ in range(times):
        store.tallies.add({("dropped", "queue"): 5, ("dropped", "store"): 0})
    assert told(store, "dropped") == {"queue": 5 * times}
