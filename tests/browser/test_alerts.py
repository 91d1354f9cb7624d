"""Alerts in a real browser: what fires, who sees to it, rules, history, channels."""

import csv
import io
import urllib.request
from typing import Any

import pytest
from sqlalchemy import insert

from dashboard.deps import Role, Viewer
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.exceptions import DataError
from data.monitor.alerting import Alerting
from data.store.audit import AuditFilter
from data.store.tables import stall_episode
from tests.alerts import fire, resolve
from tests.browser.alerts_page import AlertsPage, fired
from tests.browser.served import free_port
from tests.browser.test_looks import CONTRAST, PHONE
from tests.browser.waiting import wait_for
from tests.data.notify.mailbox import receiving_mail

pytestmark = pytest.mark.browser

RULE = "StalledFrequency"
TITLE = "Stalled runs in a day"


def stalled_before(composed: Any, jobs: Any) -> None:
    """Four runs were stalled ten days ago, for two hours."""
    rows = [
        {
            "source": "jobs",
            "run_id": f"old-{number}",
            "run_started_at": jobs.now - 10 * DAY_MS,
            "job_name": "resize-images",
            "state": "overdue",
            "rule": "default limit",
            "limit_ms": HOUR_MS,
            "first_seen_at": jobs.now - 10 * DAY_MS + HOUR_MS,
            "ended_at": jobs.now - 10 * DAY_MS + 3 * HOUR_MS,
            "outcome": "succeeded",
        }
        for number in range(4)
    ]
    with composed.deps.store.database.writing() as connection:
        connection.execute(insert(stall_episode), rows)


def audited(composed: Any) -> list[tuple[str, str, str]]:
    rows = composed.deps.store.audit.page(AuditFilter())
    return [(row.action, row.job_name, row.outcome) for row in rows]


def test_al001_stalled_runs_fire_an_alert_that_says_why_and_leads_there(launch, jobs):
    page, _ = fired(launch, jobs)

    [card] = page.cards()
    assert (card.chip, card.title) == ("Firing", TITLE)
    assert "4 runs stalled today (UTC), 4 in 24 hours" in card.text
    assert page.text("alerts-count").startswith("1 firing")
    assert page.rules()[RULE] == ("Firing", "4, limit 2")
    assert page.rules()["WsDisconnectRate"].chip == "No data"
    assert page.news() == f"1 firing: {TITLE}."
    [row] = page.rows("alert-history")
    assert row[0].startswith(TITLE)
    assert row[2] == "still firing"
    link = page.page.run("return document.querySelector('.alert-sentence a').href")
    assert link == f"{page.page.url}trends?range=7d"


def test_al002_one_sees_to_it_with_a_note_and_all_are_told(launch, jobs):
    page, composed = fired(launch, jobs)
    about = page.open_dialog("acknowledge")
    assert TITLE in about
    page.fill("alert-note", "restarting <b>the worker</b>")

    page.confirm("alert-acknowledge", "Acknowledged by local")
    page.close("alert-acknowledge")
    said = "Acknowledged by local: restarting <b>the worker</b>"
    wait_for(lambda: said in page.card(TITLE).text)
    assert "Acknowledge…" not in page.card(TITLE).text
    assert page.rows("alert-history")[0][5] == "local"
    assert audited(composed) == [("acknowledge", RULE, "done")]


@pytest.mark.exhaustive
def test_al003_who_comes_second_is_told_who_was_first(launch, jobs):
    page, composed = fired(launch, jobs)
    page.open_dialog("acknowledge")
    page.fill("alert-note", "mine")
    composed.deps.store.alerts.acknowledge(1, by="bob", note="mine", at_ms=jobs.now)

    page.confirm("alert-acknowledge", "bob acknowledged it already: mine")

    assert composed.deps.store.alerts.episodes()[0].acked_by == "bob"


def test_al004_a_silence_has_a_reason_and_an_end(launch, jobs):
    page, composed = fired(launch, jobs)
    page.open_dialog("silence", rule=RULE, label="")
    page.click('#alert-silence-span input[value="8h"]')
    page.confirm("alert-silence", "needs a reason")
    page.fill("alert-silence-reason", "load test")
    page.confirm("alert-silence", "Silenced until")
    page.close("alert-silence")
    wait_for(lambda: "by local: load test" in page.card(TITLE).text)
    [made] = composed.deps.store.alerts.silences(jobs.now)
    assert made.until_at - made.from_at == 8 * HOUR_MS

    page.do("end")
    wait_for(lambda: "load test" not in page.card(TITLE).text)
    assert "has ended" in page.text("alerts-message")
    assert [row[:2] for row in audited(composed)[:2]] == [
        ("end silence", RULE),
        ("silence", RULE),
    ]


