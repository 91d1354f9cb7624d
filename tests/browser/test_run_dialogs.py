"""Selecting moves nothing, ids are links, a cancel asks, the editor comes into view."""

from typing import Any

import pytest

from tests.browser.history_page import HistoryPage
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = pytest.mark.browser

_TOPS = """
return [...document.querySelectorAll("#history-grid .ag-center-cols-container .ag-row")]
  .map((row) => Math.round(row.getBoundingClientRect().top));
"""
_IN_VIEW = """
const field = document.getElementById("retry-params").getBoundingClientRect();
const body = document.querySelector("#run-details .modal-body").getBoundingClientRect();
return field.top >= body.top && field.bottom <= body.bottom + 1;
"""


def test_rd001_selecting_moves_no_row_and_the_new_runs_are_links(launch, jobs) -> None:
    ended = jobs.now
    first, second = jobs.table.add(
        *(finished_run(finished_at=ended - at) for at in range(2))
    )
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open()
    page.wait_for_ids([first, second])
    before = page.run(_TOPS)

    page.select(first)
    assert page.run(_TOPS) == before
    page.run(f"""document.querySelector(
        '#history-grid [row-id="{second}"] input[type="checkbox"]').click()""")
    wait_for(lambda: page.shown("bulk-count") == "2 selected")
    page.review("retry")
    page.confirm()
    new = jobs.table.rows().keys() - {first, second}
    page.press_link(f'#bulk-body a[data-run="{min(new)}"]')

    wait_for(lambda: page.shown("run-details"))
    wait_for(lambda: f"run={min(new)}" in page.query())
    wait_for(lambda: page.shown("bulk-body") is None)


def test_rd002_a_cancel_says_what_will_happen_and_waits_for_the_answer(
    launch: Any, jobs: Any
) -> None:
    run_id = jobs.pending()
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open(f"?run={run_id}")
    wait_for(lambda: page.shown("cancel-run"))

    page.press("cancel-run")
    plan = wait_for(lambda: page.shown("cancel-run-plan"))
    page.press("cancel-run-back")
    wait_for(lambda: page.shown("cancel-run-plan") is None)

    assert plan == "The run is waiting. It will be cancelled before it starts."
    assert jobs.of(run_id)["status"] == "PENDING"
    page.cancel_run()
    wait_for(lambda: jobs.of(run_id)["status"] == "CANCELLED")
    wait_for(lambda: page.shown("cancel-run-plan") is None)


def test_rd003_the_editor_comes_into_view_ready_to_be_typed_into(
    launch: Any, jobs: Any
) -> None:
    [run_id] = jobs.table.add(
        finished_run(
            finished_at=jobs.now,
            params={f"name{at}": at for at in range(60)},
            status="FAILED",
            error="line\n" * 60,
        )
    )
    overview, _ = launch(opened=False)
    page = HistoryPage(overview).open(f"?run={run_id}")
    wait_for(lambda: page.shown("retry-edit"))

    assert page.shown("retry-edit") == "Edit params"
    page.press_link("#retry-edit summary")

    wait_for(lambda: page.focused() == "retry-params")
    wait_for(lambda: page.run(_IN_VIEW))
