"""One chart of the trends page, with its numbers in words and as a table.

Of a chart called "fig-x" the parts have the ids "fig-x-words", "fig-x-table" and so on;
assets/trends.js fills them.
"""

from typing import Any, Final

from dash import dcc, html

from dashboard.components.attributes import attributes
from dashboard.components.search import export
from dashboard.figures.template import Frame, layout

#: What the parts of a chart are called after its own id.
HEADING: Final = "-heading"
WORDS: Final = "-words"
CSV: Final = "-csv"
TABLE: Final = "-table"
NOTE: Final = "-note"
EMPTY: Final = "-empty"
CAUSE: Final = "-cause"
_NOTHING: Final[dict[str, Any]] = {
    "data": [],
    "layout": {
        **layout(Frame(0, 1, 1, ""), legend=False),
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
    },
}
_CONFIG: Final[Any] = {
    "displayModeBar": False,
    "responsive": True,
    "doubleClick": "reset",
}


def card(id_: str, metric: str, title: str) -> html.Section:
    """The card of a metric, empty."""
    return html.Section(
        [
            html.Div(
                [
                    html.H2(title, id=id_ + HEADING),
                    html.Span("Loading…", id=id_ + WORDS, className="quiet"),
                    html.Span(_buttons(id_, metric), className="trend-buttons"),
                ],
                className="panel-head",
            ),
            html.Div(
                [
                    dcc.Graph(
                        id=id_, figure=_NOTHING, config=_CONFIG, className="chart"
                    ),
                    html.Div(id=id_ + EMPTY, className="trend-empty", hidden=True),
                ],
                className="trend-chart",
            ),
            html.Div(id=id_ + NOTE, className="quiet trend-note", hidden=True),
            html.Div(id=id_ + TABLE, className="trend-table visually-hidden"),
            html.Div(id=id_ + CAUSE, className="trend-cause", hidden=True),
        ],
        className="panel trend",
        **attributes(data_metric=metric, data_chart=id_, aria_labelledby=id_ + HEADING),
    )


def _buttons(id_: str, metric: str) -> list[Any]:
    return [
        html.Button(
            "Whole range",
            className="link-button",
            hidden=True,
            **attributes(data_do="whole"),
        ),
        html.Button(
            "Table",
            className="link-button",
            **attributes(data_do="table", aria_pressed="false"),
        ),
        html.Button("PNG", className="link-button", **attributes(data_do="png")),
        *export(id_ + CSV, f"{metric}.csv"),
    ]
