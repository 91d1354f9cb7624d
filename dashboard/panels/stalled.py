"""The stalled banner and the clean-up dialog: evidence first, the truth after."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dashboard.auth import require
from dashboard.components.attributes import attributes
from dashboard.components.candidates import candidate_option
from dashboard.components.outcome import outcome, problem
from dashboard.deps import Action, Deps
from dashboard.ids import Shell, Stalled
from dashboard.offload import offload
from dashboard.views.cleanup import (
    candidates_view,
    outcome_view,
    seen_data,
    seen_from,
    undone_view,
)
from data.actions import CleanUp, seen_of
from data.exceptions import DataError

_MEANING = (
    "Clean-up marks the selected runs as failed and asks their workers to stop. "
    "A run that finished or came back to life meanwhile is left alone."
)
_NEXT = (
    "Afterwards: check the logs of the run, and run it again if it was legitimate. "
    "A clean-up can be undone for 10 minutes."
)


def layout() -> html.Div:
    """Banner and dialog, both hidden."""
    return html.Div(
        [
            _banner(),
            _last(),
            _dialog(),
            dcc.Store(id=Stalled.SEEN),
            dcc.Store(id=Stalled.LATEST),
        ],
        className="contents",
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the dialog's callbacks."""
    for function, output, *inputs in _IN_THE_BROWSER:
        app.clientside_callback(
            ClientsideFunction("cleanup", function),
            output,
            *inputs,
            prevent_initial_call=True,
        )
    first = _review if deps.look.confirm_clean_up else _clean_all
    _on_click(app, Stalled.CLEAN, [], lambda source: first(deps, source))
    _on_click(
        app,
        Stalled.CONFIRM,
        [State(Stalled.LIST, "value"), State(Stalled.SEEN, "data")],
        lambda source, chosen, seen: _clean_chosen(deps, source, chosen, seen),
    )
    _on_click(
        app,
        Stalled.UNDO,
        [State(Stalled.LATEST, "data")],
        lambda _source, token: _undo(deps, token),
    )


#: What a step of the dialog sets; keys that a step leaves out stay as they are.
_OUTPUTS = {
    "open": (Stalled.MODAL, "is_open"),
    "review_hidden": (Stalled.REVIEW, "hidden"),
    "options": (Stalled.LIST, "options"),
    "chosen": (Stalled.LIST, "value"),
    "seen": (Stalled.SEEN, "data"),
    "result": (Stalled.RESULT, "children"),
    "token": (Stalled.LATEST, "data"),
    "undo_hidden": (Stalled.UNDO, "hidden"),
    "confirm_hidden": (Stalled.CONFIRM, "hidden"),
    "close": (Stalled.CANCEL, "children"),
}

_IN_THE_BROWSER: list[tuple[Any, ...]] = [
    ("close", Output(Stalled.MODAL, "is_open"), Input(Stalled.CANCEL, "n_clicks")),
    (
        "reopen",
        Output(Stalled.MODAL, "is_open", allow_duplicate=True),
        Input(Stalled.LAST_SHOW, "n_clicks"),
    ),
    (
        "chosen",
        [Output(Stalled.COUNT, "children"), Output(Stalled.CONFIRM, "disabled")],
        Input(Stalled.LIST, "value"),
        State(Stalled.LIST, "options"),
    ),
    ("last", Output(Stalled.LAST, "hidden"), Input(Stalled.LATEST, "data")),
]


def _on_click(app: Dash, button: str, states: list[State], step: Any) -> None:
    """Run one step of the dialog in a thread when ``button`` is clicked."""

    @app.callback(
        {
            key: Output(*target, allow_duplicate=True)
            for key, target in _OUTPUTS.items()
        },
        Input(button, "n_clicks"),
        State(Shell.SOURCE, "value"),
        *states,
        running=[
            (Output(button, "disabled"), True, False),
            (Output(Stalled.PROGRESS, "hidden"), False, True),
        ],
        prevent_initial_call=True,
    )
    @offload
    def _clicked(_clicks: int | None, source: str, *values: Any) -> dict[str, Any]:
        return {**dict.fromkeys(_OUTPUTS, no_update), **step(source, *values)}


