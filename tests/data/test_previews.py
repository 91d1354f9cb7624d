"""What a rule would have done: the same numbers, the same judgement, thirty days of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.exceptions import InvalidRequestError
from data.model import GroupStatus
from data.monitor.alerting import Alerting, Preview, preview
from data.rules.alarms import RULES
from data.rules.series import QUARTER_MS
from data.store import Store
from data.store.viewing_tables import viewer_slot
from tests.conftest import FakeClock
from tests.factories import NOW
from tests.incidents import CRITICAL, Fault, fault, viewer

pytestmark = pytest.mark.one_database

LIMITS = {
    "WsDisconnectRate": (5, "%"),
    "StalledFrequency": (2, ""),
    "ErrorRateWoW": (1.5, "times"),
    "NewErrorGroup": (10, ""),
    "UptimeBurnFast": (7.2, "%"),
    "UptimeBurnMid": (3, "%"),
    "UptimeBurnSlow": (0.5, "%"),
    "TelemetryDead": (10, "min"),
    "CriticalStalled": (None, ""),
    "CriticalFailed": (1, ""),
    "SourceDown": (None, ""),
}


@pytest.fixture
def it(store: Store, tmp_path: Path, clock: FakeClock) -> Iterator[Fault]:
    with fault(store, tmp_path, clock) as made:
        yield made


def ask(it: Fault, rule: str, **settings: object) -> Preview:
    return preview(
        it.store,
        {"orders": it.source},
        rule,
        settings,
        NOW,
        critical_jobs=[CRITICAL],
    )


@pytest.mark.parametrize("rule", RULES)
def test_in_an_empty_store_nothing_would_have_fired(rule: str, it: Fault) -> None:
    found = ask(it, rule)

    assert (found.times, found.spans) == (0, [])
    assert (found.limit, found.unit) == LIMITS[rule]
    if rule not in {"TelemetryDead", "SourceDown"}:
        assert len(found.values) in {720, 721}
    assert all(value in {None, 0} for _, value in found.values)


def test_settings_that_make_no_sense_are_refused(it: Fault) -> None:
    with pytest.raises(InvalidRequestError):
        ask(it, "WsDisconnectRate", fire=0)


def test_disconnects(it: Fault) -> None:
    bad = NOW - 3 * DAY_MS - (NOW - 3 * DAY_MS) % HOUR_MS
    for quarter in range(-20, 20):
        it.disconnects(bad + quarter * QUARTER_MS, lost=12 if 0 <= quarter < 4 else 0)
    found = ask(it, "WsDisconnectRate")

    assert found.times == 1
    [(fired, resolved)] = found.spans
    assert fired == bad + 5 * MINUTE_MS
    # seen for a quarter of an hour more, then kept for ten minutes
    assert resolved == bad + HOUR_MS + QUARTER_MS + 10 * MINUTE_MS
    values = dict(found.values)
    assert values[bad] == 60
    assert values[bad - 2 * HOUR_MS] == 0
    assert values[bad - 12 * HOUR_MS] is None
    assert ask(it, "WsDisconnectRate", fire=50).times == 0


def test_stalls_that_go_on(it: Fault) -> None:
    it.known_since(NOW - 60 * DAY_MS)
    it.stalls(NOW - 10 * DAY_MS, 3)
    it.stalls(NOW - HOUR_MS, 4)
    found = ask(it, "StalledFrequency")

    assert found.times == 2
    assert found.spans[0][0] >= NOW - 10 * DAY_MS
    assert found.spans[1][1] == NOW
    assert max(value or 0 for _, value in found.values) == 4
    assert ask(it, "StalledFrequency", fire=3).times == 1


def test_stalls_of_days_before_which_too_little_is_known_are_not_judged(
    it: Fault,
) -> None:
    midnight = NOW - NOW % DAY_MS
    it.known_since(midnight - 12 * DAY_MS)
    it.stalls(NOW - 10 * DAY_MS, 3)
    it.stalls(NOW - HOUR_MS, 3)
    found = ask(it, "StalledFrequency")

    assert found.times == 1
    judged = [at for at, value in found.values if value is not None]
    assert judged[0] == midnight - 5 * DAY_MS


def test_the_error_rate(it: Fault) -> None:
    it.known_since(NOW - 60 * DAY_MS)
    for day in range(50):
        it.runs(NOW - day * DAY_MS, 12 if 10 <= day < 17 else 4, 1_000)

    assert ask(it, "ErrorRateWoW").times == 1
    assert ask(it, "ErrorRateWoW", fire=3).times == 0
    assert ask(it, "ErrorRateWoW", failed=1_000).times == 0


def test_new_errors_count_each_for_itself_whatever_became_of_them(it: Fault) -> None:
    it.errors(NOW - 20 * DAY_MS, 10, "v1:a")
    it.errors(NOW - 20 * DAY_MS, 12, "v1:b")
    it.errors(NOW - 9 * DAY_MS, 12, "v1:c")
    it.errors(NOW - 9 * DAY_MS, 3, "v1:d")
    it.errors(NOW - 2 * DAY_MS, 50, "v1:a")
    it.store.errors.set_status("v1:b", GroupStatus.IGNORED, by="ada", at_ms=NOW)

    assert ask(it, "NewErrorGroup").times == 3
    assert ask(it, "NewErrorGroup", events=11).times == 2
    assert ask(it, "NewErrorGroup", events=3).times == 4
    assert ask(it, "NewErrorGroup", events=100, users=1).times == 4


@pytest.mark.parametrize("rule", ["UptimeBurnFast", "UptimeBurnMid", "UptimeBurnSlow"])
def test_minutes(rule: str, it: Fault) -> None:
    it.minutes(NOW - 12 * DAY_MS, NOW, 50, 50)
    it.minutes(NOW - 9 * DAY_MS, NOW - 9 * DAY_MS + 2 * HOUR_MS, 50, 20)
    found = ask(it, rule)

    assert found.times == 1
    fired, resolved = found.spans[0]
    assert NOW - 9 * DAY_MS <= fired < NOW - 9 * DAY_MS + 2 * HOUR_MS
    assert fired < resolved < NOW - 5 * DAY_MS
    assert ask(it, rule, fire=90).times == 0


def test_critical_jobs_count_each_for_itself(it: Fault) -> None:
    it.runs(NOW - 5 * DAY_MS, 2, 0, CRITICAL)
    it.runs(NOW - 3 * DAY_MS, 1, 9, CRITICAL)
    it.runs(NOW - 3 * DAY_MS, 5, 9, "report")
    assert ask(it, "CriticalFailed").times == 2
    assert ask(it, "CriticalFailed", failed=2).times == 1

    it.stalls(NOW - 4 * DAY_MS, 2, CRITICAL)
    it.stalls(NOW - 4 * DAY_MS, 2, "report")
    assert ask(it, "CriticalStalled").times == 2


def test_of_what_nobody_kept_it_is_said_what_happened(it: Fault) -> None:
    it.take_away()
    chore = Alerting({"orders": it.source}, it.store)
    for minute in range(3):
        chore.do(NOW - HOUR_MS + minute * MINUTE_MS)
    found = ask(it, "SourceDown")

    assert found.times == 1
    assert found.spans == [(NOW - HOUR_MS + MINUTE_MS, NOW)]


def test_thirty_days_of_everything_are_read_at_once(it: Fault) -> None:
    """Viewer rules are judged every five minutes, of what was read before."""
    it.minutes(NOW - 33 * DAY_MS, NOW, 50, 49)
    first = NOW - 31 * DAY_MS - NOW % QUARTER_MS
    rows = [
        viewer(first + quarter * QUARTER_MS, f"v{who}", int(who < quarter % 3))
        for quarter in range(31 * 96)
        for who in range(4)
    ]
    with it.store.database.writing() as connection:
        connection.execute(insert(viewer_slot), rows)
    asked: list[str] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    for rule in ("WsDisconnectRate", "UptimeBurnFast", "UptimeBurnSlow"):
        assert len(ask(it, rule).values) >= 30 * 24
    event.remove(Engine, "before_cursor_execute", note)
    assert len([one for one in asked if one.startswith("SELECT")]) <= 6
