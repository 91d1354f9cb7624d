"""Errors in a real browser: kept, told once, shown, sorted; and the reference's checklist."""

import csv
import io
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from data.clock import DAY_MS, HOUR_MS
from data.store.audit import AuditFilter
from data.store.error_records import ErrorFilter
from tests.browser.errors_page import ErrorsPage
from tests.browser.history_page import HistoryPage
from tests.browser.kept_errors import kept, wait_for_kept
from tests.browser.served import free_port
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = pytest.mark.browser


def test_er001_the_references_checklist(launch, dash_duo):
    overview, composed = launch()
    page = ErrorsPage(overview)
    context = {
        "action": "enqueueJob",
        "component": "JobManagerPage",
        "jobName": "match-scores",
        "runId": "r-1",
        "params": {"batchSize": 100},
    }
    page.track("Network request failed", **context)
    (entry,) = page.recent()
    assert entry["message"] == "Network request failed"
    told = entry["context"]
    assert {name: told[name] for name in context} == context
    assert told["userAgent"].startswith("Mozilla/5.0")
    assert told["timestamp"].endswith("Z")
    assert told["url"] == "/"
    stored = overview.run("return sessionStorage.getItem('jobManagerErrors')")
    assert json.loads(stored) == [entry]
    (line,) = dash_duo.get_logs()
    assert "Network request failed" in line["message"]

    for number in range(10):
        page.track(f"error {number}")
    assert [one["message"] for one in page.recent()] == [
        f"error {n}" for n in range(10)
    ]
    overview.reload()
    assert [one["message"] for one in page.recent()] == [
        f"error {n}" for n in range(10)
    ]
    wait_for(lambda: len(kept(composed)) >= 2)
    page.page.run("window.jobManager.clearRecentErrors()")
    assert page.recent() == []
    dash_duo.get_logs()


def test_er002_offline_then_online_every_event_is_there_once(launch, dash_duo):
    overview, composed = launch()
    page = ErrorsPage(overview)
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    overview.cdp("Network.enable")
    overview.cdp("Network.emulateNetworkConditions", offline=True, **offline)
    ids = [page.track(f"kind {letter}") for letter in "abc"]
    overview.run("window.jobManagerTracker.flush()")
    wait_for(
        lambda: overview.run("return window.jobManagerTracker.stats().queued") >= 3
    )
    assert kept(composed) == []
    overview.cdp("Network.emulateNetworkConditions", offline=False, **offline)
    wait_for(lambda: {one["event_id"] for one in kept(composed)} >= {*ids})
    found = [one["event_id"] for one in kept(composed)]
    assert [found.count(event_id) for event_id in ids] == [1, 1, 1]
    dash_duo.get_logs()


def test_er003_a_tab_that_is_closed_right_after_an_error_still_tells_it(
    launch, dash_duo
):
    overview, composed = launch()
    other = overview.in_another_window().open()
    event_id = ErrorsPage(other).track("the last word", action="cancelJob")
    driver = other._driver
    driver.close()
    driver.switch_to.window(driver.window_handles[0])
    wait_for(lambda: event_id in [one["event_id"] for one in kept(composed)])
    dash_duo.get_logs()


