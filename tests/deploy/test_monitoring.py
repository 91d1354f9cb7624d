"""Rules and dashboard ask for what the program tells, and for nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from data.rules.alarms import RULES
from tests.browser.nginx import DEPLOY
from tests.composing import composed
from tests.conftest import FakeClock
from tests.deploy.monitoring import Exposed, asked_in, grouped_by, is_balanced
from tests.factories import job_table
from tests.telling import fill

GROUPS = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"]
RULE_LIST: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULE_LIST if "record" in rule}
BOARD = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
TARGETS = [
    (panel["title"], target["expr"])
    for panel in BOARD["panels"]
    for target in panel["targets"]
]
EXPRESSIONS = [
    *((rule.get("alert") or rule["record"], rule["expr"]) for rule in RULE_LIST),
    *TARGETS,
]
KEYS = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}
#: Not of a rule of ours: about the program itself.
OWN = {"StoreDown", "BackgroundTaskLate"}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposed]:
    """What a program tells that has seen a bit of everything."""
    place = tmp_path_factory.mktemp("monitoring")
    url = f"sqlite:///{place / 'jobs.db'}"
    with job_table(url), composed(FakeClock(), url, place) as made:
        fill(made)
        client = TestClient(made.asgi, base_url="http://127.0.0.1:8050")
        yield Exposed(client.get("/metrics").text)


@pytest.mark.parametrize(("of", "expression"), EXPRESSIONS)
def test_what_is_asked_for_is_told(exposed: Exposed, of: str, expression: str) -> None:
    asked = asked_in(expression)
    assert asked, of
    assert is_balanced(expression), of
    for one in asked:
        assert one.name in RECORDED or exposed.has(one), one
    told = {
        label
        for one in asked
        if one.name not in RECORDED
        for label in exposed.labels(one.name)
    }
    assert grouped_by(expression) <= told


def test_a_metric_that_is_not_told_would_be_noticed(exposed: Exposed) -> None:
    for nothing in (
        "jobmanager_nothing_total",
        'jobmanager_errors_total{level="fatal"}',
        'jobmanager_source_up{job="x"}',
    ):
        [asked] = asked_in(f"sum(rate({nothing}[5m])) > 1")
        assert not exposed.has(asked)
    assert not is_balanced("sum(rate(x[5m])")
    assert grouped_by("sum by (a, b) (max by (c) (x))") == {"a", "b", "c"}


def test_every_alert_is_one_of_ours_and_all_are_there() -> None:
    alerts = {rule["alert"] for rule in RULE_LIST if "alert" in rule}
    critical = {"CriticalStalled", "CriticalFailed"}  # told one job at a time
    assert alerts - OWN == RULES.keys() - critical


def test_for_and_severity_are_known_to_prometheus() -> None:
    for rule in RULE_LIST:
        assert rule.keys() <= KEYS
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("info", "warning", "critical")
            assert rule["annotations"]["summary"].endswith(".")


def test_a_recorded_sum_is_made_before_it_is_used() -> None:
    used = {one.name for _, expression in EXPRESSIONS for one in asked_in(expression)}
    assert {name for name in used if ":" in name} == RECORDED


def test_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_the_guide_names_every_metric_and_no_other(exposed: Exposed) -> None:
    guide = (Path(DEPLOY).parent / "docs/telemetry.md").read_text()
    rows = [
        line.split("`")[1]
        for line in guide.splitlines()
        if line.startswith("| `jobmanager_")
    ]
    assert {*rows} == exposed.names