@pytest.mark.exhaustive
def test_al005_a_silence_may_last_until_an_instant(launch, jobs):
    page, composed = fired(launch, jobs)
    page.open_dialog("silence", rule="SourceDown")
    assert page.text("alert-silence-until") is None
    page.click('#alert-silence-span input[value="until"]')
    wait_for(lambda: page.text("alert-silence-until") is not None)
    page.fill("alert-silence-reason", "moving house")
    page.confirm("alert-silence", "Say until when")
    words = page.page.run(
        "const at = new Date(arguments[0]); at.setMinutes(-at.getTimezoneOffset());"
        "return at.toISOString().slice(0, 16)",
        jobs.now + 3 * HOUR_MS,
    )
    page.until(words)

    page.confirm("alert-silence", "Silenced until")
    [made] = composed.deps.store.alerts.silences(jobs.now)
    assert 2 * HOUR_MS < made.until_at - made.from_at <= 3 * HOUR_MS
    assert page.value("alert-silence-reason") == ""


def test_al006_a_rule_is_changed_after_a_look_at_what_that_would_have_done(
    launch, jobs
):
    page, composed = fired(launch, jobs)
    stalled_before(composed, jobs)
    page.open_rule(RULE)
    assert "would have fired" in page.text("alert-rule-words")
    bands = wait_for(page.firing_bands)
    assert page.preview_ends_above_its_buttons()
    page.threshold("fire", "9")
    wait_for(lambda: "would not have fired" in page.text("alert-rule-words"))
    wait_for(lambda: page.firing_bands() < bands)

    page.click("#alert-rule-save")
    wait_for(lambda: page.text("alert-rule-message") == "Saved.")
    assert composed.deps.store.alerts.settings()[RULE] == {"fire": 9}
    wait_for(lambda: page.rules()[RULE].words == "4, limit 9")
    page.click("#alert-rule-undo")
    wait_for(lambda: page.field("fire") == "2")
    assert composed.deps.store.alerts.settings()[RULE] == {}
    page.threshold("resolve", "0")
    page.click("#alert-rule-enabled")
    page.click("#alert-rule-save")
    wait_for(lambda: page.rules()[RULE].chip == "Off")
    page.click("#alert-rule-default")
    wait_for(lambda: page.rules()[RULE].chip == "Firing")
    assert (page.field("fire"), page.field("resolve")) == ("2", "1")
    assert {row[0] for row in audited(composed)} == {"change rule"}


def test_al007_a_number_that_makes_no_sense_is_refused_and_stays(launch, jobs):
    page, composed = fired(launch, jobs)
    page.open_rule(RULE)
    page.threshold("fire", "2.5")
    page.threshold("keep", "7")
    wait_for(
        lambda: "A whole number from 0 to 10,000." in page.text("alert-rule-fields")
    )
    page.click("#alert-rule-save")

    refused = wait_for(lambda: page.text("alert-rule-message"))
    assert "'2.5' is not a whole number from 0 to 10000" in refused
    page.refresh()
    assert (page.field("fire"), page.field("keep")) == ("2.5", "7")
    assert composed.deps.store.alerts.settings() == {}
    page.threshold("fire", "3")
    wait_for(lambda: "A whole number" not in page.text("alert-rule-fields"))


def test_al008_a_look_again_takes_nothing_that_is_being_typed(launch, jobs):
    page, composed = fired(launch, jobs)
    page.open_rule(RULE)
    page.threshold("fire", "5")
    page.click(".channel-adding summary")
    page.fill("channel-name", "half a na")
    composed.deps.store.alerts.silence(
        "", "", reason="all is quiet", by="ann", from_ms=jobs.now, until_ms=2**45
    )
    page.refresh()
    wait_for(lambda: "all is quiet" in page.text("alerts-list"))
    assert page.field("fire") == "5"
    assert page.value("channel-name") == "half a na"


def test_al009_who_changes_what_somebody_else_changed_is_told_first(launch, jobs):
    page, composed = fired(launch, jobs)
    page.open_rule(RULE)
    composed.deps.store.alerts.change(RULE, {"fire": 7}, by="bob", at_ms=jobs.now)
    page.threshold("fire", "8")
    page.click("#alert-rule-save")

    told = wait_for(lambda: page.text("alert-rule-message"))
    assert "Somebody else changed" in told
    assert "more than 7" in told
    assert page.field("fire") == "8"
    page.click("#alert-rule-save")
    wait_for(lambda: composed.deps.store.alerts.settings()[RULE] == {"fire": 8})


