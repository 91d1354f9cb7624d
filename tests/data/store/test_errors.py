"""The store of tracked errors: every event once, groups, counts, on both databases."""

from dataclasses import replace
from itertools import count

import pytest

from data.clock import DAY_MS, HOUR_MS
from data.exceptions import UnknownErrorGroupError
from data.model import ErrorEvent, GroupStatus
from data.store import Store
from data.store.error_records import ErrorFilter
from data.store.errors import COUNTED_TO
from tests.conftest import WEDNESDAY, FakeClock

NOW = FakeClock(WEDNESDAY).now_ms
_ids = count()


def event(fingerprint: str = "v1:a", *, at: int = NOW, **more: object) -> ErrorEvent:
    made = ErrorEvent(
        event_id=f"{next(_ids):032x}",
        fingerprint=fingerprint,
        title=f"Title of {fingerprint}",
        at=at,
        received_at=NOW,
        level="error",
        origin="job",
        kind="job_failure",
        type="TimeoutError",
        message="after 3 s",
        action="runJob",
        job_name="etl",
    )
    return replace(made, **more)  # type: ignore[arg-type]  # as the test says


def listed(store: Store, **filter_: object) -> list[tuple[str, int]]:
    found = store.errors.groups(ErrorFilter(**filter_))  # type: ignore[arg-type]
    return [(one.fingerprint, one.events) for one in found]


def test_an_event_is_kept_once_however_often_it_is_sent(store: Store) -> None:
    one, two = event(), event()
    assert store.errors.write([one, two, one]).new == {one.event_id, two.event_id}
    assert store.errors.write([two, one]).new == set()
    assert listed(store) == [("v1:a", 2)]
    assert len(store.errors.events(["v1:a"], limit=9)) == 2


def test_what_is_only_counted_is_in_the_counts_and_in_no_list(store: Store) -> None:
    store.errors.write([event(times=3)], [event(times=40)])
    assert listed(store) == [("v1:a", 43)]
    assert len(store.errors.events(["v1:a"], limit=9)) == 1


def test_groups_know_when_they_were_first_and_last_seen(store: Store) -> None:
    store.errors.write([event(at=NOW - HOUR_MS, job_name="old")])
    store.errors.write([event(at=NOW, job_name="new"), event(at=NOW - DAY_MS)])
    group = store.errors.group("v1:a")
    assert (group.first_seen, group.last_seen) == (NOW - DAY_MS, NOW)
    assert (group.job_name, group.events, group.status) == ("new", 3, GroupStatus.OPEN)


@pytest.mark.parametrize(
    ("since", "events"),
    [
        (NOW - HOUR_MS, 2),
        (NOW - 5 * HOUR_MS, 3),
        (NOW - DAY_MS, 4),
        (NOW - 3 * DAY_MS, 5),
        (0, 6),
    ],
)
def test_counts_are_exact_to_the_hour(store: Store, since: int, events: int) -> None:
    ages = [0, HOUR_MS, 4 * HOUR_MS, 20 * HOUR_MS, 2 * DAY_MS, 9 * DAY_MS]
    store.errors.write([event(at=NOW - age) for age in ages])
    assert listed(store, since=since) == [("v1:a", events)]


@pytest.mark.parametrize(
    ("since", "until", "events"),
    [
        (NOW - 3 * DAY_MS, NOW - 2 * HOUR_MS, 3),
        (NOW - DAY_MS, NOW - 18 * HOUR_MS, 1),
        (NOW - 5 * HOUR_MS, NOW - 2 * HOUR_MS, 1),
        (0, NOW - 3 * DAY_MS, 1),
        (NOW - 9 * DAY_MS - HOUR_MS, NOW, 5),
        (0, HOUR_MS, 0),
    ],
)
def test_counts_end_where_the_range_does(
    store: Store, since: int, until: int, events: int
) -> None:
    now = NOW // HOUR_MS * HOUR_MS
    shift = NOW - now
    ages = [0, HOUR_MS, 4 * HOUR_MS, 20 * HOUR_MS, 2 * DAY_MS, 9 * DAY_MS]
    store.errors.write([event(at=now - age) for age in ages])
    found = listed(store, since=max(since - shift, 0), until=until - shift)
    assert sum(number for _, number in found) == events


def test_the_most_frequent_groups_come_first_and_go_on_after_a_page(
    store: Store,
) -> None:
    store.errors.write([event(f"v1:{n}", times=n) for n in range(1, 8)])
    first = store.errors.groups(ErrorFilter(), limit=3)
    rest = store.errors.groups(ErrorFilter(), limit=9, after=(5, "v1:5"))
    assert [one.events for one in [*first, *rest]] == [7, 6, 5, 4, 3, 2, 1]
    store.errors.write([event("v1:0", times=5)])  # nothing is passed over, nor twice
    again = store.errors.groups(ErrorFilter(), limit=9, after=(5, "v1:0"))
    assert [one.fingerprint for one in again] == [f"v1:{n}" for n in (5, 4, 3, 2, 1)]


