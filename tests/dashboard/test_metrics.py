"""/metrics: every number, the same from every process, whatever the store does."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics,
)

from app import Composed
from data.clock import MINUTE_MS
from data.exceptions import SourceUnavailableError
from data.model import AlertState
from data.rules.alerts import Standing
from data.store.alerts import Move
from tests.composing import composed
from tests.conftest import FakeClock
from tests.deploy.monitoring import Exposed
from tests.factories import NOW, job_table
from tests.telling import error, fill

LIMITS = {"JOBS_STALL_LIMITS": '{"match-scores": "2h"}'}


@pytest.fixture
def place(clock: FakeClock, sqlite_url: str, tmp_path: Path) -> Iterator[Composed]:
    """A product of its own."""
    with job_table(sqlite_url), composed(clock, sqlite_url, tmp_path, **LIMITS) as made:
        yield made


@pytest.fixture
def client(place: Composed) -> TestClient:
    return client_of(place)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One product with something to tell of each metric."""
    folder = tmp_path_factory.mktemp("filled")
    url = f"sqlite:///{folder / 'jobs.db'}"
    with job_table(url), composed(FakeClock(), url, folder, **LIMITS) as made:
        fill(made)
        yield client_of(made)


def client_of(place: Composed) -> TestClient:
    return TestClient(place.asgi, base_url="http://127.0.0.1:8050")


def told(client: TestClient) -> Exposed:
    return Exposed(client.get("/metrics").text)


def test_every_number_is_told(filled: TestClient) -> None:
    found = told(filled)
    value = found.value
    assert value("jobmanager_sessions") == 1
    assert value("jobmanager_session_seconds_total", quality="good") == 50
    assert value("jobmanager_session_seconds_total", quality="stale") == 6
    assert value("jobmanager_session_seconds_total", quality="disconnected") == 4
    assert value("jobmanager_session_minutes_total", quality="bad") == 1
    assert value("jobmanager_ws_disconnects_total", reason="1006") == 1
    assert value("jobmanager_ws_disconnects_total", reason="silent") == 2
    assert value("jobmanager_ws_reconnect_attempts_total") == 3
    assert value("jobmanager_ws_reconnect_seconds_bucket", le="5.0") == 1
    assert value("jobmanager_ws_reconnect_seconds_bucket", le="300.0") == 1
    assert value("jobmanager_ws_reconnect_seconds_bucket", le="+Inf") == 2
    assert value("jobmanager_ws_reconnect_seconds_sum") == 404
    assert value("jobmanager_last_message_age_seconds_count") == 60
    assert (
        value(
            "jobmanager_errors_total",
            source="browser",
            level="error",
            action="cancelJob",
        )
        == 1
    )
    assert value("jobmanager_error_groups", status="open") == 2
    assert value("jobmanager_tracker_dropped_total", reason="queue") == 0
    assert value("jobmanager_stalled_jobs", source="jobs", state="overdue") == 0
    assert (
        value("jobmanager_stalled_episodes_total", job_type="etl", state="overdue") == 1
    )
    assert value("jobmanager_stalled_outcomes_total", outcome="cleaned") == 1
    assert value("jobmanager_stall_limit_seconds", job_type="match-scores") == 7_200
    assert value("jobmanager_stall_limit_seconds", job_type="other") == 1_800
    assert value("jobmanager_incident_resolution_seconds_bucket", le="3600.0") == 0
    assert value("jobmanager_incident_resolution_seconds_bucket", le="14400.0") == 1
    assert value("jobmanager_incident_resolution_seconds_sum") == 5_400
    assert value("jobmanager_heard_timestamp_seconds", what="telemetry") == NOW / 1000
    assert value("jobmanager_store_up") == 1
    assert found.labels("jobmanager_build_info") == {"version"}


def test_before_anything_happened_the_counters_are_there(client: TestClient) -> None:
    found = told(client)
    assert found.value("jobmanager_session_minutes_total", quality="good") == 0
    assert found.value("jobmanager_ws_disconnects_total", reason="1006") == 0
    assert found.value("jobmanager_alert_state", alertname="TelemetryDead") == 0
    assert found.value("jobmanager_incident_resolution_seconds_count") == 0


