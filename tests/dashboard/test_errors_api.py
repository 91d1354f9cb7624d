"""Errors in and out over HTTP: what is kept, refused, counted, and listed again."""

import csv
import io
import json
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy import event as sqlalchemy_event

import data.tracking
from app import Composed, compose
from dashboard.api.export import csv_text, safe
from dashboard.api.tracked import _event_lines
from dashboard.around import around, note_of
from dashboard.settings import load_settings
from dashboard.views.errors import event_cells
from data.clock import DAY_MS, from_ms
from data.exceptions import InvalidRequestError, SourceUnavailableError
from data.store.error_records import ErrorFilter
from data.tracking import Met
from data.tracking.events import EVENT, from_browser
from tests.conftest import FakeClock
from tests.factories import job_table

FORMULA = "=cmd|' /C calc'!A0"


@contextmanager
def composed(
    clock: FakeClock, url: str, directory: Path, **more: str
) -> Iterator[Composed]:

    environ = {
        "JOBS_DATABASE_URL": url,
        "JOBS_STORE_URL": f"sqlite:///{directory / 'store.db'}",
        **more,
    }
    made = compose(load_settings(environ, directory=directory), clock=clock)
    yield made
    made.deps.store.close()
    for source in made.deps.sources.values():
        source.engine.close()


@contextmanager
def tracking(made: Composed) -> Iterator[Composed]:
    """Everything is tracked by this product."""
    tracker = made.deps.tracker
    assert tracker is not None
    tracker.intake.start()
    data.tracking.install(tracker)
    yield made
    data.tracking.uninstall(tracker)
    tracker.intake.stop()


@pytest.fixture
def place(clock: FakeClock, sqlite_url: str, tmp_path: Path) -> Iterator[Composed]:
    """A product of its own."""
    with (
        job_table(sqlite_url),
        composed(clock, sqlite_url, tmp_path) as made,
        tracking(made),
    ):
        yield made


@pytest.fixture(scope="module")
def made_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Composed, FakeClock]]:
    clock, folder = FakeClock(), tmp_path_factory.mktemp("shared")
    url = f"sqlite:///{folder / 'jobs.db'}"
    with job_table(url), composed(clock, url, folder) as made:
        yield made, clock


@pytest.fixture
def shared(made_once: tuple[Composed, FakeClock]) -> Iterator[Composed]:
    """The product of all that are not about what was told before."""
    made, clock = made_once
    clock.advance(timedelta(seconds=61))  # each may tell as much as a minute allows
    with tracking(made):
        yield made


@pytest.fixture
def client(place: Composed) -> TestClient:
    return client_of(place)


@pytest.fixture
def asking(shared: Composed) -> TestClient:
    return client_of(shared)


def client_of(place: Composed) -> TestClient:
    return TestClient(place.asgi, base_url="http://127.0.0.1:8050")


def an_event(**more: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "event_id": secrets.token_hex(16),
        "timestamp": "2026-03-18T12:34:00.000Z",
        "level": "error",
        "kind": "manual",
        "exception": {"type": "TypeError", "message": "x is undefined", "frames": []},
        "context": {"action": "cancelJob", "component": "run-details", "runId": "7"},
        **more,
    }


def tell(client: TestClient, *events: Any, **more: Any) -> Any:
    return client.post("/api/errors", json={"events": [*events], **more})


