"""The history: finished runs, found again, run again."""

from typing import Any, Final

import dash_ag_grid as dag
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html

from dashboard.components.grids import GRID_OPTIONS, cell
from dashboard.components.search import choice, export, foot, text_field
from dashboard.deps import Deps
from dashboard.ids import History, Shell
from dashboard.offload import offload
from dashboard.panels import bulk
from dashboard.views.history import (
    COUNTED_TO,
    STATUSES,
    HistoryView,
    filter_of,
    history_view,
    ranges_with,
    trouble_view,
)
from data.clock import now_ms
from data.engines.base import Runs
from data.exceptions import DataError
from data.model import Failure, JobState, RunPage
from data.tracking import track_once

PATH: Final = "/history"
TITLE: Final = "History"

_MOMENT: Final = {"function": "moment(params.value)"}
_DURATION: Final = {"function": "took(params.value)"}
_COLUMNS: Final[list[dict[str, Any]]] = [
    {
        "field": "job",
        "headerName": "Job",
        "flex": 3,
        "minWidth": 110,
        **cell("JobRun"),
    },
    {
        "field": "id",
        "headerName": "Run",
        "flex": 1,
        "minWidth": 110,
        "cellClass": "cell-run",
        **cell("Name"),
    },
    {"field": "status", "headerName": "Status", "width": 122, **cell("StatusChip")},
    {
        "field": "reason",
        "headerName": "Reason",
        "flex": 3,
        "minWidth": 140,
        "tooltipField": "reason",
    },
    {"field": "at", "headerName": "Finished", "width": 150, "valueFormatter": _MOMENT},
    {
        "field": "took",
        "headerName": "Duration",
        "width": 100,
        "valueFormatter": _DURATION,
    },
    {"field": "queue", "headerName": "Queue", "flex": 1, "minWidth": 90},
    {
        "field": "worker",
        "headerName": "Worker",
        "flex": 2,
        "minWidth": 100,
        **cell("Name"),
    },
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
                [
                    _head(query),
                    bulk.layout(),
                    _grid(),
                    foot(History.EMPTY, History.PROBLEM, History.OLDER),
                ],
                className="panel",
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
        ClientsideFunction("search", "history"), Input(History.FOUND, "data")
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
        place = deps.place(source)
        filter_ = filter_of(fields, now_ms(deps.clock))
        page = place.engine.page(filter_, after=after)
        counted = None if after else place.engine.count(filter_, up_to=COUNTED_TO + 1)
        return history_view(
            page,
            replace=after is None,
            counted=counted,
            verdicts=place.reader.latest.judgement.verdicts,
            failures=_failures(place.engine, page),
        )
    except DataError as error:
        asked = dict(zip((name for _, name in _FIELDS), fields, strict=True))
        about = {"source": source, "job_name": asked["job"] or "", "params": asked}
        track_once(error, action="loadJobHistory", **about)
        return trouble_view(str(error))


def _failures(engine: Runs, page: RunPage) -> list[Failure]:
    failed = [job.run_id for job in page.jobs if job.state is JobState.FAILED]
    return engine.failures(failed) if failed else []


def _head(query: dict[str, str]) -> html.Div:
    ranges = ranges_with(query.get("range"))
    return html.Div(
        [
            html.H2(TITLE),
            html.Span(id=History.COUNT, className="quiet", role="status"),
            *choice(History.STATUS, "Status", STATUSES, query.get("status")),
            *text_field(History.JOB, "Job", "Job…", query.get("job", "")),
            *text_field(History.QUEUE, "Queue", "Queue…", query.get("queue", "")),
            *choice(History.RANGE, "Time range", ranges, query.get("range")),
            *text_field(
                History.SEARCH,
                "Text in error and params, or a run id",
                "Error, params, run id…",
                query.get("q", ""),
            ),
            html.Button("Refresh", id=History.REFRESH, className="link-button"),
            *export(History.EXPORT, "runs.csv"),
        ],
        className="panel-head filters",
    )


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
