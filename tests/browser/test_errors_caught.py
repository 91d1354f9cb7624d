"""What goes wrong in a real page is caught by itself, once, with what it was about."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.errors_page import ErrorsPage
from tests.browser.history_page import HistoryPage
from tests.browser.kept_errors import kept, wait_for_kept
from tests.browser.pages import wait_for_jobs
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = pytest.mark.browser

#: A script of the page: what chromedriver itself runs, the browser tells nobody of.
_OWN = """
window.breakThings = () => {
  setTimeout(() => { throw new TypeError("thrown in a timer"); });
  Promise.reject(new RangeError("nobody caught it"));
  const image = new Image();
  image.src = "/missing.png?token=hunter2secret";
  document.body.append(image);
};
"""
_CRASH = """
window.breakThings();
window.dash_clientside.shell.toggleTheme = () => { throw new TypeError("crashed"); };
document.getElementById("theme-toggle").click();
"""
_FILL = """
for (let size = 4_000_000; size >= 1; size = Math.floor(size / 2)) {
  try {
    for (let n = 0; n < 10; n += 1) sessionStorage.setItem(`${size}.${n}`, "x".repeat(size));
  } catch { /* nothing of this size fits any more */ }
}
"""


def test_ec001_what_a_script_a_promise_a_file_or_a_callback_does_is_caught(
    launch, dash_duo, tmp_path: Path
):
    script = tmp_path / "own.js"
    script.write_text(_OWN)
    overview, composed = launch(JOBS_EXTRA_SCRIPT=str(script))
    page = ErrorsPage(overview)
    overview.run(_CRASH)
    overview.cdp("Network.enable")
    overview.cdp("Network.setBlockedURLs", urls=["*_dash-update-component*"])
    overview.run("document.getElementById('run-job').click()")
    wait_for(lambda: "Failed to fetch" in [one["message"] for one in page.recent()])
    overview.cdp("Network.setBlockedURLs", urls=[])
    overview.run("window.jobManagerTracker.flush()")
    wait_for(lambda: len({one["kind"] for one in kept(composed)}) == 5)
    found = {one["kind"]: one for one in kept(composed)}
    assert {kind: one["exception"]["message"] for kind, one in found.items()} == {
        "onerror": "thrown in a timer",
        "unhandledrejection": "nobody caught it",
        "resource": "Could not load img /missing.png?[token]",
        "dash_client": "crashed",
        "dash_callback": "Failed to fetch",
    }
    assert not any(one["handled"] for one in found.values())
    assert found["onerror"]["exception"]["type"] == "TypeError"
    assert {"c": "click", "m": "run-job"} in [
        {"c": one["c"], "m": one["m"]} for one in found["dash_callback"]["breadcrumbs"]
    ]
    # the renderer tells of its failures again, in the console
    crashed = [one for one in page.recent() if one["message"] == "crashed"]
    assert len(crashed) == 1
    dash_duo.get_logs()


def test_ec002_a_link_that_breaks_is_told_when_the_server_is_back(
    proxied, jobs, page_at, dash_duo
):
    proxy = proxied()
    overview = page_at(proxy.url).open()
    page = ErrorsPage(overview)
    overview.wait_for_state("live")
    proxy.go_away()
    wait_for(
        lambda: "WebSocket closed (1006)" in [one["message"] for one in page.recent()]
    )
    proxy.come_back()
    overview.wait_for_state("live")

    def told() -> list[tuple[str, str, str]]:
        errors = httpx.get(f"{proxy.url}api/errors?origin=browser").json()["errors"]
        return [
            (one["kind"], one["level"], one["event"]["context"]["component"])
            for one in errors
        ]

    wait_for(lambda: ("ws", "warning", "live-badge") in told())
    dash_duo.get_logs()


@pytest.mark.exhaustive
def test_ec003_storage_that_is_corrupt_or_full_costs_no_error(launch, dash_duo):
    overview, composed = launch()
    page = ErrorsPage(overview)
    overview.run("sessionStorage.setItem('jobManagerErrors', '[{\"message\":')")
    overview.reload()
    assert page.recent() == []
    overview.run(_FILL)
    ids = [page.track(f"kind {letter}") for letter in "abc"]
    assert [one["event_id"] for one in page.recent()] == ids
    wait_for(lambda: [one["event_id"] for one in kept(composed)] == ids)
    dash_duo.get_logs()


def wait_for_known(composed: Any, job: str) -> None:
    """Until the runs of this job that ended are rolled up: only then is it offered."""
    wait_for(lambda: job in composed.deps.store.rollups.job_names("jobs"))


@contextmanager
def away(composed: Any) -> Iterator[Path]:
    """The source's database is gone meanwhile; afterwards it is known to be back."""
    source = composed.deps.source(None)
    path: Path = source.engine._db.path
    gone = path.rename(path.with_suffix(".away"))
    yield gone
    gone.rename(path)
    composed.monitor.changed(source.name)
    wait_for(lambda: source.reader.latest.trouble is None)