@pytest.mark.unread_past
def test_er004_groups_are_found_opened_and_sorted(launch, jobs):
    trace = (
        'Traceback (most recent call last):\n  File "/app/etl.py", line {n}, in run\n'
    )
    jobs.table.add(
        *(
            finished_run(
                status="FAILED",
                job_name="etl",
                finished_at=jobs.now - n * HOUR_MS,
                error=trace.format(n=n) + f"TimeoutError: order {n} after {n} s",
            )
            for n in range(3)
        ),
        finished_run(
            status="FAILED",
            job_name="mail",
            finished_at=jobs.now - DAY_MS,
            error_type="KeyError",
            error="<img src=x onerror=alert()>",
        ),
    )
    overview, composed = launch(opened=False)
    wait_for(lambda: len(kept(composed)) == 4)
    page = ErrorsPage(overview).open()
    timeout, key = (
        "TimeoutError: order <n> after <n>",
        "KeyError: <img src=x onerror=alert()>",
    )
    page.wait_for_titles(timeout, key)
    assert page.groups()[0][1:] == ("3", "3", "Open")

    page.choose(timeout)
    assert page.text("error-position") == "event 1 of 3"
    assert '"action": "runJob"' in (page.text("error-body") or "")
    assert "line 0, in run" in (page.text("error-body") or "")
    page.click("#error-older")
    wait_for(lambda: page.text("error-position") == "event 2 of 3")
    wait_for(lambda: "line 1, in run" in (page.text("error-body") or ""))
    page.click("#error-newer")
    wait_for(lambda: page.text("error-position") == "event 1 of 3")

    page.click("#error-resolve")
    page.wait_for_titles(key)
    wait_for(lambda: page.text("error-reopen") == "Open again")
    page.pick("errors-status", "resolved")
    page.wait_for_titles(timeout)
    assert "status=resolved" in page.query()
    jobs.table.add(
        finished_run(
            status="FAILED",
            finished_at=jobs.now + 1_000,
            error=trace.format(n=9) + "TimeoutError: order 9 after 9 s",
        )
    )
    wait_for(lambda: len(kept(composed)) == 5)
    page.pick("errors-status", "open")
    wait_for(lambda: [one.status for one in page.groups()] == ["Regressed", "Open"])

    page.open("?job=mail&status=all")
    page.wait_for_titles(key)
    page.choose(key)
    page.click("#error-ignore")
    wait_for(lambda: page.groups()[0].status == "Ignored")
    page.open(page.query())
    wait_for(lambda: page.text("error-heading") == key)


@pytest.mark.unread_past
def test_er017_each_filter_leaves_out_the_others_and_the_chart_is_by_action(
    launch, jobs, dash_duo
):
    old, new = jobs.now - 20 * DAY_MS, jobs.now
    for name, type_, at in (("etl", "AError", new), ("mail", "BError", old)):
        jobs.table.add(
            finished_run(
                status="FAILED",
                job_name=name,
                error_type=type_,
                error="no",
                finished_at=at,
            )
        )
    overview, composed = launch()
    composed.deps.tracker.error(KeyError("x"), action="cancelJob", component="api")
    page = ErrorsPage(overview)
    page.track("it broke", action="saveOrder", component="orders")
    wait_for(lambda: len(kept(composed)) == 4)
    everything = ["AError: no", "BError: no", "KeyError: 'x'", "it broke"]
    page.open("?range=30d")
    wait_for(lambda: sorted(page.titles()) == everything)
    for field, word, titles in (
        ("origin", "browser", ["it broke"]),
        ("origin", "server", ["KeyError: 'x'"]),
        ("origin", "job", ["AError: no", "BError: no"]),
        ("origin", "any", everything),
        ("action", "saveOrder", ["it broke"]),
        ("action", "any", everything),
        ("component", "api", ["KeyError: 'x'"]),
        ("component", "any", everything),
    ):
        page.select(f"errors-{field}", word)
        wait_for(lambda titles=titles: sorted(page.titles()) == titles)
        asked = f"{field}={word}"
        assert (asked in page.query()) is (word != "any")
    wait_for(lambda: page.bars() == {"cancelJob": 1, "runJob": 2, "saveOrder": 1})
    assert page.chart_height() > 200
    assert page.text("errors-chart-words") == "4 tracked errors in 30 d"
    page.pick("errors-range", "24h")
    wait_for(lambda: sorted(page.titles()) == [everything[0], *everything[2:]])
    wait_for(lambda: page.bars() == {"cancelJob": 1, "runJob": 1, "saveOrder": 1})
    assert page.step_of_bars_ms() == HOUR_MS
    dash_duo.get_logs()


