"""Telemetry over HTTP: what is counted, cut, refused; and that nobody waits for it."""

import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app import Composed
from data.clock import MINUTE_MS
from data.rules.visitors import visitor_of
from data.store.viewing import ViewingLog
from data.store.viewing_tables import viewer_slot
from tests.composing import composed
from tests.conftest import FakeClock
from tests.factories import job_table, until

SESSION = "0123456789abcdef"
SPREAD = {"counts": [0] * 8, "sum_ms": 0}
COUNTERS: dict[str, Any] = {
    "good_s": 55,
    "stale_s": 3,
    "disconnected_s": 2,
    "minutes": 1,
    "good_minutes": 1,
    "faults": {},
    "attempts": 0,
    "reconnects": SPREAD,
    "ages": SPREAD,
}
RECORD: dict[str, Any] = {
    "age_ms": 2_000,
    "limit_ms": 45_000,
    "link": "live",
    "lost_ms": None,
    "last_message_ms": 900,
    "good_s": 55,
    "stale_s": 3,
    "disconnected_s": 2,
    "faults": 0,
    "errors": 1,
    "page": "/",
}


def a_report(**more: Any) -> dict[str, Any]:
    return {
        "report_id": "5" * 32,
        "source": "jobs",
        "category": "not_updating",
        "note": "nothing moves",
        "record": RECORD,
        **more,
    }


def a_post(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "session": SESSION,
        "number": number,
        "counters": COUNTERS,
        **more,
    }


def counted(**more: Any) -> dict[str, Any]:
    return {**COUNTERS, **more}


