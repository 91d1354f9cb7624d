"""What a rule would have done: its measure, the limit, the times that it would have fired.

Plain JSON, as ``figures.errors``; text and lines get their colours from assets/45_charts.css.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

#: At least 3:1 on both themes' surfaces.
_LINE: Final = "#4f7fe0"
_LIMIT: Final = "#d6483f"
_FIRED: Final = "rgba(214, 72, 63, 0.22)"
#: A firing shorter than this share of the chart would not be seen.
_SLIMMEST: Final = 0.004


def preview_figure(
    values: Sequence[tuple[int, float | None]],
    spans: Sequence[tuple[int, int]],
    limit: float | None,
    unit: str,
    over: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """``values`` are (at, value or None without samples), ``spans`` (fired, over).

    Both oldest first; instants are epoch ms and shown in UTC. ``over`` is the time that
    is shown, whatever there is to draw; without it there is no axis.
    """
    edges = [at for at, _ in values] + [at for span in spans for at in span]
    slimmest = _SLIMMEST * (max(edges) - min(edges)) if edges else 0
    suffix = "%" if unit == "%" else f" {unit}".rstrip()
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [_at(at) for at, _ in values],
        "y": [value for _, value in values],
        "line": {"color": _LINE, "width": 1.5},
        "connectgaps": False,
        "hovertemplate": f"%{{y:.4~g}}{suffix}<br>%{{x|%b %d %H:%M}} UTC<extra></extra>",
    }
    fired = [_band(begin, max(end, begin + slimmest)) for begin, end in spans]
    layout = _layout(suffix)
    layout["xaxis"] |= {"range": [*map(_at, over)]} if over else {"visible": False}
    layout["shapes"] = fired
    if limit is not None:
        layout["shapes"] = [*fired, _limit_line(limit)]
        layout["annotations"] = [_limit_words(limit)]
        layout["yaxis"]["range"] = [0, _top(values, limit)]
    return {"data": [line], "layout": layout}


def _top(values: Sequence[tuple[int, float | None]], limit: float) -> float:
    """High enough for the measure and the words at the limit."""
    return 1.15 * max([limit, *(value for _, value in values if value is not None)])


def _band(begin: float, end: float) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": _at(begin),
        "x1": _at(end),
        "y0": 0,
        "y1": 1,
        "line": {"width": 0},
        "fillcolor": _FIRED,
        "layer": "below",
    }


def _limit_line(limit: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": limit,
        "y1": limit,
        "line": {"color": _LIMIT, "width": 1.5, "dash": "dash"},
    }


def _limit_words(limit: float) -> dict[str, Any]:
    return {
        "text": "limit",
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": limit,
        "yanchor": "bottom",
        "showarrow": False,
    }


def _at(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def _layout(suffix: str) -> dict[str, Any]:
    return {
        "autosize": True,
        "margin": {"l": 44, "r": 12, "t": 12, "b": 32},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "inherit", "size": 12},
        "xaxis": {"type": "date", "showgrid": False, "fixedrange": True},
        "yaxis": {
            "rangemode": "tozero",
            "nticks": 5,
            "fixedrange": True,
            "ticksuffix": "%" if suffix == "%" else "",
        },
        "showlegend": False,
        "uirevision": "same",
    }
