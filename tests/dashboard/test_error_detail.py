"""One group of errors: what its page says when its events are forgotten."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import Composed
from dashboard.panels.error_detail import _detail
from data.clock import DAY_MS
from data.model import GroupStatus
from tests.composing import composed
from tests.conftest import FakeClock
from tests.data.store.test_errors import NOW, event

FORGOTTEN = "Its events are not kept any more: they are older than JOBS_RETENTION."


@pytest.fixture
def place(clock: FakeClock, sqlite_url: str, tmp_path: Path) -> Iterator[Composed]:
    with composed(clock, sqlite_url, tmp_path) as made:
        yield made


def shown(place: Composed) -> dict[str, Any]:
    return _detail(place.deps, {"group": "v2:a"}, "")


def test_a_group_that_outlived_its_events_says_so_and_can_be_opened_again(
    place: Composed,
) -> None:
    store = place.deps.store
    store.errors.write([event("v2:a", run_id="7", source="jobs")])
    assert FORGOTTEN not in str(shown(place)["body"])
    store.errors.set_status("v2:a", GroupStatus.RESOLVED, by="ada", at_ms=NOW)
    store.prune(NOW + 2 * DAY_MS, DAY_MS)
    page = shown(place)
    assert page["message"] is None
    assert page["heading"] == "Title of v2:a"
    assert FORGOTTEN in str(page["body"])
    assert page["position"] == "no event is kept"
    assert (page["newer"], page["older"]) == (True, True)
    assert (page["reopen_hidden"], page["retry_hidden"]) == (False, True)
    assert page["support"] == "Title of v2:a"


def test_errors_that_were_only_counted_are_not_called_forgotten(
    place: Composed,
) -> None:
    place.deps.store.errors.write([], [event("v2:a", times=40)])
    assert FORGOTTEN not in str(shown(place)["body"])