def test_er005_a_group_is_merged_and_split_again(launch, jobs):
    jobs.table.add(
        *(
            finished_run(status="FAILED", error_type=type_, finished_at=jobs.now)
            for type_ in ("AError", "BError")
        )
    )
    overview, composed = launch(opened=False)
    wait_for(lambda: len(kept(composed)) == 2)
    page = ErrorsPage(overview).open()
    wait_for(lambda: len(page.titles()) == 2)
    first, second = page.titles()
    page.choose(second)
    (into,) = [
        one.fingerprint
        for one in composed.deps.store.errors.groups(ErrorFilter())
        if one.title == first
    ]
    page.click("#error-merging summary")
    page.select("error-merge-into", into)
    page.click("#error-merge")
    page.wait_for_titles(first)
    assert page.groups()[0].events == "2"
    wait_for(lambda: page.text("error-heading") == first)
    page.click("#error-body .link-button")
    wait_for(lambda: sorted(page.titles()) == sorted([first, second]))


def test_er006_all_failed_runs_of_a_group_are_run_again_once(launch, jobs):
    failed = jobs.table.add(
        *(
            finished_run(status="FAILED", error_type="AError", finished_at=jobs.now)
            for _ in range(3)
        )
    )
    overview, composed = launch(opened=False)
    wait_for(lambda: len(kept(composed)) == 3)
    page = ErrorsPage(overview).open()
    wait_for(lambda: len(page.titles()) == 1)
    page.choose(page.titles()[0])
    page.click("#error-retry")
    wait_for(
        lambda: (
            "3 will run again with the same params"
            in (page.text("error-retry-body") or "")
        )
    )
    page.click("#error-retry-confirm")
    wait_for(lambda: "3 started as new runs" in (page.text("error-retry-body") or ""))
    audited = composed.deps.store.audit.page(AuditFilter())
    assert sorted(row.run_id for row in audited) == sorted(failed)
    page.click("#error-retry-close")
    wait_for(lambda: page.text("error-retry-body") is None)
    page.click("#error-retry")
    wait_for(
        lambda: (
            "3 were run again from here before" in (page.text("error-retry-body") or "")
        )
    )
    assert page.text("error-retry-confirm") is None


def test_er018_what_became_of_failed_runs_meanwhile_is_told_in_three_lists(
    launch, jobs
):
    over, runs, gone = jobs.table.add(
        *(
            finished_run(status="FAILED", error_type="AError", finished_at=jobs.now)
            for _ in range(3)
        )
    )
    overview, composed = launch(opened=False)
    wait_for(lambda: len(kept(composed)) == 3)
    page = ErrorsPage(overview).open()
    wait_for(lambda: len(page.titles()) == 1)
    page.choose(page.titles()[0])
    jobs.table.change(runs, status="RUNNING", finished_at=None, started_at=jobs.now)
    jobs.table.execute(f"DELETE FROM job_runs WHERE id = {int(gone)}")  # noqa: S608
    page.click("#error-retry")
    wait_for(lambda: page.text("error-retry-confirm"))
    assert page.outcome() == [
        ("1 will run again with the same params", over),
        ("1 have not ended: nothing is done", runs),
        ("1 are not there any more", gone),
    ]
    page.click("#error-retry-confirm")
    wait_for(lambda: page.outcome()[0][0] == "1 started as new runs")
    [new] = jobs.table.rows().keys() - {over, runs}
    assert page.outcome() == [
        ("1 started as new runs", new),
        ("1 had not ended, left alone", runs),
        ("1 not there any more", gone),
    ]


