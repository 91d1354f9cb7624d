"""What was done is found again, opened, filtered, linked and exported."""

import urllib.request

import pytest

from tests.browser.history_page import HistoryPage
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = pytest.mark.browser


def test_au001_every_action_is_listed_with_who_what_and_outcome(launch, jobs):
    [first, second] = jobs.table.add(
        finished_run(finished_at=jobs.now, job_name="<b>mail</b>"),
        finished_run(finished_at=jobs.now, job_name="other"),
    )
    overview, composed = launch(opened=False)
    new = composed.deps.actions.retry("jobs", [first, second], actor="ann").started
    composed.deps.actions.cancel("jobs", [new[first]], actor="bob")

    page = HistoryPage(overview).open(path="audit")
    wait_for(lambda: len(page.audit_rows()) == 3)
    rows = page.audit_rows()
    assert [(who, what) for who, what, *_ in rows] == [
        ("bob", "Cancel"),
        ("ann", "Run again"),
        ("ann", "Run again"),
    ]
    assert rows[2][2:] == [first, "<b>mail</b>", "started a run"]
    page.fill("audit-actor", "bob")
    wait_for(lambda: len(page.audit_rows()) == 1)
    assert "actor=bob" in page.query()
    with urllib.request.urlopen(page.link("audit-export")) as answer:  # noqa: S310
        assert len(answer.read().decode().splitlines()) == 2
    page.fill("audit-search", "100%_")
    wait_for(lambda: "Nobody did anything" in (page.shown("audit-empty") or ""))
    HistoryPage(overview).open("?q=mail", path="audit")
    wait_for(lambda: len(page.audit_rows()) == 2)


def test_au002_older_rows_come_on_demand_and_a_row_opens_its_run(launch, jobs):
    ids = jobs.table.add(*(finished_run(finished_at=jobs.now) for _ in range(120)))
    overview, composed = launch(opened=False)
    composed.deps.actions.retry("jobs", ids, actor="ann")

    page = HistoryPage(overview).open(path="audit")
    wait_for(lambda: page.shown("audit-older") == "Older")
    page.older("audit")
    wait_for(lambda: page.shown("audit-older") is None)

    page.keys("j", "\ue007")
    wait_for(lambda: page.shown("details-body"))
    assert f"run={ids[-1]}" in page.query()
