"""The active runs: everything that is not finished, in a grid that moves."""

from typing import Any, Final

import dash_ag_grid as dag
import dash_bootstrap_components as dbc
from dash import html

from dashboard.ids import Active

_QUARTZ: Final = (
    "themeQuartz.withParams({"
    "accentColor: 'var(--accent)', backgroundColor: 'var(--surface)',"
    "foregroundColor: 'var(--text)', borderColor: 'var(--line)',"
    "headerBackgroundColor: 'var(--surface)', headerTextColor: 'var(--text-quiet)',"
    "headerFontWeight: 600, rowHoverColor: 'var(--hover)',"
    "fontFamily: 'inherit', fontSize: 14, headerFontSize: 12,"
    "wrapperBorder: false, headerColumnBorder: false, columnBorder: false,"
    "wrapperBorderRadius: 0, rowHeight: 40, headerHeight: 34, cellHorizontalPadding: 12"
    "})"
)
#: Instants and shares are no words: "17" must not find every run of this decade.
_UNSEARCHED: Final = {"getQuickFilterText": {"function": "''"}}


def _cell(name: str) -> dict[str, Any]:
    """A cell out of assets/grid.js."""
    return {"cellRendererSelector": {"function": f"cell('{name}')"}}


_COLUMNS: Final[list[dict[str, Any]]] = [
    {"field": "rank", "hide": True, "sort": "asc", "sortIndex": 0, **_UNSEARCHED},
    {"field": "at", "hide": True, "sort": "asc", "sortIndex": 1, **_UNSEARCHED},
    {
        "field": "job",
        "headerName": "Job",
        "flex": 3,
        "minWidth": 104,
        "cellClass": "cell-job",
    },
    {"field": "id", "headerName": "Run", "width": 110, "cellClass": "cell-run"},
    {
        "field": "status",
        "headerName": "Status",
        "width": 122,
        **_cell("StatusChip"),
    },
    {
        "field": "started",
        "headerName": "Elapsed / limit",
        "flex": 4,
        "minWidth": 100,
        **_cell("ElapsedBar"),
        **_UNSEARCHED,
    },
    {"field": "worker", "headerName": "Worker", "flex": 2, "minWidth": 90},
    {
        "colId": "alive",
        "headerName": "Liveness",
        "valueGetter": {"function": "params.data.alive + (params.data.beat || '')"},
        "flex": 3,
        "minWidth": 150,
        **_cell("Alive"),
        "getQuickFilterText": {"function": "params.data.alive"},
    },
    {
        "field": "progress",
        "headerName": "Progress",
        "width": 110,
        **_cell("Progress"),
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
            "theme": {"function": _QUARTZ},
            "animateRows": False,
            "suppressCellFocus": False,
            "includeHiddenColumnsInQuickFilter": True,
            "suppressNoRowsOverlay": True,
            "rowBuffer": 4,
            "loading": False,
            "enableCellTextSelection": True,
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
