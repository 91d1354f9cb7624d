"""Sentences of the guides that name what the product has: routes, metrics, keys, numbers."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app import compose
from dashboard.ids import Tiles
from dashboard.panels.keyboard import _KEYS
from dashboard.settings import load_settings
from dashboard.trends.metrics import METRICS
from dashboard.views.trends_range import CUSTOM, LONGEST_DAYS, RANGES
from data import connecting, db, snapshot, store
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from data.model import Anomaly
from data.monitor import PROBE_EVERY_S, leading, source_duties
from data.monitor.duties import _PRUNE_EVERY_MS
from data.rules.alarms import RULES, checked
from data.rules.metrics import UPTIME_BUDGET_MINUTES, UPTIME_TARGET
from data.store import rollups, trends
from tests.factories import job_table

ROOT = Path(__file__).parent.parent


def guide(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    below = text.split(f"{heading}\n", 1)[1]
    table = re.search(r"((?:^\|.*\|\n)+)", below, re.MULTILINE)
    assert table, heading
    lines = table[1].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


# ---- routes, metrics, commands ----


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    folder = tmp_path_factory.mktemp("docs")
    url = f"sqlite:///{folder / 'jobs.db'}"
    environ = {
        "JOBS_DATABASE_URL": url,
        "JOBS_STORE_URL": f"sqlite:///{folder / 'store.db'}",
    }
    with job_table(url):
        made = compose(load_settings(environ, directory=folder))
        yield TestClient(made.asgi, base_url="http://127.0.0.1:8050")
        made.deps.store.close()
        made.deps.sources["jobs"].engine.close()


def test_every_route_for_programs_is_in_the_guide_and_no_other(
    client: TestClient,
) -> None:
    described = client.get("/api/openapi.json").json()["paths"]
    there = {
        f"{method.upper()} {path}"
        for path, methods in described.items()
        for method in methods
    }
    told = set(re.findall(r"^\| `([A-Z]+ /api/[^`]+)` \|", guide("api"), re.MULTILINE))
    assert told == there


def test_every_metric_is_in_the_guide_and_no_other(client: TestClient) -> None:
    families = set(
        re.findall(
            r"^# TYPE (jobmanager_\w+)", client.get("/metrics").text, re.MULTILINE
        )
    )
    told = {row[0].strip("` ") for row in rows(guide("telemetry"), "## Metrics")}
    assert told == families


def test_every_command_that_a_page_names_is_there() -> None:
    code = "".join(
        path.read_text()
        for path in [
            ROOT / "dashboard/cli.py",
            *(ROOT / "dashboard/commands").glob("*.py"),
        ]
    )
    there = set(re.findall(r"add_parser\(\s*\"([\w-]+)\"", code))
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        named = set(re.findall(r"`job-manager ([a-z-]+)", page.read_text()))
        assert named <= there, page.name


def test_the_reference_of_trends_names_metrics_and_ranges() -> None:
    told = guide("trends").split("## For programs")[1]
    assert {*re.findall(r"`([a-z-]+)`", told.split("Metrics:")[1].split(".")[0])} == {
        *METRICS
    }
    ranges = told.split("`range` (")[1].split(")")[0]
    assert [*re.findall(r"`(\w+)`", ranges)] == [*RANGES, CUSTOM]
    assert f"({LONGEST_DAYS} at most)" in guide("trends")


# ---- the page ----


def test_every_key_is_in_the_guide() -> None:
    told = guide("users").split("## Keys")[1]
    for keys, _ in _KEYS:
        assert f"`{keys[-1]}`" in told, keys


def test_every_tile_is_in_the_guide() -> None:
    told = " ".join(row[0] for row in rows(guide("users"), "## The tiles"))
    ids = [id_ for id_ in vars(Tiles).values() if str(id_).startswith("tile-")]
    assert len(ids) == 6
    for id_ in ids:
        words = id_.removeprefix("tile-").replace("-", " ")
        assert words in told.lower(), id_


def test_every_reason_not_to_judge_is_in_the_guide() -> None:
    told = guide("connect")
    for reason in Anomaly:
        if reason in (Anomaly.MICROSECONDS, Anomaly.NANOSECONDS):
            assert reason.value.removeprefix("time in ") in told
        else:
            assert re.search(
                rf"^\| {reason.value}.*, not judged \|", told, re.MULTILINE
            ), reason


def test_the_limits_of_the_alerts_are_those_of_the_rules() -> None:
    table = rows(guide("alerts"), "## The rules")
    named = {name for row in table for name in re.findall(r"`([A-Z]\w+)`", row[0])}
    assert named == {*RULES}
    said = {name: row[1] for row in table for name in re.findall(r"`(\w+)`", row[0])}
    fire = {name: checked(name, {}) for name in RULES}
    lost, rate = fire["WsDisconnectRate"], fire["ErrorRateWoW"]
    assert f"more than {lost['fire']:g} %" in said["WsDisconnectRate"]
    limit = fire["StalledFrequency"]["fire"]
    assert f"more than {limit:g} runs" in said["StalledFrequency"]
    assert f"is {rate['fire']:g} times" in said["ErrorRateWoW"]
    group = fire["NewErrorGroup"]
    assert f"met {group['users']:g} people" in said["NewErrorGroup"]
    assert f"came {group['events']:g} times" in said["NewErrorGroup"]


def test_uptimes_target_and_budget_are_those_that_are_judged_by() -> None:
    words = f"target {UPTIME_TARGET:.1%}".replace("%", " %")
    assert words in guide("trends")
    assert f"{UPTIME_BUDGET_MINUTES} minutes" in guide("trends")
    assert f"{UPTIME_BUDGET_MINUTES} minutes" in guide("telemetry")


# ---- what it costs, and how often ----


@pytest.mark.parametrize(
    ("sentence", "value", "there"),
    [
        ("Every {} s one process reads the last hour", 5,
         source_duties._REFRESH_EVERY_MS / SECOND_MS),
        ("every {} s it reads one older hour", 10,
         source_duties._AUDIT_EVERY_MS / SECOND_MS),
        ("left alone for {} times as long as the read took", 20,
         snapshot._REST_PER_READ),
        ("A statement may take {} s", 3, connecting.STATEMENT_LIMIT_S),
        ("{} s to connect", 4, connecting.CONNECT_LIMIT_S),
        ("{} s for a kept connection", 1.5, connecting._PING_LIMIT_S),
        ("{} s without a word within a call", 5, db.CALL_LIMIT_S),
        ("{} s for a whole read of a source", 6, snapshot.READ_LIMIT_S),
        ("The pool has {} connections for reading", 5, connecting._POOL_SIZE),
        ("It is renewed every {} s", 10, leading._RENEW_EVERY_MS / SECOND_MS),
        ("takes over {} s after", 30, leading.LEASE_MS / SECOND_MS),
        ("{} days of hourly rollups", 15, rollups.LEAST_KEPT_MS / DAY_MS),
        ("{} days of stalled episodes", 30, store.EPISODES_LEAST_MS / DAY_MS),
        ("{} days of what viewers saw", 4, store.TELEMETRY_LEAST_MS / DAY_MS),
        ("by day ({} days)", 400, rollups.DAYS_KEPT_MS / DAY_MS),
    ],
)  # fmt: skip
def test_numbers_of_the_operators_guide(
    sentence: str, value: float, there: float
) -> None:
    assert there == value
    assert sentence.format(f"{value:g}") in guide("operate")


def test_words_for_numbers_of_the_operators_guide() -> None:
    told = guide("operate")
    assert rollups._AUDITED_MS == HOUR_MS
    assert snapshot._CHECK_EVERY_MS == MINUTE_MS
    assert "once a minute it looks at the table's columns, rights and indexes" in told
    assert PROBE_EVERY_S == {"sqlite": 0.25, "postgresql": 1.0}
    assert f"`{db._PROBE['sqlite']}` four times a second on SQLite" in told
    assert "pg_current_snapshot()" in db._PROBE["postgresql"]
    assert "(`pg_current_snapshot()`) once a second on PostgreSQL" in told
    assert trends._ELSEWHERE_MS == 10 * MINUTE_MS
    assert 'no part of "All sources" ten minutes after it was last read' in told
    assert _PRUNE_EVERY_MS == HOUR_MS
    assert "the server does it once an hour" in told


@pytest.mark.parametrize("name", ["users", "operate", "deployment"])
def test_nothing_that_is_there_is_said_to_come(name: str) -> None:
    told = guide(name)
    assert "nothing yet" not in told.lower()
    assert "cannot start jobs" not in told
    rows_of_flags = re.findall(r"^\| `JOBS_ERROR_TRACKING.*$", told, re.MULTILINE)
    assert all("page Errors" in row for row in rows_of_flags)
