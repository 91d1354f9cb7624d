"""What is of one source or of all: alerts, errors, audit, on pages and for programs."""

import csv
import io
from collections.abc import Iterator, Sequence

import pytest
from fastapi.testclient import TestClient

from app import Composed
from dashboard.pages import alerts, audit, errors
from dashboard.pages.alerts import _stand
from dashboard.views.channels import missing_words
from data.actions.alerts import AlertActions
from data.clock import HOUR_MS
from data.model import ErrorEvent, Severity
from data.monitor.alerting import about_of
from data.rules.alarms import RULES
from data.rules.alerts import Reading, Silence, Standing, Terms, announced, step
from data.rules.messages import Channel
from data.store.alerts import Move
from data.store.audit import AuditEntry
from tests.composing import composed
from tests.conftest import FakeClock
from tests.factories import job_table

SOURCES = """
[sources.orders]
engine = "native"
url = "{url}"

[sources.billing]
engine = "native"
url = "{url}"
"""
BILLING, NOWHERE = "v2:00000000000000bb", "v2:00000000000000cc"
FIRED = (
    ("SourceDown", "orders"),
    ("CriticalFailed", "billing/payroll"),
    ("CriticalFailed", "orders/payroll"),
    ("NewErrorGroup", BILLING),
    ("NewErrorGroup", NOWHERE),
    ("StalledFrequency", ""),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """One product for all: nothing changes what is put in here."""
    clock, folder = FakeClock(), tmp_path_factory.mktemp("place")
    url, config = f"sqlite:///{folder / 'jobs.db'}", folder / "job-manager.toml"
    config.write_text(SOURCES.format(url=url))
    with (
        job_table(url),
        composed(clock, "", folder, JOBS_CONFIG=str(config)) as made,
    ):
        fire(made, clock.now_ms)
        act(made, clock.now_ms)
        fail(made, clock.now_ms)
        yield made


def fire(place: Composed, now: int) -> None:
    """Every alert of FIRED, and the error of one source that one is about."""
    event = ErrorEvent(
        event_id="b" * 32,
        fingerprint=BILLING,
        title="KeyError: 'ean'",
        at=now,
        received_at=now,
        level="error",
        origin="job",
        kind="job_failure",
        type="KeyError",
        message="'ean'",
        source="billing",
        run_id="7",
    )
    place.deps.store.errors.write([event])

    def decide(_known: Sequence[Standing], _quiet: Sequence[Silence]) -> list[Move]:
        reading = Reading(
            3.0,
            breach=True,
            clear=False,
            severity=Severity.WARNING,
            sentence="So.",
            n=9,
        )
        terms = Terms(0, 0)
        return [
            Move(before, announced(before, after, muted=True, now_ms=now)[0], rule)
            for rule, label in FIRED
            for before in [Standing(rule, label)]
            for after in [step(before, reading, terms, now)]
        ]

    place.deps.store.alerts.advance(decide, now)


@pytest.fixture(scope="module")
def client(place: Composed) -> TestClient:
    return TestClient(place.asgi, base_url="http://127.0.0.1:8050")


@pytest.mark.parametrize(
    ("source", "left_out"),
    [
        ("orders", {("CriticalFailed", "billing/payroll"), ("NewErrorGroup", BILLING)}),
        ("billing", {("SourceDown", "orders"), ("CriticalFailed", "orders/payroll")}),
        ("all", set()),
        ("", set()),
    ],
)
def test_a_source_shows_its_own_alerts_and_those_of_none(
    client: TestClient, source: str, left_out: set[tuple[str, str]]
) -> None:
    wanted = {*FIRED} - left_out
    for path in ("alerts", "alerts/history"):
        found = client.get(f"/api/{path}?source={source}").json()["alerts"]
        assert {(one["rule"], one["label"]) for one in found} == wanted
    lines = client.get(f"/api/alerts/history.csv?source={source}").text
    assert lines.count("\r\n") == 1 + len(wanted)


def test_an_unknown_source_is_said_to_be_unknown(client: TestClient) -> None:
    for path in (
        *("alerts", "alerts/history", "alerts/history.csv", "audit", "audit.csv"),
        *("errors", "errors.csv", "errors/groups", "errors/groups.csv"),
    ):
        assert client.get(f"/api/{path}?source=nobody").status_code == 404, path


def test_the_page_says_what_fires_in_other_sources(place: Composed) -> None:
    assert _stand(place.deps, None, "orders")["count"].startswith(
        "4 firing, 2 firing in other sources"
    )
    assert "other" not in _stand(place.deps, None, "")["count"]


def test_links_to_what_is_about_all_sources_say_so(place: Composed) -> None:
    sources = place.deps.sources
    paths = {
        rule: about_of(sources, RULES[rule], label).link_path for rule, label in FIRED
    }
    assert paths["StalledFrequency"] == "/trends?range=7d&source=all"
    assert paths["NewErrorGroup"].endswith("&source=all")
    assert paths["SourceDown"] == "/?source=orders"
    one = {"orders": sources["orders"]}
    only = about_of(one, RULES["StalledFrequency"], "").link_path
    assert only == "/trends?range=7d"


def test_nobody_is_notified_without_a_channel_or_when_all_are_paused() -> None:
    channel = Channel(
        *("a", 1, "Ops", "mailto://…", Severity.WARNING, "", True, "", 0, "ann")
    )
    none = "No notification channel: nobody is notified of alerts."
    assert missing_words([]) == none
    paused = channel._replace(enabled=False)
    assert missing_words([paused]).startswith("Every notification channel is paused")
    assert missing_words([paused, channel]) == ""


AUDITED = (
    ("orders", {"orders", "none"}),
    ("billing", {"billing", "none"}),
    ("all", {"orders", "billing", "none"}),
    ("", {"orders", "billing", "none"}),
)


@pytest.mark.parametrize(("source", "runs"), AUDITED)
def test_the_audit_of_a_source_leaves_out_that_of_others(
    client: TestClient, place: Composed, source: str, runs: set[str]
) -> None:
    rows = client.get(f"/api/audit?source={source}").json()["audit"]
    assert {row["run_id"] for row in rows} == runs
    lines = client.get(f"/api/audit.csv?source={source}").text.removeprefix("\ufeff")
    table = csv.DictReader(io.StringIO(lines))
    assert {row["run_id"] for row in table} == runs
    shown = audit._found(place.deps, source, ["all", "", ""], None)["rows"]
    assert {row["run_id"].split("/")[-1] for row in shown} == runs
    assert all("/" in row["run_id"] for row in shown if row["source"]) == (
        source == "all"
    )


@pytest.mark.parametrize(
    ("source", "titles"),
    [
        ("orders", {"of orders", "of none"}),
        ("billing", {"of billing", "of none", "KeyError: 'ean'"}),
        ("all", {"of orders", "of billing", "of none", "KeyError: 'ean'"}),
        ("", {"of orders", "of billing", "of none", "KeyError: 'ean'"}),
    ],
)
def test_the_errors_page_of_a_source_leaves_out_those_of_others(
    client: TestClient, place: Composed, source: str, titles: set[str]
) -> None:
    assert place.deps.tracker is not None
    asked = (source, "7d", "open", "any", "any", "any", "", "")
    page = errors._found(place.deps, place.deps.tracker, asked, None, pages=1)

    shown = {
        one.children
        for one in page["groups"]._traverse()
        if getattr(one, "className", "") == "group-title"
    }
    assert shown == titles
    assert page["count"].startswith(f"most frequent first, {len(titles)} shown")
    bars = sum(sum(bar["y"]) for bar in page["chart"]["data"])
    assert bars == len(titles)
    groups = client.get(f"/api/errors/groups?source={source}").json()["groups"]
    assert {one["title"] for one in groups} == titles


@pytest.mark.parametrize(
    ("source", "cards"), [("orders", 4), ("billing", 4), ("all", 6), ("", 6)]
)
def test_the_alerts_page_of_a_source_leaves_out_those_of_others(
    place: Composed, source: str, cards: int
) -> None:
    of = place.deps.narrowed(source)
    desk = AlertActions(place.deps.store, place.deps.clock)
    page = alerts._found(place.deps, desk, None, ("any", None, 1, of))

    firing = page["list"][-2]
    assert page["count"].startswith(f"{cards} firing")
    assert len([one for one in firing._traverse() if _is_card(one)]) == cards
    assert page["history_count"] == f"newest first, {cards} shown"


def _is_card(one: object) -> bool:
    return "alert-card" in getattr(one, "className", "").split()


def act(place: Composed, now: int) -> None:
    """One action on a run of each source, and one of none."""
    for source in ("orders", "billing", ""):
        entry = AuditEntry(source or "none", "etl", {}, "")
        place.deps.store.audit.open_batch(
            "ann", source, "cancel", [entry], now - HOUR_MS
        )


def fail(place: Composed, now: int) -> None:
    """One error of each source, and one of none."""
    for number, of in enumerate(("orders", "billing", "")):
        title = f"of {of or 'none'}"
        place.deps.store.errors.write([failure(number, title, of, now)])


def failure(number: int, title: str, source: str, now: int) -> ErrorEvent:
    return ErrorEvent(
        event_id=f"{number:032x}",
        fingerprint=f"v2:{number:016x}",
        title=title,
        at=now,
        received_at=now,
        level="error",
        origin="job",
        kind="job_failure",
        type="KeyError",
        message=title,
        source=source,
        action="runJob",
    )