@pytest.mark.parametrize(
    "filter_",
    [
        {"origin": "browser"},
        {"action": "cancelJob"},
        {"component": "run-details"},
        {"job_name": "nightly"},
        {"text": "OF v1:B"},
    ],
)
def test_filters_leave_out_the_others(store: Store, filter_: dict[str, str]) -> None:
    store.errors.write(
        [
            event("v1:a"),
            event(
                "v1:b",
                origin="browser",
                action="cancelJob",
                component="run-details",
                job_name="nightly",
            ),
        ]
    )
    assert listed(store, **filter_) == [("v1:b", 1)]
    found = store.errors.page(ErrorFilter(**filter_), before=None, limit=9)  # type: ignore[arg-type]
    assert [one.fingerprint for one in found] == ["v1:b"]


def test_a_resolved_group_that_comes_back_is_regressed(store: Store) -> None:
    store.errors.write([event(at=NOW - DAY_MS)])
    store.errors.set_status("v1:a", GroupStatus.RESOLVED, by="ada", at_ms=NOW - HOUR_MS)
    assert store.errors.write([event(at=NOW - 2 * HOUR_MS)]).regressed == set()
    assert store.errors.group("v1:a").status is GroupStatus.RESOLVED
    assert store.errors.write([event(at=NOW)]).regressed == {"v1:a"}
    group = store.errors.group("v1:a")
    assert (group.status, group.status_at) == (GroupStatus.REGRESSED, NOW)


def test_an_ignored_group_stays_ignored(store: Store) -> None:
    store.errors.write([event(at=NOW - DAY_MS)])
    store.errors.set_status("v1:a", GroupStatus.IGNORED, by="ada", at_ms=NOW - HOUR_MS)
    store.errors.write([event(at=NOW)])
    group = store.errors.group("v1:a")
    assert (group.status, group.status_by) == (GroupStatus.IGNORED, "ada")


def test_merged_groups_count_as_one_until_they_are_split(store: Store) -> None:
    store.errors.write([event("v1:a", visitor="x"), event("v1:b", visitor="y")])
    store.errors.write([event("v1:c", run_id="7", source="jobs")])
    store.errors.merge("v1:b", ["v1:c"])
    store.errors.merge("v1:a", ["v1:b"])
    group = store.errors.group("v1:c")
    assert (group.fingerprint, group.merged) == ("v1:a", ("v1:b", "v1:c"))
    assert (group.events, group.visitors, group.runs) == (3, 2, 1)
    assert listed(store) == [("v1:a", 3)]
    store.errors.write([event("v1:c")])
    assert listed(store) == [("v1:a", 4)]
    store.errors.split("v1:c")
    assert listed(store) == [("v1:a", 2), ("v1:c", 2)]


def test_a_group_was_seen_when_its_parts_were_and_lives_as_long_as_they_do(
    store: Store,
) -> None:
    store.errors.write([event("v1:a", at=NOW - 5 * DAY_MS), event("v1:b")])
    store.errors.write([event("v1:b", at=NOW - 9 * DAY_MS), event("v1:c")])
    store.errors.merge("v1:a", ["v1:b"])
    group = store.errors.group("v1:a")
    assert (group.first_seen, group.last_seen) == (NOW - 9 * DAY_MS, NOW)
    store.errors.prune(NOW - DAY_MS)
    assert listed(store) == [("v1:a", 1), ("v1:c", 1)]
    assert store.errors.group("v1:b").fingerprint == "v1:a"
    store.errors.prune(NOW + 1)
    assert listed(store) == []


def test_a_merged_fingerprint_brings_its_resolved_group_back(store: Store) -> None:
    store.errors.write([event("v1:a"), event("v1:b")])
    store.errors.merge("v1:a", ["v1:b"])
    store.errors.set_status("v1:a", GroupStatus.RESOLVED, by="ada", at_ms=NOW)
    assert store.errors.write([event("v1:b", at=NOW + 1)]).regressed == {"v1:a"}


@pytest.mark.parametrize("action", ["set", "merge", "split", "group"])
def test_what_nobody_tracked_is_an_error_that_says_so(
    store: Store, action: str
) -> None:
    errors = store.errors
    with pytest.raises(UnknownErrorGroupError, match="no error 'v1:gone'"):
        {
            "set": lambda: errors.set_status(
                "v1:gone", GroupStatus.OPEN, by="", at_ms=0
            ),
            "merge": lambda: errors.merge("v1:gone", ["v1:a"]),
            "split": lambda: errors.split("v1:gone"),
            "group": lambda: errors.group("v1:gone"),
        }[action]()


