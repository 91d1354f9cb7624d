"""What can be done is offered with what will happen, and withheld with the reason."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from dashboard.components.outcome import outcome, started
from dashboard.views.bulk import cancel_words
from dashboard.views.overview import overview_view
from data.all_sources import together
from data.engines.base import Remedy
from data.model import Job, JobState, Snapshot, Trouble
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader
from tests.conftest import FakeClock
from tests.factories import NOW, job_table, make_job, native_engine

READ_ONLY = "This source is configured as read-only."


@pytest.mark.parametrize(
    ("job", "remedy", "words"),
    [
        (make_job(state=JobState.PENDING), Remedy.CANCEL, "cancelled before it starts"),
        (make_job(state=JobState.SCHEDULED), Remedy.MARK_FAILED, "before it starts"),
        (make_job(), Remedy.MARK_FAILED, "whether it does is up to the worker"),
        (make_job(), Remedy.CANCEL, "stops at its next step. This cannot be undone"),
        (make_job(state=JobState.FAILED), Remedy.CANCEL, "finished already"),
        (None, Remedy.CANCEL, "not there any more"),
    ],
)
def test_a_cancel_says_first_what_it_will_do(
    job: Job | None, remedy: Remedy, words: str
) -> None:
    assert words in cancel_words(job, remedy)


def view(snapshot: Snapshot) -> dict[str, Any]:
    return dict(overview_view(snapshot, StallLimits(), []))


def test_a_source_that_starts_no_runs_says_why(
    sqlite_url: str, clock: FakeClock
) -> None:
    with job_table(sqlite_url), native_engine(sqlite_url, read_only=True) as engine:
        reader = SnapshotReader(
            "orders", engine, limits=StallLimits(), clock=clock, poll_every_ms=2_000
        )
        snapshot = reader.refresh()

    assert view(snapshot)["no_start"] == READ_ONLY
    assert view(replace(snapshot, no_start_reason=""))["no_start"] == ""


def test_a_source_that_is_down_starts_nothing() -> None:
    trouble = Trouble(since=NOW, unreachable=True, message="gone")
    down = Snapshot(source="orders", seq=1, read_at=None, trouble=trouble)

    assert "cannot be read" in view(down)["no_start"]
    half = replace(down, trouble=replace(trouble, partial=True))
    assert view(half)["no_start"] == ""


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        (["a", "b"], "a b"),
        (["a", "a"], "a"),
        (["a", ""], ""),
    ],
)
def test_of_all_sources_one_that_can_is_enough(
    reasons: Sequence[str], words: str
) -> None:
    each = [
        Snapshot(source=str(at), seq=1, read_at=NOW, no_start_reason=reason)
        for at, reason in enumerate(reasons)
    ]

    assert together(each, {"0": "0", "1": "1"}).no_start_reason == words


def test_ids_are_links_to_their_runs() -> None:
    [part] = outcome([("good", "2 started as new runs", ["7", "a/b"])]).children
    links = [child for child in part.children[1].children if hasattr(child, "href")]

    assert [(link.children, link.href) for link in links] == [
        ("7", "?run=7"),
        ("a/b", "?run=a%2Fb"),
    ]


def test_a_run_of_another_source_is_opened_on_its_own_page() -> None:
    [part] = outcome([("good", "1", ["orders/7"])], of_all=True).children
    link = part.children[1].children[0]
    elsewhere = started("7", source="orders").children.children[1]

    assert link.href == elsewhere.href == "?source=orders&run=7"
    assert started("7").children.children[1].href == "?run=7"
