"""The dialog that starts a run: job, params, queue, when."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from dashboard.auth import require
from dashboard.components.attributes import attributes
from dashboard.components.editor import params_editor
from dashboard.components.outcome import problem, started
from dashboard.deps import Action, Deps
from dashboard.ids import Shell, Start
from dashboard.offload import offload
from dashboard.once import new_number, number_of
from dashboard.views.details import pretty
from dashboard.views.start import LONGEST_NAME, last_params_words
from data.all_sources import ALL, joined
from data.exceptions import DataError

_NOTHING = "{}"


def button() -> html.Button:
    """What opens the dialog, from any page."""
    return html.Button("Run job…", id=Start.BUTTON, className="btn button-main")


def layout(deps: Deps) -> html.Div:
    """The dialog, closed."""
    return html.Div(
        [
            dcc.Store(id=Start.NUMBER),
            dcc.Store(id=Start.FILLED, data=_NOTHING),
            dcc.Store(id=Start.RUN_AT),
            dbc.Modal(
                [
                    dbc.ModalHeader(dbc.ModalTitle("Run a job", id=Start.HEADING)),
                    dbc.ModalBody(_form(deps)),
                    dbc.ModalFooter(_submit()),
                ],
                id=Start.MODAL,
                labelledby=Start.HEADING,
                size="lg",
                scrollable=True,
                is_open=False,
            ),
        ],
        className="contents",
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the callbacks of the dialog."""
    app.clientside_callback(
        ClientsideFunction("start", "open"),
        Output(Start.MODAL, "is_open"),
        Output(Start.SOURCE, "value"),
        Input(Start.BUTTON, "n_clicks"),
        State(Shell.SOURCE, "value"),
        State(Start.SOURCE, "options"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("params", "check"), Input(Start.PARAMS, "value")
    )
    app.clientside_callback(
        ClientsideFunction("start", "toInstant"),
        Output(Start.RUN_AT, "data"),
        Input(Start.WHEN, "value"),
    )
    _register_offers(app, deps)

    @app.callback(
        Output(Start.MESSAGE, "children", allow_duplicate=True),
        Input(Start.SUBMIT, "n_clicks"),
        State(Start.SOURCE, "value"),
        {key: State(*field) for key, field in _FIELDS.items()},
        State(Start.NUMBER, "data"),
        State(Shell.SOURCE, "value"),
        running=[(Output(Start.SUBMIT, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    @offload
    def _submitted(_clicks: Any, source: str, fields: Any, *more: Any) -> Component:
        return _start(deps, source, fields, *more)


#: What was filled in.
_FIELDS = {
    "name": (Start.NAME, "value"),
    "params": (Start.PARAMS, "value"),
    "queue": (Start.QUEUE, "value"),
    "run_at": (Start.RUN_AT, "data"),
}


def _register_offers(app: Dash, deps: Deps) -> None:
    @app.callback(
        Output(Start.NAMES, "children"),
        Output(Start.MESSAGE, "children"),
        Output(Start.NUMBER, "data"),
        Input(Start.MODAL, "is_open"),
        Input(Start.SOURCE, "value"),
        prevent_initial_call=True,
    )
    @offload
    def _opened(is_open: Any, source: str) -> Any:
        return _offer(deps, source) if is_open else (no_update,) * 3

    @app.callback(
        Output(Start.HINT, "children"),
        Output(Start.PARAMS, "value"),
        Output(Start.FILLED, "data"),
        Input(Start.NAME, "value"),
        Input(Start.SOURCE, "value"),
        State(Start.PARAMS, "value"),
        State(Start.FILLED, "data"),
        prevent_initial_call=True,
    )
    @offload
    def _named(name: Any, source: str, params: Any, filled: Any) -> Any:
        return _last_params(deps, source, name, edited=params not in (filled, ""))


def _offer(deps: Deps, source: str) -> tuple[list[Component], Component | None, str]:
    """The known jobs, or why nothing can be started here."""
    try:
        names = deps.actions.known_jobs(source)
    except DataError as error:
        return [], problem(str(error)), new_number()
    offered = [name for name in names if len(name) <= LONGEST_NAME]
    return [html.Option(value=name) for name in offered], None, new_number()


def _last_params(deps: Deps, source: str, name: object, *, edited: bool) -> Any:
    """What the job's last run was given; what somebody typed is not overwritten."""
    if not isinstance(name, str) or not name.strip():
        return "", no_update, no_update
    try:
        engine = deps.source(source).engine
        latest = engine.latest(name.strip(), limit=1)
        details = engine.details(latest[0].run_id) if latest else None
    except DataError as error:
        return str(error), no_update, no_update
    words = last_params_words(details, edited=edited)
    if edited or details is None or "params" in details.cut | details.binary:
        return words, no_update, no_update
    text = pretty(details.params) or _NOTHING
    return words, text, text


def _start(
    deps: Deps, source: str, fields: dict[str, Any], number: str, page_source: str
) -> Component:
    """The same fields twice in one opening of the dialog start one run."""
    run_at = fields["run_at"]
    try:
        run_id = deps.actions.enqueue(
            source,
            _text(fields["name"]),
            fields["params"] or _NOTHING,
            queue=_text(fields["queue"]) or None,
            run_at_ms=run_at if isinstance(run_at, int) else None,
            actor=require(deps.viewer(), Action.ENQUEUE),
            once=number_of(number, source, fields),
        )
    except DataError as error:
        return problem(str(error))
    if page_source == ALL:
        return started(joined(source, run_id))
    return started(run_id, source="" if page_source == source else source)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _source(deps: Deps) -> html.Div:
    """In which source; asked only where there are several."""
    options = [
        {"label": source.label, "value": name} for name, source in deps.sources.items()
    ]
    return html.Div(
        [
            html.Label("Source", htmlFor=Start.SOURCE),
            dbc.Select(
                id=Start.SOURCE, options=options, value=next(iter(deps.sources), None)
            ),
        ],
        hidden=len(options) == 1,
    )


def _form(deps: Deps) -> list[Component]:
    return [
        _source(deps),
        html.Label("Job", htmlFor=Start.NAME),
        dcc.Input(
            id=Start.NAME,
            list=Start.NAMES,
            debounce=0.3,
            autoComplete="off",
            autoFocus=True,
            maxLength=LONGEST_NAME,
            className="form-control",
        ),
        html.Datalist(id=Start.NAMES),
        html.Div(id=Start.HINT, className="quiet", role="status"),
        params_editor(Start.PARAMS, "Params (a JSON object)"),
        html.Div(
            [
                *_field(Start.QUEUE, "Queue", "default"),
                *_field(Start.WHEN, "Not before", "now"),
            ],
            className="field-row",
        ),
        html.Div(id=Start.MESSAGE, role="status"),
    ]


def _field(id_: str, words: str, hint: str) -> list[Component]:
    field = dcc.Input(
        id=id_, placeholder=hint, maxLength=LONGEST_NAME, className="form-control"
    )
    return [html.Div([html.Label(words, htmlFor=id_), field])]


def _submit() -> html.Button:
    return html.Button(
        "Run",
        id=Start.SUBMIT,
        className="btn button-main",
        **attributes(data_params=Start.PARAMS),
    )
