"""A critical job stalls, or fails: a mail is there at once, from table to mailbox."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import dash
import pytest

from app import Composed, compose
from dashboard.settings import SettingsError, load_settings
from data.clock import MINUTE_MS, SECOND_MS
from data.monitor import pace
from data.monitor.alerting import Alerting
from tests.conftest import FakeClock
from tests.data.notify.mailbox import Mail, Mailbox, receiving_mail
from tests.factories import JobTable, finished_run, job_table, make_run, until

pytestmark = pytest.mark.one_database

JOB = "nightly-invoices"
ORIGIN = "https://jobs.example.org"
LIMIT_MS = 30 * MINUTE_MS


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mail() as found:
        yield found


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


@pytest.fixture
def composed(
    table: JobTable,
    mailbox: Mailbox,
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Composed]:
    """What is due is done, however long the machine took for what was before."""
    monkeypatch.setattr(pace, "REST", 0)
    environ = {
        "JOBS_DATABASE_URL": table.url,
        "JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
        "JOBS_CRITICAL_JOBS": JOB,
        "JOBS_RETENTION": "15d",
        "JOBS_NOTIFY_URLS": mailbox.url,
        "JOBS_PUBLIC_ORIGINS": ORIGIN,
        "JOBS_PREFIX": "/jm",
    }
    made = compose(load_settings(environ, directory=tmp_path), clock=clock)
    yield made
    made.deps.store.close()
    dash.page_registry.clear()


def look(composed: Composed) -> None:
    """Let the watch and the duties have a look, and wait for what is sent."""
    composed.monitor.duties.step(Event())
    composed.monitor.watches["jobs"].look_now()
    composed.monitor.duties.of_sources["jobs"].record_stalls(Event())
    composed.monitor.duties.step(Event())
    messenger = composed.deps.messenger
    until(lambda: not any(line.is_busy for line in messenger._lines.values()))


def looked(composed: Composed, clock: FakeClock, for_ms: int) -> None:
    """The same as often as alerts are judged, for so long."""
    for _ in range(0, for_ms, Alerting.every_ms):
        look(composed)
        clock.advance_ms(Alerting.every_ms)


def about(mailbox: Mailbox, word: str) -> list[Mail]:
    return [mail for mail in mailbox.mails if mail.subject.startswith(word)]


def test_a_stalled_critical_job_is_told_of_by_mail(
    composed: Composed, table: JobTable, mailbox: Mailbox, clock: FakeClock
) -> None:
    started = clock.now_ms - LIMIT_MS - 10 * SECOND_MS + MINUTE_MS
    table.add(
        make_run(id=4711, job_name=JOB, started_at=started),
        make_run(id=4712, job_name="other", started_at=started),
    )
    looked(composed, clock, MINUTE_MS // 2)
    assert mailbox.mails == []

    looked(composed, clock, 2 * MINUTE_MS)

    [mail] = about(mailbox, "Firing")
    assert JOB in mail.subject
    assert mail.text.startswith(f"Run 4711 of {JOB} is stalled.")
    assert f"Job: {JOB}" in mail.text
    assert "Since 2026-03-18 12:3" in mail.text
    assert f"{ORIGIN}/jm/?source=jobs&run=4711" in mail.text

    over = clock.now_ms
    table.change("4711", status="SUCCEEDED", finished_at=over)
    looked(composed, clock, 2 * MINUTE_MS)
    assert len(about(mailbox, "Resolved")) == 1
    assert len(mailbox.mails) == 2


def test_a_failed_critical_job_is_told_of_by_mail(
    composed: Composed, table: JobTable, mailbox: Mailbox, clock: FakeClock
) -> None:
    looked(composed, clock, MINUTE_MS // 2)
    table.add(
        finished_run(
            job_name=JOB,
            status="FAILED",
            error_type="ValueError",
            error="it broke",
            finished_at=clock.now_ms,
        )
    )

    looked(composed, clock, 2 * MINUTE_MS)

    [mail] = about(mailbox, "Firing")
    assert JOB in mail.subject
    assert f"Job: {JOB}" in mail.text
    assert f"{ORIGIN}/jm/history?source=jobs&job={JOB}&status=FAILED" in mail.text


def test_an_address_that_cannot_be_used_ends_the_program_with_a_line(
    tmp_path: Path,
) -> None:
    environ = {
        "JOBS_DATABASE_URL": f"sqlite:///{tmp_path / 'jobs.db'}",
        "JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
        "JOBS_NOTIFY_URLS": "mailto://u:p@example.org,slack://hunter2",
    }
    settings = load_settings(environ, directory=tmp_path)

    with pytest.raises(SettingsError) as refused:
        compose(settings)

    said = str(refused.value)
    assert said.startswith("JOBS_NOTIFY_URLS: address 2: This is no address of Slack.")
    assert "hunter2" not in said
