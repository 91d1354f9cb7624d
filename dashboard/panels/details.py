"""One run in a dialog over any page: what it did, what it said, cancel, run again."""

from dataclasses import replace
from functools import partial
from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dashboard.auth import require
from dashboard.components.attributes import attributes
from dashboard.components.editor import params_editor
from dashboard.components.outcome import outcome, problem
from dashboard.deps import Action, Deps
from dashboard.ids import Details, Shell
from dashboard.offload import offload
from dashboard.once import new_number, number_of
from dashboard.panels.details_body import details
from dashboard.views.bulk import (
    cancel_words,
    cancelled_view,
    not_copied_note,
    retried_view,
)
from dashboard.views.details import details_view
from data.all_sources import ALL, renamed
from data.clock import now_ms
from data.exceptions import DataError
from data.tracking import track_once

#: Of the job's last runs so many are shown, and tell what is usual.
_LAST: Final = 20


def layout() -> html.Div:
    """The dialog, closed; ``?run=`` opens it."""
    return html.Div(
        [
            dcc.Store(id=Details.ASKED),
            dcc.Store(id=Details.OPENING),
            dbc.Modal(
                [
                    dbc.ModalHeader(dbc.ModalTitle(id=Details.HEADING)),
                    dbc.ModalBody(
                        [
                            html.Div(id=Details.TROUBLE, role="status"),
                            html.Div(id=Details.MESSAGE, role="status"),
                            html.Div(id=Details.BODY),
                            _editor(),
                            html.P(id=Details.NOTE, className="quiet"),
                        ]
                    ),
                    dbc.ModalFooter(
                        [
                            _ask(),
                            html.Button(
                                "Cancel run",
                                id=Details.CANCEL,
                                className="btn button-plain",
                            ),
                            html.Button(
                                "Run again",
                                id=Details.RETRY,
                                className="btn button-plain",
                                **attributes(data_params=Details.EDITED),
                            ),
                        ]
                    ),
                ],
                id=Details.MODAL,
                labelledby=Details.HEADING,
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
        ClientsideFunction("details", "fromUrl"),
        Output(Details.ASKED, "data"),
        Input(Shell.LOCATION, "search"),
    )
    app.clientside_callback(
        ClientsideFunction("details", "toggled"), Input(Details.MODAL, "is_open")
    )
    app.clientside_callback(
        ClientsideFunction("details", "filled"), Input(Details.BODY, "children")
    )
    app.clientside_callback(
        ClientsideFunction("params", "check"), Input(Details.EDITED, "value")
    )
    app.clientside_callback(
        ClientsideFunction("params", "given"), Input(Details.OPENING, "data")
    )

    @app.callback(
        {
            key: Output(*target, allow_duplicate=key == "ask_hidden")
            for key, target in _OUTPUTS.items()
        },
        Input(Details.ASKED, "data"),
        State(Shell.SOURCE, "value"),
        prevent_initial_call=True,
    )
    @offload
    def _asked(asked: Any, source: str) -> dict[str, Any]:
        return {**dict.fromkeys(_OUTPUTS, no_update), **_shown(deps, asked, source)}

    app.clientside_callback(
        ClientsideFunction("details", "keep"),
        Output(Details.CANCEL_ASK, "hidden"),
        Input(Details.CANCEL_BACK, "n_clicks"),
    )

    @app.callback(
        Output(Details.CANCEL_PLAN, "children"),
        Output(Details.CANCEL_ASK, "hidden", allow_duplicate=True),
        Input(Details.CANCEL, "n_clicks"),
        State(Details.ASKED, "data"),
        State(Shell.SOURCE, "value"),
        prevent_initial_call=True,
    )
    @offload
    def _cancel_asked(_clicks: Any, asked: Any, source: str) -> tuple[str, bool]:
        return _cancel_plan(deps, source, str(asked["run"])), False

    _on_click(app, Details.CANCEL_CONFIRM, partial(_cancel, deps))
    _on_click(app, Details.RETRY, partial(_retry, deps))


_OUTPUTS = {
    "open": (Details.MODAL, "is_open"),
    "heading": (Details.HEADING, "children"),
    "trouble": (Details.TROUBLE, "children"),
    "body": (Details.BODY, "children"),
    "message": (Details.MESSAGE, "children"),
    "opening": (Details.OPENING, "data"),
    "edited": (Details.EDITED, "value"),
    "edit_hidden": (Details.EDIT, "hidden"),
    "edit_open": (Details.EDIT, "open"),
    "cancel_hidden": (Details.CANCEL, "hidden"),
    "ask_hidden": (Details.CANCEL_ASK, "hidden"),
    "retry_hidden": (Details.RETRY, "hidden"),
    "note": (Details.NOTE, "children"),
}


def _on_click(app: Dash, button: str, step: Any) -> None:
    @app.callback(
        Output(Details.MESSAGE, "children", allow_duplicate=True),
        Output(Details.ASKED, "data", allow_duplicate=True),
        Output(Details.CANCEL_ASK, "hidden", allow_duplicate=True),
        Input(button, "n_clicks"),
        State(Details.ASKED, "data"),
        State(Shell.SOURCE, "value"),
        State(Details.OPENING, "data"),
        State(Details.EDITED, "value"),
        prevent_initial_call=True,
    )
    @offload
    def _clicked(_clicks: Any, asked: Any, source: str, *more: Any) -> Any:
        done = step(source, asked["run"], *more)
        return done, {**asked, "again": True}, True


def _shown(deps: Deps, asked: Any, source: str) -> dict[str, Any]:
    """The dialog for the run that is asked for; a second look keeps what was said."""
    if not isinstance(asked, dict) or not asked.get("run"):
        return {"open": False}
    run_id = str(asked["run"])
    is_first = not asked.get("again")
    # a second look neither opens what was closed meanwhile, nor unsays what was said
    first: dict[str, Any] = (
        {"open": True, "message": None, "ask_hidden": True} if is_first else {}
    )
    try:
        place, own_id = deps.home(source, run_id)
        found = place.engine.details(own_id)
        latest = place.engine.latest(found.job.job_name, limit=_LAST) if found else []
        verdict = place.reader.current().judgement.verdicts.get(own_id)
    except DataError as error:
        if is_first:  # the looks after it fail for the same reason
            about = {"source": source, "run_id": run_id}
            track_once(error, action="loadJobDetails", params=about, **about)
        return {**first, "trouble": problem(str(error))}
    if found is None:
        missing = f"{place.label} has no run {run_id[:100]}. It may be gone."
        return {**first, **_NOTHING, "trouble": problem(missing)}
    if source == ALL:
        found = replace(found, job=renamed(place.name, found.job))
        latest = [renamed(place.name, job) for job in latest]
    view = details_view(
        found,
        verdict,
        latest,
        logs_url=deps.look.logs_url,
        now_ms=now_ms(deps.clock),
    )
    able = place.engine.capabilities
    can_retry = view["can_retry"] and able.retry
    if is_first:
        job = found.job.job_name
        opening = {"number": new_number(), "params": view["params"], "job": job}
        first |= {"opening": opening, "edited": view["params"], "edit_open": False}
    can_cancel = view["can_cancel"] and able.cancel
    if not can_cancel:
        first |= {"ask_hidden": True}
    return {
        **first,
        "heading": view["title"],
        "trouble": None,
        "body": details(view),
        "cancel_hidden": not can_cancel,
        "retry_hidden": not can_retry,
        "note": not_copied_note(able.not_copied) if can_retry else "",
        "edit_hidden": not can_retry or "params" in found.cut | found.binary,
    }


#: The dialog for a run that is not there.
_NOTHING: Final[dict[str, Any]] = {
    "heading": "Run",
    "body": None,
    "cancel_hidden": True,
    "ask_hidden": True,
    "retry_hidden": True,
    "note": "",
    "edit_hidden": True,
}


def _editor() -> html.Details:
    return html.Details(
        [
            html.Summary("Edit params"),
            params_editor(Details.EDITED, "Params of the new run"),
        ],
        id=Details.EDIT,
        hidden=True,
    )


def _ask() -> html.Div:
    """What a cancel will do, and the button that does it."""
    return html.Div(
        [
            html.Span(id=Details.CANCEL_PLAN),
            html.Button("Back", id=Details.CANCEL_BACK, className="btn button-plain"),
            html.Button(
                "Cancel this run",
                id=Details.CANCEL_CONFIRM,
                className="btn button-warn",
            ),
        ],
        id=Details.CANCEL_ASK,
        className="cancel-ask",
        role="alert",
        hidden=True,
    )


def _cancel_plan(deps: Deps, source: str, run_id: str) -> str:
    """What will happen to the run as it is now, or why nobody can tell."""
    try:
        place, own_id = deps.home(source, run_id)
        job = next(iter(place.engine.runs([own_id])), None)
        return cancel_words(job, place.engine.capabilities.remedy)
    except DataError as error:
        return str(error)


def _cancel(
    deps: Deps, source: str, run_id: str, _opening: Any, _edited: Any
) -> html.Div:
    try:
        actor = require(deps.viewer(), Action.CANCEL)
        return outcome(
            cancelled_view(deps.actions.cancel(source, [run_id], actor=actor))
        )
    except DataError as error:
        return problem(str(error))


def _changed(given: str, edited: Any) -> str | None:
    """The params that somebody typed; None where they are still the run's own.

    Fields make every line break a line feed.
    """
    if not isinstance(edited, str) or _lines(edited) == _lines(given):
        return None
    return edited


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _retry(deps: Deps, source: str, run_id: str, opening: Any, edited: Any) -> html.Div:
    """The same params twice in one opening of the dialog start one run."""
    params = _changed(opening["params"], edited)
    try:
        done = deps.actions.retry(
            source,
            [run_id],
            params=params,
            actor=require(deps.viewer(), Action.RETRY),
            once=number_of(opening["number"], run_id, params),
        )
        return outcome(retried_view(done))
    except DataError as error:
        return problem(str(error))
