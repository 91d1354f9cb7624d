"""Several sources on one page: one of them, all of them, one that is down."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.support.select import Select

from tests.browser.conftest import Launch
from tests.browser.history_page import HistoryPage
from tests.browser.jobs import Jobs
from tests.browser.pages import OverviewPage, wait_for_banner, wait_for_jobs
from tests.browser.waiting import wait_for
from tests.flows import Flows


@pytest.fixture
def flows(tmp_path: Path) -> Iterator[Flows]:
    """DBOS's tables beside the job table."""
    made = Flows(f"sqlite:///{tmp_path / 'flows.db'}")
    yield made
    made.owner.dispose()


@pytest.fixture
def page(launch: Launch, jobs: Jobs, flows: Flows, tmp_path: Path) -> OverviewPage:
    (tmp_path / "job-manager.toml").write_text(
        f"[sources.flows]\nengine = 'dbos'\nurl = '{flows.url}'\nlabel = 'Flows'\n"
    )
    return launch(opened=False).page


def hanging(jobs: Jobs, flows: Flows, run_id: str = "f1", minutes: int = 47) -> str:
    """A workflow in its second step for that long."""
    began = jobs.now - minutes * 60_000
    flows.add(run_id, name="reconcile", created_at=began, started_at_epoch_ms=began)
    flows.step(run_id, 1, started_at_epoch_ms=began, completed_at_epoch_ms=began + 900)
    return run_id


def test_so001_all_sources_are_shown_together(
    page: OverviewPage, jobs: Jobs, flows: Flows
) -> None:
    jobs.stalled("resize-images")
    jobs.running("send-mail")
    hanging(jobs, flows)

    page.open("?source=all")

    wait_for_jobs(page, ["reconcile", "resize-images", "send-mail"])
    wait_for_banner(page, lambda found: found and found.title.startswith("2 job(s)"))
    assert page.tiles()["running"].value == "3"
    page.wait_for_state("live")
    jobs.running("late")
    wait_for_jobs(page, ["late", "reconcile", "resize-images", "send-mail"])
    assert page.address().endswith("?source=all")


def test_so002_a_clean_up_of_all_says_what_it_does_in_each(
    page: OverviewPage, jobs: Jobs, flows: Flows
) -> None:
    stuck = jobs.stalled("resize-images")
    hanging(jobs, flows)
    page.open("?source=all")
    wait_for_banner(page, lambda found: found and found.title.startswith("2 job(s)"))

    page.open_clean_up()
    words = page.dialog() or ""
    evidence = " ".join(candidate.text for candidate in page.candidates())
    page.confirm()
    said = page.wait_for_outcome("marked")

    assert "marks the selected runs as failed" in words
    assert "stops at its next step only" in words
    assert re.search(r"no step finished for 4[67]m", evidence)
    assert "heartbeat" in evidence
    assert "1 marked as failed" in said
    assert "1 cancelled; the code stops at its next step" in said
    assert jobs.of(stuck)["status"] == "FAILED"
    wait_for(lambda: page.banner() is None)
    page.undo()
    assert jobs.of(stuck)["status"] == "RUNNING"


def test_so003_one_that_is_down_hides_nothing_of_the_others(
    page: OverviewPage, jobs: Jobs, flows: Flows, tmp_path: Path
) -> None:
    jobs.running("send-mail")
    hanging(jobs, flows, minutes=1)
    page.open("?source=all")
    wait_for_jobs(page, ["reconcile", "send-mail"])

    (tmp_path / "flows.db").rename(tmp_path / "gone.db")

    wait_for(lambda: "Flows: Database unreachable" in (page.trouble() or ""))
    jobs.running("late")
    wait_for_jobs(page, ["late", "reconcile", "send-mail"])
    assert page.how_many("#overview.is-stale") == 0
    (tmp_path / "gone.db").rename(tmp_path / "flows.db")
    wait_for(lambda: page.trouble() is None)


def test_so004_a_workflow_shows_its_steps_and_what_cannot_be_read(
    page: OverviewPage, jobs: Jobs, flows: Flows
) -> None:
    run_id = hanging(jobs, flows)
    flows.insert("workflow_input", workflow_uuid=run_id, inputs="gASVPickle")

    page.load(f"?source=flows&run={run_id}")

    wait_for(lambda: "reconcile" in (HistoryPage(page).shown("details-heading") or ""))
    body = HistoryPage(page).shown("details-body") or ""
    assert "Steps (1)" in body
    assert "step1" in body
    assert "Params: binary, not shown." in body
    assert "gASV" not in body
    found = HistoryPage(page)
    wait_for(lambda: "no step finished lately" in (found.shown("details-body") or ""))