def about(entry: dict[str, Any]) -> dict[str, Any]:
    names = ("action", "component", "jobName", "runId", "params")
    return {name: entry["context"][name] for name in names if name in entry["context"]}


def remembered(page: ErrorsPage, action: str) -> dict[str, Any]:
    """The newest entry of this tab about this action, which is in the store too."""
    entries = [one for one in page.recent() if one["context"]["action"] == action]
    return entries[-1] if entries else {}


def test_ec004_each_operation_that_cannot_be_done_says_what_it_was_about(launch, jobs):
    [failed] = jobs.table.add(
        finished_run(
            status="FAILED", job_name="etl", params={"n": 1}, finished_at=jobs.now
        )
    )
    running = jobs.running("mail")
    overview, composed = launch(opened=False)
    wait_for_known(composed, "etl")  # no reading is due while the source is away
    history = HistoryPage(overview)
    page = ErrorsPage(overview)

    def wait_about(action: str) -> dict[str, Any]:
        entry = wait_for(lambda: remembered(page, action))
        event = wait_for_kept(composed, "event_id", entry["event_id"])
        told = event["context"]
        assert told["action"] == action
        assert told["source"] == "jobs"
        for name in ("jobName", "runId"):
            assert told[name] == entry["context"].get(name, "")
        assert event["exception"]["message"] == entry["message"]
        assert "hunter2" not in json.dumps([entry, event])
        return about(entry)

    history.open(f"?run={failed}")
    wait_for(lambda: history.shown("retry-run"))
    with away(composed):
        history.press("retry-run")
        assert wait_about("retryJob") == {
            "action": "retryJob",
            "component": "run-details",
            "jobName": "etl",
            "runId": failed,
            "params": {"source": "jobs", "params": {"n": 1}},
        }

    history.open(f"?run={running}")
    wait_for(lambda: history.shown("cancel-run"))
    history.press("cancel-run")
    wait_for(lambda: history.shown("cancel-run-plan"))
    with away(composed):
        history.press("cancel-run-confirm")
        assert wait_about("cancelJob") == {
            "action": "cancelJob",
            "component": "run-details",
            "jobName": "mail",
            "runId": running,
            "params": {"source": "jobs"},
        }

    history.open("?job=etl")
    wait_for(lambda: history.ids() == [failed])
    with away(composed):
        history.open_row(failed)
        assert wait_about("loadJobDetails") == {
            "action": "loadJobDetails",
            "component": "run-details",
            "jobName": "etl",
            "runId": failed,
            "params": {"source": "jobs"},
        }
        history.close_details()
        history.press("history-refresh")
        told = wait_about("loadJobHistory")
        assert (told["component"], told["jobName"]) == ("history-grid", "etl")
        assert told["params"]["source"] == "jobs"
        assert told["params"]["job"] == "etl"

    # the button cannot be pressed before the page has heard that the source is back
    wait_for(lambda: history.shown("run-modal") or history.press("run-job"))
    wait_for(lambda: "etl" in history.offered_jobs())
    history.fill("run-name", "etl")
    wait_for(lambda: "Params of" in (history.shown("run-hint") or ""))
    history.fill("run-params", '{"limit": 5, "password": "hunter2"}')
    with away(composed):
        history.press("run-submit")
        assert wait_about("enqueueJob") == {
            "action": "enqueueJob",
            "component": "run-modal",
            "jobName": "etl",
            "params": {"limit": 5, "password": "[Filtered]"},
        }


