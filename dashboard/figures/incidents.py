"""How long it takes until incidents are seen, and over; which errors there are most."""

from collections.abc import Sequence
from typing import Any, Final

from dashboard.figures.template import (
    BLUE,
    PURPLE,
    Frame,
    Limit,
    Line,
    duration_axis,
    layout,
    limits,
    line_trace,
    plain,
)

_BAR: Final = 0.6
_TITLE: Final = 26
#: There is room for so many bars at least.
_ROWS: Final = 5
#: Up to so many errors the axis counts each of them.
_FEW: Final = 4
#: Of the longest bar: beside it stand its words.
_ROOM: Final = 1.5


def incidents_figure(
    frame: Frame,
    at: Sequence[int],
    lines: Sequence[Line],
    found: Sequence[Limit],
) -> dict[str, Any]:
    """Mean times of the incidents that ended in each step."""
    values = [value for line in lines for value in line.values]
    axis = duration_axis([*values, *(limit.value for limit in found)])
    return {
        "data": [line_trace(line, at) for line in lines],
        "layout": layout(frame, legend=True, yaxis=axis, **limits(found)),
    }


def error_types_figure(
    names: Sequence[str], events: Sequence[int], words: Sequence[str], revision: str
) -> dict[str, Any]:
    """Horizontal bars, most frequent on top; ``words`` stand at the end of each."""
    bar = {
        "type": "bar",
        "name": "errors",
        "orientation": "h",
        "x": [*events],
        "y": [*range(len(names))],
        "text": [*map(plain, words)],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [
            [name, plain(f"{name}: {said}")]
            for name, said in zip(names, words, strict=True)
        ],
        "marker": {"color": PURPLE},
        "width": _BAR,
        "hovertemplate": "%{customdata[1]}<extra></extra>",
    }
    ticks = {
        "tickvals": [*range(len(names))],
        "ticktext": [plain(_short(name)) for name in names],
        "range": [max(len(names), _ROWS) - 0.5, -0.5],
        "automargin": True,
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }
    frame = Frame(0, 1, 1, revision)
    most = max(events, default=1)
    count = {
        "range": [0, _ROOM * most],
        **({"dtick": 1} if most <= _FEW else {"nticks": 4}),
        "tickformat": ",d",
        "fixedrange": True,
    }
    return {
        "data": [bar],
        "layout": layout(
            frame, legend=False, hovermode="closest", xaxis=count, yaxis=ticks
        ),
    }


def time_line(name: str, values: Sequence[float | None], words: Sequence[str]) -> Line:
    """The line of "resolve" or "detect"."""
    colour = BLUE if name == "resolve" else PURPLE
    return Line(f"time to {name}", colour, values, words, bridged=True)


def _short(name: str) -> str:
    return name if len(name) <= _TITLE else name[: _TITLE - 1] + "…"
