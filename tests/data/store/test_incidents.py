"""Incidents that are over, and the thirty days that later ones are compared with."""

from sqlalchemy import insert, update

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.monitor.baselines import Baselines
from data.store import Store
from data.store.alert_tables import alert_episode
from data.store.incidents import BASELINE_MS, Ended
from data.store.tables import rollup_state
from tests.factories import NOW
from tests.rolled import roll, stall

FIRST = NOW // DAY_MS * DAY_MS - 80 * DAY_MS


def test_stalled_runs_and_alerts_that_are_over_are_told_in_order(store: Store) -> None:
    roll(store, known_since=FIRST)
    stall(store, NOW - HOUR_MS, lasted_ms=10 * MINUTE_MS)
    stall(store, NOW - 2 * HOUR_MS, lasted_ms=MINUTE_MS, origin="durations")
    stall(store, NOW, lasted_ms=MINUTE_MS)
    alert(store, fired=NOW - 90 * MINUTE_MS, resolved=NOW - 70 * MINUTE_MS)
    alert(store, fired=NOW - 9 * MINUTE_MS, resolved=None)

    found = store.incidents.ended("", NOW - DAY_MS, NOW)

    assert [(one.kind, one.resolve_ms, one.detect_ms) for one in found] == [
        ("stalled run", MINUTE_MS, None),
        ("alert", 25 * MINUTE_MS, 5 * MINUTE_MS),
        ("stalled run", 10 * MINUTE_MS, MINUTE_MS),
    ]
    assert store.incidents.ended("other", NOW - DAY_MS, NOW) == found[1:2]


def alert(store: Store, *, fired: int, resolved: int | None) -> None:
    row = dict.fromkeys(("label", "sentence", "acked_by", "ack_note"), "")
    with store.database.writing() as connection:
        connection.execute(
            insert(alert_episode).values(
                **row,
                rule="SourceDown",
                severity="critical",
                title="A source cannot be read",
                active_at=fired - 5 * MINUTE_MS,
                fired_at=fired,
                resolved_at=resolved,
                step=0,
            )
        )


def test_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    assert Ended("alert", "x", 100, 50, 20)[2:] == (100, 50, 20)
    assert Ended("alert", "x", 100, 50, 20).resolve_ms == 0
    assert Ended("alert", "x", 100, 50, 20).detect_ms == 0


def test_the_baseline_is_the_first_thirty_days_and_never_moves(store: Store) -> None:
    roll(store, known_since=FIRST)
    stall(store, FIRST + DAY_MS, lasted_ms=HOUR_MS)
    stall(store, FIRST + BASELINE_MS, lasted_ms=2 * HOUR_MS)
    chore = Baselines(store)

    chore.do(FIRST + BASELINE_MS - 1)
    assert store.incidents.baseline("jobs") is None

    chore.do(FIRST + BASELINE_MS)
    kept = store.incidents.baseline("jobs")
    assert kept == (FIRST, FIRST + BASELINE_MS, [HOUR_MS])
    assert store.incidents.baseline("") == kept

    store.episodes.prune(NOW, NOW)
    stall(store, FIRST + 2 * DAY_MS, lasted_ms=5 * HOUR_MS)
    Baselines(store).do(NOW)
    assert store.incidents.baseline("jobs") == kept


def test_there_is_no_baseline_before_long_runs_of_the_past_were_found(
    store: Store,
) -> None:
    roll(store, known_since=FIRST)
    with store.database.writing() as connection:
        connection.execute(
            update(rollup_state).values(episodes_from=FIRST + 2 * DAY_MS)
        )
    assert not store.incidents.keep_baseline("jobs", NOW)
    assert not store.incidents.keep_baseline("unknown", NOW)
