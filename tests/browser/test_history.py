"""The history finds runs again, can be linked, and acts on what is selected."""

import urllib.request
from typing import Any

import pytest

from data.engines.base import Capabilities
from tests.browser.history_page import HistoryPage
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

on_both = pytest.mark.parametrize("jobs", ["sqlite", "postgresql"], indirect=True)


def ended(jobs: Any, **changes: Any) -> dict[str, Any]:
    return finished_run(**{"finished_at": jobs.now, **changes})


def add(jobs: Any, *runs: dict[str, Any]) -> list[str]:
    """Newest first: each ended a second before the one before it."""
    return jobs.table.add(
        *({**run, "finished_at": jobs.now - 1000 * at} for at, run in enumerate(runs))
    )


@on_both
def test_hi001_finished_runs_are_listed_newest_first_page_by_page(launch, jobs):
    ids = add(jobs, *(finished_run() for _ in range(53)))
    jobs.running("still-at-it")
    overview, _ = launch(opened=False)

    page = HistoryPage(overview).open()

    assert page.shown("history-count") == "53 runs"
    first = page.ids()
    assert len(first) > 10
    assert first == ids[: len(first)]
    assert page.shown("history-older") == "Older"
    page.older()
    wait_for(lambda: page.shown("history-older") is None)


@on_both
def test_hi002_fields_filter_and_their_state_is_a_link(launch, jobs):
    mail, _, sync = add(
        jobs,
        finished_run(status="FAILED", job_name="mail", error="Timeout: 50% of 7_up"),
        finished_run(status="SUCCEEDED", job_name="mail"),
        finished_run(status="FAILED", job_name="sync", error="KeyError: 'x'"),
    )
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open()

    page.choose_status("Failed")
    page.wait_for_ids([mail, sync])
    page.search("50% OF 7_")
    page.wait_for_ids([mail])

    wait_for(
        lambda: "q=50%25+OF+7_" in page.query() and "status=FAILED" in page.query()
    )
    again = HistoryPage(overview).open(page.query())
    again.wait_for_ids([mail])
    assert again.field("search") == "50% OF 7_"
    assert again.field("status") == "FAILED"


@pytest.mark.exhaustive
def test_hi003_hostile_words_find_nothing_and_say_so(launch, jobs):
    [run_id] = add(jobs, finished_run(error="fine"))
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open()

    for text in ("%", "_", "' OR 1=1 --", '"<script>alert(1)</script>'):
        page.search(text)
        page.wait_for_ids([])
        assert "none matches the filter" in page.shown("history-empty")
        page.search("fine")
        page.wait_for_ids([run_id])


@on_both
def test_hi004_selected_runs_run_again_once_however_often_it_is_clicked(launch, jobs):
    first, second = add(
        jobs, finished_run(job_name="mail"), finished_run(status="FAILED")
    )
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open()

    page.select(first, second)
    plan = page.review("retry")
    said = page.confirm(clicks=2)

    assert "2 will run again with the same params" in plan
    assert "2 started as new runs" in said
    rows = jobs.table.rows()
    assert len(rows) == 4
    new = [row for id_, row in rows.items() if id_ not in (first, second)]
    assert {(row["job_name"], row["status"]) for row in new} == {
        ("mail", "PENDING"),
        ("send-mail", "PENDING"),
    }


@on_both
def test_hi005_open_runs_are_called_off_or_asked_to_stop(launch, jobs):
    running, pending = jobs.running("first"), jobs.pending("second")
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open("?status=open")

    page.select(pending, running)
    plan = page.review("cancel")
    jobs.succeed(running)
    said = page.confirm()

    assert "1 will be called off before they start" in plan
    assert "1 are running and will be asked to stop" in plan
    assert "1 called off" in said
    assert "1 finished meanwhile, left alone" in said
    assert jobs.of(pending)["status"] == "CANCELLED"
    assert jobs.of(running)["status"] == "SUCCEEDED"


@pytest.mark.exhaustive
def test_hi006_the_export_is_of_the_same_runs(launch, jobs):
    add(
        jobs,
        finished_run(status="FAILED", job_name="mail"),
        finished_run(status="FAILED", job_name="sync"),
    )
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open("?status=FAILED&job=mail")

    wait_for(lambda: "job=mail" in page.link("history-export"))
    with urllib.request.urlopen(page.link("history-export")) as answer:  # noqa: S310
        lines = answer.read().decode().splitlines()

    assert len(lines) == 2
    assert ",mail," in lines[1]


def test_hi007_a_source_that_is_down_is_told_and_rows_stay(launch, jobs):
    [run_id] = add(jobs, finished_run())
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open()
    jobs.table.execute("ALTER TABLE job_runs RENAME TO elsewhere")

    page.choose_status("Failed")

    wait_for(lambda: page.shown("history-problem"))
    assert page.ids() == [run_id]


def test_hi101_a_csv_says_how_far_it_is_and_is_saved_when_it_is_whole(launch, jobs):
    add(jobs, *(finished_run() for _ in range(1_200)))
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open()
    page.run(WATCH_SAVED)

    page.press("history-export")

    told = "About 1,200 rows saved."
    wait_for(lambda: page.shown("history-export-state") == told)
    assert page.shown("history-export-stop") is None
    [[name, text]] = page.run_async("window.savedFiles().then(arguments[0])")
    assert name == "runs.csv"
    assert len(text.splitlines()) == 1_201


def test_hi102_a_csv_that_is_stopped_or_breaks_off_saves_nothing(
    proxied, jobs, page_at
):
    add(jobs, *(finished_run() for _ in range(30_000)))
    proxy = proxied(JOBS_LIVE="off")
    page = HistoryPage(page_at(proxy.url)).open()
    page.run(WATCH_SAVED)

    proxy.delay_s = 0.2
    page.press("history-export")
    wait_for(lambda: page.shown("history-export-stop"))
    page.press("history-export-stop")
    wait_for(lambda: "Stopped, nothing" in (page.shown("history-export-state") or ""))
    proxy.delay_s = 0
    jobs.table.execute("ALTER TABLE job_runs RENAME TO away")
    page.press("history-export")
    said = "a table is missing"
    wait_for(lambda: said in (page.shown("history-export-state") or ""))

    assert page.run_async("window.savedFiles().then(arguments[0])") == []


def test_hi103_what_this_source_cannot_do_is_not_offered_and_the_reason_is(
    launch, jobs
):
    [run_id] = add(jobs, finished_run())
    overview, composed = launch(opened=False)
    engine = composed.deps.sources["jobs"].engine
    wait_for(lambda: engine.capabilities.cancel)
    engine._capabilities = Capabilities(reason="This user may only read.")

    page = HistoryPage(overview).open()
    page.select(run_id)

    wait_for(lambda: page.shown("bulk-reason") == "This user may only read.")
    assert page.shown("bulk-retry") is None
    assert page.shown("bulk-cancel") is None


WATCH_SAVED = """
const saved = [];
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => { saved.push(blob); return make.call(URL, blob); };
window.savedFiles = () => Promise.all(saved.map(async (blob) => ["runs.csv", await blob.text()]));
"""
