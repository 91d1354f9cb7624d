"""The active runs: everything that is not finished, in a grid that moves."""

from typing import Any, Final

import dash_ag_grid as dag
import dash_bootstrap_components as dbc
from dash import html

from dashboard.components.grids import GRID_OPTIONS, cell
from dashboard.ids import Active

#: Instants and shares are no words: "17" must not find every run of this decade.
_UNSEARCHED: Final = {"getQuickFilterText": {"function": "''"}}
_COLUMNS: Final[list[dict[str, Any]]] = [
    {"field": "rank", "hide": True, "sort": "asc", "sortIndex": 0, **_UNSEARCHED},
    {"field": "at", "hide": True, "sort": "asc", "sortIndex": 1, **_UNSEARCHED},
    {
        "field": "job",
        "headerName": "Job",
        "flex": 3,
        "minWidth": 104,
        "cellClass": "cell-job",
        **cell("JobAlive"),
    },
    {
        "field": "id",
        "headerName": "Run",
        "flex": 2,
        "minWidth": 110,
        "cellClass": "cell-run",
        **cell("Name"),
    },
    {
        "field": "status",
        "headerName": "Status",
        "width": 122,
        **cell("StatusChip"),
    },
    {
        "field": "started",
        "headerName": "Elapsed / limit",
        "flex": 4,
        "minWidth": 100,
        **cell("ElapsedBar"),
        **_UNSEARCHED,
    },
    {
        "field": "worker",
        "headerName": "Worker",
        "flex": 2,
        "minWidth": 90,
        **cell("Name"),
    },
    {
        "colId": "alive",
        "headerName": "Liveness",
        "valueGetter": {"function": "params.data.alive + (params.data.beat || '')"},
        "flex": 3,
        "minWidth": 150,
        **cell("Alive"),
        "getQuickFilterText": {"function": "params.data.alive"},
    },
    {
        "field": "progress",
        "headerName": "Progress",
        "width": 110,
        **cell("Progress"),
        **_UNSEARCHED,
    },
]


def layout() -> html.Section:
    """The panel, empty: the painter in assets/overview.js hands the grid its rows."""
    return html.Section([_head(), _grid(), _empty()], className="panel")


def _head() -> html.Div:
    return html.Div(
        [
            html.H2("Active jobs"),
            html.Span(id=Active.COUNT, className="quiet"),
            html.Span(id=Active.UPDATED, className="quiet"),
            html.Label(
                "Filter active jobs", htmlFor=Active.FILTER, className="visually-hidden"
            ),
            dbc.Input(
                id=Active.FILTER,
                type="search",
                placeholder="Filter name, id, worker…",
                className="pill-input",
            ),
        ],
        className="panel-head",
    )


def _grid() -> dag.AgGrid:
    return dag.AgGrid(
        id=Active.GRID,
        columnDefs=_COLUMNS,
        getRowId="params.data.id",
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True},
        dashGridOptions={
            **GRID_OPTIONS,
            "suppressCellFocus": False,
            "includeHiddenColumnsInQuickFilter": True,
        },
        className="active-grid",
        style={"height": None},
    )


def _empty() -> html.Div:
    """Said below the header row; hidden while there are rows."""
    return html.Div(
        [
            html.Div(
                [html.Strong(), html.Span()],
                id=Active.EMPTY,
                className="empty",
                hidden=True,
            ),
            html.Div(id=Active.MORE, className="panel-foot quiet", hidden=True),
        ]
    )
