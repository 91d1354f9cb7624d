"""A number of the present is one number: tiles, pages, API, CSV, alerts and /metrics."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import Composed
from dashboard.ids import Tiles
from dashboard.pages import errors
from dashboard.trends.asked import question_of
from dashboard.trends.metrics import METRICS
from dashboard.views.tiles import tiles_view
from data.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from data.model import ErrorEvent
from data.monitor.measures import Measures
from data.rules.alarms import checked
from data.rules.number_text import count, percent_floor, took
from tests.composing import composed
from tests.conftest import FakeClock
from tests.factories import NOW, job_table, make_run
from tests.rolled import Ran, look, roll

HOUR = NOW // HOUR_MS * HOUR_MS


@pytest.fixture
def place(clock: FakeClock, sqlite_url: str, tmp_path: Path) -> Iterator[Composed]:
    """Three runs within their limit, two past it, and four that wait."""
    soon = {"started_at": NOW - SECOND_MS}
    waiting = {"status": "PENDING", "started_at": None, "worker": None}
    with job_table(sqlite_url) as table, composed(clock, sqlite_url, tmp_path) as made:
        table.add(
            *(make_run(**soon) for _ in range(3)),
            *(make_run() for _ in range(2)),
            *(make_run(**waiting) for _ in range(4)),
        )
        yield made


@pytest.fixture
def client(place: Composed) -> TestClient:
    return TestClient(place.asgi, base_url="http://127.0.0.1:8050")


def metric(client: TestClient, name: str) -> float:
    """The sum over all labels."""
    found = re.findall(
        rf"^{name}(?:\{{.*\}})? (\S+)$", client.get("/metrics").text, re.MULTILINE
    )
    assert found
    return sum(float(value) for value in found)


def table_of(client: TestClient, path: str) -> list[dict[str, str]]:
    text = client.get(path).text.removeprefix("\ufeff")
    return [*csv.DictReader(io.StringIO(text))]


def trend_of(place: Composed, name: str, **words: str) -> Any:
    question = question_of(place.deps, words, NOW)
    return METRICS[name].read(place.deps.store, question)


def test_open_runs_are_counted_alike_by_tiles_api_and_metrics(
    place: Composed, client: TestClient
) -> None:
    tiles = client.get("/api/snapshot").json()["view"]["tiles"]
    shown = tiles_view(place.deps.snapshot("jobs"))
    runs = client.get("/api/runs?limit=500").json()["runs"]
    stalled = client.get("/api/stalled").json()["runs"]

    for tile, number in (
        (Tiles.RUNNING, sum(run["status"] == "RUNNING" for run in runs)),
        (Tiles.PENDING, sum(run["status"] == "PENDING" for run in runs)),
        (Tiles.STALLED, len(stalled)),
    ):
        assert tiles[tile]["value"] == shown[tile]["value"] == str(number)
    assert [len(stalled), len(runs)] == [2, 9]
    assert tiles[Tiles.RUNNING]["note"] == f"{len(stalled)} past their limit"
    assert metric(client, "jobmanager_stalled_jobs") == len(stalled)
    assert sum(run["verdict"] is not None for run in runs) == len(stalled)


def test_errors_are_counted_alike_by_page_api_csv_and_metrics(
    place: Composed, client: TestClient
) -> None:
    for number, (group, visitor, times) in enumerate(
        [("a", "ann", 1_200), ("a", "bob", 3), ("a", "ann", 1), ("b", "", 2)]
    ):
        place.deps.store.errors.write([failure(number, group, visitor, times)])
    assert place.deps.tracker is not None
    asked = ("jobs", "7d", "open", "any", "any", "any", "", "")
    page = errors._found(place.deps, place.deps.tracker, asked, None, pages=1)

    groups = client.get("/api/errors/groups").json()["groups"]
    assert [(one["events"], one["users"]) for one in groups] == [(1_204, 2), (2, 0)]
    assert rows_of(page["groups"]) == [
        [count(one["events"]), count(one["users"]) if one["users"] else "—"]
        for one in groups
    ]
    for line, one in zip(
        table_of(client, "/api/errors/groups.csv"), groups, strict=True
    ):
        assert (line["events"], line["users"]) == (
            str(one["events"]),
            str(one["users"]),
        )
    events = sum(one["events"] for one in groups)
    assert metric(client, "jobmanager_errors_total") == events
    assert metric(client, "jobmanager_error_groups") == len(groups)
    assert page["chart_words"].startswith(f"{count(events)} tracked errors in ")
    assert sum(sum(bar["y"]) for bar in page["chart"]["data"]) == events
    lines = table_of(client, "/api/errors.csv")
    assert sum(int(line["count"]) for line in lines) == events
    told = client.get("/api/errors").json()["errors"]
    assert sum(one["count"] for one in told) == events


def test_run_time_percentiles_are_those_of_page_api_and_csv(
    place: Composed, client: TestClient
) -> None:
    long = Ran(HOUR, "etl", succeeded=10, took_ms=90_000)
    roll(place.deps.store, Ran(HOUR, "etl", succeeded=90, took_ms=1_500), long)
    answer = client.get("/api/trends/duration?job=etl").json()
    page = trend_of(place, "duration", job="etl")

    assert page.words == answer["words"]
    [row] = [row for row in answer["rows"] if row["runs"]]
    said = [f"{name} ~{took(row[f'{name}_ms'])}" for name in ("p50", "p95", "p99")]
    assert answer["words"].split(" · ")[:3] == said
    [line] = [
        line
        for line in table_of(client, "/api/trends/duration.csv?job=etl")
        if line["runs"] != "0"
    ]
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        assert line[name] == f"{row[name]:.6g}"
    drawn = {trace["name"]: trace["y"] for trace in page.figure["data"]}
    assert row["p95_ms"] in drawn["p95"]
    assert row["p95_ms"] == pytest.approx(90_000, rel=0.048)


def test_perceived_uptime_is_that_of_page_api_csv_and_burn_alert(
    place: Composed, client: TestClient
) -> None:
    look(place.deps.store, NOW - 20 * MINUTE_MS, minutes=1_200, good=1_185)
    path = "/api/trends/uptime{}?range=24h"
    answer = client.get(path.format("")).json()
    page = trend_of(place, "uptime", range="24h")
    deps = place.deps
    measures = Measures(deps.sources, deps.store, (), NOW)
    rule = "UptimeBurnSlow"
    reading = measures.readings(rule, checked(rule, {}), ())[""]

    [row] = [row for row in answer["rows"] if row["minutes"]]
    assert answer["words"] == page.words
    assert page.words.startswith(percent_floor(row["uptime"]))
    assert reading.value == pytest.approx(100 * (1 - row["uptime"]))
    assert reading.sentence.startswith("1.2 % of 1200 minutes were bad")
    [line] = [
        line for line in table_of(client, path.format(".csv")) if line["minutes"] != "0"
    ]
    assert line["uptime"] == f"{row['uptime']:.6g}"
    [drawn] = [y for y in page.figure["data"][0]["y"] if y is not None]
    assert drawn == row["uptime"] == 1_185 / 1_200


def rows_of(table: Any) -> list[list[str]]:
    """Events and users of each group on the page."""
    return [
        [str(row.children[2].children), str(row.children[3].children)]
        for row in table._traverse()
        if type(row).__name__ == "Tr" and type(row.children[0]).__name__ == "Td"
    ]


def failure(number: int, group: str, visitor: str, times: int) -> ErrorEvent:
    return ErrorEvent(
        event_id=f"{number:032x}",
        fingerprint=f"v2:{group * 16}",
        title=f"KeyError: {group}",
        at=NOW - number,
        received_at=NOW - number,
        level="error",
        origin="browser",
        kind="error",
        type="KeyError",
        message=group,
        action="loadRuns",
        visitor=visitor,
        times=times,
    )