def test_no_label_tells_of_a_person_a_run_or_a_message(
    client: TestClient, place: Composed
) -> None:
    fill(place)
    place.deps.store.errors.write([error("3", "error")])
    words = client.get("/metrics").text
    for private in ("ann@example.org", "a" * 16, "v1:1", "http://", "127.0.0.1"):
        assert private not in words


def test_alerts_are_told_by_their_state(client: TestClient, place: Composed) -> None:
    states = {
        ("WsDisconnectRate", ""): AlertState.PENDING,
        ("CriticalFailed", "etl"): AlertState.FIRING,
        ("CriticalFailed", "mail"): AlertState.INACTIVE,
        ("ErrorRateWoW", ""): AlertState.NO_DATA,
        ("StalledFrequency", ""): AlertState.RESOLVED,
    }
    moves = [
        Move(Standing(rule, label), Standing(rule, label, state, evaluated_at=NOW))
        for (rule, label), state in states.items()
    ]
    place.deps.store.alerts.advance(lambda _standings, _quiet: moves, NOW)
    found = told(client)
    assert {
        dict(labels)["alertname"]: value
        for labels, value in found.values["jobmanager_alert_state"].items()
        if value
    } == {"WsDisconnectRate": 1, "CriticalFailed": 2}
    assert found.value("jobmanager_alert_state", alertname="StalledFrequency") == 0
    names = {
        dict(labels)["alertname"] for labels in found.values["jobmanager_alert_state"]
    }
    assert "ErrorRateWoW" not in names


def test_openmetrics_is_told_to_those_who_ask_for_it(filled: TestClient) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    answer = filled.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    found = {family.name for family in openmetrics(answer.text)}
    assert {"jobmanager_errors", "jobmanager_ws_reconnect_seconds"} <= found
    assert filled.get("/metrics").headers["content-type"].startswith("text/plain")


def test_two_processes_tell_the_same(
    client: TestClient,
    place: Composed,
    clock: FakeClock,
    sqlite_url: str,
    tmp_path: Path,
) -> None:
    fill(place)
    with composed(clock, sqlite_url, tmp_path, **LIMITS) as other:
        other.deps.snapshot("jobs")
        second = client_of(other)
        assert told(second).values == told(client).values


def test_what_one_process_did_not_keep_all_tell(
    client: TestClient,
    place: Composed,
    clock: FakeClock,
    sqlite_url: str,
    tmp_path: Path,
) -> None:
    tracker = place.deps.tracker
    assert tracker is not None
    tracker.intake.totals.update({"only counted": 7, "kept": 3})
    dropped = "jobmanager_tracker_dropped_total"
    assert told(client).value(dropped, reason="queue") == 7
    clock.advance_ms(MINUTE_MS)
    tracker.intake.totals["only counted"] += 2
    assert told(client).value(dropped, reason="queue") == 9
    with composed(clock, sqlite_url, tmp_path) as other:
        second = client_of(other)
        assert told(second).value(dropped, reason="queue") == 9


def test_the_store_is_asked_once_in_a_few_seconds(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    told(client)
    fill(place)
    assert told(client).value("jobmanager_sessions") == 0
    clock.advance_ms(5_000)
    assert told(client).value("jobmanager_sessions") == 1


def test_without_the_store_what_is_known_is_told(
    client: TestClient,
    place: Composed,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(place)
    assert told(client).value("jobmanager_sessions") == 1
    clock.advance_ms(MINUTE_MS)
    (path,) = [place.deps.store.database.path]
    assert path is not None
    place.deps.store.close()
    path.write_bytes(b"this is no database any more" * 100)
    found = told(client)
    assert found.value("jobmanager_store_up") == 0
    assert found.value("jobmanager_sessions") == 1
    assert found.value("jobmanager_source_up", source="jobs") == 1


def test_a_store_that_hangs_holds_nobody_up(
    client: TestClient, place: Composed, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = Event()
    monkeypatch.setattr("dashboard.metrics.knowing._WAIT_S", 0.01)

    def hang(_now: int) -> None:
        goes_on.wait(60)
        message = "away"
        raise SourceUnavailableError(message)

    monkeypatch.setattr(place.deps.store.tallies, "read", hang)
    found = [told(client) for _ in range(3)]
    goes_on.set()
    assert {one.value("jobmanager_store_up") for one in found} == {0}
    assert "jobmanager_sessions" not in found[0].values
    assert found[0].value("jobmanager_stall_limit_seconds", job_type="other") == 1_800