def kept(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/errors?limit=500").json()["errors"]
    return found


def test_an_event_is_kept_once_and_listed_with_its_context(client: TestClient) -> None:
    event = an_event(context={"action": "cancelJob", "jobName": "etl", "runId": "r-1"})
    first = tell(client, event, event)
    assert (first.status_code, first.json()) == (
        202,
        {"accepted": 1, "duplicate": 1, "dropped": 0},
    )
    assert tell(client, event).json() == {"accepted": 0, "duplicate": 1, "dropped": 0}
    (found,) = kept(client)
    assert found["origin"] == "browser"
    assert found["event"]["context"]["jobName"] == "etl"
    assert found["event"]["exception"]["message"] == "x is undefined"


@pytest.mark.parametrize("body", [an_event(), [an_event()]])
def test_one_event_or_a_list_is_a_batch_too(asking: TestClient, body: Any) -> None:
    assert asking.post("/api/errors", json=body).json()["accepted"] == 1


@pytest.mark.parametrize(
    ("body", "kind", "status", "code", "says"),
    [
        (b"x" * 65_537, "application/json", 413, "too_large", "65,536 bytes"),
        (b"{not json", "application/json", 422, "invalid", "no JSON"),
        (b"\xff\xfe", "application/json", 422, "invalid", "no JSON"),
        (b"[" * 60_000, "application/json", 422, "invalid", "JSON"),
        (b"{}", "text/plain", 415, "not_json", "Content-Type"),
        (b"7", "application/json", 422, "invalid", '"events"'),
        (b'{"events": 7}', "application/json", 422, "invalid", '"events"'),
        (
            json.dumps({"events": [{}] * 10_000}).encode(),
            "application/json",
            422,
            "invalid",
            "10,000 events; at most 50",
        ),
        (
            b'{"events": [' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"]}",
            "application/json",
            422,
            "invalid",
            "nested deeper",
        ),
    ],
)
def test_what_is_no_batch_is_refused_in_one_sentence(
    asking: TestClient, *, body: bytes, kind: str, status: int, code: str, says: str
) -> None:
    before = kept(asking)
    answer = asking.post("/api/errors", content=body, headers={"Content-Type": kind})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert says in error["message"]
    assert kept(asking) == before


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_another_site_may_tell_us_nothing(
    asking: TestClient, headers: dict[str, str]
) -> None:
    before = kept(asking)
    answer = asking.post("/api/errors", json=an_event(), headers=headers)
    assert answer.status_code == 403
    assert kept(asking) == before


@pytest.mark.parametrize(
    "bad",
    [
        7,
        None,
        "x",
        [],
        {},
        {"event_id": 7},
        {"event_id": "x" * 32},
        {"event_id": "A" * 32},
    ],
)
def test_an_event_that_is_none_does_not_lose_the_others(
    asking: TestClient, bad: Any
) -> None:
    answer = tell(asking, bad, an_event())
    assert answer.json() == {"accepted": 1, "duplicate": 0, "dropped": 1}


def test_fields_of_the_wrong_kind_are_left_out(client: TestClient) -> None:
    odd: list[Any] = [7, None, [], {"a": 1}, "text", True]
    for value in odd:
        event = {name: value for name in an_event() if name != "event_id"}
        event |= {
            "event_id": secrets.token_hex(16),
            "count": value,
            "breadcrumbs": value,
        }
        inner = dict.fromkeys(
            ("type", "message", "stacktrace", "frames", "cause"), value
        )
        assert tell(client, event).json()["accepted"] == 1
        event |= {"event_id": secrets.token_hex(16), "exception": inner}
        event |= {"context": dict.fromkeys(("action", "runId", "params", "url"), value)}
        assert tell(client, event).json()["accepted"] == 1
    assert len(kept(client)) == 2 * len(odd)


@pytest.mark.parametrize(
    ("told", "is_now"),
    [
        ("1970-01-01T00:00:00Z", True),
        ("2100-01-01T00:00:00Z", True),
        ("yesterday", True),
        ("2026-03-18T10:00:00+02:00", False),
        ("2026-03-16T10:00:00Z", False),
    ],
)
def test_a_clock_that_cannot_be_right_is_ours(
    asking: TestClient,
    made_once: tuple[Composed, FakeClock],
    told: str,
    *,
    is_now: bool,
) -> None:
    clock, event = made_once[1], an_event(timestamp=told)
    tell(asking, event)
    (found,) = [one for one in kept(asking) if one["event_id"] == event["event_id"]]
    assert (found["at"] == clock.now_ms) is is_now
    assert abs(found["at"] - clock.now_ms) < 3 * DAY_MS
    assert found["event"]["sent"] == told


def test_secrets_in_every_field_are_never_stored(
    client: TestClient, place: Composed
) -> None:
    secret = "hunter2secret"
    text = (
        f"password={secret} https://u:{secret}@h/ Bearer {secret} card 4111111111111111"
    )
    event = an_event(
        kind=text,
        release=text,
        timestamp=text,
        exception={
            "type": text,
            "message": text,
            "stacktrace": text,
            "frames": [{"function": text, "module": text, "lineno": 1}],
            "cause": [{"type": text, "message": text}],
        },
        context={
            **dict.fromkeys(("action", "component", "jobName", "runId"), text),
            "params": {"password": secret, "nested": [{"api_key": secret}], "t": text},
            "userAgent": text,
            "url": f"https://u:{secret}@h/x?token={secret}",
        },
        breadcrumbs=[{"t": -1, "c": text, "m": text}],
        session=text,
    )
    assert tell(client, event, session=text).json()["accepted"] == 1
    everything = [*kept(client), client.get("/api/errors.csv").text]
    everything += client.get("/api/errors/groups").json()["groups"]
    shown = json.dumps(everything)
    assert secret not in shown
    assert "4111111111111111" not in shown
    path = place.deps.store.database.path
    assert path is not None
    place.deps.store.close()
    for file in path.parent.glob("store.db*"):
        assert secret.encode() not in file.read_bytes(), file.name


def test_formulas_nul_and_surrogates_are_harmless(client: TestClient) -> None:
    content = json.dumps(
        {
            "events": [
                an_event(
                    exception={"type": "@x", "message": FORMULA},
                    context={"action": "+1", "jobName": "a\x00b\ud800"},
                )
            ]
        }
    )
    headers = {"Content-Type": "application/json"}
    assert (
        client.post("/api/errors", content=content, headers=headers).status_code == 202
    )
    rows = [*csv.DictReader(io.StringIO(client.get("/api/errors.csv").text))]
    assert rows[0]["message"] == f"'{FORMULA}"
    assert (rows[0]["action"], rows[0]["job_name"]) == ("'+1", "a\ufffdb\ufffd")
    groups = [*csv.DictReader(io.StringIO(client.get("/api/errors/groups.csv").text))]
    assert groups[0]["title"].startswith("'@x")


def test_the_tracker_runs_before_dash_does(asking: TestClient) -> None:
    page = asking.get("/").text
    scripts = re.findall(r"<script[^>]*>", page)
    sources = [re.findall('src="([^"]*)"', one) for one in scripts]
    (at,) = (n for n, one in enumerate(sources) if "errorTracking" in "".join(one))
    suites = [n for n, one in enumerate(sources) if "_dash-component" in "".join(one)]
    assert at < min(suites)
    assert not re.search("async|defer|module", scripts[at])


def test_people_are_counted_and_nobody_is_named(client: TestClient) -> None:
    tabs = ["0123456789abcdef", "fedcba9876543210"]
    for tab in (*tabs, tabs[0]):
        headers = {"User-Agent": "Mozilla/5.0", "X-Forwarded-For": "203.0.113.7"}
        body = {"session": tab, "events": [an_event()]}
        assert client.post("/api/errors", json=body, headers=headers).is_success
    (group,) = client.get("/api/errors/groups").json()["groups"]
    assert (group["events"], group["users"]) == (3, 2)
    assert "203.0.113.7" not in json.dumps(kept(client))


def test_csv_is_rfc_4180_whatever_is_in_a_cell(client: TestClient) -> None:
    message = 'a "quoted",\r\ncell, with 日本 and\nlines'
    tell(client, an_event(exception={"type": "T", "message": message}))
    for path, column in (("errors", "message"), ("errors/groups", "title")):
        answer = client.get(f"/api/{path}.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["content-disposition"]
        assert answer.text.endswith("\r\n")
        head, row = csv.reader(io.StringIO(answer.text, newline=""), strict=True)
        assert len(head) == len(row)
        told = dict(zip(head, row, strict=True))[column]
        assert told.endswith("and\nlines" if column == "message" else 'a "quoted",')


def test_csv_of_many_events_comes_a_page_at_a_time(
    client: TestClient, place: Composed
) -> None:
    for session in range(9):
        batch = [an_event() for _ in range(50)]
        assert tell(client, *batch, session=f"{session:016x}").status_code == 202
    asked: list[str] = []

    @sqlalchemy_event.listens_for(Engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    lines = _event_lines(place.deps.store.errors, ErrorFilter())
    assert next(lines).startswith("at,level")
    assert asked == []
    sizes = [(part.count("\r\n"), len(asked)) for part in lines]
    sqlalchemy_event.remove(Engine, "before_cursor_execute", _note)
    assert [rows for rows, _ in sizes] == [200, 200, 50]
    read = [queries for _, queries in sizes]
    assert read == sorted(set(read))  # each part by a query of its own


def test_what_browsers_did_not_send_is_counted_once(
    client: TestClient, place: Composed
) -> None:
    event = an_event()
    odd = {"rate": 7, "queue": 3, "ignored": 99, "refused": True, "x": 5}
    tell(client, event, dropped=odd)
    tell(client, event, dropped=odd)  # the answer was lost, and it is told again
    for bad in (None, 7, [], {"rate": "7"}, {"rate": -1}, {"rate": 1.5}):
        tell(client, an_event(), dropped=bad)
    tracker = place.deps.tracker
    assert tracker is not None
    assert tracker.intake.totals["not sent by browsers"] == 10


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            SourceUnavailableError("Orders: é\n is gone, password=hunter2"),
            "Orders%3A%20%C3%A9%0A%20is%20gone%2C%20password%3D%5BFiltered%5D",
        ),
        (ZeroDivisionError("hunter2"), "The%20server%20could%20not%20do%20that."),
    ],
)
def test_a_page_is_told_of_an_error_in_a_header_that_says_no_more_than_the_page(
    error: Exception, words: str
) -> None:
    note = note_of(Met("0" * 32, "error", error))
    assert note.decode() == f"{'0' * 32} error {words}"
    long = note_of(Met("0" * 32, "error", SourceUnavailableError("é\n" * 5_000)))
    assert len(long) < 1_000