def _review(deps: Deps, source: str) -> dict[str, Any]:
    """The list to choose from, as it stands now."""
    snapshot = deps.source(source).reader.refresh()
    candidates = candidates_view(snapshot, deps.look.logs_url)
    return {
        "open": True,
        "review_hidden": False,
        "options": [candidate_option(**run) for run in candidates],
        "chosen": [run["run_id"] for run in candidates],
        "seen": seen_data(seen_of(snapshot)),
        "result": problem(snapshot.trouble.message) if snapshot.trouble else None,
        "undo_hidden": True,
        "confirm_hidden": False,
        "close": "Cancel",
    }


def _clean_chosen(
    deps: Deps, source: str, chosen: object, seen: object
) -> dict[str, Any]:
    try:
        runs = seen_from(seen, chosen)
        actor = require(deps.viewer(), Action.CLEAN_UP)
        return _outcome(deps.actions.clean_up(source, runs, actor=actor))
    except (DataError, ValueError) as error:
        return {"result": problem(str(error))}


def _clean_all(deps: Deps, source: str) -> dict[str, Any]:
    """One click: everything that is stalled now."""
    try:
        actor = require(deps.viewer(), Action.CLEAN_UP)
        runs = seen_of(deps.source(source).reader.refresh())
        result = _outcome(deps.actions.clean_up(source, runs, actor=actor))
    except DataError as error:
        result = {"result": problem(str(error)), "review_hidden": True}
    return {"open": True, **result}


def _outcome(result: CleanUp) -> dict[str, Any]:
    return {
        "review_hidden": True,
        "result": [outcome(outcome_view(result)), html.P(_NEXT, className="quiet")],
        "token": {"token": result.undo_token, "until": result.undo_until},
        "undo_hidden": result.undo_token is None,
        "confirm_hidden": True,
        "close": "Close",
    }


def _undo(deps: Deps, token: object) -> dict[str, Any]:
    try:
        actor = require(deps.viewer(), Action.UNDO)
        known = token.get("token") if isinstance(token, dict) else None
        undone = deps.actions.undo(str(known), actor=actor)
        result = outcome(undone_view(undone))
    except DataError as error:
        result = problem(str(error))
    return {"result": result, "undo_hidden": True, "token": None}


def _banner() -> html.Div:
    return html.Div(
        [
            html.Span("⚠", className="banner-icon", **attributes(aria_hidden="true")),
            html.Div(
                [
                    html.Div(id=Stalled.TITLE, className="banner-title"),
                    html.Div(id=Stalled.DETAIL, className="banner-detail"),
                    html.Div(
                        id=Stalled.NO_ACTION, className="banner-detail", hidden=True
                    ),
                ],
                className="banner-words",
                role="status",
            ),
            html.Button("Show", id=Stalled.SHOW, className="link-button"),
            dbc.Button("Clean Up Stalled", id=Stalled.CLEAN, className="button-warn"),
        ],
        id=Stalled.BANNER,
        className="banner",
        hidden=True,
    )


def _last() -> html.Div:
    """Leads back to the last clean-up while it can be undone."""
    return html.Div(
        [
            html.Span("A clean-up can still be undone."),
            html.Button("Show it", id=Stalled.LAST_SHOW, className="link-button"),
        ],
        id=Stalled.LAST,
        className="strip",
        hidden=True,
    )


def _dialog() -> dbc.Modal:
    review = html.Div(
        [
            html.P(_MEANING),
            dbc.Checklist(
                id=Stalled.LIST, options=[], value=[], className="candidates"
            ),
            html.P(_NEXT, className="quiet"),
        ],
        id=Stalled.REVIEW,
    )
    progress = html.Div(
        [dbc.Spinner(size="sm"), " Working…"],
        id=Stalled.PROGRESS,
        hidden=True,
        role="status",
    )
    return dbc.Modal(
        [
            dbc.ModalHeader(
                dbc.ModalTitle("Clean up stalled jobs", id=Stalled.HEADING)
            ),
            dbc.ModalBody([review, html.Div(id=Stalled.RESULT, role="status")]),
            dbc.ModalFooter(
                [
                    progress,
                    dbc.Button("Undo", id=Stalled.UNDO, className="button-plain"),
                    dbc.Button("Cancel", id=Stalled.CANCEL, className="button-plain"),
                    dbc.Button(
                        html.Span(id=Stalled.COUNT),
                        id=Stalled.CONFIRM,
                        className="button-warn",
                    ),
                ]
            ),
        ],
        id=Stalled.MODAL,
        labelledby=Stalled.HEADING,
        size="lg",
        scrollable=True,
        is_open=False,
    )
