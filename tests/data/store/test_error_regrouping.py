"""Stored errors get the groups of today's fingerprint; nothing that people did is lost."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from data.clock import DAY_MS, HOUR_MS
from data.model import ErrorEvent, Failure, GroupStatus, JobState
from data.rules.commonest import MOST, commonest, tallied
from data.store import Store
from data.store.error_records import ErrorFilter
from data.tracking.events import from_failure
from tests.conftest import WEDNESDAY, FakeClock
from tests.factories import make_job

NOW = FakeClock(WEDNESDAY).now_ms
DENIED, SLOW, MISSING = "AccessDenied", "SlowDown", "NoSuchKey"
TRACE = """Traceback (most recent call last):
  File "shop/{place}.py", line 41, in store
    put(key)
botocore.exceptions.ClientError: An error occurred ({code}) when calling the PutObject operation"""


def failed(
    run: int, code: str, *, place: str = "thumbnails", at: int = NOW
) -> ErrorEvent:
    job = make_job(
        str(run), state=JobState.FAILED, job_name="thumbnails", finished_at=at
    )
    failure = Failure(job, "ClientError", TRACE.format(code=code, place=place), "")
    made = from_failure("orders", failure, now_ms=NOW)
    return replace(made, visitor=f"visitor{run % 5}")


def old(events: Sequence[ErrorEvent]) -> list[ErrorEvent]:
    """As an older version kept them."""
    return [replace(one, fingerprint=one.before, before="") for one in events]


def write_old(store: Store, events: Sequence[ErrorEvent], *counted: ErrorEvent) -> str:
    """Write events as an older version did, which did not count by source."""
    kept = old(events)
    store.errors.write(kept, old(counted))
    with store.database.writing() as connection:
        for statement in (
            "UPDATE error_hour SET source = ''",
            "UPDATE error_day SET source = ''",
            "DELETE FROM error_title",
            "DELETE FROM error_met",
        ):
            connection.exec_driver_sql(statement)
    return kept[0].fingerprint


def regroup(store: Store) -> int:
    steps = 1
    while store.regrouping.step():
        steps += 1
    return steps


def listed(store: Store, **filter_: object) -> dict[str, int]:
    found = store.errors.groups(ErrorFilter(**filter_), limit=200)  # type: ignore[arg-type]
    return {one.title.split("(")[1].split(")")[0]: one.events for one in found}


MIXED = [DENIED] * 10 + [SLOW] * 15 + [MISSING] * 12
#: More than one step regroups.
MANY = [DENIED] * 105 + [SLOW] * 158 + [MISSING] * 119


def mixed(
    place: str = "thumbnails", first: int = 0, codes: Sequence[str] = MIXED
) -> list[ErrorEvent]:
    return [
        failed(first + n, code, place=place, at=NOW - n * 1_000)
        for n, code in enumerate(codes)
    ]


def test_one_group_of_three_codes_becomes_three(store: Store) -> None:
    write_old(store, mixed())
    assert len(store.errors.groups(ErrorFilter())) == 1
    regroup(store)
    assert listed(store) == {SLOW: 15, MISSING: 12, DENIED: 10}
    assert listed(store, source="orders") == {SLOW: 15, MISSING: 12, DENIED: 10}
    assert listed(store, source="other") == {}
    groups = store.errors.groups(ErrorFilter())
    assert [(one.runs, one.visitors) for one in groups] == [
        (15, 5),
        (12, 5),
        (10, 5),
    ]
    assert all(one.fingerprint.startswith("v2:") for one in groups)
    assert store.regrouping.progress() is None


def test_no_event_is_lost_on_the_way_and_the_progress_is_told(store: Store) -> None:
    write_old(store, mixed(codes=MANY))
    seen = []
    while store.regrouping.step():
        assert sum(one.events for one in store.errors.groups(ErrorFilter())) == 382
        seen.append(store.regrouping.progress())
    assert seen == [250 / 382, 1.0, 1.0]


def test_what_was_only_counted_goes_to_the_commonest_part(store: Store) -> None:
    write_old(store, mixed(), replace(failed(9_999, DENIED), times=1_000))
    regroup(store)
    assert listed(store) == {SLOW: 1_015, MISSING: 12, DENIED: 10}


def test_errors_without_a_code_keep_their_counts(store: Store) -> None:
    events = [replace(one, at=NOW - n * DAY_MS) for n, one in enumerate(mixed()[10:20])]
    write_old(store, events)
    regroup(store)
    [group] = store.errors.groups(ErrorFilter(since=NOW - 30 * DAY_MS))
    assert (group.events, group.first_seen, group.last_seen) == (
        10,
        NOW - 9 * DAY_MS,
        NOW,
    )


@pytest.mark.parametrize("status", [GroupStatus.RESOLVED, GroupStatus.IGNORED])
def test_parts_are_what_people_made_of_the_whole(
    store: Store, status: GroupStatus
) -> None:
    name = write_old(store, mixed())
    store.errors.set_status(name, status, by="ada", at_ms=NOW + 1)
    regroup(store)
    groups = store.errors.groups(ErrorFilter())
    assert [(one.status, one.status_by, one.status_at) for one in groups] == [
        (status, "ada", NOW + 1)
    ] * 3


def test_what_was_merged_stays_merged_code_by_code(store: Store) -> None:
    into = write_old(store, mixed())
    part = write_old(store, mixed("uploads", 1_000))
    store.errors.merge(into, [part])
    regroup(store)
    assert listed(store) == {SLOW: 30, MISSING: 24, DENIED: 20}


def test_the_old_name_of_a_group_leads_to_its_largest_part(store: Store) -> None:
    name = write_old(store, mixed())
    regroup(store)
    group = store.errors.group(name)
    assert SLOW in group.title
    assert group.merged == ()


def test_runs_that_were_run_again_stay_so(store: Store) -> None:
    write_old(store, mixed())
    store.errors.note_retried("orders", ["0", "1"], NOW)
    regroup(store)
    groups = {one.title: one for one in store.errors.groups(ErrorFilter())}
    [denied] = [one for title, one in groups.items() if DENIED in title]
    waiting = store.errors.runs([denied.fingerprint], limit=500, again=False)
    assert len(waiting) == 8


def test_an_error_that_comes_before_its_group_is_moved_is_no_new_error(
    store: Store,
) -> None:
    first = [replace(one, at=one.at - 9 * DAY_MS) for one in mixed()]
    name = write_old(store, first)
    store.errors.set_status(name, GroupStatus.IGNORED, by="ada", at_ms=NOW - 8 * DAY_MS)
    again = failed(7_777, DENIED)
    store.errors.write([again])
    group = store.errors.group(again.fingerprint)
    assert group.status is GroupStatus.IGNORED
    assert group.first_seen == min(one.at for one in first)
    regroup(store)
    assert listed(store)[DENIED] == 11


def test_a_code_that_comes_afterwards_is_a_new_error(store: Store) -> None:
    first = [replace(one, at=one.at - 9 * DAY_MS) for one in mixed()]
    name = write_old(store, first)
    store.errors.set_status(name, GroupStatus.IGNORED, by="ada", at_ms=NOW - 8 * DAY_MS)
    regroup(store)
    new = failed(8_888, "Throttling")
    store.errors.write([new])
    group = store.errors.group(new.fingerprint)
    assert (group.status, group.first_seen) == (GroupStatus.OPEN, NOW)


def test_an_event_without_frames_goes_where_those_with_the_same_code_went(
    store: Store,
) -> None:
    events = mixed(codes=MANY)
    cut = replace(failed(5_000, SLOW, at=NOW - 3 * HOUR_MS), body='{"exception": {}}')
    write_old(store, [*events, cut])
    regroup(store)
    assert listed(store) == {SLOW: 159, MISSING: 119, DENIED: 105}


def test_so_does_one_that_is_moved_together_with_the_first_of_them(
    store: Store,
) -> None:
    cut = replace(failed(5_000, SLOW, at=NOW), body='{"exception": {}}')
    write_old(store, [cut, *mixed()])
    regroup(store)
    assert listed(store) == {SLOW: 16, MISSING: 12, DENIED: 10}


def test_a_group_is_called_what_most_of_its_errors_are(store: Store) -> None:
    rare, usual = failed(1, SLOW), failed(2, SLOW)
    store.errors.write([replace(rare, title="rare")])
    assert store.errors.group(rare.fingerprint).title == "rare"
    store.errors.write([replace(usual, title="usual", times=2)])
    assert store.errors.group(rare.fingerprint).title == "usual"
    store.errors.write([replace(failed(3, SLOW), title="rare")])
    assert store.errors.group(rare.fingerprint).title == "usual"


def test_the_commonest_of_many_titles_is_found_in_little_room() -> None:
    counts: dict[str, int] = {}
    for n in range(5_000):
        counts = tallied(counts, {"usual" if n % 5 == 0 else f"only {n}": 1})
    assert len(counts) == MOST
    assert commonest(counts, "") == "usual"
    assert commonest({"b": 2, "a": 2}, "b") == "b"


def test_regrouping_goes_on_where_it_was_ended(store: Store) -> None:
    write_old(store, mixed(codes=MANY))
    store.regrouping.step()
    again = type(store.regrouping)(store.database)
    while again.step():
        pass
    assert listed(store) == {SLOW: 158, MISSING: 119, DENIED: 105}
