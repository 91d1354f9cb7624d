"""A source that is chosen narrows errors, alerts and the audit, and what is exported."""

import urllib.request
from pathlib import Path

import pytest

from data.model import ErrorEvent
from data.monitor.alerting import Alerting
from data.store.audit import AuditEntry
from tests.alerts import fire
from tests.browser.alerts_page import AlertsPage
from tests.browser.conftest import Launch
from tests.browser.errors_page import ErrorsPage
from tests.browser.history_page import HistoryPage
from tests.browser.jobs import Jobs
from tests.browser.pages import OverviewPage
from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser

SOURCES = ("jobs", "orders")


def failure(number: int, source: str, now: int) -> ErrorEvent:
    return ErrorEvent(
        event_id=f"{number:032x}",
        fingerprint=f"v2:{number:016x}",
        title=f"fails in {source}",
        at=now,
        received_at=now,
        level="error",
        origin="job",
        kind="job_failure",
        type="KeyError",
        message="'ean'",
        source=source,
    )


def exported(overview: OverviewPage, id_: str) -> list[str]:
    """The lines of the file that a link leads to, which names the source."""
    href = f"return document.getElementById('{id_}').href"
    wait_for(lambda: "source=orders" in (overview.run(href) or ""))
    with urllib.request.urlopen(overview.run(href)) as answer:  # noqa: S310
        return [*answer.read().decode("utf-8-sig").splitlines()[1:]]


def test_sc001_a_source_that_is_chosen_narrows_each_page_and_its_files(
    launch: Launch, jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Alerting, "do", lambda *_: None)
    (tmp_path / "job-manager.toml").write_text(
        f"[sources.orders]\nurl = '{jobs.url}'\nlabel = 'Orders'\n"
    )
    overview, composed = launch(opened=False)
    store = composed.deps.store
    for number, source in enumerate(SOURCES):
        store.errors.write([failure(number, source, jobs.now)])
        fire(store, "CriticalFailed", f"{source}/payroll", now=jobs.now)
        entry = AuditEntry(f"of-{source}", "payroll", {}, "")
        store.audit.open_batch("ann", source, "cancel", [entry], jobs.now)

    # what else may go wrong meanwhile is not asked for
    errors = ErrorsPage(overview).open("?source=all&q=fails")
    wait_for(lambda: sorted(errors.titles()) == ["fails in jobs", "fails in orders"])
    overview.choose_source("Orders")
    errors.wait_for_titles("fails in orders")
    for id_ in ("errors-export", "errors-export-groups"):
        [line] = exported(overview, id_)
        assert "orders" in line

    alerts = AlertsPage(overview).open("?source=all")
    wait_for(lambda: len(alerts.cards()) == len(SOURCES))
    overview.choose_source("Orders")
    wait_for(lambda: len(alerts.cards()) == 1)
    assert "1 firing, 1 firing in other sources" in (alerts.text("alerts-count") or "")
    wait_for(lambda: len(alerts.rows("alert-history")) == 1)
    [line] = exported(overview, "alerts-export")
    assert "orders/payroll" in line

    audit = HistoryPage(overview).open("?source=all", path="audit")
    wait_for(lambda: len(audit.audit_rows()) == len(SOURCES))
    overview.choose_source("Orders")
    wait_for(lambda: [row[2] for row in audit.audit_rows()] == ["of-orders"])
    assert "source=orders" in audit.query()
    [line] = exported(overview, "audit-export")
    assert "of-orders" in line