@pytest.mark.exhaustive
def test_er007_a_callback_that_fails_shows_a_reference_and_is_tracked(
    launch, monkeypatch
):
    overview, composed = launch()

    def fail(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("password=hunter2secret")

    monkeypatch.setattr(composed.deps.store.audit, "page", fail)
    overview._driver.get(f"{overview.url}audit")
    wait_for(lambda: "Something went wrong" in overview.toasts())
    assert "hunter2" not in overview.toasts()
    found = wait_for_kept(composed, "kind", "server_callback")
    assert f"(ref {found['event_id'][:8]})" in overview.toasts()
    assert found["context"]["component"]
    assert found["context"]["userAgent"].startswith("Mozilla/5.0")
    assert found["exception"]["type"] == "ZeroDivisionError"
    (remembered,) = ErrorsPage(overview).recent()
    assert remembered["event_id"] == found["event_id"]
    assert remembered["message"] == "The server could not do that."


def test_er008_support_gets_one_text_without_secrets(launch, dash_duo):
    overview, composed = launch()
    page = ErrorsPage(overview)
    page.track(
        "could not log in with password=hunter2secret",
        action="cancelJob",
        params={"token": "hunter2secret", "limit": 5},
    )
    wait_for(lambda: len(kept(composed)) == 1)
    page.open()
    page.choose(page.titles()[0])
    overview.cdp(
        "Browser.grantPermissions",
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
    )
    page.click("#error-copy")
    wait_for(lambda: page.text("error-copy") == "Copied")
    text = overview._driver.execute_async_script(
        "const done = arguments[0];"
        "navigator.clipboard.readText().then(done, (error) => done(String(error)));"
    )
    assert '"action": "cancelJob"' in text
    assert '"limit": 5' in text
    assert "v2:" in text
    assert "hunter2" not in text
    dash_duo.get_logs()


@pytest.mark.exhaustive
def test_er009_what_is_listed_is_exported(launch, jobs):
    jobs.table.add(
        finished_run(
            status="FAILED", job_name="=1+1", error="boom", finished_at=jobs.now
        ),
        finished_run(status="FAILED", job_name="b", error="no", finished_at=jobs.now),
    )
    overview, composed = launch(opened=False)
    wait_for(lambda: len(kept(composed)) == 2)
    page = ErrorsPage(overview).open("?q=boom")
    page.wait_for_titles("boom")
    for id_, column in (
        ("errors-export", "job_name"),
        ("errors-export-groups", "job_name"),
    ):
        link = overview.run(f"return document.getElementById('{id_}').href")
        with urllib.request.urlopen(link) as answer:  # noqa: S310
            rows = [*csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig")))]
        assert [row[column] for row in rows] == ["'=1+1"]


@pytest.mark.exhaustive
def test_er010_this_tabs_recent_errors_are_on_the_page(launch, dash_duo):
    overview, _ = launch()
    page = ErrorsPage(overview)
    page.open()
    assert "Nothing went wrong" in (page.text("recent-errors") or "")
    page.track("<b>clicked twice</b>", action="enqueueJob")
    wait_for(lambda: "<b>clicked twice</b>" in (page.text("recent-errors") or ""))
    page.click("#recent-errors-clear")
    assert "Nothing went wrong" in (page.text("recent-errors") or "")
    dash_duo.get_logs()


@pytest.mark.exhaustive
def test_er011_a_script_of_ones_own_gets_what_logrocket_would(
    launch, dash_duo, tmp_path: Path
):
    script = tmp_path / "recorder.js"
    script.write_text(
        "window.recorded = []; window.LogRocket = {captureException:"
        " (error, options) => window.recorded.push([error.message, options])};"
    )
    overview, _ = launch(
        JOBS_EXTRA_SCRIPT=str(script), JOBS_CSP_CONNECT="https://r.example.org"
    )
    ErrorsPage(overview).track("x", action="cancelJob", jobName="etl", runId="7")
    assert overview.run("return window.recorded") == [
        [
            "x",
            {
                "tags": {"action": "cancelJob", "jobName": "etl", "kind": "manual"},
                "extra": {"runId": "7", "params": "null"},
            },
        ]
    ]
    with urllib.request.urlopen(overview.url) as answer:  # noqa: S310
        policy = answer.headers["Content-Security-Policy"]
    assert "connect-src 'self' https://r.example.org" in policy
    dash_duo.get_logs()


def test_er012_without_error_tracking_nothing_of_it_is_there(launch):
    overview, composed = launch(JOBS_ERROR_TRACKING="off")
    assert composed.deps.tracker is None
    assert overview.run("return typeof window.jobManager?.trackError") == "undefined"
    assert "Errors" not in overview.run(
        "return document.querySelector('.nav-items').innerText"
    )
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{overview.url}errors")  # noqa: S310


def test_er013_a_source_that_is_gone_is_one_error_and_the_page_says_its_data_is_kept(
    launch, jobs, dash_duo
):
    overview, composed = launch()
    path = composed.deps.source(None).engine._db.path
    path.rename(path.with_suffix(".away"))
    wait_for(
        lambda: "loadActiveJobs" in [one["context"]["action"] for one in kept(composed)]
    )
    HistoryPage(overview).open()
    wait_for(
        lambda: "loadJobHistory" in [one["context"]["action"] for one in kept(composed)]
    )
    (found,) = wait_for(
        lambda: [
            one
            for one in kept(composed)
            if one["context"]["action"] == "loadJobHistory"
        ]
    )
    assert found["context"]["component"]
    path.with_suffix(".away").rename(path)
    page = ErrorsPage(overview).open()
    wait_for(lambda: len(page.titles()) >= 1)
    dash_duo.get_logs()


def test_er015_groups_are_moved_over_and_opened_by_keys(launch, jobs):
    jobs.table.add(
        *(
            finished_run(status="FAILED", error_type=type_, finished_at=jobs.now)
            for type_ in ("AError", "BError")
        )
    )
    overview, composed = launch(opened=False)
    wait_for(lambda: len(kept(composed)) == 2)
    page = ErrorsPage(overview).open()
    wait_for(lambda: len(page.titles()) == 2)
    overview.press("j", "j")
    second = page.titles()[1]
    assert overview.run("return document.activeElement.innerText") == second
    overview.press(Keys.ENTER)
    wait_for(lambda: page.text("error-heading") == second)


@pytest.mark.exhaustive
def test_er016_a_dead_sink_is_a_line_on_the_page_and_no_more(launch, dash_duo):
    dead = f"http://127.0.0.1:{free_port()}/errors"
    overview, composed = launch(JOBS_ERROR_WEBHOOK=dead)
    page = ErrorsPage(overview)
    event_id = page.track("x", action="cancelJob")
    wait_for(lambda: event_id in [one["event_id"] for one in kept(composed)])
    (sink,) = composed.deps.tracker.sinks
    wait_for(lambda: sink.problem)
    page.open()
    wait_for(lambda: "refused" in (page.text("errors-sinks") or ""))
    assert "Webhook (127.0.0.1), not signed" in (page.text("errors-sinks") or "")
    dash_duo.get_logs()


@pytest.mark.exhaustive
def test_er014_an_empty_store_says_that_nothing_was_tracked(launch):
    overview, _ = launch()
    page = ErrorsPage(overview).open()
    assert "Nothing was tracked in the last 7 d" in (page.text("error-groups") or "")
    assert page.text("error-detail") is None
    page.open("?q=nothing")
    wait_for(
        lambda: "No error matches these words" in (page.text("error-groups") or "")
    )
    page.open("?group=v1:0123456789abcdef")
    wait_for(lambda: "There is no error" in (page.text("error-message") or ""))


def test_er019_without_its_store_the_page_keeps_what_it_shows_and_says_so(
    launch, dash_duo
):
    overview, composed = launch()
    composed.deps.tracker.error(KeyError("x"), action="cancelJob", component="api")
    wait_for(lambda: len(kept(composed)) == 1)
    page = ErrorsPage(overview).open()
    page.wait_for_titles("KeyError: 'x'")
    rename = "ALTER TABLE {} RENAME TO {}"
    database = composed.deps.store.database
    with database.writing() as connection:
        connection.exec_driver_sql(rename.format("error_group", "away"))

    page.pick("errors-range", "24h")
    wait_for(lambda: "Nothing newer" in (page.text("errors-problem") or ""))
    assert page.titles() == ["KeyError: 'x'"]
    assert page.page.how_many("#errors.is-stale") == 1

    with database.writing() as connection:
        connection.exec_driver_sql(rename.format("away", "error_group"))
    page.pick("errors-range", "7d")
    wait_for(lambda: page.text("errors-problem") is None)
    assert page.page.how_many("#errors.is-stale") == 0
    dash_duo.get_logs()
