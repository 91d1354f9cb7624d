"""What all charts of this project share: colours, axes, lines, limits.

Plain JSON and no ``go.Figure``, which checks every value and costs more than all else.
Text and grid get their colours from assets/45_charts.css, for both themes; the colours
here have at least 3:1 on the surface of either.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any, Final, NamedTuple

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, from_ms

BLUE: Final = "#4f7fe0"
GREEN: Final = "#2f8f6b"
AMBER: Final = "#b9770e"
RED: Final = "#d4493f"
PURPLE: Final = "#a258b8"
GREY: Final = "#6f7c8e"

_TICKS: Final = 5
#: So many days have a tick each.
_FEW_DAYS: Final = 7
_DOT: Final = 5
#: Steps of an axis of durations.
_DURATIONS: Final = (
    *(100, 200, 500, SECOND_MS, 2 * SECOND_MS, 5 * SECOND_MS, 10 * SECOND_MS),
    *(15 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS),
    *(10 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS),
    *(3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS),
)
_LETTERS: Final = ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "m"), (SECOND_MS, "s"))
_HOVER: Final = "#2b3442"


class Frame(NamedTuple):
    """The axis of time: UTC, epoch ms."""

    #: start of the first step, end of the last one
    since: int
    until: int
    step_ms: int
    #: zoom is kept as long as this stays the same
    revision: str


class Line(NamedTuple):
    """One line; ``values`` has None where nothing is known."""

    name: str
    colour: str
    values: Sequence[float | None]
    #: said of each point when it is pointed at
    words: Sequence[str]
    #: "" for a whole line
    dash: str = ""
    #: goes on over what is not known, with a dot wherever something is
    bridged: bool = False


class Bars(NamedTuple):
    """One series of bars."""

    name: str
    values: Sequence[float]
    words: Sequence[str]
    #: plotly's marker
    marker: dict[str, Any]


class Limit(NamedTuple):
    """A dashed line across."""

    value: float
    words: str
    colour: str = RED
    #: its words stand below the line
    below: bool = False


def layout(frame: Frame, *, legend: bool, **more: Any) -> dict[str, Any]:
    """A chart over time; ``more`` is put on top of it."""
    half = frame.step_ms // 2
    length = frame.until - frame.since
    is_days = frame.step_ms >= DAY_MS or length > 2 * DAY_MS
    few = {"dtick": DAY_MS} if is_days and length <= _FEW_DAYS * DAY_MS else {}
    return {
        "autosize": True,
        "margin": {"l": 46, "r": 12, "t": 34 if legend else 14, "b": 30},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "inherit", "size": 11},
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": _HOVER,
            "bordercolor": _HOVER,
            "font": {"color": "#ffffff", "size": 12},
        },
        "dragmode": "zoom",
        "showlegend": legend,
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        "uirevision": frame.revision,
        "xaxis": {
            "type": "date",
            "range": [_instant(at - half) for at in (frame.since, frame.until)],
            "showgrid": False,
            "tickformat": "%b %d" if is_days else "%H:%M",
            "hoverformat": "%b %d" if frame.step_ms >= DAY_MS else "%b %d %H:%M",
            "nticks": 8,
            "tickangle": 0,
            **few,
        },
        "yaxis": {
            "rangemode": "tozero",
            "nticks": _TICKS,
            "tickformat": ",d",
            "fixedrange": True,
        },
        **more,
    }


def emptied(figure: dict[str, Any]) -> dict[str, Any]:
    """A chart without anything to draw: the range that was asked for on its axis."""
    bare = {
        "shapes": [],
        "annotations": [],
        "showlegend": False,
        "yaxis": {"visible": False, "fixedrange": True},
    }
    return {"data": [], "layout": {**figure["layout"], **bare}}


def no_data(words: str) -> dict[str, Any]:
    """An annotation in the middle of a chart that has nothing to draw."""
    return {
        "text": words,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
        "showarrow": False,
    }


def _instant(at: int) -> str:
    """In UTC, as plotly writes it: a number it would show in the browser's zone."""
    return f"{from_ms(at):%Y-%m-%d %H:%M}"


def line_trace(line: Line, at: Sequence[int]) -> dict[str, Any]:
    """A thin line; a point without neighbours is a dot."""
    sizes = [_DOT] * len(at) if line.bridged else dots(line.values)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": line.name,
        "x": [*map(_instant, at)],
        "y": [*line.values],
        "customdata": [*zip(at, line.words, strict=True)],
        "line": {"color": line.colour, "width": 1.8, "dash": line.dash or "solid"},
        "marker": {
            "color": line.colour,
            "size": sizes,
            "opacity": 1,
            "line": {"width": 0},
        },
        "connectgaps": line.bridged,
        "hovertemplate": "%{customdata[1]}<extra></extra>",
    }


def bar_trace(bars: Bars, at: Sequence[int], frame: Frame) -> dict[str, Any]:
    """Bars as wide as four fifths of their step, or a sixth of the chart."""
    width = min(frame.step_ms * 0.8, (frame.until - frame.since) / 6)
    return {
        "type": "bar",
        "name": bars.name,
        "x": [*map(_instant, at)],
        "y": [*bars.values],
        "width": int(width),
        "customdata": [*zip(at, bars.words, strict=True)],
        "marker": bars.marker,
        "hovertemplate": "%{customdata[1]}<extra></extra>",
    }


def plain(text: str) -> str:
    """A foreign text for a label: Plotly takes a little markup there."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def dots(values: Sequence[float | None]) -> list[int]:
    """The size of each point's dot: 0 but for those between two unknown ones."""
    around = [None, *values, None]
    return [
        _DOT if around[at] is None and around[at + 2] is None else 0
        for at in range(len(values))
    ]


def limits(found: Sequence[Limit]) -> dict[str, Any]:
    """The parts of a layout that draw limits."""
    return {
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": limit.value,
                "y1": limit.value,
                "line": {"color": limit.colour, "width": 1.2, "dash": "dash"},
            }
            for limit in found
        ],
        "annotations": [
            {
                "xref": "paper",
                "x": 1,
                "y": limit.value,
                "text": limit.words,
                "showarrow": False,
                "xanchor": "right",
                "yanchor": "top" if limit.below else "bottom",
                "font": {"size": 11},
            }
            for limit in found
        ],
    }


def share_axis(
    values: Sequence[float | None], found: Sequence[Limit]
) -> dict[str, Any]:
    """An axis of shares from nothing to a little above the highest value or limit."""
    known = [value for value in values if value is not None]
    top = max([*known, *(limit.value for limit in found)], default=0.0)
    return {
        "range": [0, 1.15 * (top or 0.01)],
        "tickformat": ".2~%",
        "nticks": _TICKS,
        "fixedrange": True,
    }


def duration_axis(values: Sequence[float | None]) -> dict[str, Any]:
    """An axis of durations in ms, with round steps in words."""
    top = max((value for value in values if value is not None), default=0) or SECOND_MS
    step = next(
        (one for one in _DURATIONS if top / one <= _TICKS), DAY_MS * ceil(top / DAY_MS)
    )
    ticks = [step * n for n in range(ceil(top / step) + 1)]
    return {
        "range": [0, 1.08 * max(top, ticks[-1])],
        "tickvals": ticks,
        "ticktext": [_short(tick) for tick in ticks],
        "fixedrange": True,
    }


def _short(span_ms: int) -> str:
    for length, letter in _LETTERS:
        if span_ms >= length:
            return f"{span_ms / length:g}{letter}"
    return f"{span_ms / SECOND_MS:g}s"
