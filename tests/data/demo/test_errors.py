"""The demo's errors: ninety days of plausible groups, one of which came back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.clock import DAY_MS, to_ms
from data.demo.errors import write_errors
from data.model import GroupStatus
from data.store import Store, open_store
from data.store.error_records import ErrorFilter, KeptEvent
from tests.data.demo.shop import NOON

NOW = to_ms(NOON)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("demo") / "job-manager.db"
    store = open_store(f"sqlite:///{path}")
    write_errors(store.errors, now_ms=NOW)
    yield store
    store.close()


def events_of(store: Store) -> list[KeptEvent]:
    return store.errors.events([], limit=10_000)


def test_groups_of_each_status_are_there_and_one_came_back(made: Store) -> None:
    found = {one.title: one.status for one in made.errors.groups(ErrorFilter())}
    statuses = [*found.values()]
    assert statuses.count(GroupStatus.REGRESSED) == 1
    assert statuses.count(GroupStatus.RESOLVED) == 1
    assert statuses.count(GroupStatus.IGNORED) == 1
    assert statuses.count(GroupStatus.OPEN) >= 4
    back = "TypeError: Cannot read properties of undefined (reading 'rows')"
    assert found[back] is GroupStatus.REGRESSED


def test_they_span_ninety_days_up_to_now(made: Store) -> None:
    instants = [event.at for event in events_of(made)]
    assert NOW - 90 * DAY_MS <= min(instants) < NOW - 85 * DAY_MS
    assert NOW - DAY_MS < max(instants) <= NOW
    days = {at // DAY_MS for at in instants}
    assert len(days) > 70


def test_people_and_the_server_met_them_with_a_context(made: Store) -> None:
    groups = made.errors.groups(ErrorFilter())
    assert {one.origin for one in groups} == {"browser", "server"}
    assert {"enqueueJob", "cancelJob", "retryJob", "loadJobHistory"} <= {
        one.action for one in groups
    }
    assert all(one.visitors > 1 for one in groups if one.origin == "browser")
    for event in events_of(made):
        body = json.loads(event.body)
        assert body["source"] == event.origin
        assert body["context"]["action"] == event.action
        assert (body["context"]["params"] or {}).get("token") in (None, "[Filtered]")
        if event.action in ("enqueueJob", "cancelJob", "retryJob"):
            assert event.job_name
            assert bool(event.run_id) is (event.action != "enqueueJob")


def test_the_same_moment_makes_the_same_errors(made: Store, tmp_path: Path) -> None:
    again = open_store(f"sqlite:///{tmp_path / 'again.db'}")
    write_errors(again.errors, now_ms=NOW)
    assert events_of(again) == events_of(made)
    again.close()
