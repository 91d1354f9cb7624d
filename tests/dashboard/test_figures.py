"""Charts as JSON: the marks have the numbers, and can be seen on either surface."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dashboard.figures import template
from dashboard.figures.incidents import (
    error_types_figure,
    incidents_figure,
    time_line,
)
from dashboard.figures.runs import (
    durations_figure,
    rates_figure,
    stalled_figure,
    throughput_figure,
)
from dashboard.figures.template import Frame, Limit, Line, dots, duration_axis
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, from_ms
from data.model import JobState
from tests.factories import NOW

SURFACES = ("#ffffff", "#161d27")
#: WCAG 2.2 AA for what is drawn.
CONTRAST = 3.0
DAY = NOW // DAY_MS * DAY_MS
AT = range(DAY - 2 * DAY_MS, DAY + DAY_MS, DAY_MS)
FRAME = Frame(AT[0], DAY + DAY_MS, DAY_MS, "7 d")
COLOURS = [
    value
    for name, value in vars(template).items()
    if name[0] != "_" and str(value)[:1] == "#"
]


def light(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_is_seen_on_both_surfaces(colour: str, surface: str) -> None:
    darker, lighter = sorted((light(colour), light(surface)))
    assert (lighter + 0.05) / (darker + 0.05) >= CONTRAST


def test_there_are_colours_at_all() -> None:
    assert len(COLOURS) >= 6


def test_rates_are_lines_with_gaps_and_a_limit_across() -> None:
    lines = [
        Line("a week before", template.GREY, [0.01, None, 0.02], ["", "", ""], "dot"),
        Line("error rate", template.RED, [0.02, 0.03, None], ["2%", "3%", "—"]),
    ]
    figure = rates_figure(FRAME, AT, lines, [Limit(0.05, "alert limit")])

    ghost, rate = figure["data"]
    assert ghost["line"]["dash"] == "dot"
    assert rate["y"] == [0.02, 0.03, None]
    # texts, which are drawn as they are: numbers would be shown in the browser's zone
    assert rate["x"] == [f"{from_ms(at):%Y-%m-%d} 00:00" for at in AT]
    assert rate["customdata"] == [(AT[0], "2%"), (AT[1], "3%"), (AT[2], "—")]
    [limit] = figure["layout"]["shapes"]
    assert (limit["y0"], limit["y1"], limit["line"]["dash"]) == (0.05, 0.05, "dash")
    assert figure["layout"]["annotations"][0]["text"] == "alert limit"
    low, high = figure["layout"]["yaxis"]["range"]
    assert low == 0
    assert high > 0.05
    assert figure["layout"]["showlegend"]


def test_a_point_between_unknown_ones_is_a_dot() -> None:
    assert dots([None, 1, None, 2, 3]) == [0, 5, 0, 0, 0]
    assert dots([1]) == [5]
    assert dots([]) == []


def test_throughput_is_stacked_by_how_runs_ended() -> None:
    runs = {
        JobState.SUCCEEDED: [5, 6, 7],
        JobState.FAILED: [1, 0, 2],
        JobState.CANCELLED: [0, 0, 0],
    }
    words = {state: [str(n) for n in numbers] for state, numbers in runs.items()}
    figure = throughput_figure(FRAME, AT, runs, words)

    assert [(bar["name"], bar["y"]) for bar in figure["data"]] == [
        ("Succeeded", [5, 6, 7]),
        ("Failed", [1, 0, 2]),
    ]
    assert figure["layout"]["barmode"] == "stack"
    runs[JobState.CANCELLED] = [0, 1, 0]
    assert len(throughput_figure(FRAME, AT, runs, words)["data"]) == 3


def test_days_above_the_limit_are_amber_and_what_was_found_afterwards_is_lighter() -> (
    None
):
    figure = stalled_figure(FRAME, AT, [2, 1, 0], [0, 2, 0], Limit(2, "alert limit"))

    seen, found = figure["data"]
    assert seen["y"] == [2, 1, 0]
    assert found["y"] == [0, 2, 0]
    assert seen["marker"]["color"] == [template.BLUE, template.AMBER, template.BLUE]
    assert found["marker"]["color"] == seen["marker"]["color"]
    assert found["marker"]["opacity"] < 1
    assert "opacity" not in seen["marker"]


def test_run_times_have_three_lines_and_an_axis_in_words() -> None:
    values = [[MINUTE_MS] * 3, [3 * MINUTE_MS] * 3, [9 * MINUTE_MS, None, MINUTE_MS]]
    figure = durations_figure(FRAME, AT, values, [["~"] * 3] * 3)

    assert [line["name"] for line in figure["data"]] == ["p50", "p95", "p99"]
    assert figure["data"][2]["y"] == values[2]
    assert figure["layout"]["yaxis"]["ticktext"] == [
        "0s",
        "2m",
        "4m",
        "6m",
        "8m",
        "10m",
    ]


@pytest.mark.parametrize(
    ("top", "ticks"),
    [
        (None, ["0s", "0.2s", "0.4s", "0.6s", "0.8s", "1s"]),
        (4 * SECOND_MS, ["0s", "1s", "2s", "3s", "4s"]),
        (90 * MINUTE_MS, ["0s", "30m", "1h", "1.5h"]),
        (5 * HOUR_MS, ["0s", "1h", "2h", "3h", "4h", "5h"]),
        (300 * DAY_MS, ["0s", "300d"]),
    ],
)
def test_an_axis_of_durations_has_round_steps(
    top: int | None, ticks: list[str]
) -> None:
    assert duration_axis([top, None])["ticktext"] == ticks


def test_incidents_are_dots_over_gaps_beside_baseline_and_target() -> None:
    lines = [time_line("resolve", [5.0, None, 7.0], ["a", "b", "c"])]
    found = [Limit(10, "baseline"), Limit(5, "target", below=True)]
    figure = incidents_figure(FRAME, AT, lines, found)

    [line] = figure["data"]
    assert line["connectgaps"]
    assert line["marker"]["size"] == [5, 5, 5]
    assert [shape["y0"] for shape in figure["layout"]["shapes"]] == [10, 5]
    assert [note["yanchor"] for note in figure["layout"]["annotations"]] == [
        "bottom",
        "top",
    ]


def test_error_types_are_bars_and_hostile_names_are_no_markup() -> None:
    evil = '<a href="javascript:alert(1)">x</a>' + "y" * 40
    figure = error_types_figure([evil, "cancelJob"], [9, 4], ["9", "4"], "7 d")

    [bar] = figure["data"]
    assert bar["x"] == [9, 4]
    assert bar["orientation"] == "h"
    assert bar["customdata"][0][0] == evil
    said = json.dumps([figure["layout"]["yaxis"]["ticktext"], bar["customdata"][0][1]])
    assert "<" not in said
    assert "&lt;a href" in said
    assert len(figure["layout"]["yaxis"]["ticktext"][0]) < 40


NOTHING = dict.fromkeys(JobState, ())
EMPTY: dict[str, Callable[[], dict[str, Any]]] = {
    "rates": lambda: rates_figure(FRAME, [], [], []),
    "throughput": lambda: throughput_figure(FRAME, [], NOTHING, NOTHING),
    "stalled": lambda: stalled_figure(FRAME, [], [], [], Limit(2, "")),
    "durations": lambda: durations_figure(FRAME, [], [[], [], []], [[], [], []]),
    "incidents": lambda: incidents_figure(FRAME, [], [], []),
    "error types": lambda: error_types_figure([], [], [], ""),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_chart_of_nothing_is_a_chart(name: str) -> None:
    figure = json.loads(json.dumps(EMPTY[name]()))
    assert all(not trace["x"] for trace in figure["data"])


def test_zoom_is_kept_for_the_same_question_and_across_only() -> None:
    figure = rates_figure(FRAME, AT, [], [])
    assert figure["layout"]["uirevision"] == "7 d"
    assert figure["layout"]["yaxis"]["fixedrange"]
    assert "fixedrange" not in figure["layout"]["xaxis"]