@pytest.fixture
def place(clock: FakeClock, sqlite_url: str, tmp_path: Path) -> Iterator[Composed]:
    """A product of its own."""
    with job_table(sqlite_url), composed(clock, sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
def client(place: Composed) -> TestClient:
    return client_of(place)


class Shared(NamedTuple):
    """The product of all that are not about what was told before."""

    client: TestClient
    viewing: ViewingLog
    clock: FakeClock


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    clock, folder = FakeClock(), tmp_path_factory.mktemp("shared")
    url = f"sqlite:///{folder / 'jobs.db'}"
    with job_table(url), composed(clock, url, folder) as made:
        yield Shared(client_of(made), made.deps.store.viewing, clock)


@pytest.fixture
def shared(made_once: Shared) -> Shared:
    """An hour later, so that all may tell as much as ever."""
    made_once.clock.advance(timedelta(hours=1))
    return made_once


def client_of(place: Composed) -> TestClient:
    return TestClient(place.asgi, base_url="http://127.0.0.1:8050")


def tab() -> str:
    """The id of one that told nothing yet."""
    return secrets.token_hex(8)


def faults_of(shared: Shared) -> Counter[str]:
    """How many links broke so far, by cause."""
    totals = shared.viewing.totals()
    return Counter(
        {label: n for (name, label), n in totals.items() if name == "faults"}
    )


def tell(client: TestClient, post: object) -> Any:
    return client.post("/api/telemetry", json=post)


def test_a_post_is_counted_once(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    for _ in range(2):
        answer = tell(client, a_post())
        assert (answer.status_code, answer.json()) == (202, {"at": clock.now_ms})
    totals = place.deps.store.viewing.totals()
    assert totals["seconds", "good"] == 55
    assert totals["minutes", "good"] == 1
    assert place.deps.store.viewing.users(0, clock.now_ms + 1) == (1, 0)


def test_a_tab_is_known_by_a_hash_of_its_id_only(
    client: TestClient, place: Composed
) -> None:
    tell(client, a_post())
    rows = place.deps.store.database.fetch(select(viewer_slot.c.visitor))
    assert {visitor for (visitor,) in rows} == {visitor_of(SESSION, b"")}
    assert visitor_of(SESSION, b"") != visitor_of(SESSION, b"secret") != SESSION


def test_causes_that_nobody_knows_are_one(shared: Shared) -> None:
    faults = {"1006": 1, "<script>": 1, "4999": 1, "silent": 2}
    before = faults_of(shared)
    tell(shared.client, a_post(session=tab(), counters=counted(faults=faults)))
    assert faults_of(shared) - before == {"1006": 1, "silent": 2, "other": 2}


def test_unknown_fields_are_dropped(shared: Shared) -> None:
    post = a_post(
        session=tab(), more=1, counters=counted(clicks="many"), report=a_report(x=[[]])
    )
    assert tell(shared.client, post).status_code == 202


@pytest.mark.parametrize(
    ("post", "says"),
    [
        (a_post(session="x"), "session"),
        (a_post(session=None), "session"),
        (a_post(0), "number"),
        (a_post(counters=None), "counters"),
        (a_post(counters=counted(good_s="55")), "counters.good_s"),
        (a_post(counters=counted(good_s=-1)), "counters.good_s"),
        (a_post(counters=counted(good_s=1.5)), "counters.good_s"),
        (a_post(counters=counted(good_s=True)), "counters.good_s"),
        (a_post(counters=counted(good_s=10**30)), "counters.good_s"),
        (a_post(counters=counted(faults=[])), "counters.faults"),
        (a_post(counters=counted(faults={"1006": -1})), "counters.faults.1006"),
        (
            a_post(counters=counted(faults={str(n): 1 for n in range(21)})),
            "counters.faults",
        ),
        (a_post(counters=counted(ages={"counts": [1], "sum_ms": 0})), "counters.ages"),
        (a_post(report=a_report(category="gossip")), "report.category"),
        (a_post(report=a_report(note="x" * 501)), "report.note"),
        (a_post(report=a_report(report_id="x")), "report.report_id"),
        (a_post(report=a_report(record={**RECORD, "age_ms": "old"})), "report.record"),
        (a_post(report=a_report(record={**RECORD, "link": "lost"})), "report.record"),
        ([], ""),
        (7, ""),
    ],
)
def test_what_is_no_post_is_refused_in_one_sentence(
    shared: Shared, *, post: object, says: str
) -> None:
    before = shared.viewing.totals()
    answer = tell(shared.client, post)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(says)
    assert shared.viewing.totals() == before


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 65_537, "application/json", 413),
        (b"{", "application/json", 422),
        (b"[" * 60_000, "application/json", 400),
        (
            json.dumps(a_post()).replace("55", "NaN", 1).encode(),
            "application/json",
            422,
        ),
        (
            json.dumps(a_post()).replace("55", "1e999", 1).encode(),
            "application/json",
            422,
        ),
        (json.dumps(a_post()).encode(), "text/plain", 422),
    ],
)
def test_what_is_no_json_is_refused(
    shared: Shared, *, body: bytes, kind: str, status: int
) -> None:
    headers = {"Content-Type": kind}
    answer = shared.client.post("/api/telemetry", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_another_site_may_tell_nothing(shared: Shared, headers: dict[str, str]) -> None:
    before = shared.viewing.totals()
    answer = shared.client.post("/api/telemetry", json=a_post(), headers=headers)
    assert answer.status_code == 403
    assert shared.viewing.totals() == before


def test_a_tab_that_tells_too_often_is_told_to_wait(shared: Shared) -> None:
    client, _, clock = shared
    session = tab()
    answers = [tell(client, a_post(n, session=session)) for n in range(1, 25)]
    assert [one.status_code for one in answers] == [202] * 20 + [429] * 4
    wait_s = int(answers[-1].headers["Retry-After"])
    clock.advance_ms(wait_s * 1000)
    assert tell(client, a_post(25, session=session)).status_code == 202


@pytest.mark.parametrize(
    ("record", "confirmed"),
    [
        ({}, False),
        ({"age_ms": 45_000}, False),
        ({"age_ms": 45_001}, True),
        # what the tab believes to be the limit is not what counts
        ({"age_ms": 45_001, "limit_ms": 10**9}, True),
        ({"age_ms": None}, True),
        ({"link": "reconnecting"}, True),
        ({"link": "polling"}, False),
        ({"link": "polling fails"}, True),
    ],
)
def test_a_report_is_confirmed_by_its_record(
    shared: Shared, *, record: dict[str, Any], confirmed: bool
) -> None:
    client, viewing, clock = shared
    session = tab()
    report = a_report(report_id=2 * tab(), record={**RECORD, **record})
    for number in (1, 2):  # sent again, because the answer was lost
        assert (
            tell(client, a_post(number, session=session, report=report)).status_code
            == 202
        )
    [found] = viewing.reports(clock.now_ms, 2**60)
    assert found.confirmed is confirmed
    assert (found.category, found.note, found.source) == (
        "not_updating",
        "nothing moves",
        "jobs",
    )
    assert json.loads(found.record) == {**RECORD, **record}


def test_a_store_that_is_away_is_tried_again_later(
    clock: FakeClock,
    sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("data.connecting._OWNED_LOCK_LIMIT_S", 0.05)
    with job_table(sqlite_url), composed(clock, sqlite_url, tmp_path) as place:
        client = TestClient(place.asgi, base_url="http://127.0.0.1:8050")
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        away = tell(client, a_post())
        assert (away.status_code, away.headers["Retry-After"]) == (503, "30")
        other.close()
        assert tell(client, a_post(2)).status_code == 503, "it is left alone for now"
        clock.advance_ms(5_000)
        assert tell(client, a_post(3)).status_code == 202
        assert place.deps.store.viewing.totals()["seconds", "good"] == 55


def test_many_that_tell_at_once_are_all_counted(
    client: TestClient, place: Composed
) -> None:
    def one(tab: int) -> int:
        return int(tell(client, a_post(session=f"{tab:016x}")).status_code)

    with client, ThreadPoolExecutor(16) as pool:
        assert [*pool.map(one, range(64))] == [202] * 64
    assert place.deps.store.viewing.totals()["seconds", "good"] == 64 * 55


TELLS = {"X-Job-Manager-Telemetry": "1"}


def test_a_page_that_tells_of_itself_is_heard_of_once_a_minute(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    viewing = place.deps.store.viewing
    client.get("/healthz", headers=TELLS)
    client.get("/metrics", headers=TELLS)
    assert viewing.heard() == {}
    first = clock.now_ms
    client.get("/history", headers=TELLS)
    until(lambda: viewing.heard() == {"page": first})
    clock.advance_ms(MINUTE_MS - 1)
    client.get("/", headers=TELLS)
    clock.advance_ms(1)
    client.post("/_dash-update-component", json={}, headers=TELLS)
    until(lambda: viewing.heard() == {"page": first + MINUTE_MS})
    tell(client, a_post())
    assert viewing.heard()["telemetry"] == clock.now_ms


def test_one_browser_with_a_content_blocker_is_no_dead_telemetry(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    viewing = place.deps.store.viewing
    tell(client, a_post())
    told = clock.now_ms
    for _ in range(30):
        clock.advance_ms(MINUTE_MS)
        client.get("/", headers={"User-Agent": "one"})
        client.post("/_dash-update-component", json={}, headers={"User-Agent": "one"})
    client.get("/", headers={"User-Agent": "two"})
    assert viewing.heard() == {"telemetry": told}


def test_three_browsers_of_which_none_tells_are_heard_of(
    client: TestClient, place: Composed, clock: FakeClock
) -> None:
    viewing = place.deps.store.viewing
    for name in ("one", "two"):
        client.get("/", headers={"User-Agent": name})
    clock.advance_ms(11 * MINUTE_MS)
    client.get("/", headers={"User-Agent": "three"})
    assert viewing.heard() == {}  # the others are not there any more
    for name in ("one", "two"):
        client.get("/", headers={"User-Agent": name})
    until(lambda: viewing.heard() == {"page": clock.now_ms})


def test_a_clean_shutdown_is_no_link_that_broke(shared: Shared) -> None:
    faults = {"1012": 3, "restart": 1, "1006": 2}
    before = faults_of(shared)
    tell(shared.client, a_post(session=tab(), counters=counted(faults=faults)))
    assert faults_of(shared) - before == {"restart": 1, "1006": 2}