def test_ec005_a_clean_up_that_cannot_be_done_names_its_runs(launch, jobs):
    stalled = [jobs.stalled("a"), jobs.stalled("b")]
    overview, composed = launch()
    page = ErrorsPage(overview)
    wait_for_jobs(overview, ["a", "b"])
    overview.open_clean_up()
    with away(composed):
        overview.run("document.getElementById('cleanup-confirm').click()")
        entry = wait_for(lambda: remembered(page, "cleanupStalledJobs"))
    told = about(entry)
    assert sorted(told["params"].pop("run_ids")) == sorted(stalled)
    assert told == {
        "action": "cleanupStalledJobs",
        "component": "cleanup-modal",
        "params": {"source": "jobs"},
    }
    event = wait_for_kept(composed, "event_id", entry["event_id"])
    assert sorted(event["context"]["params"]["run_ids"]) == sorted(stalled)


def test_ec006_a_poll_that_nobody_answers_is_a_failed_load_of_active_jobs(
    launch, dash_duo
):
    overview, composed = launch(JOBS_REFRESH_EVERY="1s", JOBS_LIVE="off")
    page = ErrorsPage(overview)
    wait_for(lambda: overview.run("return window.jobManager.connected"))
    overview.cdp("Network.enable")
    overview.cdp("Network.setBlockedURLs", urls=["*_dash-update-component*"])
    entry = wait_for(lambda: remembered(page, "loadActiveJobs"))
    overview.cdp("Network.setBlockedURLs", urls=[])
    overview.pass_time(10)  # after which a question is given up
    assert about(entry) == {
        "action": "loadActiveJobs",
        "component": "active-runs",
        "params": {"source": "jobs"},
    }
    dropped = "return window.jobManagerTracker.stats().dropped.link"
    assert overview.run(dropped) == 1
    assert kept(composed) == []
    wait_for(lambda: overview.run("return window.jobManager.connected"))
    dash_duo.get_logs()


@pytest.mark.exhaustive
def test_ec007_a_job_that_nobody_knows_is_logged_with_its_context(launch, jobs):
    jobs.table.add(finished_run(job_name="etl", finished_at=jobs.now))
    overview, composed = launch(opened=False)
    wait_for_known(composed, "etl")
    history = HistoryPage(overview).open()
    page = ErrorsPage(overview)
    history.press("run-job")
    wait_for(lambda: "etl" in history.offered_jobs())
    history.fill("run-name", "never-seen")
    wait_for(lambda: history.shown("run-hint"))
    history.fill("run-params", '{"limit": 5}')
    history.press("run-submit")
    entry = wait_for(lambda: remembered(page, "enqueueJob"))
    assert about(entry) == {
        "action": "enqueueJob",
        "component": "run-modal",
        "jobName": "never-seen",
        "params": {"limit": 5},
    }
    assert entry["message"] == wait_for(lambda: history.shown("run-message"))
    stored = overview.run("return sessionStorage.getItem('jobManagerErrors')")
    assert json.loads(stored) == page.recent()
    event = wait_for_kept(composed, "event_id", entry["event_id"])
    assert kept(composed) == [event]
    assert event["exception"]["type"] == "UnknownJobError"
    history.open()
    assert page.recent() == [entry]
