"""Tracked errors over time, by action.

Plain JSON and no ``go.Figure``, which checks every value and costs more than all else.
Text and lines get their colours from assets/45_charts.css, for both themes.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from dashboard.figures.template import no_data

#: Distinct for most kinds of colour blindness, at least 3:1 on both themes' surfaces.
_COLOURS: Final = ("#4f7fe0", "#c2571a", "#2f8f6b", "#a258b8", "#8a7a1f", "#6f7c8e")
_OTHERS: Final = "others"
_NOTHING: Final = "No error was tracked in this range."
#: What an error without an action is counted under.
_NONE: Final = "no action"


def errors_by_action(
    cells: Sequence[tuple[int, str, int]], steps: Sequence[int]
) -> dict[str, Any]:
    """Stacked bars: (start of the step, action, events) over ``steps``, oldest first."""
    totals: Counter[str] = Counter()
    for _, action, events in cells:
        totals[action or _NONE] += events
    shown = [action for action, _ in totals.most_common(len(_COLOURS) - 1)]
    found: Counter[tuple[str, int]] = Counter()
    for step, action, events in cells:
        name = action or _NONE
        found[name if name in shown else _OTHERS, step] += events
    names = [*shown, *([_OTHERS] if len(totals) > len(shown) else [])]
    times = [datetime.fromtimestamp(step / 1000, UTC).isoformat() for step in steps]
    bars = [
        {
            "type": "bar",
            "name": name,
            "x": times,
            "y": [found[name, step] for step in steps],
            "marker": {"color": colour},
            "hovertemplate": "%{y:,} %{fullData.name}<br>%{x|%b %d %H:%M} UTC<extra></extra>",
        }
        for name, colour in zip(names, _COLOURS, strict=False)
    ]
    return {"data": bars, "layout": _layout(steps, is_empty=not bars)}


def _layout(steps: Sequence[int], *, is_empty: bool) -> dict[str, Any]:
    """The axis is the range that was asked for, also where nothing is drawn."""
    axis: dict[str, Any] = {"type": "date", "showgrid": False, "fixedrange": True}
    if len(steps) > 1:
        half = (steps[1] - steps[0]) / 2
        ends = (steps[0] - half, steps[-1] + half)
        axis["range"] = [
            datetime.fromtimestamp(at / 1000, UTC).isoformat() for at in ends
        ]
    else:
        axis["visible"] = False
    return {
        "annotations": [no_data(_NOTHING)] if is_empty and steps else [],
        "barmode": "stack",
        "bargap": 0.15,
        "autosize": True,
        "margin": {"l": 44, "r": 12, "t": 34, "b": 32},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "inherit", "size": 12},
        "xaxis": axis,
        "yaxis": {
            "rangemode": "tozero",
            "nticks": 5,
            "fixedrange": True,
            "visible": not is_empty,
        },
        "legend": {
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        "showlegend": True,
        "uirevision": "same",
    }
