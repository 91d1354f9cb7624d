"""A row of the history says what became of its run: finished when, failed why, stalled."""

import pytest

from dashboard.views.details import details_view
from dashboard.views.history import HistoryRow, error_words, history_view
from data.clock import HOUR_MS, MINUTE_MS
from data.model import Failure, Job, JobState, RunDetails, RunPage, Verdict
from data.rules.stalls import StallLimits, judge
from tests.factories import NOW, make_job

STALLED = make_job("7", started_at=NOW - 2 * HOUR_MS)
FAILED = make_job("8", state=JobState.FAILED, finished_at=NOW)
TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/app/pay.py", line 7, in pay\n    charge(7)\n'
    "shop.errors.CardError: declined\nby the bank\n"
)


def verdicts(*jobs: Job) -> dict[str, Verdict]:
    return judge(jobs, now_ms=NOW, limits=StallLimits()).verdicts


def row(job: Job, *failures: Failure) -> HistoryRow:
    view = history_view(
        RunPage([job], None),
        replace=True,
        counted=None,
        verdicts=verdicts(job),
        failures=failures,
    )
    return view["rows"][0]


def test_an_open_run_has_not_finished() -> None:
    waiting = make_job(state=JobState.PENDING, started_at=None)

    for job in (waiting, make_job(), STALLED):
        assert (row(job)["at"], row(job)["took"]) == (None, None)
    assert (row(FAILED)["at"], row(FAILED)["took"]) == (NOW, MINUTE_MS)


def test_a_stalled_run_says_so_and_why() -> None:
    found = row(STALLED)

    assert (found["status"], found["tone"]) == ("Stalled", "warn")
    assert found["reason"].startswith(
        "Stalled (overdue): running for 2h 00m, limit 30m"
    )
    assert (row(make_job())["status"], row(make_job())["reason"]) == ("Running", "")


def test_the_dialog_of_a_stalled_run_says_so_too() -> None:
    details = RunDetails(
        job=STALLED,
        max_attempts=1,
        params=None,
        result=None,
        error_type=None,
        error=None,
    )
    [verdict] = verdicts(STALLED).values()

    view = details_view(details, verdict, [], logs_url="", now_ms=NOW)

    assert (view["status"], view["tone"]) == ("Stalled", "warn")
    assert view["verdict"] == row(STALLED)["reason"]


def test_a_failed_run_shows_the_class_and_the_first_line_of_its_error() -> None:
    found = row(FAILED, Failure(FAILED, "", TRACE, ""))

    assert found["reason"] == "shop.errors.CardError: declined"
    assert (found["status"], found["tone"]) == ("Failed", "bad")


@pytest.mark.parametrize(
    ("type_", "error", "words"),
    [
        ("Stalled", "Marked as failed by ann.", "Stalled: Marked as failed by ann."),
        ("CardError", "declined\nby the bank", "CardError: declined"),
        ("CardError", "", "CardError"),
        ("", "declined", "declined"),
        ("", "", ""),
        ("E", "x" * 900, f"E: {'x' * 196}…"),
    ],
)
def test_an_error_is_one_line(type_: str, error: str, words: str) -> None:
    assert error_words(Failure(FAILED, type_, error, "")) == words
