"""The history: finished runs, found again, run again."""

from typing import Any, Final

import dash_ag_grid as dag
import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html

from dashboard.components.grids import GRID_OPTIONS, cell
from dashboard.deps import Deps
from dashboard.ids import History, Shell
from dashboard.offload import offload
from dashboard.panels import bulk
from dashboard.views.history import (
    COUNTED_TO,
    RANGES,
    STATUSES,
    HistoryView,
    filter_of,
    history_view,
    trouble_view,
)
from data.clock import now_ms
from data.exceptions import DataError

PATH: Final = "/history"
TITLE: Final = "History"

_MOMENT: Final = {"function": "moment(params.value)"}
_DURATION: Final = {"function": "took(params.value)"}
_COLUMNS: Final[list[dict[str, Any]]] = [
    {"field": "job", "headerName": "Job", "flex": 3, "minWidth": 130},
    {"field": "id", "headerName": "Run", "width": 110, "cellClass": "cell-run"},
    {"field": "status", "headerName": "Status", "width": 122, **cell("StatusChip")},
    {"field": "at", "headerName": "Ended", "width": 170, "valueFormatter": _MOMENT},
    {"field": "took", "headerName": "Took", "width": 100, "valueFormatter": _DURATION},
    {"field": "queue", "headerName": "Queue", "flex": 1, "minWidth": 90},
    {"field": "worker", "headerName": "Worker", "flex": 2, "minWidth": 100},
    {"field": "attempt", "headerName": "Attempt", "width": 90},
]
#: The fields in the order in which the search takes them, and their words in the URL.
_FIELDS: Final = (
    (History.STATUS, "status"),
    (History.JOB, "job"),
    (History.QUEUE, "queue"),
    (History.RANGE, "range"),
    (History.SEARCH, "q"),
)


def layout(**query: str) -> html.Div:
    """The page with the fields that the URL fills; the search fills the rest."""
    return html.Div(
        [
            html.H1(TITLE, className="visually-hidden"),
            html.Section(
                [_head(query), bulk.layout(), _grid(), _foot()], className="panel"
            ),
            dcc.Store(id=History.FOUND),
        ],
        id=History.PAGE,
        className="page loading",
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the page's callbacks."""
    bulk.register(app, deps)

    @app.callback(
        Output(History.FOUND, "data"),
        Input(History.OLDER, "n_clicks"),
        Input(History.REFRESH, "n_clicks"),
        Input(Shell.SOURCE, "value"),
        *[Input(id_, "value") for id_, _ in _FIELDS],
        State(History.FOUND, "data"),
    )
    @offload
    def _search(_older: Any, _refresh: Any, source: str, *values: Any) -> HistoryView:
        *fields, found = values
        is_older = ctx.triggered_id == History.OLDER
        after = found["next"] if is_older and found else None
        return _found(deps, source, fields, after)

    app.clientside_callback(
        ClientsideFunction("history", "paint"), Input(History.FOUND, "data")
    )
    app.clientside_callback(
        ClientsideFunction("history", "keep"),
        Output(History.EXPORT, "href"),
        Input(Shell.SOURCE, "value"),
        *[Input(id_, "value") for id_, _ in _FIELDS],
    )


def _found(
    deps: Deps, source: str, fields: list[object], after: str | None
) -> HistoryView:
    try:
        engine = deps.source(source).engine
        filter_ = filter_of(fields, now_ms(deps.clock))
        page = engine.page(filter_, after=after)
        counted = None if after else engine.count(filter_, up_to=COUNTED_TO + 1)
        return history_view(page, replace=after is None, counted=counted)
    except DataError as error:
        return trouble_view(str(error))


def _head(query: dict[str, str]) -> html.Div:
    statuses = [{"value": value, "label": words} for value, words in STATUSES.items()]
    ranges = [{"value": value, "label": words} for value, (words, _) in RANGES.items()]
    return html.Div(
        [
            html.H2(TITLE),
            html.Span(id=History.COUNT, className="quiet", role="status"),
            *_select(History.STATUS, "Status", statuses, query.get("status")),
            *_input(History.JOB, "Job", "Job…", query.get("job", "")),
            *_input(History.QUEUE, "Queue", "Queue…", query.get("queue", "")),
            *_select(History.RANGE, "Time range", ranges, query.get("range")),
            *_input(
                History.SEARCH,
                "Text in error and params, or a run id",
                "Error, params, run id…",
                query.get("q", ""),
            ),
            html.Button("Refresh", id=History.REFRESH, className="link-button"),
            html.A(
                "CSV", id=History.EXPORT, className="link-button", download="runs.csv"
            ),
        ],
        className="panel-head filters",
    )


def _select(
    id_: str, words: str, options: list[dict[str, str]], value: str | None
) -> list[Any]:
    known = [option["value"] for option in options]
    return [
        html.Label(words, htmlFor=id_, className="visually-hidden"),
        dbc.Select(
            id=id_,
            options=options,
            value=value if value in known else known[0],
            className="pill-input",
        ),
    ]


def _input(id_: str, words: str, hint: str, value: str) -> list[Any]:
    return [
        html.Label(words, htmlFor=id_, className="visually-hidden"),
        dcc.Input(
            id=id_,
            type="search",
            placeholder=hint,
            value=value,
            debounce=0.3,
            maxLength=500,
            className="pill-input form-control",
        ),
    ]


def _grid() -> dag.AgGrid:
    return dag.AgGrid(
        id=History.GRID,
        columnDefs=_COLUMNS,
        getRowId="params.data.id",
        defaultColDef={"sortable": False, "resizable": True, "suppressMovable": True},
        dashGridOptions={
            **GRID_OPTIONS,
            "rowSelection": {"mode": "multiRow", "enableClickSelection": False},
        },
        className="history-grid",
        style={"height": None},
    )


def _foot() -> html.Div:
    return html.Div(
        [
            html.Div(
                [html.Strong(), html.Span()],
                id=History.EMPTY,
                className="empty",
                hidden=True,
            ),
            html.Div(
                id=History.PROBLEM,
                className="outcome-problem",
                role="alert",
                hidden=True,
            ),
            html.Button(
                "Older", id=History.OLDER, className="link-button", hidden=True
            ),
        ],
        className="panel-foot",
    )
