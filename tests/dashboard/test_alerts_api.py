"""Alerts over HTTP: how they stand, seeing to one, silences, rules; by whom."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dash
import pytest
from fastapi.testclient import TestClient

from app import compose
from dashboard.deps import Role, Viewer
from dashboard.settings import load_settings
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.model import AlertState
from data.store import Store
from data.store.audit import AuditFilter
from tests.alerts import fire, resolve, stand
from tests.conftest import FakeClock
from tests.factories import NOW, job_table

ADMIN = Viewer("ann", Role.ADMIN)


class Place(NamedTuple):
    client: TestClient
    store: Store
    clock: FakeClock
    #: who asks: the last one
    who: list[Viewer]


@pytest.fixture
def place(clock: FakeClock, tmp_path: Path) -> Iterator[Place]:
    """A product of its own."""
    with over(clock, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One product in which an alert fires and all is silenced, for what is refused."""
    with over(FakeClock(), tmp_path_factory.mktemp("standing")) as made:
        fire(made.store, now=NOW)
        made.store.alerts.silence(
            "", "", reason="x", by="ann", from_ms=NOW, until_ms=NOW + DAY_MS
        )
        yield made


@contextmanager
def over(clock: FakeClock, folder: Path) -> Iterator[Place]:
    who = [ADMIN]
    environ = {
        "JOBS_DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}",
        "JOBS_STORE_URL": f"sqlite:///{folder / 'store.db'}",
    }
    with job_table(environ["JOBS_DATABASE_URL"]):
        made = compose(load_settings(environ, directory=folder), clock=clock)
        object.__setattr__(made.deps, "viewer", lambda: who[-1])
        client = TestClient(made.asgi, base_url="http://127.0.0.1:8050")
        yield Place(client, made.deps.store, clock, who)
        made.deps.store.close()
        for source in made.deps.sources.values():
            source.engine.close()
        dash.page_registry.clear()


def audited(store: Store) -> list[tuple[str, str, str, str, str]]:
    rows = store.audit.page(AuditFilter(source="jobs"))
    return [(x.actor, x.action, x.job_name, x.outcome, x.detail) for x in rows]


def test_how_alerts_stand_with_rules_and_silences(place: Place) -> None:
    fire(place.store, now=NOW, since=NOW - MINUTE_MS)
    state = AlertState.NO_DATA
    stand(place.store, "WsDisconnectRate", now=NOW, state=state, sentence="n=2")
    body = {"rule": "StalledFrequency", "for_ms": HOUR_MS, "reason": "load test"}
    assert place.client.post("/api/alerts/silence", json=body).status_code == 200

    found = place.client.get("/api/alerts").json()

    stalled, lost = found["alerts"]
    assert (stalled["state"], stalled["firing"], stalled["value"]) == (
        "firing",
        True,
        3,
    )
    assert stalled["silenced"]
    assert stalled["episode"]["fired_at"] - stalled["episode"]["active_at"] == MINUTE_MS
    assert (lost["state"], lost["silenced"], lost["episode"]) == (
        "no data",
        False,
        None,
    )
    rules = {rule["rule"]: rule for rule in found["rules"]}
    assert rules["StalledFrequency"]["thresholds"][0]["value"] == 2
    assert found["silences"] == [
        {
            "silence": 1,
            "rule": "StalledFrequency",
            "label": "",
            "reason": "load test",
            "made_by": "ann",
            "from_at": NOW,
            "until_at": NOW + HOUR_MS,
        }
    ]


def test_an_alert_is_seen_to_by_name_and_nobody_takes_it_over(place: Place) -> None:
    id_ = fire(place.store, now=NOW)
    asked = {"alert": id_, "note": "on it"}

    first = place.client.post("/api/alerts/acknowledge", json=asked)
    place.who.append(Viewer("bob", Role.ADMIN))
    second = place.client.post("/api/alerts/acknowledge", json=asked)

    assert (first.json()["acked_by"], first.json()["ack_note"]) == ("ann", "on it")
    assert second.status_code == 422
    assert place.store.alerts.episodes()[0].acked_by == "ann"
    assert audited(place.store) == [
        ("bob", "acknowledge", "StalledFrequency", "failed", "on it"),
        ("ann", "acknowledge", "StalledFrequency", "done", "on it"),
    ]


