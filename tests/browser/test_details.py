"""One run in a dialog: found, read, cancelled, run again; what a job wrote is text."""

import json

import pytest

from data.exceptions import OutcomeUnknownError, SourceUnavailableError
from tests.browser.history_page import HistoryPage
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

on_both = pytest.mark.parametrize("jobs", ["sqlite", "postgresql"], indirect=True)
ERROR = "ValueError: <img src=x onerror=alert(1)>\n  File app.py, line 7"


@on_both
def test_de001_a_row_opens_the_run_and_a_link_does_too(launch, jobs):
    [run_id] = jobs.table.add(
        finished_run(
            status="FAILED",
            finished_at=jobs.now,
            started_at=jobs.now - 60_000,
            error=ERROR,
            error_type="ValueError",
            params={"to": "<b>Ann</b>"},
        )
    )
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open()

    page.open_row(run_id)
    wait_for(lambda: ERROR in (page.shown("run-details-error") or ""))

    assert '"to": "<b>Ann</b>"' in page.shown("details-params")
    assert "ran 1m 00s" in page.shown("run-details-timeline")
    wait_for(lambda: f"run={run_id}" in page.query())
    HistoryPage(overview).open(f"?run={run_id}")
    wait_for(lambda: ERROR in (page.shown("run-details-error") or ""))
    page.close_details()
    wait_for(lambda: "run=" not in page.query())


@on_both
def test_de002_run_again_starts_one_run_however_often_it_is_clicked(launch, jobs):
    [run_id] = jobs.table.add(finished_run(finished_at=jobs.now))
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open(f"?run={run_id}")
    wait_for(lambda: page.shown("retry-run"))

    page.press("retry-run")
    wait_for(lambda: "1 started as new runs" in (page.shown("details-message") or ""))
    page.press("retry-run")
    page.press("retry-run")

    wait_for(lambda: "1 started as new runs" in (page.shown("details-message") or ""))
    assert [row["status"] for row in jobs.table.rows().values()] == [
        "SUCCEEDED",
        "PENDING",
    ]


@on_both
def test_de003_a_running_run_is_asked_to_stop_and_the_page_says_so_until_it_has(
    launch, jobs
):
    run_id = jobs.running("first")
    overview, _ = launch(opened=False, JOBS_REFRESH_EVERY="500ms")
    page = HistoryPage(overview).open(f"?run={run_id}")
    wait_for(lambda: page.shown("cancel-run"))

    page.cancel_run()

    wait_for(lambda: "1 asked to stop" in (page.shown("details-message") or ""))
    wait_for(lambda: "asked to stop" in (page.shown("details-body") or ""))
    assert jobs.of(run_id)["cancel_requested_at"] is not None
    assert jobs.of(run_id)["status"] == "RUNNING"
    jobs.table.change(run_id, status="CANCELLED", finished_at=jobs.now)
    wait_for(lambda: "Cancelled" in (page.shown("details-body") or ""))
    assert page.shown("cancel-run") is None


@pytest.mark.exhaustive
def test_de004_a_run_that_is_not_there_is_told(launch, jobs):
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open("?run=a%2Fb%3Cb%3E")

    wait_for(lambda: "has no run a/b<b>" in (page.shown("details-trouble") or ""))


def test_de005_a_run_that_is_deleted_while_it_is_open_is_told(launch, jobs):
    run_id = jobs.running("first")
    overview, _ = launch(opened=False, JOBS_REFRESH_EVERY="500ms")
    page = HistoryPage(overview).open(f"?run={run_id}")
    wait_for(lambda: page.shown("cancel-run"))

    jobs.table.execute("DELETE FROM job_runs")

    wait_for(lambda: "It may be gone." in (page.shown("details-trouble") or ""))
    assert page.shown("cancel-run") is None


@on_both
def test_de006_a_run_is_run_again_with_edited_params(launch, jobs):
    [run_id] = jobs.table.add(
        finished_run(finished_at=jobs.now, params={"to": "ann"}, queue="slow")
    )
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open(f"?run={run_id}")
    wait_for(lambda: page.shown("retry-run"))

    page.press_link("#retry-edit summary")
    wait_for(lambda: '"to": "ann"' in page.value("retry-params"))
    page.fill("retry-params", '{"to": ')
    page.press("retry-run")
    wait_for(lambda: page.shown("retry-params-fault"))
    page.fill("retry-params", '{"to": "bob"}')
    page.press("retry-run")

    wait_for(lambda: "1 started as new runs" in (page.shown("details-message") or ""))
    [new] = jobs.table.rows().keys() - {run_id}
    found = jobs.of(new)["params"]
    assert (json.loads(found) if isinstance(found, str) else found) == {"to": "bob"}
    assert jobs.of(new)["queue"] == "slow"


def test_de007_frames_fold_and_the_whole_error_is_copied(launch, jobs):
    error = (
        "Traceback (most recent call last):\n"
        '  File "/app/mail.py", line 7, in send\n    post()\n'
        '  File "/x/site-packages/httpx.py", line 1, in post\n    <b>raise</b>\n'
        "ValueError: no"
    )
    [run_id] = jobs.table.add(
        finished_run(status="FAILED", finished_at=jobs.now, error=error)
    )
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open(f"?run={run_id}")
    shown = wait_for(lambda: page.shown("details-trace"))
    assert "post()" in shown
    assert "<b>raise</b>" not in shown
    page.run(
        "navigator.clipboard.writeText = async (text) => { window.copied = text; };"
    )

    page.press_link("#run-details-error button")

    wait_for(lambda: page.run("return window.copied") == error)


@pytest.mark.exhaustive
@on_both
def test_de008_a_cancel_whose_answer_is_lost_says_unknown_and_never_done(
    launch, jobs, monkeypatch
):
    run_id = jobs.pending()
    overview, composed = launch(opened=False)
    page = HistoryPage(overview).open(f"?run={run_id}")
    wait_for(lambda: page.shown("cancel-run"))
    lose_answers(composed, monkeypatch)

    page.cancel_run()

    said = wait_for(lambda: page.shown("details-message"))
    assert "look again" in said
    assert "called off" not in said
    assert jobs.of(run_id)["status"] == "CANCELLED"
    wait_for(lambda: "cannot be reached" in (page.shown("details-trouble") or ""))
    assert "look again" in page.shown("details-message")


def lose_answers(composed, monkeypatch):
    """Every commit arrives, no answer does, and nobody can be asked then."""
    database = composed.deps.sources["jobs"].engine._db
    commit = database._commit

    def lost(connection):
        commit(connection)
        monkeypatch.setattr(database, "_connected", unreachable)
        message = "jobs: the database was lost before it answered."
        raise OutcomeUnknownError(message)

    def unreachable(*_arguments):
        message = "jobs: the database cannot be reached."
        raise SourceUnavailableError(message)

    monkeypatch.setattr(database, "_commit", lost)