def test_so005_a_cancelled_workflow_goes_on_under_its_id(
    page: OverviewPage, jobs: Jobs, flows: Flows
) -> None:
    run_id = hanging(jobs, flows, minutes=1)
    page.load(f"?source=flows&run={run_id}")
    wait_for(lambda: "reconcile" in (HistoryPage(page).shown("details-heading") or ""))

    HistoryPage(page).cancel_run()
    wait_for(
        lambda: "1 asked to stop" in (HistoryPage(page).shown("details-message") or "")
    )
    wait_for(lambda: "Cancelled" in (HistoryPage(page).shown("details-body") or ""))
    page.run("document.getElementById('retry-run').click()")

    wait_for(
        lambda: (
            "go on after their last"
            in (HistoryPage(page).shown("details-message") or "")
        )
    )
    wait_for(lambda: "Pending" in (HistoryPage(page).shown("details-body") or ""))


@pytest.mark.exhaustive
def test_so006_the_history_of_all_is_one_list(
    page: OverviewPage, jobs: Jobs, flows: Flows
) -> None:
    jobs.succeed(jobs.running("send-mail"))
    flows.done("f9", name="reconcile", completed_at=jobs.now - 1000)
    page.open("?source=all")

    page.run("document.querySelector('.nav-item[href*=history]').click()")

    wait_for(
        lambda: page.how_many("#history-grid .ag-center-cols-container .ag-row") == 2
    )
    runs = page.run(
        "return [...document.querySelectorAll('#history-grid [col-id=id].ag-cell')]"
        ".map((cell) => cell.textContent)"
    )
    assert sorted(runs) == ["flows/f9", "jobs/1"]


def test_so007_a_job_is_run_in_a_source_that_is_chosen(
    page: OverviewPage, jobs: Jobs, flows: Flows
) -> None:
    hanging(jobs, flows, minutes=1)
    page.open("?source=all")
    wait_for_jobs(page, ["reconcile"])

    page.run("document.getElementById('run-job').click()")
    offered = (
        ".map.call(document.querySelectorAll('#run-source option'), (o) => o.value)"
    )
    wait_for(lambda: page.run(f"return []{offered}") == ["", "jobs", "flows"])
    assert page.run("return document.getElementById('run-source').value") == "jobs"
    Select(page._one("#run-source")).select_by_value("flows")
    names = (
        "return [...document.querySelectorAll('#run-names option')].map((o) => o.value)"
    )
    wait_for(lambda: page.run(names) == ["reconcile"])


@pytest.mark.exhaustive
def test_so008_the_audit_of_all_leads_to_the_run(
    page: OverviewPage, jobs: Jobs, flows: Flows
) -> None:
    run_id = hanging(jobs, flows)
    page.open("?source=all")
    wait_for_banner(page, lambda found: found and found.title.startswith("1 job(s)"))
    page.open_clean_up()
    page.confirm()
    page.wait_for_outcome("cancelled")
    page.close_dialog()

    page.load("audit?source=all")
    row = "document.querySelector('#audit-grid .ag-center-cols-container .ag-row')"
    wait_for(lambda: page.run(f"return {row}"))
    page.run(f"{row}.querySelector('.cell-run').click()")

    found = HistoryPage(page)
    wait_for(lambda: f"flows/{run_id}" in (found.shown("details-body") or ""))
    assert "Cancelled" in (found.shown("details-body") or "")


@pytest.mark.exhaustive
def test_so009_a_run_is_shown_among_those_of_its_own_source(
    page: OverviewPage, jobs: Jobs, flows: Flows, tmp_path: Path
) -> None:
    ended = jobs.running("reconcile")
    jobs.succeed(ended)
    flows.done("f9", name="reconcile", completed_at=jobs.now - 1000)
    page.open("?source=all")
    (tmp_path / "flows.db").rename(tmp_path / "gone.db")

    page.load(f"?source=all&run=jobs/{ended}")

    found = HistoryPage(page)
    wait_for(lambda: f"jobs/{ended}" in (found.shown("details-body") or ""))
    links = (
        "return [...document.querySelectorAll('.neighbour')].map((a) => a.dataset.run)"
    )
    assert page.run(links) == [f"jobs/{ended}"]
    (tmp_path / "gone.db").rename(tmp_path / "flows.db")