def test_what_is_over_or_unknown_cannot_be_seen_to(place: Place) -> None:
    id_ = fire(place.store, now=NOW)
    resolve(place.store, "StalledFrequency", now=NOW + 1)

    over = place.client.post("/api/alerts/acknowledge", json={"alert": id_})
    unknown = place.client.post("/api/alerts/acknowledge", json={"alert": 99})

    assert (over.status_code, over.json()["error"]["code"]) == (422, "invalid")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (
        404,
        "unknown_alert",
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("acknowledge", {"alert": 1}),
        ("silence", {"rule": "SourceDown", "for_ms": HOUR_MS, "reason": "x"}),
        ("silence/end", {"silence": 1}),
        ("rule", {"rule": "SourceDown", "settings": {}}),
    ],
)
def test_who_may_only_look_is_refused_and_nothing_is_done(
    standing: Place, path: str, body: dict[str, Any]
) -> None:
    before = audited(standing.store)
    standing.who.append(Viewer("eve", Role.VIEWER))
    answer = standing.client.post(f"/api/alerts/{path}", json=body)
    looked = standing.client.get("/api/alerts")
    standing.who.pop()

    assert answer.status_code == 403
    assert "eve (viewer) may not look after alerts" in answer.json()["error"]["message"]
    assert looked.status_code == 200
    assert standing.store.alerts.episodes()[0].acked_at is None
    assert len(standing.store.alerts.silences(NOW)) == 1
    assert audited(standing.store) == before


def test_a_silence_lasts_as_long_as_was_asked_for(place: Place) -> None:
    place.clock.each_look_ms = 1
    body = {"rule": "SourceDown", "for_ms": 8 * HOUR_MS, "reason": "moving"}

    made = place.client.post("/api/alerts/silence", json=body).json()

    assert made["until_at"] - made["from_at"] == 8 * HOUR_MS


def test_a_silence_ends_when_somebody_ends_it(place: Place) -> None:
    body = {"rule": "SourceDown", "label": "jobs", "for_ms": DAY_MS, "reason": "moving"}
    id_ = place.client.post("/api/alerts/silence", json=body).json()["silence"]

    ended = place.client.post("/api/alerts/silence/end", json={"silence": id_})
    again = place.client.post("/api/alerts/silence/end", json={"silence": id_})

    assert (ended.status_code, again.status_code) == (204, 422)
    assert place.client.get("/api/alerts").json()["silences"] == []
    assert [row[:4] for row in audited(place.store)] == [
        ("ann", "end silence", "SourceDown jobs", "done"),
        ("ann", "silence", "SourceDown jobs", "done"),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reason": " "}, "needs a reason"),
        ({"reason": ""}, "reason"),
        ({"rule": "Nothing"}, "There is no rule 'Nothing'"),
        ({"for_ms": 1}, "for_ms"),
        ({"for_ms": 91 * DAY_MS}, "for_ms"),
    ],
)
def test_a_silence_has_an_end_and_a_reason(
    standing: Place, change: dict[str, Any], says: str
) -> None:
    body = {"rule": "SourceDown", "for_ms": HOUR_MS, "reason": "x", **change}

    before = standing.store.alerts.silences(NOW)
    answer = standing.client.post("/api/alerts/silence", json=body)

    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]
    assert standing.store.alerts.silences(NOW) == before


def test_a_rule_is_changed_and_set_back(place: Place) -> None:
    def change(**settings: Any) -> Any:
        body = {"rule": "StalledFrequency", "settings": settings}
        return place.client.post("/api/alerts/rule", json=body)

    assert change(fire=5).json()["thresholds"][0]["value"] == 5
    assert place.store.alerts.settings()["StalledFrequency"] == {"fire": 5}
    assert change().json()["thresholds"][0]["value"] == 2
    wrong = change(fire=-1)
    assert wrong.status_code == 422
    assert "whole number from 0 to 10000" in wrong.json()["error"]["message"]
    assert change(nothing=1).status_code == 422
    assert [row[1:4] for row in audited(place.store)] == [
        ("change rule", "StalledFrequency", "done"),
        ("change rule", "StalledFrequency", "done"),
    ]


def test_what_fired_is_listed_page_by_page_and_as_csv(place: Place) -> None:
    for number in range(30):
        now = NOW + number * HOUR_MS
        fire(place.store, "SourceDown", "=1+1", now=now, sentence=f"@{number}")
        resolve(place.store, "SourceDown", "=1+1", now=now + 1)
    fire(place.store, now=NOW)

    first = place.client.get("/api/alerts/history?rule=SourceDown&limit=20").json()
    rest = place.client.get(
        f"/api/alerts/history?rule=SourceDown&limit=20&before={first['next']}"
    ).json()
    text = place.client.get(f"/api/alerts/history.csv?since={NOW + HOUR_MS}").text

    assert [len(part["alerts"]) for part in (first, rest)] == [20, 10]
    assert rest["next"] is None
    rows = [*csv.DictReader(io.StringIO(text))]
    assert len(rows) == 29
    assert (rows[0]["label"], rows[0]["sentence"]) == ("'=1+1", "'@29")
    assert (rows[0]["detected_ms"], rows[0]["resolved_ms"]) == ("0", "1")
    assert rows[0]["fired_at"] == "2026-03-19T17:34:56.000Z"
