"""A run is started from any page: offered, checked before it is sent, started once."""

import json

import pytest

from data.exceptions import OutcomeUnknownError
from tests.browser.history_page import HistoryPage
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

on_both = pytest.mark.parametrize("jobs", ["sqlite", "postgresql"], indirect=True)


def dialog(launch):
    """The history with the dialog open."""
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open()
    page.press("run-job")
    wait_for(lambda: page.shown("run-modal"))
    return page


def params_of(jobs, run_id):
    found = jobs.of(run_id)["params"]
    return json.loads(found) if isinstance(found, str) else found


@on_both
def test_st001_a_known_job_is_offered_with_its_last_params_and_started_once(
    launch, jobs
):
    [old] = jobs.table.add(finished_run(params={"to": "ann"}, finished_at=jobs.now))
    jobs.pending("a-job-that-waits")
    page = dialog(launch)
    wait_for(lambda: "a-job-that-waits" in page.offered_jobs())

    page.fill("run-name", "send-mail")
    wait_for(lambda: json.loads(page.value("run-params")) == {"to": "ann"})
    assert old in page.shown("run-hint")
    page.fill("run-params", '{"to": "<b>Bob</b>"}')
    page.fill("run-queue", "slow'; DROP TABLE job_runs; --")
    for _ in range(3):
        page.press("run-submit")

    told = wait_for(lambda: page.shown("run-message"))
    [new] = jobs.table.rows().keys() - {old, *waiting(jobs)}
    assert told == f"Run {new} was started."
    assert params_of(jobs, new) == {"to": "<b>Bob</b>"}
    assert jobs.of(new)["queue"] == "slow'; DROP TABLE job_runs; --"
    assert jobs.of(new)["status"] == "PENDING"
    page.press_link("#run-message a")
    wait_for(lambda: "<b>Bob</b>" in (page.shown("details-params") or ""))
    wait_for(lambda: page.shown("run-modal") is None)
    assert f"run={new}" in page.query()


def waiting(jobs):
    return {
        run_id
        for run_id, row in jobs.table.rows().items()
        if row["job_name"] == "a-job-that-waits"
    }


def test_st002_params_with_a_fault_are_not_sent_and_the_fault_is_at_its_line(
    launch, jobs
):
    jobs.table.add(finished_run(finished_at=jobs.now))
    page = dialog(launch)
    page.fill("run-name", "send-mail")
    wait_for(lambda: "Params of" in (page.shown("run-hint") or ""))

    page.fill("run-params", '{\n"a": 1,\n"b": nope\n}')

    wait_for(lambda: page.shown("run-params-fault").startswith("Line 3, column 6:"))
    assert page.bad_line("run-params") == "✕ 3"
    page.press("run-submit")
    page.fill("run-params", "{}")
    wait_for(lambda: page.shown("run-params-fault") == "")
    assert len(jobs.table.rows()) == 1
    page.press("run-submit")
    wait_for(lambda: "was started" in (page.shown("run-message") or ""))
    assert len(jobs.table.rows()) == 2


def test_st003_what_cannot_be_started_is_told_and_nothing_typed_is_lost(launch, jobs):
    jobs.table.add(finished_run(finished_at=jobs.now))
    page = dialog(launch)

    page.press("run-submit")
    wait_for(lambda: "The job name has 1 to 500" in (page.shown("run-message") or ""))
    page.fill("run-params", '{"kept": 1}')
    page.fill("run-name", "never-seen")
    wait_for(lambda: "No finished run" in (page.shown("run-hint") or ""))
    page.press("run-submit")

    wait_for(lambda: "has never seen a job" in (page.shown("run-message") or ""))
    assert page.value("run-params") == '{"kept": 1}'
    page.fill("run-name", "send-mail")
    wait_for(lambda: "Your params are kept" in (page.shown("run-hint") or ""))
    assert page.value("run-params") == '{"kept": 1}'


def test_st004_a_run_of_later_is_scheduled_in_the_viewers_time(launch, jobs):
    jobs.table.add(finished_run(finished_at=jobs.now))
    page = dialog(launch)
    page.fill("run-name", "send-mail")
    wait_for(lambda: "Params of" in (page.shown("run-hint") or ""))

    at = page.set_when("2031-05-06T07:08")
    page.press("run-submit")

    wait_for(lambda: "was started" in (page.shown("run-message") or ""))
    [row] = [r for r in jobs.table.rows().values() if r["status"] == "SCHEDULED"]
    assert row["scheduled_at"] == at


@on_both
def test_st005_a_start_whose_answer_is_lost_says_unknown_and_starts_nothing_twice(
    launch, jobs, monkeypatch
):
    jobs.table.add(finished_run(finished_at=jobs.now))
    overview, composed = launch(opened=False)
    page = HistoryPage(overview).open()
    page.press("run-job")
    wait_for(lambda: page.shown("run-modal"))
    page.fill("run-name", "send-mail")
    wait_for(lambda: "Params of" in (page.shown("run-hint") or ""))
    database = composed.deps.sources["jobs"].engine._db
    commit = database._commit

    def lost(connection):
        commit(connection)
        message = "jobs: the database was lost before it answered."
        raise OutcomeUnknownError(message)

    monkeypatch.setattr(database, "_commit", lost)
    page.press("run-submit")
    wait_for(lambda: "is unknown: look again" in (page.shown("run-message") or ""))
    monkeypatch.setattr(database, "_commit", commit)
    page.press("run-submit")

    wait_for(lambda: "was asked before" in (page.shown("run-message") or ""))
    assert len(jobs.table.rows()) == 2
