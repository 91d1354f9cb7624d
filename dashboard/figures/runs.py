"""Runs over time: how many failed, how long they took, how many there were."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final

from dashboard.figures.template import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    RED,
    Bars,
    Frame,
    Limit,
    Line,
    bar_trace,
    duration_axis,
    layout,
    limits,
    line_trace,
    share_axis,
)
from data.model import JobState

#: Bottom to top.
STATUSES: Final[Mapping[JobState, str]] = {
    JobState.SUCCEEDED: GREEN,
    JobState.FAILED: RED,
    JobState.CANCELLED: GREY,
}
#: Found afterwards, and not while it happened.
_LIGHTER: Final = 0.45
_PERCENTILES: Final = (("p50", BLUE), ("p95", GREEN), ("p99", AMBER))


def rates_figure(
    frame: Frame, at: Sequence[int], lines: Sequence[Line], found: Sequence[Limit]
) -> dict[str, Any]:
    """Shares over time as lines, limits across."""
    values = [value for line in lines for value in line.values]
    return {
        "data": [line_trace(line, at) for line in lines],
        "layout": layout(
            frame,
            legend=len(lines) > 1,
            yaxis=share_axis(values, found),
            **limits(found),
        ),
    }


def throughput_figure(
    frame: Frame,
    at: Sequence[int],
    runs: Mapping[JobState, Sequence[int]],
    words: Mapping[JobState, Sequence[str]],
) -> dict[str, Any]:
    """Stacked bars of finished runs by how they ended."""
    bars = [
        Bars(status.capitalize(), runs[status], words[status], {"color": colour})
        for status, colour in STATUSES.items()
        if status is not JobState.CANCELLED or any(runs[status])
    ]
    return {
        "data": [bar_trace(one, at, frame) for one in bars],
        "layout": layout(frame, legend=True, barmode="stack"),
    }


def stalled_figure(
    frame: Frame,
    at: Sequence[int],
    watched: Sequence[int],
    afterwards: Sequence[int],
    limit: Limit | None,
) -> dict[str, Any]:
    """Stalled runs a day; days above the limit are amber, found afterwards lighter."""
    most = inf if limit is None else limit.value
    totals = [seen + found for seen, found in zip(watched, afterwards, strict=True)]
    colours = [AMBER if total > most else BLUE for total in totals]
    seen, found = "seen while it happened", "found afterwards"
    bars = [
        Bars(seen, watched, [f"{n} {seen}" for n in watched], {"color": colours}),
        Bars(
            found,
            afterwards,
            [f"{n} {found}" for n in afterwards],
            {"color": colours, "opacity": _LIGHTER},
        ),
    ]
    axis = {
        "range": [0, 1.15 * max([*totals, limit.value + 1 if limit else 1])],
        "tickformat": "d",
        "nticks": 5,
        "fixedrange": True,
    }
    return {
        "data": [bar_trace(one, at, frame) for one in bars],
        "layout": layout(
            frame,
            legend=False,
            barmode="stack",
            yaxis=axis,
            **limits([limit] if limit else []),
        ),
    }


def durations_figure(
    frame: Frame,
    at: Sequence[int],
    values: Sequence[Sequence[float | None]],
    words: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Run time as three lines: ``values`` and ``words`` of p50, p95 and p99."""
    lines = [
        Line(name, colour, numbers, said)
        for (name, colour), numbers, said in zip(
            _PERCENTILES, values, words, strict=True
        )
    ]
    axis = duration_axis([value for numbers in values for value in numbers])
    return {
        "data": [line_trace(line, at) for line in lines],
        "layout": layout(frame, legend=True, yaxis=axis),
    }
