"""Failed runs of an error are run again as far as the page shows them, and no others."""

from collections.abc import Iterator, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

from app import Composed
from dashboard.ids import Errors, Shell
from dashboard.panels import error_retry
from dashboard.panels.error_retry import _act, _review
from dashboard.views.error_retry import is_typed, retry_words
from dashboard.views.errors import RANGES
from data.clock import DAY_MS
from data.exceptions import SourceUnavailableError
from data.model import ErrorEvent
from data.store.error_records import ErrorFilter
from tests.composing import composed
from tests.conftest import FakeClock
from tests.factories import JobTable, finished_run, job_table

GROUP = "v2:00000000000000aa"


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        yield made


@pytest.fixture
def place(
    table: JobTable, clock: FakeClock, sqlite_url: str, tmp_path: Path
) -> Iterator[Composed]:
    with composed(clock, sqlite_url, tmp_path) as made:
        yield made


def fail(
    place: Composed, table: JobTable, ats: Sequence[int], job_name: str = "etl"
) -> list[str]:
    """Failed runs that ended then, with an error each."""
    ids = table.add(
        *(
            finished_run(status="FAILED", job_name=job_name, finished_at=at)
            for at in ats
        )
    )
    events = [
        ErrorEvent(
            event_id=f"{int(id_):032x}",
            fingerprint=GROUP,
            title="KeyError: 'ean'",
            at=at,
            received_at=at,
            level="error",
            origin="job",
            kind="job_failure",
            type="KeyError",
            message="'ean'",
            job_name=job_name,
            source="jobs",
            run_id=id_,
        )
        for id_, at in zip(ids, ats, strict=True)
    ]
    place.deps.store.errors.write(events)
    return [*ids]


def review(place: Composed, word: str = "7d", job: str = "") -> dict[str, Any]:
    return _review(place.deps, {"group": GROUP}, word, "jobs", job)


def test_only_runs_of_the_range_that_the_page_shows_are_run_again(
    place: Composed, table: JobTable, clock: FakeClock
) -> None:
    now = clock.now_ms
    new = fail(place, table, [now - n * DAY_MS for n in range(3)])
    fail(place, table, [now - (40 + n) * DAY_MS for n in range(5)])
    [group] = place.deps.store.errors.groups(ErrorFilter(since=now - 7 * DAY_MS))
    opened = review(place)
    assert group.events == len(opened["plan"]["ids"]) == 3
    assert sorted(opened["plan"]["ids"]) == sorted(f"jobs/{id_}" for id_ in new)
    assert opened["type_hidden"]
    assert len(review(place, "90d")["plan"]["ids"]) == 8


def test_only_runs_of_the_job_that_the_page_shows_are_run_again(
    place: Composed, table: JobTable, clock: FakeClock
) -> None:
    fail(place, table, [clock.now_ms])
    own = fail(place, table, [clock.now_ms], "nightly")
    assert review(place, job="nightly")["plan"]["ids"] == [f"jobs/{own[0]}"]


def test_above_a_hundred_runs_their_number_must_be_typed(
    place: Composed, table: JobTable, clock: FakeClock
) -> None:
    fail(place, table, [clock.now_ms - n for n in range(101)])
    opened = review(place)
    assert not opened["type_hidden"]
    assert opened["type_words"] == "Type 101 to retry so many runs"
    for typed in ("", "100", None):
        refused = _act(place.deps, opened["plan"], typed)
        assert refused == {"type_words": "Nothing was done. Type 101 to go on"}
    assert len(table.rows()) == 101
    _act(place.deps, opened["plan"], "101")
    assert len(table.rows()) == 202


def test_a_hundred_runs_need_no_number(
    place: Composed, table: JobTable, clock: FakeClock
) -> None:
    fail(place, table, [clock.now_ms - n for n in range(100)])
    opened = review(place)
    assert (opened["type_hidden"], opened["plan"]["type"]) == (True, 0)
    _act(place.deps, opened["plan"], "")
    assert len(table.rows()) == 200


@pytest.mark.parametrize(
    ("runs", "word", "said"),
    [
        (382, "7d", "382 failed runs in the last 7 d, 2.3 an hour."),
        (1, "7d", "1 failed run in the last 7 d, fewer than 0.1 an hour."),
        (4_286, "90d", "4,286 failed runs in the last 90 d, 2.0 an hour."),
        (2_400, "24h", "2,400 failed runs in the last 24 h, 100 an hour."),
    ],
)
def test_the_number_and_the_rate_are_said(runs: int, word: str, said: str) -> None:
    assert retry_words(runs, RANGES[word], is_all=True) == said


def test_a_number_may_be_typed_with_its_thousands_apart() -> None:
    assert is_typed(" 4,286 ", 4_286)
    assert not is_typed("428", 4_286)


def test_runs_that_were_started_are_shown_though_the_store_fails(
    place: Composed,
    table: JobTable,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail(place, table, [clock.now_ms])
    plan = review(place)["plan"]

    def store_fails(*_arguments: object) -> None:
        message = "store: the database is busy."
        raise SourceUnavailableError(message)

    monkeypatch.setattr(type(place.deps.store.errors), "note_retried", store_fails)
    done = _act(place.deps, plan, "")

    assert "1 started as new runs" in str(done["body"])
    assert len(table.rows()) == 2
    assert "store: the database is busy." in caplog.text


def test_its_steps_take_threads_of_the_source_that_the_page_shows(
    place: Composed, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Any] = []
    monkeypatch.setattr(error_retry, "offload", lambda step: steps.append(step) or step)
    app = Dash()
    error_retry.register(app, place.deps)

    taken = [
        callback["state"][0]
        for callback in app._callback_list
        if callback["inputs"][0]["id"] in {Errors.RETRY, Errors.RETRY_CONFIRM}
    ]
    assert taken == [{"id": Shell.SOURCE, "property": "value"}] * 2
    named = [[*signature(step).parameters][:2] for step in steps]
    assert named == [["clicks", "source"]] * 2
