"""Errors in words, lines and figures: pure, for every range and origin."""

import json

import pytest

from dashboard.figures.errors import errors_by_action
from dashboard.views.errors import (
    EVENT_COLUMNS,
    RANGES,
    context_json,
    event_cells,
    filter_of,
    group_view,
    range_of,
    rate_words,
    spark_image,
    steps_of,
    support_text,
)
from data.clock import DAY_MS, HOUR_MS
from data.model import GroupStatus
from data.store.error_records import Group, KeptEvent
from tests.factories import NOW

GROUP = Group(
    fingerprint="v1:0123456789abcdef",
    title="TimeoutError: after <n>",
    type="TimeoutError",
    origin="job",
    action="runJob",
    component="default",
    job_name="etl",
    first_seen=NOW - DAY_MS,
    last_seen=NOW,
    status=GroupStatus.REGRESSED,
    status_at=NOW,
    status_by="",
    events=1_480,
    visitors=0,
    runs=1_001,
    merged=(),
)
BODY = {
    "exception": {"message": "after 3 s", "stacktrace": "Traceback: x"},
    "context": {"action": "runJob", "jobName": "", "params": {"a": 1}, "url": "/x"},
    "breadcrumbs": [{"t": -1200, "c": "click", "m": "run-submit"}],
}
EVENT = KeptEvent(
    id=1,
    event_id="0" * 32,
    fingerprint=GROUP.fingerprint,
    at=NOW,
    received_at=NOW,
    level="error",
    origin="job",
    kind="job_failure",
    type="TimeoutError",
    message="after 3 s",
    action="runJob",
    component="default",
    job_name="etl",
    source="jobs",
    run_id="7",
    visitor="",
    times=3,
    body=json.dumps(BODY),
)


def test_a_group_is_one_line() -> None:
    steps = [NOW - HOUR_MS, NOW]
    line = group_view(GROUP, {NOW: 5}, steps)
    assert line.about == "runJob · etl · worker"
    assert (line.events, line.users, line.runs) == ("1,480", "—", "1,001")
    assert (line.status, line.tone) == ("Regressed", "bad")
    assert "points='0,23 100,1'" in line.spark


def test_a_sparkline_is_an_image_without_what_an_address_may_not_hold() -> None:
    image = spark_image([0, 1, 2], "#c5392b")
    assert image.startswith("data:image/svg+xml,%3Csvg")
    assert not set('<>#"') & set(image)


@pytest.mark.parametrize("word", [*RANGES, None, "century"])
def test_every_range_has_steps_to_its_end(word: str | None) -> None:
    range_ = range_of(word)
    steps = steps_of(range_, NOW)
    assert steps[0] <= NOW - range_.length_ms < steps[1]
    assert steps[-1] <= NOW < steps[-1] + range_.step_ms
    assert 20 <= len(steps) <= 40


def test_words_that_nobody_offers_ask_for_nothing() -> None:
    odd = dict.fromkeys(("range", "status", "origin", "action"), "odd")
    found = filter_of(odd, NOW)
    assert (found.origin, found.action) == ("", "odd")
    assert found.since == NOW - 7 * DAY_MS
    assert found.statuses == {GroupStatus.OPEN, GroupStatus.REGRESSED}
    nothing = filter_of({"action": "any", "component": "any", "job": " "}, NOW)
    assert (nothing.action, nothing.component, nothing.job_name) == ("", "", "")


def test_support_gets_everything_once() -> None:
    text = support_text(GROUP, EVENT, "Our jobs")
    for part in ("Our jobs: TimeoutError", "v1:0123", "after 3 s", "Traceback: x"):
        assert text.count(part) >= 1
    assert "-1.2 s click: run-submit" in text
    assert '"jobName"' not in context_json(BODY)


def test_a_line_of_csv_has_a_cell_for_each_column() -> None:
    cells = dict(zip(EVENT_COLUMNS, event_cells(EVENT), strict=True))
    assert (cells["count"], cells["params"]) == ("3", '{"a": 1}')
    assert cells["at"].endswith("Z")


def test_the_chart_stacks_the_commonest_actions_and_puts_the_rest_together() -> None:
    steps = [NOW - HOUR_MS, NOW]
    cells = [(NOW, f"a{n}", n) for n in range(1, 9)] + [(NOW - HOUR_MS, "", 20)]
    bars = errors_by_action(cells, steps)["data"]
    assert [bar["name"] for bar in bars] == [
        "no action",
        "a8",
        "a7",
        "a6",
        "a5",
        "others",
    ]
    assert bars[0]["y"] == [20, 0]
    assert bars[-1]["y"] == [0, 1 + 2 + 3 + 4]
    assert errors_by_action([], [])["data"] == []


@pytest.mark.parametrize(
    ("events", "hours", "words"),
    [
        (1, 0, "1 tracked error in 7 d"),
        (956, 0.99, "956 tracked errors in 7 d"),
        (3, 1, "3 tracked errors in 7 d, 300 per 100 session-hours"),
        (956, 8_234, "956 tracked errors in 7 d, 11.6 per 100 session-hours"),
        (123_456, 10, "123,456 tracked errors in 7 d, 1,234,560 per 100 session-hours"),
    ],
)
def test_errors_are_told_for_how_much_pages_were_looked_at(
    events: int, hours: float, words: str
) -> None:
    assert rate_words(events, "7 d", round(hours * 3_600)) == words