@pytest.mark.exhaustive
def test_al010_a_rule_that_cannot_be_tried_on_the_past_says_so(launch, jobs):
    overview, _ = launch(opened=False)
    page = AlertsPage(overview).open("?rule=SourceDown")

    wait_for(
        lambda: "Other numbers cannot be tried" in (page.text("alert-rule-words") or "")
    )
    assert page.text("alert-rule-frame") is None
    page.do("rule", rule="")
    wait_for(lambda: page.text("alert-rule") is None)
    assert "rule=" not in page.query()


def test_al011_what_fired_can_be_filtered_shared_and_saved(launch, jobs):
    overview, composed = launch(opened=False)
    store = composed.deps.store
    for number in range(30):
        at = jobs.now - (40 - number) * DAY_MS
        fire(store, "SourceDown", f"s{number}", now=at + MINUTE_MS, since=at)
        resolve(store, "SourceDown", f"s{number}", now=at + HOUR_MS)
    id_ = fire(store, "TelemetryDead", now=jobs.now, sentence="Nothing <i>told</i>.")
    page = AlertsPage(overview).open()
    wait_for(lambda: len(page.rows("alert-history")) == 25)
    page.click("#alerts-older")
    wait_for(lambda: len(page.rows("alert-history")) == 31)
    assert page.text("alerts-older") is None
    assert page.rows("alert-history")[1][3:5] == ["1m 00s", "1h 00m"]

    page.select("alerts-rule", "TelemetryDead")
    wait_for(lambda: len(page.rows("alert-history")) == 1)
    page.click("#alert-history .group-title")
    wait_for(lambda: "Nothing <i>told</i>." in (page.text("alert-chosen") or ""))
    wait_for(lambda: page.query() == f"?of=TelemetryDead&alert={id_}")
    page.page.cdp("Emulation.setDeviceMetricsOverride", **PHONE)
    page.open(f"?of=TelemetryDead&alert={id_}")
    assert "Nothing <i>told</i>." in wait_for(lambda: page.text("alert-chosen"))
    wait_for(lambda: page.is_on_screen("alert-chosen"))
    assert page.page.run("return window.scrollY") > 0, "it would be below the fold"
    link = page.page.run("return document.getElementById('alerts-export').href")
    with urllib.request.urlopen(link) as answer:  # noqa: S310
        rows = [*csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig")))]
    assert [(row["rule"], row["id"]) for row in rows] == [("TelemetryDead", str(id_))]
    page.open("?of=TelemetryDead&alert=99999")
    wait_for(lambda: "There is no alert 99999" in (page.text("alert-chosen") or ""))


def test_al012_a_channel_is_added_tested_and_removed(launch, jobs):
    with receiving_mail() as mailbox:
        overview, composed = launch(opened=False)
        page = AlertsPage(overview).open()
        assert "No notification channel" in page.text("channels-list")
        assert "nobody is notified of alerts" in page.text("channels-none")
        assert page.is_above("channels-none", "alerts-list")
        page.click(".channel-adding summary")
        page.fill("channel-name", "Ops mail")
        page.fill("channel-quiet", "at night")
        page.fill("channel-url", "not an address")
        page.click("#channel-add")
        wait_for(lambda: "This is no address" in (page.text("channel-fault") or ""))
        page.fill("channel-url", mailbox.url)
        page.click("#channel-add")
        wait_for(lambda: "no quiet hours" in (page.text("channel-fault") or ""))
        assert page.value("channel-name") == "Ops mail"
        assert page.value("channel-url") == mailbox.url
        page.fill("channel-quiet", "22:00-07:00 Europe/Berlin")
        page.click("#channel-add")
        wait_for(lambda: len(page.rows("channels-list")) == 1)
        [row] = page.rows("channels-list")
        assert "quiet 22:00-07:00 Europe/Berlin" in row[0]
        assert "ops@example.org" not in page.text("channels-list")
        wait_for(lambda: page.text("channels-none") is None)
        assert page.value("channel-url") == ""

        page.do("test", channel="1")
        [mail] = mailbox.wait_for(1)
        assert "Ops mail" in mail.subject + mail.text
        wait_for(lambda: "Sent" in page.rows("channels-list")[0][1])
        assert "Test to Ops mail" in page.rows("channel-deliveries")[0][0]

    page.do("switch", channel="1")
    wait_for(lambda: "paused" in page.rows("channels-list")[0][0])
    page.open_dialog("remove", channel="1")
    page.confirm("channel-remove", "was removed")
    page.close("channel-remove")
    wait_for(lambda: "No notification channel" in page.text("channels-list"))
    assert composed.deps.messenger.channels() == []
    assert [row[0] for row in audited(composed)] == [
        "remove channel",
        "switch channel",
        "test channel",
        *["add channel"] * 3,
    ]


@pytest.mark.exhaustive
def test_al013_a_channel_that_fails_is_shown_with_the_reason(launch, jobs):
    dead = f"json://127.0.0.1:{free_port()}/x"
    overview, _ = launch(opened=False, JOBS_NOTIFY_URLS=dead)
    page = AlertsPage(overview).open()
    [row] = page.rows("channels-list")
    assert "from the settings" in row[0]
    assert "Remove" not in row[2]
    page.click('#alerts button[data-do="test"]')

    wait_for(lambda: "Failed" in page.rows("channels-list")[0][1])
    assert len(page.rows("channels-list")[0][1].splitlines()) > 1, "the reason"


def test_al014_without_its_store_the_page_keeps_what_it_shows_and_says_so(
    launch, jobs, dash_duo
):
    page, composed = fired(launch, jobs)
    rename = "ALTER TABLE {} RENAME TO {}"
    database = composed.deps.store.database
    with database.writing() as connection:
        connection.exec_driver_sql(rename.format("alert_state", "away"))
    with pytest.raises(DataError):
        composed.deps.store.alerts.standings()
    page.refresh()

    wait_for(lambda: "Nothing newer" in (page.text("alerts-problem") or ""))
    assert page.card(TITLE).chip == "Firing"
    assert page.page.how_many("#alerts.is-stale") == 1
    page.open()
    wait_for(lambda: "Nothing newer" in (page.text("alerts-problem") or ""))
    assert page.cards() == []
    with database.writing() as connection:
        connection.exec_driver_sql(rename.format("away", "alert_state"))
    page.refresh()
    wait_for(lambda: page.text("alerts-problem") is None)
    dash_duo.get_logs()


def test_al015_who_may_only_look_is_told_so_and_changes_nothing(launch, jobs):
    page, composed = fired(launch, jobs)
    eve = Viewer("eve", Role.VIEWER)
    object.__setattr__(composed.deps, "viewer", lambda: eve)
    page.open_dialog("acknowledge")
    page.confirm("alert-acknowledge", "eve (viewer) may not")
    page.close("alert-acknowledge")
    page.open_rule(RULE)
    page.threshold("fire", "9")
    page.click("#alert-rule-save")
    wait_for(lambda: "eve (viewer) may not" in (page.text("alert-rule-message") or ""))
    page.click(".channel-adding summary")
    page.fill("channel-url", "json://127.0.0.1:1/")
    page.click("#channel-add")
    wait_for(lambda: "eve (viewer) may not" in (page.text("channel-fault") or ""))
    assert composed.deps.store.alerts.settings() == {}
    assert composed.deps.messenger.channels() == []
    assert audited(composed) == []


@pytest.mark.exhaustive
def test_al016_alerts_that_nobody_judges_are_not_calm(launch, jobs, monkeypatch):
    monkeypatch.setattr(Alerting, "do", lambda *_: None)
    overview, composed = launch(opened=False)
    page = AlertsPage(overview).open()
    assert "were not judged yet" in page.text("alerts-list")
    resolve_at = jobs.now - HOUR_MS
    fire(composed.deps.store, "TelemetryDead", now=resolve_at)
    page.refresh()
    wait_for(lambda: "were judged last 1h ago" in page.text("alerts-list"))


def test_al017_keys_lead_there_and_a_phone_shows_all_of_it(launch, jobs):
    page, _ = fired(launch, jobs)
    page.page.open()
    page.page.press("g", "l")
    wait_for(lambda: page.page.how_many("#alerts.page:not(.loading)") == 1)
    page.page.cdp("Emulation.setDeviceMetricsOverride", **PHONE)
    page.open(f"?rule={RULE}")
    wait_for(lambda: page.text("alert-rule-words"))
    assert page.page.width() <= 390
    page.open_dialog("silence", rule=RULE)
    assert page.page.width() <= 390
    assert page.page.is_in_view("#alert-silence-confirm")


@pytest.mark.exhaustive
def test_al018_every_text_can_be_read(launch, jobs):
    page, composed = fired(launch, jobs)
    fire(composed.deps.store, "SourceDown", "x", now=jobs.now)
    resolve(composed.deps.store, "SourceDown", "x", now=jobs.now)
    page.open(f"?rule={RULE}&alert=1")
    wait_for(lambda: page.text("alert-rule-words"))
    page.click(".channel-adding summary")
    for _ in page.page.themes():
        found = page.page.contrasts()
        assert len(found) > 40
        assert [one for one in found if one[0] < CONTRAST] == []
