"""No page and no dialog has a fault that axe-core knows, in either theme.

A page is turned into the other theme where it stands; ``make test-all`` opens it in each.
"""

import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.browser.alerts_page import fired
from tests.browser.history_page import HistoryPage
from tests.browser.waiting import wait_for
from tests.data.notify.mailbox import receiving_mail
from tests.factories import finished_run

pytestmark = pytest.mark.browser

#: axe-core 4.11.0; ``make test`` fetches it.
_AXE = Path(sys.prefix, "axe", "node_modules", "axe-core", "axe.min.js")
_SHA256 = "e9e5863c33a874f09bc01acd9234b7e3c871479f5eef8802fa582544465e6d01"
_RUN = """
const done = arguments[0];
axe.run({resultTypes: ["violations"]}).then(({violations}) => done(violations.flatMap(
  ({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 200)}`))));
"""


@pytest.fixture(scope="session")
def axe() -> str:
    script = _AXE.read_bytes()
    assert sha256(script).hexdigest() == _SHA256
    return script.decode()


#: The theme that a page is opened in, as the viewer's system has it.
every_theme = pytest.mark.parametrize(
    "theme", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)]
)


@pytest.fixture
def page(launch, jobs, theme) -> tuple[HistoryPage, str]:
    jobs.stalled()
    jobs.running("first")
    jobs.pending()
    [run_id] = jobs.table.add(
        finished_run(
            status="FAILED",
            finished_at=jobs.now,
            started_at=jobs.now - 60_000,
            params={"to": "ann"},
            error_type="ValueError",
            error="ValueError: no",
        )
    )
    overview, composed = launch(opened=False)
    composed.deps.actions.retry("jobs", [run_id], actor="ann")
    overview.prefer(theme)
    return HistoryPage(overview), run_id


def faults(page: HistoryPage, axe: str) -> list[str]:
    page.run(axe)
    return [fault for _ in page.themes() for fault in page.run_async(_RUN)]


@every_theme
def test_ax002_the_overview_and_its_dialogs_are_clean(page, axe):
    found, _ = page
    found.open(path="")
    assert faults(found, axe) == []
    for button, dialog in (
        ("cleanup-stalled", "cleanup-list"),
        ("run-job", "run-submit"),
        ("keyboard-help", "keyboard-modal"),
        ("report-open", "report-record"),
    ):
        found.press(button)
        wait_for(lambda dialog=dialog: found.shown(dialog))
        found.settle()
        assert faults(found, axe) == []
        found.press_link(".modal.show .btn-close")
        wait_for(lambda: found.run("return !document.querySelector('.modal')"))


@every_theme
def test_ax003_the_history_a_run_and_selected_runs_are_clean(page, axe):
    found, run_id = page
    found.open()
    assert faults(found, axe) == []
    found.select(run_id)
    found.review("retry")
    found.settle()
    assert faults(found, axe) == []
    found.open(f"?run={run_id}")
    wait_for(lambda: found.shown("run-details-error"))
    found.press_link("#retry-edit summary")
    wait_for(lambda: found.shown("retry-params") is not None)
    found.settle()
    assert faults(found, axe) == []


@every_theme
def test_ax004_the_audit_is_clean_and_so_is_nothing_found_but_a_fault_is(page, axe):
    found, _ = page
    found.open(path="audit")
    assert faults(found, axe) == []
    found.open("?q=nothing-like-it", path="history")
    assert faults(found, axe) == []

    found.run("document.body.append(document.createElement('button'))")
    assert faults(found, axe) == 2 * ["button-name: <button></button>"]


@every_theme
def test_ax006_the_errors_one_of_them_and_its_dialog_are_clean(page, axe):
    found, _ = page
    found.open(path="errors")
    wait_for(lambda: found.run("return document.querySelector('.group-title')"))
    found.run(
        "window.jobManager.trackWarning('a warning', {action: 'cancelJob', params: {a: 1}})"
    )
    found.press_link("a.group-title")
    wait_for(lambda: found.shown("error-body"))
    wait_for(lambda: "a warning" in (found.shown("recent-errors") or ""))
    found.settle()
    assert faults(found, axe) == []
    found.press("error-retry")
    wait_for(lambda: "will run again" in (found.shown("error-retry-body") or ""))
    found.settle()
    assert faults(found, axe) == []
    found.open("?q=nothing-like-it", path="errors")
    assert faults(found, axe) == []
    found.run("console.clear()")


@every_theme
def test_ax008_the_trends_a_table_and_what_moved_a_point_are_clean(page, axe):
    found, _ = page
    found.open(path="trends")
    wait_for(
        lambda: found.run("return document.querySelectorAll('.nsewdrag').length >= 8")
    )
    assert faults(found, axe) == []
    found.press_link("[data-chart=fig-throughput] [data-do=table]")
    found.press_link("#fig-throughput-table tbody button")
    wait_for(lambda: found.shown("fig-throughput-cause"))
    assert faults(found, axe) == []
    found.open("?range=custom&from=2026-03-18&to=2020-01-01", path="trends")
    wait_for(lambda: found.shown("trends-problem"))
    assert faults(found, axe) == []


@every_theme
def test_ax007_the_alerts_a_rule_and_the_dialogs_are_clean(launch, jobs, axe, theme):
    with receiving_mail() as mailbox:
        alerts, _ = fired(launch, jobs, JOBS_NOTIFY_URLS=mailbox.url)
        alerts.page.prefer(theme)
        found = HistoryPage(alerts.page)
        alerts.open("?rule=StalledFrequency&alert=1")
        wait_for(lambda: alerts.text("alert-rule-words"))
        alerts.click('#alerts button[data-do="test"]')
        wait_for(lambda: alerts.rows("channel-deliveries"))
        alerts.click(".channel-adding summary")
        assert faults(found, axe) == []
        alerts.threshold("fire", "x")
        wait_for(lambda: "A whole number" in alerts.text("alert-rule-fields"))
        for what in ("acknowledge", "silence"):
            alerts.open_dialog(what)
            found.settle()
            assert faults(found, axe) == []
            alerts.close(f"alert-{what}")


@every_theme
def test_ax005_a_panel_alone_is_clean(page, axe):
    found, _ = page
    for panel in ("status", "stalled", "active"):
        found.open(path=f"panel/{panel}")
        assert faults(found, axe) == []
