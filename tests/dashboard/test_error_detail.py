"""One group of errors: what its page says when its events are forgotten."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import Composed, compose
from dashboard.panels.error_detail import _detail
from dashboard.settings import load_settings
from data.clock import DAY_MS
from data.model import GroupStatus
from data.store.error_records import ErrorFilter
from tests.composing import composed
from tests.conftest import FakeClock
from tests.data.store.test_errors import NOW, event
from tests.factories import job_table

FORGOTTEN = "Its events are not kept any more: they are older than JOBS_RETENTION."


@pytest.fixture
def place(clock: FakeClock, sqlite_url: str, tmp_path: Path) -> Iterator[Composed]:
    with composed(clock, sqlite_url, tmp_path) as made:
        yield made


def shown(place: Composed) -> dict[str, Any]:
    return _detail(place.deps, {"group": "v2:a"}, "")


@pytest.fixture
def two(clock: FakeClock, tmp_path: Path) -> Iterator[Composed]:
    """Two sources with one group of errors: 5 events in orders, 2 newer in billing."""
    urls = {name: f"sqlite:///{tmp_path / name}.db" for name in ("orders", "billing")}
    (tmp_path / "job-manager.toml").write_text(
        "".join(f'[sources.{name}]\nurl = "{url}"\n' for name, url in urls.items())
    )
    environ = {"JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}"}
    with job_table(urls["orders"]), job_table(urls["billing"]):
        made = compose(load_settings(environ, directory=tmp_path), clock=clock)
        made.deps.store.errors.write(
            [
                event("v2:a", at=NOW + n, source=source, run_id=f"{source}-{n}")
                for n, source in enumerate(["orders"] * 5 + ["billing"] * 2)
            ]
        )
        yield made
        made.deps.store.close()
        for source in made.deps.sources.values():
            source.engine.close()


def walk(place: Composed, source: str, step: str) -> list[str]:
    """The positions that are shown, from the newest event on or back from the oldest."""
    page = _detail(place.deps, {"group": "v2:a"}, source)
    found = [page["position"]]
    while not page[step]:
        page = _detail(place.deps, {**page["shown"], "step": step}, source)
        found.append(page["position"])
    return found


@pytest.mark.parametrize(
    ("source", "events", "other"),
    [("orders", 5, "billing"), ("billing", 2, "orders"), ("all", 7, "")],
)
def test_the_detail_of_an_error_is_about_the_chosen_source(
    two: Composed, source: str, events: int, other: str
) -> None:
    page = _detail(two.deps, {"group": "v2:a"}, source)
    asked = ErrorFilter(source=two.deps.narrowed(source))
    [row] = two.deps.store.errors.groups(asked)
    assert row.events == row.runs == events

    assert walk(two, source, "older") == [
        f"event {n} of {events}" for n in range(1, events + 1)
    ]
    runs = str(page["body"])
    for name, number in (("orders", 5), ("billing", 2)):
        shown_runs = {n for n in range(7) if f"{name}-{n}'" in runs}
        assert len(shown_runs) == (0 if name == other else number)
    if other:
        assert f'"source": "{other}"' not in runs
        oldest = {"group": "v2:a", "at": NOW, "id": 0, "step": "newer"}
        [own] = two.deps.store.errors.events(["v2:a"], source=source, limit=9)[-1:]
        newer = _detail(two.deps, oldest, source)
        assert newer["shown"] == {"group": "v2:a", "at": own.at, "id": own.id}


def test_an_error_that_the_chosen_source_never_had_says_so(two: Composed) -> None:
    errors = two.deps.store.errors
    errors.write([event("v2:b", at=NOW, source="orders", run_id="9")])
    page = _detail(two.deps, {"group": "v2:b"}, "billing")
    assert page["position"] == "no event is kept"
    assert "No event of the chosen source is kept." in str(page["body"])
    assert page["retry_hidden"]


def test_what_concerns_no_source_is_shown_with_each(two: Composed) -> None:
    two.deps.store.errors.write([event("v2:c", at=NOW, source="", run_id="")])
    page = _detail(two.deps, {"group": "v2:c"}, "billing")
    assert page["position"] == "event 1 of 1"


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
