"""The charts for programs: the numbers are those of the rows that were put in."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app import Composed, compose
from dashboard.settings import load_settings
from dashboard.trends.asked import known_jobs, progress, question_of, reports
from dashboard.trends.causes import cause_of
from dashboard.trends.metrics import METRICS
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from data.exceptions import InvalidRequestError, UnknownSourceError
from data.model import ErrorEvent
from data.store import Store
from data.store.tables import rollup_state
from tests.conftest import FakeClock
from tests.factories import NOW, job_table
from tests.rolled import Ran, look, report, roll, stall

HOUR = NOW // HOUR_MS * HOUR_MS
TODAY = NOW // DAY_MS * DAY_MS
QUARTER = 15 * MINUTE_MS
#: A step of a week is six hours.
STEP = HOUR // (6 * HOUR_MS) * 6 * HOUR_MS
FORMULA = "=cmd|' /C calc'!A0"


@contextmanager
def filled(folder: Path) -> Iterator[Composed]:
    (folder / "job-manager.toml").write_text(
        f'[sources.jobs]\nurl = "sqlite:///{folder / "jobs.db"}"\n'
        f'[sources.mail]\nurl = "sqlite:///{folder / "second.db"}"\n'
    )
    environ = {"JOBS_STORE_URL": f"sqlite:///{folder / 'store.db'}"}
    with job_table(f"sqlite:///{folder / 'jobs.db'}"):
        made = compose(load_settings(environ, directory=folder), clock=FakeClock())
        fill(made.deps.store)
        yield made
        made.deps.store.close()
        for source in made.deps.sources.values():
            source.engine.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """One product for all that change nothing."""
    with filled(tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[Composed]:
    """A product of its own."""
    with filled(tmp_path) as made:
        yield made


def fill(store: Store) -> None:
    roll(
        store,
        Ran(HOUR, "etl", succeeded=60, failed=1, took_ms=60_000, worker="w1"),
        Ran(HOUR, "etl", succeeded=30, failed=9, took_ms=60_000, worker="w2"),
        Ran(HOUR, FORMULA, succeeded=95, failed=5, cancelled=2),
        Ran(HOUR - WEEK_MS, "etl", succeeded=98, failed=2, worker="w1"),
        Ran(HOUR - WEEK_MS, FORMULA, succeeded=90, failed=10),
        known_since=TODAY - 80 * DAY_MS,
    )
    roll(store, Ran(HOUR, "mail", succeeded=60, failed=40), source="mail")
    stall(store, TODAY + HOUR_MS, lasted_ms=10 * MINUTE_MS)
    stall(store, TODAY - DAY_MS, lasted_ms=20 * MINUTE_MS, origin="durations")
    look(store, HOUR, viewers=10, lost=2, minutes=100, good=99)
    look(store, HOUR - QUARTER, viewers=30, minutes=100, good=100)
    report(store, HOUR, confirmed=True)
    report(store, HOUR - 1, confirmed=False)
    report(store, HOUR - 2, confirmed=False, category="other")
    store.errors.write(
        [
            error(1, "cancelJob", visitor="a", times=3),
            error(2, "cancelJob", visitor="b", fingerprint="other"),
            error(3, FORMULA),
            error(4, "cancelJob", at=NOW - WEEK_MS, visitor="c"),
            error(5, "runJob", origin="job", job_name="etl", times=8),
            error(6, "runJob", origin="job", job_name="etl", at=NOW - WEEK_MS),
        ],
        [],
    )


def error(number: int, action: str, **more: Any) -> ErrorEvent:
    values: dict[str, Any] = {
        "event_id": f"{number:032x}",
        "fingerprint": f"fp-{action}",
        "title": f"Error of {action}",
        "at": NOW - MINUTE_MS,
        "received_at": NOW,
        "level": "error",
        "origin": "browser",
        "kind": "manual",
        "type": "TypeError",
        "message": "x",
        **more,
    }
    return ErrorEvent(action=action, **values)


@pytest.fixture(scope="module")
def client(place: Composed) -> TestClient:
    return TestClient(place.asgi, base_url="http://127.0.0.1:8050")


def rows(client: TestClient, metric: str, **query: str) -> list[dict[str, Any]]:
    answer = client.get(f"/api/trends/{metric}", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


@pytest.mark.parametrize(
    ("query", "failed", "judged", "before"),
    [
        ({}, 15, 200, 12 / 200),
        ({"job": "etl"}, 10, 100, 0.02),
        ({"source": "mail"}, 40, 100, None),
        ({"source": "all"}, 55, 300, 12 / 200),
        ({"job": "never"}, 0, 0, None),
    ],
)
def test_the_error_rate_of_a_step(
    client: TestClient, query: dict[str, str], failed: int, judged: int, before: float
) -> None:
    last = rows(client, "error-rate", **query)[-1]

    assert last == {
        "at": STEP,
        "error_rate": failed / judged if judged else None,
        "failed": failed,
        "judged": judged,
        "week_before": before,
    }


def test_throughput_counts_every_end(client: TestClient) -> None:
    by_day = rows(client, "throughput", range="90d")
    assert len(by_day) == 90
    assert by_day[-1] == {"at": TODAY, "succeeded": 185, "failed": 15, "cancelled": 2}
    assert by_day[-8]["failed"] == 12
    by_hour = rows(client, "throughput", range="24h")
    assert (len(by_hour), by_hour[-1]["at"], by_hour[-1]["failed"]) == (24, HOUR, 15)


def test_run_time_is_that_of_the_busiest_type_when_none_is_chosen(
    client: TestClient,
) -> None:
    [busiest, chosen] = (
        rows(client, "duration", **query)[-1] for query in ({}, {"job": "etl"})
    )
    assert busiest["job"] == FORMULA
    assert chosen["runs"] == 90
    assert chosen["p50_ms"] == pytest.approx(60_000, rel=0.048)
    answer = client.get("/api/trends/duration", params={"job": "etl"}).json()
    assert answer["words"].startswith("p50 ~1m 0")


def test_stalled_viewers_and_uptime(client: TestClient) -> None:
    assert rows(client, "stalled")[-2:] == [
        {"at": TODAY - DAY_MS, "stalled": 1, "watched": 0, "afterwards": 1},
        {"at": TODAY, "stalled": 1, "watched": 1, "afterwards": 0},
    ]
    assert rows(client, "disconnects")[-1] == {
        "at": STEP, "disconnected": 2 / 10, "highest": 2 / 10, "lost": 2,
    }  # fmt: skip
    assert rows(client, "disconnects", range="30d")[-1]["disconnected"] == 2 / 40
    assert rows(client, "uptime", range="30d")[-1] == {
        "at": TODAY, "uptime": 199 / 200, "good_minutes": 199, "minutes": 200,
    }  # fmt: skip


def test_incidents_and_error_types(client: TestClient) -> None:
    assert rows(client, "mttr") == [
        {
            "at": TODAY - DAY_MS + 20 * MINUTE_MS, "incident": "etl",
            "kind": "stalled run", "resolve_ms": 20 * MINUTE_MS, "detect_ms": None,
        },
        {
            "at": TODAY + HOUR_MS + 10 * MINUTE_MS, "incident": "etl",
            "kind": "stalled run", "resolve_ms": 10 * MINUTE_MS, "detect_ms": MINUTE_MS,
        },
    ]  # fmt: skip
    assert rows(client, "mttr", job="other") == []
    found = {one["action"]: one for one in rows(client, "error-types")}
    assert [*found] == ["runJob", "cancelJob", FORMULA]
    assert (found["cancelJob"]["errors"], found["cancelJob"]["sessions"]) == (4, 2)
    assert [one["action"] for one in rows(client, "error-types", job="etl")] == [
        "runJob"
    ]


def test_limits_are_those_that_people_set(changed: Composed) -> None:
    store = changed.deps.store
    question = question_of(changed.deps, {}, NOW)
    for rule, value in (("StalledFrequency", 7), ("WsDisconnectRate", 20)):
        store.alerts.change(rule, {"fire": value}, by="ann", at_ms=NOW)
    assert "limit 7 a day" in METRICS["stalled"].read(store, question).words
    assert "limit 20%" in METRICS["disconnects"].read(store, question).words


@pytest.mark.parametrize("suffix", ["", ".csv"])
def test_an_unknown_metric_is_404_and_says_what_there_is(
    client: TestClient, suffix: str
) -> None:
    answer = client.get(f"/api/trends/latency{suffix}")
    assert answer.status_code == 404
    said = answer.json()["error"]["message"]
    assert (
        "There is no metric 'latency'. Metrics: error-rate, stalled, duration" in said
    )


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"range": "1y"}, 422, "range"),
        ({"range": "custom"}, 422, "The first day is missing"),
        ({"range": "custom", "from": "2026-03-18", "to": "2026-03-01"}, 422, "swap"),
        ({"range": "custom", "from": "2026-03-18", "to": "2026-03-30"}, 422, "future"),
        ({"range": "custom", "from": "2024-03-18", "to": "2026-03-01"}, 422, "400"),
        ({"from": "2026-03-01", "to": "2026-03-02"}, 422, "add range=custom"),
        ({"range": "30d", "to": "abc"}, 422, "add range=custom"),
        ({"source": "nobody"}, 404, "There is no source 'nobody'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    client: TestClient, query: dict[str, str], status: int, says: str
) -> None:
    for suffix in ("", ".csv"):
        answer = client.get(f"/api/trends/stalled{suffix}", params=query)
        assert answer.status_code == status
        assert says in answer.json()["error"]["message"]


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_a_csv_with_the_rows_of_the_json(
    client: TestClient, metric: str
) -> None:
    query = {"range": "custom", "from": "2026-03-10", "to": "2026-03-18"}
    answer = client.get(f"/api/trends/{metric}.csv", params=query)
    assert answer.headers["content-type"].startswith("text/csv")
    assert (
        answer.headers["content-disposition"] == f'attachment; filename="{metric}.csv"'
    )
    head, *lines = [
        *csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    ]
    known = rows(client, metric, **query)
    assert len(lines) == len(known) > 0
    assert head == [*known[0]]
    if "at" in head:
        assert all(line[head.index("at")].endswith("+00:00") for line in lines)


def test_a_cell_of_the_csv_is_no_formula(client: TestClient) -> None:
    for metric in ("error-types", "duration"):
        text = client.get(f"/api/trends/{metric}.csv").text
        cells = [cell for line in csv.reader(io.StringIO(text)) for cell in line]
        assert f"'{FORMULA}" in cells
        assert FORMULA not in cells


def test_an_empty_store_answers_with_empty_rows(
    client: TestClient, place: Composed
) -> None:
    for metric in METRICS:
        query = {"range": "custom", "from": "2026-01-01", "to": "2026-01-02"}
        trend = METRICS[metric].read(
            place.deps.store, question_of(place.deps, query, NOW)
        )
        assert trend.empty


# ---- what moved it ----


def cause(place: Composed, metric: str, key: object, **words: str) -> Any:
    question = question_of(place.deps, words, NOW)
    return cause_of(place.deps.store, metric, key, question, NOW)


def test_what_moved_the_error_rate(place: Composed) -> None:
    found = cause(place, "error-rate", STEP)

    assert found["title"] == "Error rate, 18 Mar 12:00 to 18:00 UTC, not over yet"
    assert found["words"] == "7.5% (15 of 200) · a week before 6% (12 of 200)"
    jobs, groups, workers = found["parts"]
    assert [(line["name"], line["words"]) for line in jobs["lines"]] == [
        ("etl", "+4.00 points, 267% of the change"),
        (FORMULA, "−2.50 points, −167% of the change"),
    ]
    assert [(line["name"], line["words"]) for line in groups["lines"]] == [
        ("Error of runJob", "+7, 100% of the change"),
    ]
    assert workers["title"] == "Workers"
    assert [(line["name"], line["words"]) for line in workers["lines"]] == [
        ("w2", "+4.50 points, 300% of the change"),
        ("(worker not known)", "−2.50 points, −167% of the change"),
        ("w1", "−0.50 points, −33% of the change"),
    ]
    assert [link["words"] for link in found["links"]] == [
        "Failed runs",
        "All runs",
        "Errors",
    ]
    assert found["links"][0]["href"] == (
        f"history?source=jobs&status=FAILED&range={STEP}-{STEP + 6 * HOUR_MS}"
    )
    assert found["links"][2]["href"] == "errors?range=24h&origin=job"


def test_workers_are_among_the_causes_where_they_are_known(place: Composed) -> None:
    runs = cause(place, "throughput", STEP)
    assert [(part["title"], len(part["lines"])) for part in runs["parts"]] == [
        ("Job types", 1),
        ("Workers", 3),
    ]
    mail = cause(place, "throughput", STEP, source="mail")
    assert [part["title"] for part in mail["parts"]] == ["Job types"]


@pytest.mark.parametrize(
    ("metric", "key", "words"),
    [
        ("throughput", STEP, "202 runs · a week before 200"),
        ("stalled", TODAY, "1 stalled · a week before 0"),
        ("duration", STEP, "of 95 runs · a week before p50"),
        ("disconnects", STEP, "2 of 10 viewers lost the live connection"),
        ("uptime", STEP - 1, "0 of 30 viewers lost"),
        ("mttr", TODAY + HOUR_MS, "1 ended"),
        ("error-types", "cancelJob", "4 errors · a week before 1"),
    ],
)
def test_every_chart_says_what_is_behind_a_point(
    place: Composed, metric: str, key: object, words: str
) -> None:
    found = cause(place, metric, key)
    assert words in found["words"]
    assert found["links"]


@pytest.mark.parametrize(
    ("metric", "key"),
    [
        ("error-rate", "x"), ("error-rate", None), ("error-rate", True),
        ("error-rate", NOW + DAY_MS), ("stalled", 0), ("nothing", STEP),
        ("error-types", STEP), ("error-rate", [STEP]),
    ],
)  # fmt: skip
def test_what_is_no_point_is_refused(place: Composed, metric: str, key: object) -> None:
    with pytest.raises(InvalidRequestError):
        cause(place, metric, key)


# ---- beside the charts ----


def test_reports_tell_nothing_private(place: Composed) -> None:
    found = reports(place.deps, question_of(place.deps, {}, NOW))
    assert [one["at"] for one in found] == [HOUR, HOUR - 1]
    assert "private" not in str(found)
    assert "somebody" not in str(found)


def test_job_types_are_those_of_the_source(place: Composed) -> None:
    assert known_jobs(place.deps, "mail", NOW) == ["mail"]
    assert known_jobs(place.deps, "all", NOW) == [FORMULA, "etl", "mail"]
    with pytest.raises(UnknownSourceError):
        known_jobs(place.deps, "nobody", NOW)


def test_the_first_reading_has_a_progress(changed: Composed) -> None:
    assert progress(changed.deps, "jobs") is None
    with changed.deps.store.database.writing() as connection:
        connection.execute(
            update(rollup_state).values(
                complete=False, refreshed_until=NOW, backfilled_from=NOW - 45 * DAY_MS
            )
        )
    found = progress(changed.deps, "jobs")
    assert found is not None
    assert found["percent"] == 50
    assert "50 %" in found["words"]
