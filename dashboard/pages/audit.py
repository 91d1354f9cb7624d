"""The audit: who did what to which run, and what came of it."""

from typing import Any, Final

import dash_ag_grid as dag
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html

from dashboard.components.grids import GRID_OPTIONS, cell
from dashboard.components.search import choice, export, foot, text_field
from dashboard.deps import Deps
from dashboard.ids import Audit, Shell
from dashboard.offload import offload
from dashboard.views.audit import ACTIONS, PAGE, audit_found
from data.all_sources import ALL
from data.exceptions import DataError
from data.store.audit import AuditFilter

PATH: Final = "/audit"
TITLE: Final = "Audit"

_MOMENT: Final = {"function": "moment(params.value)"}
_COLUMNS: Final[list[dict[str, Any]]] = [
    {"field": "at", "headerName": "When", "width": 150, "valueFormatter": _MOMENT},
    {"field": "actor", "headerName": "Who", "width": 120},
    {
        "field": "action",
        "headerName": "What",
        "width": 130,
        **cell("ActionActor"),
    },
    {
        "field": "run_id",
        "headerName": "Run",
        "flex": 2,
        "minWidth": 100,
        "cellClass": "cell-run",
        **cell("RunJob"),
    },
    {
        "field": "job",
        "headerName": "Job",
        "flex": 2,
        "minWidth": 120,
        **cell("Name"),
    },
    {"field": "outcome", "headerName": "Outcome", "width": 140},
    {"field": "before", "headerName": "Before", "flex": 2, "tooltipField": "before"},
    {"field": "after", "headerName": "After", "flex": 2, "tooltipField": "after"},
    {"field": "detail", "headerName": "Why", "flex": 3, "tooltipField": "detail"},
]
_FIELDS: Final = (
    (Audit.ACTION, "action"),
    (Audit.ACTOR, "actor"),
    (Audit.SEARCH, "q"),
)


def layout(**query: str) -> html.Div:
    """The page with the fields that the URL fills; the search fills the rest."""
    return html.Div(
        [
            html.H1(TITLE, className="visually-hidden"),
            html.Section(
                [
                    _head(query),
                    _grid(),
                    foot(Audit.EMPTY, Audit.PROBLEM, Audit.OLDER),
                ],
                className="panel",
            ),
            dcc.Store(id=Audit.FOUND),
        ],
        id=Audit.PAGE,
        className="page loading",
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the page's callbacks."""

    @app.callback(
        Output(Audit.FOUND, "data"),
        Input(Audit.OLDER, "n_clicks"),
        Input(Audit.REFRESH, "n_clicks"),
        Input(Shell.SOURCE, "value"),
        *[Input(id_, "value") for id_, _ in _FIELDS],
        State(Audit.FOUND, "data"),
    )
    @offload
    def _search(_older: Any, _refresh: Any, source: str, *values: Any) -> Any:
        *fields, found = values
        is_older = ctx.triggered_id == Audit.OLDER and found
        return _found(deps, source, fields, found["next"] if is_older else None)

    app.clientside_callback(
        ClientsideFunction("search", "audit"), Input(Audit.FOUND, "data")
    )
    app.clientside_callback(
        ClientsideFunction("audit", "keep"),
        Output(Audit.EXPORT, "href"),
        Input(Shell.SOURCE, "value"),
        *[Input(id_, "value") for id_, _ in _FIELDS],
    )


def _found(
    deps: Deps, source: str, fields: list[Any], after: int | None
) -> dict[str, Any]:
    action, actor, text = (str(value or "").strip() for value in fields)
    wanted = AuditFilter(
        actor=actor,
        action="" if action == "all" else action,
        source="" if source == ALL else source or "",
        text=text,
    )
    try:
        rows = deps.store.audit.page(wanted, after=after, limit=PAGE)
    except DataError as error:
        return audit_found([], replace=False, problem=str(error))
    return audit_found(rows, replace=after is None, of_all=source == ALL)


def _head(query: dict[str, str]) -> html.Div:
    return html.Div(
        [
            html.H2(TITLE),
            html.Span(id=Audit.COUNT, className="quiet"),
            *choice(Audit.ACTION, "Action", ACTIONS, query.get("action")),
            *text_field(Audit.ACTOR, "Who", "Who…", query.get("actor", "")),
            *text_field(
                Audit.SEARCH,
                "Run id, or text in job name and reason",
                "Run id, job, reason…",
                query.get("q", ""),
            ),
            html.Button("Refresh", id=Audit.REFRESH, className="link-button"),
            *export(Audit.EXPORT, "audit.csv"),
        ],
        className="panel-head filters",
    )


def _grid() -> dag.AgGrid:
    return dag.AgGrid(
        id=Audit.GRID,
        columnDefs=_COLUMNS,
        getRowId="params.data.id",
        defaultColDef={"sortable": False, "resizable": True, "suppressMovable": True},
        dashGridOptions=GRID_OPTIONS,
        className="audit-grid",
        style={"height": None},
    )