def test_a_browser_that_tells_too_much_is_asked_to_wait(
    asking: TestClient, made_once: tuple[Composed, FakeClock]
) -> None:
    def batch() -> list[dict[str, Any]]:
        return [an_event() for _ in range(30)]

    assert tell(asking, *batch(), session="1" * 16).status_code == 202
    assert tell(asking, *batch(), session="1" * 16).status_code == 202
    refused = tell(asking, *batch(), session="1" * 16)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert tell(asking, *batch(), session="2" * 16).status_code == 202
    made_once[1].advance(timedelta(seconds=30))
    assert tell(asking, *batch(), session="1" * 16).status_code == 202


def test_all_browsers_together_are_held_to_600_a_minute(client: TestClient) -> None:
    answers = [
        tell(client, *[an_event() for _ in range(50)], session=f"{n:016x}").status_code
        for n in range(13)
    ]
    assert answers == [202] * 12 + [429]
    assert len(kept(client)) == 500  # of 600, a page


def test_groups_are_listed_sorted_merged_and_split(
    client: TestClient, clock: FakeClock
) -> None:
    messages = ["a is no", "b is no", "b is no"]
    exceptions = [{"type": "", "message": text} for text in messages]
    tell(client, *[an_event(exception=one) for one in exceptions])
    first, second = client.get("/api/errors/groups").json()["groups"]
    assert (first["title"], first["events"], first["users"]) == ("b is no", 2, 0)
    asked = {"fingerprint": first["fingerprint"], "status": "resolved"}
    assert client.post("/api/errors/status", json=asked).json()["status"] == "resolved"
    listed = client.get("/api/errors/groups?status=open").json()["groups"]
    assert [one["fingerprint"] for one in listed] == [second["fingerprint"]]
    clock.advance(timedelta(minutes=5))
    late = from_ms(clock.now_ms).isoformat()
    tell(client, an_event(exception=exceptions[1], timestamp=late))
    listed = client.get("/api/errors/groups?status=regressed").json()["groups"]
    assert [one["fingerprint"] for one in listed] == [first["fingerprint"]]
    merged = {"into": second["fingerprint"], "fingerprints": [first["fingerprint"]]}
    assert client.post("/api/errors/merge", json=merged).json()["events"] == 4
    split = {"fingerprint": first["fingerprint"]}
    assert client.post("/api/errors/split", json=split).json()["events"] == 3


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (
            "status",
            {"fingerprint": "v1:0123456789abcdef", "status": "open"},
            404,
            "unknown_error",
        ),
        (
            "status",
            {"fingerprint": "v1:0123456789abcdef", "status": "regressed"},
            422,
            "invalid",
        ),
        ("status", {"fingerprint": "x", "status": "open"}, 422, "invalid"),
        ("split", {"fingerprint": "v1:0123456789abcdef"}, 404, "unknown_error"),
        ("merge", {"into": "v1:0123456789abcdef", "fingerprints": []}, 422, "invalid"),
    ],
)
def test_what_cannot_be_sorted_says_why(
    asking: TestClient, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = asking.post(f"/api/errors/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_events_are_listed_page_by_page_and_filtered(client: TestClient) -> None:
    tell(client, *[an_event(context={"action": f"a{n % 2}"}) for n in range(9)])
    seen, after = [], ""
    while after is not None:
        page = client.get(f"/api/errors?limit=4{after and f'&after={after}'}").json()
        seen += [one["event_id"] for one in page["errors"]]
        after = page["next"]
    assert len(set(seen)) == 9
    found = client.get("/api/errors?action=a1&origin=browser").json()["errors"]
    assert len(found) == 4
    assert client.get("/api/errors?origin=job").json()["errors"] == []


def test_a_store_that_is_gone_has_browsers_wait_and_loses_nothing_they_kept(
    client: TestClient, place: Composed
) -> None:
    path = place.deps.store.database.path
    assert path is not None
    place.deps.store.close()
    moved = path.rename(path.with_suffix(".away"))
    path.mkdir()
    event = an_event()
    answer = tell(client, event)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
    assert answer.headers["Retry-After"] == "5"
    for path_ in ("errors", "errors.csv", "errors/groups", "errors/groups.csv"):
        read = client.get(f"/api/{path_}")
        assert (read.status_code, read.json()["error"]["code"]) == (503, "unavailable")
    path.rmdir()
    place.deps.store.close()
    moved.rename(path)


def test_a_failing_route_is_tracked_and_answers_without_a_traceback(
    client: TestClient, place: Composed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("password=hunter2secret")

    monkeypatch.setattr(place.deps.actions, "cancel", fail)
    body = {"source": "jobs", "run_ids": ["1"]}
    headers = {"User-Agent": "curl/8"}
    answer = client.post("/api/runs/cancel", json=body, headers=headers)
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    ref = answer.json()["error"]["ref"]
    drained(place)
    (found,) = kept(client)
    assert found["event_id"].startswith(ref)
    assert found["kind"] == "server_route"
    context = found["event"]["context"]
    assert (context["component"], context["userAgent"]) == ("api", "curl/8")
    assert context["url"] == "/api/runs/cancel"
    assert "ZeroDivisionError" in found["event"]["exception"]["stacktrace"]


def test_an_action_that_cannot_be_done_tells_what_was_asked(
    asking: TestClient, shared: Composed
) -> None:
    asked = {"source": "jobs", "job_name": "never-seen", "params": {"limit": 5}}
    before = kept(asking)
    assert asking.post("/api/runs", json=asked).status_code == 404
    drained(shared)
    (found,) = [one for one in kept(asking) if one not in before]
    context = found["event"]["context"]
    assert (context["action"], context["jobName"]) == ("enqueueJob", "never-seen")
    assert (context["params"], context["source"]) == ({"limit": 5}, "jobs")


def test_in_a_thread_of_ours_nothing_is_known_of_a_request() -> None:
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(around).result(20) == {}


@pytest.mark.parametrize(
    ("path", "body", "context"),
    [
        (
            "runs/cancel",
            {"source": "nowhere", "run_ids": ["7"]},
            {"action": "cancelJob", "runId": "7", "params": {"run_ids": ["7"]}},
        ),
        (
            "runs/retry",
            {"source": "nowhere", "run_ids": ["7", "8"], "params": {"a": 1}},
            {
                "action": "retryJob",
                "params": {"run_ids": ["7", "8"], "params": {"a": 1}},
            },
        ),
        (
            "runs",
            {"source": "nowhere", "job_name": "etl", "params": {"token": "x", "n": 1}},
            {
                "action": "enqueueJob",
                "jobName": "etl",
                "params": {"token": "[Filtered]", "n": 1},
            },
        ),
    ],
)
def test_each_operation_that_fails_says_what_it_was_about(
    asking: TestClient,
    shared: Composed,
    path: str,
    body: dict[str, Any],
    context: dict[str, Any],
) -> None:
    before = kept(asking)
    assert asking.post(f"/api/{path}", json=body).status_code == 404
    drained(shared)
    (found,) = [one for one in kept(asking) if one not in before]
    told = found["event"]["context"]
    expected = {"component": "api", "source": "nowhere", **context}
    assert {name: told[name] for name in expected} == expected


def drained(place: Composed) -> None:
    """What was tracked is in the store."""
    tracker = place.deps.tracker
    assert tracker is not None
    tracker.intake.stop()
    tracker.intake.start()


def test_without_error_tracking_there_is_nothing_of_it(
    clock: FakeClock, sqlite_url: str, tmp_path: Path
) -> None:
    off = {"JOBS_ERROR_TRACKING": "off"}
    with job_table(sqlite_url), composed(clock, sqlite_url, tmp_path, **off) as made:
        client = TestClient(made.asgi, base_url="http://127.0.0.1:8050")
        page = client.get("/").text
        assert "errorTracking" not in page
        assert 'href="/errors"' not in page
        assert "errors.js" not in page
        assert client.get("/errors").status_code == 404
        assert client.post("/api/errors", json=an_event()).status_code == 405
        assert client.get("/api/errors").status_code == 404
        assert made.deps.tracker is None
        assert data.tracking.track_error(ValueError("x")) == ""
        assert data.tracking.get_recent_errors() == []


#: Whatever JSON can hold: lone surrogates, NUL, NaN and Infinity too.
texts = st.text(st.characters(exclude_categories=()))
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5)
    ),
    max_leaves=15,
)
fields = st.fixed_dictionaries(
    {"event_id": st.from_regex("[0-9a-f]{32}", fullmatch=True) | texts},
    optional=dict.fromkeys(
        (
            "timestamp",
            "kind",
            "exception",
            "context",
            "breadcrumbs",
            "count",
            "session",
        ),
        json_like,
    ),
)


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(fields | json_like)
def test_no_event_however_odd_gets_past_its_limits_and_each_can_be_kept(
    place: Composed, clock: FakeClock, raw: Any
) -> None:
    try:
        event = from_browser(raw, session="s", now_ms=clock.now_ms, visitor="v")
    except InvalidRequestError:
        return
    assert len(event.body.encode()) <= EVENT + 200
    assert event.fingerprint.startswith("v2:")
    assert abs(event.at - clock.now_ms) <= 7 * DAY_MS
    errors = place.deps.store.errors
    errors.write([event])
    (kept_event,) = errors.events([event.fingerprint])
    lines = "".join(csv_text([[*map(safe, event_cells(kept_event))]]))
    assert json.loads(kept_event.body)["context"]["timestamp"]
    assert not re.search("[\0\ud800-\udfff]", kept_event.body + lines)
    (row,) = csv.reader(io.StringIO(lines, newline=""))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
