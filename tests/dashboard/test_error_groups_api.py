"""Groups of errors for programs: of one source or all, a page at a time, sorted by name."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import Composed
from data.clock import HOUR_MS
from data.model import ErrorEvent
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


@pytest.fixture
def place(clock: FakeClock, sqlite_url: str, tmp_path: Path) -> Iterator[Composed]:
    """Two sources; that they are one table here says nothing."""
    (tmp_path / "job-manager.toml").write_text(SOURCES.format(url=sqlite_url))
    more = {"JOBS_CONFIG": str(tmp_path / "job-manager.toml")}
    with job_table(sqlite_url), composed(clock, "", tmp_path, **more) as made:
        yield made


@pytest.fixture
def client(place: Composed) -> TestClient:
    return TestClient(place.asgi, base_url="http://127.0.0.1:8050")


def event(number: int, at: int, **more: Any) -> ErrorEvent:
    made = ErrorEvent(
        event_id=f"{number:032x}",
        fingerprint=f"v2:{number:016x}",
        title=f"KeyError: {number}",
        at=at,
        received_at=at,
        level="error",
        origin="job",
        kind="job_failure",
        type="KeyError",
        message=str(number),
    )
    return replace(made, **more)


def write(place: Composed, *events: ErrorEvent) -> None:
    place.deps.store.errors.write(events)


def titles(client: TestClient, query: str = "") -> list[str]:
    found = client.get(f"/api/errors/groups?{query}").json()["groups"]
    return [one["title"] for one in found]


def test_a_source_shows_its_own_errors_and_those_of_none(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    now = clock.now_ms
    write(
        place,
        event(1, now, source="orders", run_id="7", times=3),
        event(2, now, source="billing", times=2),
        event(3, now, origin="browser"),
    )
    assert titles(client, "source=orders") == ["KeyError: 1", "KeyError: 3"]
    assert titles(client, "source=billing") == ["KeyError: 2", "KeyError: 3"]
    assert titles(client, "source=all") == titles(client)
    assert titles(client) == ["KeyError: 1", "KeyError: 2", "KeyError: 3"]
    events = client.get("/api/errors?source=orders").json()["errors"]
    assert {one["fingerprint"][-1] for one in events} == {"1", "3"}
    assert client.get("/api/errors/groups.csv?source=billing").text.count("\r\n") == 3
    assert client.get("/api/errors.csv?source=billing").text.count("\r\n") == 3
    assert client.get("/api/errors/groups?source=nobody").status_code == 404


def test_an_error_of_two_sources_is_counted_apart(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    now = clock.now_ms
    own = [
        event(n, now, fingerprint="v2:" + "a" * 16, source=source, run_id=str(n))
        for n, source in enumerate(["orders"] * 5 + ["billing"] * 2)
    ]
    write(place, *own)
    for source, events in (("orders", 5), ("billing", 2), ("all", 7)):
        answer = client.get(f"/api/errors/groups?source={source}").json()
        [group] = answer["groups"]
        assert (group["events"], group["runs"]) == (events, events)


def test_groups_come_a_page_at_a_time_while_others_arrive(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    now = clock.now_ms
    write(place, *(event(n, now, times=n) for n in range(1, 8)))
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        query = f"limit=3{after and f'&after={after}'}"
        page = client.get(f"/api/errors/groups?{query}").json()
        seen += [one["title"] for one in page["groups"]]
        after = page["next"]
        write(place, event(100 + len(seen), now, times=1_000))
    assert seen == [f"KeyError: {n}" for n in (7, 6, 5, 4, 3, 2, 1)]
    assert client.get("/api/errors/groups?after=3").status_code == 422


def test_what_is_made_of_a_group_is_in_the_audit_by_name(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    write(place, event(1, clock.now_ms), event(2, clock.now_ms - HOUR_MS))
    one, two = (f"v2:{n:016x}" for n in (1, 2))
    for status in ("resolved", "ignored", "open"):
        asked = {"fingerprint": one, "status": status}
        assert client.post("/api/errors/status", json=asked).status_code == 200
    client.post("/api/errors/merge", json={"into": one, "fingerprints": [two]})
    client.post("/api/errors/split", json={"fingerprint": two})
    rows = client.get("/api/audit").json()["audit"][::-1]
    assert [(row["action"], row["run_id"], row["outcome"]) for row in rows] == [
        ("resolve error", one, "done"),
        ("ignore error", one, "done"),
        ("reopen error", one, "done"),
        ("merge errors", two, "done"),
        ("split error", two, "done"),
    ]
    assert {row["actor"] for row in rows} == {"local"}
    assert [rows[0]["before"], rows[0]["after"]] == [
        {"status": "open"},
        {"status": "resolved"},
    ]
    assert rows[3]["after"] == {"merged_into": one}
