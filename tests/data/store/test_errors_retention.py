"""What is left of an error when its events are forgotten, and who met it meanwhile."""

import pytest

from data.clock import DAY_MS, HOUR_MS
from data.exceptions import UnknownErrorGroupError
from data.model import GroupStatus
from data.store import Store
from data.store.error_records import ErrorFilter
from data.store.signs import (
    fresh_groups,
    is_surely_new,
    visitors_by_hour,
    visitors_since,
)
from tests.data.store.test_errors import NOW, event, listed

MINUTE_MS = 60_000


def new_groups(store: Store, now_ms: int) -> list[str]:
    groups = fresh_groups(store.database, now_ms - DAY_MS)
    return [one.fingerprint for one in groups if is_surely_new(one, now_ms, 0)]


@pytest.mark.parametrize("days", [1, 7, 90])
def test_an_error_that_returns_within_30_days_is_not_new(
    store: Store, days: int
) -> None:
    new = {}
    for day in (0, 4, 8, 37):
        now = NOW + day * DAY_MS
        store.prune(now, days * DAY_MS)
        store.errors.write([event("v2:a", at=now, origin="browser")])
        new[day] = new_groups(store, now)
    assert new == {0: ["v2:a"], 4: [], 8: [], 37: []}
    assert store.errors.group("v2:a").first_seen == NOW


@pytest.mark.parametrize(("days", "kept"), [(1, 30), (7, 30), (90, 90)])
def test_a_group_is_forgotten_after_30_days_or_the_retention(
    store: Store, days: int, kept: int
) -> None:
    store.errors.write([event("v2:a", origin="browser")])
    store.prune(NOW + kept * DAY_MS, days * DAY_MS)
    assert store.errors.group("v2:a").last_seen == NOW
    store.prune(NOW + kept * DAY_MS + 1, days * DAY_MS)
    with pytest.raises(UnknownErrorGroupError):
        store.errors.group("v2:a")


@pytest.mark.parametrize("days", [1, 7])
def test_events_counts_people_and_runs_end_with_the_retention(
    store: Store, days: int
) -> None:
    store.errors.write(
        [event("v2:a", run_id="1", source="jobs", visitor="ann")],
        [event("v2:a", times=7)],
    )
    store.prune(NOW + (days + 1) * DAY_MS, days * DAY_MS)
    group = store.errors.group("v2:a")
    assert (group.events, group.visitors, group.runs) == (0, 0, 0)
    assert (group.first_seen, group.last_seen) == (NOW, NOW)
    errors = store.errors
    assert listed(store) == []
    assert listed(store, text="v2:a") == []
    assert errors.events(["v2:a"]) == []
    assert errors.runs(["v2:a"], limit=9) == []
    assert errors.series(ErrorFilter(), DAY_MS, ["v2:a"]) == {}
    assert errors.words(0)["action"] == []
    assert errors.met_by(0, NOW + 30 * DAY_MS) == {}


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (GroupStatus.RESOLVED, GroupStatus.REGRESSED),
        (GroupStatus.IGNORED, GroupStatus.IGNORED),
    ],
)
def test_what_people_decided_outlives_the_events(
    store: Store, status: GroupStatus, then: GroupStatus
) -> None:
    store.errors.write([event("v2:a"), event("v2:b")])
    store.errors.merge("v2:a", ["v2:b"])
    store.errors.set_status("v2:a", status, by="ada", at_ms=NOW)
    later = NOW + 20 * DAY_MS
    store.prune(later, DAY_MS)
    group = store.errors.group("v2:b")
    assert (group.fingerprint, group.status, group.status_by) == ("v2:a", status, "ada")
    store.errors.write([event("v2:b", at=later)])
    group = store.errors.group("v2:a")
    assert (group.status, group.events, group.merged) == (then, 1, ("v2:b",))


def test_a_late_event_and_a_later_visit_lose_nobody_within_the_hour(
    store: Store,
) -> None:
    noon = NOW // HOUR_MS * HOUR_MS

    def met(visitor: str, minutes_ago: int) -> None:
        at = noon - minutes_ago * MINUTE_MS
        store.errors.write([event("v2:a", at=at, visitor=visitor)])

    met("ann", 10)
    met("ann", 55)  # told late, of the same hour
    met("bob", 20)
    met("bob", 530)  # told late, of the morning
    met("cem", 90)
    met("cem", -5)  # came again in the next hour
    met("eve", 61)

    def since(minutes_ago: int) -> int:
        found = visitors_since(store.database, ["v2:a"], noon - minutes_ago * MINUTE_MS)
        return found.get("v2:a", 0)

    assert [since(ago) for ago in (600, 61, 60, 15, 10, 9, 0, -6)] == [
        4,
        4,
        3,
        2,
        2,
        1,
        1,
        0,
    ]
    by_hour = visitors_by_hour(store.database, ["v2:a"], 0)["v2:a"]
    ago = {(noon - hour) // HOUR_MS: people for hour, people in by_hour.items()}
    assert ago == {0: 1, 1: 2, 2: 2, 9: 1}
