"""Selected runs: run again, cancel; what will happen first, the truth after."""

from functools import partial
from typing import Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dashboard.auth import require
from dashboard.components.outcome import outcome, problem
from dashboard.deps import Action, Deps
from dashboard.ids import Bulk, History, Shell
from dashboard.offload import offload
from dashboard.once import new_number
from dashboard.views.bulk import (
    CANCEL,
    RETRY,
    cancelled_view,
    is_possible,
    plan_view,
    retried_view,
)
from data.exceptions import DataError

_TITLES = {RETRY: "Run again", CANCEL: "Cancel runs"}
_CONFIRM = {RETRY: "Run again", CANCEL: "Cancel these runs"}


def layout() -> html.Div:
    """The bar of what is done to a selection, and the dialog, closed."""
    return html.Div([_bar(), _dialog(), dcc.Store(id=Bulk.PLAN)], className="contents")


def register(app: Dash, deps: Deps) -> None:
    """Attach the callbacks of bar and dialog."""
    app.clientside_callback(
        ClientsideFunction("history", "selected"),
        Output(Bulk.COUNT, "children"),
        Output(Bulk.RETRY, "disabled"),
        Output(Bulk.CANCEL, "disabled"),
        Input(History.GRID, "selectedRows"),
    )
    app.clientside_callback(
        ClientsideFunction("history", "close"),
        Output(Bulk.MODAL, "is_open"),
        Input(Bulk.CLOSE, "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(Bulk.RETRY, "hidden"),
        Output(Bulk.CANCEL, "hidden"),
        Output(Bulk.REASON, "children"),
        Input(Shell.SOURCE, "value"),
    )
    @offload
    def _source_chosen(source: str) -> tuple[bool, bool, str]:
        return _possible(deps, source)

    rows = State(History.GRID, "selectedRows")
    plan = State(Bulk.PLAN, "data")
    _on_click(app, Bulk.RETRY, rows, partial(_review, deps, RETRY))
    _on_click(app, Bulk.CANCEL, rows, partial(_review, deps, CANCEL))
    _on_click(app, Bulk.CONFIRM, plan, partial(_act, deps))


#: What a step sets; keys that it leaves out stay as they are.
_OUTPUTS = {
    "open": (Bulk.MODAL, "is_open"),
    "heading": (Bulk.HEADING, "children"),
    "body": (Bulk.BODY, "children"),
    "plan": (Bulk.PLAN, "data"),
    "confirm": (Bulk.CONFIRM, "children"),
    "confirm_hidden": (Bulk.CONFIRM, "hidden"),
    "close": (Bulk.CLOSE, "children"),
}


def _on_click(app: Dash, button: str, state: State, step: Any) -> None:
    @app.callback(
        {
            key: Output(*target, allow_duplicate=True)
            for key, target in _OUTPUTS.items()
        },
        Input(button, "n_clicks"),
        State(Shell.SOURCE, "value"),
        state,
        running=[(Output(Bulk.PROGRESS, "hidden"), False, True)],
        prevent_initial_call=True,
    )
    @offload
    def _clicked(clicks: int | None, source: str, value: Any) -> dict[str, Any]:
        done = step(source, value) if clicks else {}
        return {**dict.fromkeys(_OUTPUTS, no_update), **done}


def _possible(deps: Deps, source: str) -> tuple[bool, bool, str]:
    """Which of the two this source cannot do, and why."""
    try:
        place = deps.place(source)
        place.reader.current()  # rights are known once the source was read
    except DataError as error:
        return True, True, str(error)
    able = place.engine.capabilities
    return not able.retry, not able.cancel, able.reason


def _review(deps: Deps, action: str, source: str, rows: Any) -> dict[str, Any]:
    """What will happen to which run, as it stands now."""
    asked = [str(row["id"]) for row in rows or [] if isinstance(row, dict)]
    shown = {"open": True, "heading": _TITLES[action], "confirm_hidden": True}
    try:
        engine = deps.place(source).engine
        jobs = engine.runs(asked)
    except DataError as error:
        return {**shown, "body": problem(str(error)), "close": "Close"}
    not_copied = engine.capabilities.not_copied
    return {
        **shown,
        "body": outcome(plan_view(action, jobs, asked, not_copied=not_copied)),
        "plan": {"action": action, "ids": asked, "once": new_number()},
        "confirm": _CONFIRM[action],
        "confirm_hidden": not is_possible(action, jobs),
        "close": "Back",
    }


def _act(deps: Deps, source: str, plan: Any) -> dict[str, Any]:
    """Do what was reviewed; the same plan a second time does nothing twice."""
    done = {"confirm_hidden": True, "close": "Close"}
    try:
        if plan["action"] == CANCEL:
            actor = require(deps.viewer(), Action.CANCEL)
            parts = cancelled_view(
                deps.actions.cancel(source, plan["ids"], actor=actor)
            )
        else:
            actor = require(deps.viewer(), Action.RETRY)
            result = deps.actions.retry(
                source, plan["ids"], actor=actor, once=plan["once"]
            )
            parts = retried_view(result)
    except DataError as error:
        return {**done, "body": problem(str(error))}
    return {**done, "body": outcome(parts)}


def _bar() -> html.Div:
    """Always there: one that came with the first selected row would move all rows."""
    return html.Div(
        [
            html.Span("None selected", id=Bulk.COUNT, role="status"),
            html.Button(
                "Run again…", id=Bulk.RETRY, className="link-button", disabled=True
            ),
            html.Button(
                "Cancel…", id=Bulk.CANCEL, className="link-button", disabled=True
            ),
            html.Span(id=Bulk.REASON, className="quiet"),
        ],
        id=Bulk.BAR,
        className="strip",
    )


def _dialog() -> dbc.Modal:
    progress = [dbc.Spinner(size="sm"), " Working…"]
    return dbc.Modal(
        [
            dbc.ModalHeader(dbc.ModalTitle(id=Bulk.HEADING)),
            dbc.ModalBody(html.Div(id=Bulk.BODY, role="status")),
            dbc.ModalFooter(
                [
                    html.Div(progress, id=Bulk.PROGRESS, hidden=True, role="status"),
                    dbc.Button("Back", id=Bulk.CLOSE, className="button-plain"),
                    dbc.Button("Confirm", id=Bulk.CONFIRM, className="button-warn"),
                ]
            ),
        ],
        id=Bulk.MODAL,
        labelledby=Bulk.HEADING,
        scrollable=True,
        is_open=False,
    )