def test_events_are_stepped_through_in_both_directions(store: Store) -> None:
    store.errors.write([event(at=NOW + n // 2) for n in range(6)])
    seen = store.errors.events(["v1:a"], limit=9)
    for number, one in enumerate(seen):
        assert store.errors.position(["v1:a"], one) == (number + 1, 6)
        older = store.errors.events(["v1:a"], before=(one.at, one.id))
        assert older == seen[number + 1 : number + 2]
        newer = store.errors.newer_event(["v1:a"], (one.at, one.id))
        assert newer == (seen[number - 1] if number else None)


def test_runs_are_listed_once_and_remember_that_they_were_run_again(
    store: Store,
) -> None:
    for at in (NOW, NOW + 1):
        store.errors.write(
            [event(run_id=str(n), source="jobs", at=at + n) for n in range(3)]
        )
    store.errors.note_retried("jobs", ["1"], NOW + 9)
    runs = store.errors.runs(["v1:a"], limit=9)
    assert [(run.run_id, run.retried_at) for run in runs] == [
        ("2", None),
        ("1", NOW + 9),
        ("0", None),
    ]
    left = store.errors.runs(["v1:a"], limit=9, again=False)
    assert [run.run_id for run in left] == ["2", "0"]


def test_people_and_runs_are_counted_once_until_they_are_forgotten(
    store: Store,
) -> None:
    for at in (NOW - 3 * DAY_MS, NOW):
        store.errors.write(
            [event(visitor=f"v{n % 3}", run_id=str(n), at=at) for n in range(6)]
        )
    store.errors.write([event(visitor="old", run_id="old", at=NOW - 2 * DAY_MS)])
    group = store.errors.group("v1:a")
    assert (group.visitors, group.runs) == (4, 7)
    store.errors.prune(NOW - DAY_MS)
    group = store.errors.group("v1:a")
    assert (group.visitors, group.runs) == (3, 6)


def test_a_position_is_counted_to_a_thousand(store: Store) -> None:
    store.errors.write([event(at=NOW - n) for n in range(COUNTED_TO + 5)])
    (oldest,) = store.errors.events(["v1:a"], before=(NOW - COUNTED_TO - 3, 0))
    assert store.errors.position(["v1:a"], oldest) == (COUNTED_TO + 2, COUNTED_TO + 1)


def test_series_and_actions_tell_when_it_was(store: Store) -> None:
    hour = NOW // HOUR_MS * HOUR_MS
    store.errors.write([event(at=hour), event(at=hour - 3 * HOUR_MS, action="")])
    errors, since = store.errors, ErrorFilter(since=NOW - DAY_MS)
    assert errors.series(since, HOUR_MS, ["v1:a"]) == {
        "v1:a": {hour: 1, hour - 3 * HOUR_MS: 1}
    }
    assert errors.by_action(since, HOUR_MS) == [
        (hour - 3 * HOUR_MS, "", 1),
        (hour, "runJob", 1),
    ]
    assert errors.words(NOW - DAY_MS)["action"] == ["runJob"]


def test_those_who_met_an_error_are_counted_by_its_action(store: Store) -> None:
    store.errors.write(
        [
            event(visitor="ann"),
            event("v1:b", visitor="ann"),
            event("v1:b", visitor="bob", at=NOW - HOUR_MS),
            event("v1:c", action="cancelJob", job_name="", visitor="eve"),
            event("v1:c", action="cancelJob", job_name=""),
        ],
        [],
    )
    met_by = store.errors.met_by
    assert met_by(NOW - DAY_MS, NOW + 1) == {"runJob": 2, "cancelJob": 1}
    assert met_by(NOW - DAY_MS, NOW + 1, "etl") == {"runJob": 2}
    assert met_by(NOW, NOW + 1, "etl") == {"runJob": 1}
    assert met_by(NOW + 1, NOW + 2) == {}


def test_all_events_of_a_range_come_as_lines(store: Store) -> None:
    store.errors.write([event(at=NOW - n) for n in range(450)])
    rows = [row for part in store.errors.lines(ErrorFilter()) for row in part]
    assert [row.at for row in rows] == [NOW - n for n in range(450)]


def test_what_is_old_is_forgotten_and_so_is_what_is_too_much(store: Store) -> None:
    store.errors.write([event("v1:old", at=NOW - 9 * DAY_MS, run_id="1", visitor="x")])
    store.errors.write([event(at=NOW - n) for n in range(20)])
    assert store.errors.prune(NOW - DAY_MS, most=12) == 9
    assert len(store.errors.events([], limit=99)) == 12
    assert listed(store) == [("v1:a", 20)]
    with pytest.raises(UnknownErrorGroupError):
        store.errors.group("v1:old")


def test_hostile_texts_can_be_stored(store: Store) -> None:
    bad = event(
        message="a\x00b\ud800",
        job_name="x" * 5000,
        run_id="\x00",
        body='{"a": "\ud800"}',
    )
    store.errors.write([bad])
    kept = store.errors.events(["v1:a"])[0]
    assert kept.message == "a\ufffdb\ufffd"
    assert len(kept.job_name) <= 300


def test_how_far_a_source_was_read_is_remembered(store: Store) -> None:
    assert store.errors.scanned("jobs") is None
    store.errors.note_scanned("jobs", 20, 10)
    store.errors.note_scanned("jobs", 30, 5)
    assert store.errors.scanned("jobs") == (30, 5)
