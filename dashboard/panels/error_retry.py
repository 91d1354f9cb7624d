"""All failed runs of an error, run again: what will happen first, the truth after."""

from typing import Any, Final

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dashboard.auth import require
from dashboard.components.outcome import outcome, problem
from dashboard.deps import Action, Deps
from dashboard.ids import Errors
from dashboard.offload import offload
from dashboard.once import new_number
from dashboard.views.bulk import RETRY, is_possible, plan_view, retried_view
from data.all_sources import ALL, by_source, joined
from data.clock import now_ms
from data.exceptions import DataError
from data.model import Job

#: Runs of one click; an action takes no more.
MOST: Final = 10_000


def layout() -> html.Div:
    """The dialog, closed."""
    return html.Div([_dialog(), dcc.Store(id=Errors.RETRY_PLAN)], className="contents")


def register(app: Dash, deps: Deps) -> None:
    """Attach the dialog's callbacks."""
    app.clientside_callback(
        ClientsideFunction("history", "close"),
        Output(Errors.RETRY_MODAL, "is_open"),
        Input(Errors.RETRY_CLOSE, "n_clicks"),
        prevent_initial_call=True,
    )
    _on_click(app, Errors.RETRY, State(Errors.SHOWN, "data"), _review, deps)
    _on_click(app, Errors.RETRY_CONFIRM, State(Errors.RETRY_PLAN, "data"), _act, deps)


#: What a step sets; keys that it leaves out stay as they are.
_OUTPUTS: Final = {
    "open": (Errors.RETRY_MODAL, "is_open"),
    "body": (Errors.RETRY_BODY, "children"),
    "plan": (Errors.RETRY_PLAN, "data"),
    "confirm_hidden": (Errors.RETRY_CONFIRM, "hidden"),
    "close": (Errors.RETRY_CLOSE, "children"),
    "changed": (Errors.CHANGED, "data"),
}


def _on_click(app: Dash, button: str, state: State, step: Any, deps: Deps) -> None:
    @app.callback(
        {
            key: Output(*target, allow_duplicate=True)
            for key, target in _OUTPUTS.items()
        },
        Input(button, "n_clicks"),
        state,
        running=[(Output(Errors.RETRY_PROGRESS, "hidden"), False, True)],
        prevent_initial_call=True,
    )
    @offload
    def _clicked(clicks: int | None, value: Any) -> dict[str, Any]:
        done = step(deps, value) if clicks and value else {}
        return {**dict.fromkeys(_OUTPUTS, no_update), **done}


def _review(deps: Deps, shown: dict[str, Any]) -> dict[str, Any]:
    """What will happen to which run, as it stands now; runs of a source that is gone wait."""
    opened = {"open": True, "confirm_hidden": True, "close": "Close"}
    try:
        group = deps.store.errors.group(str(shown["group"]))
        members = [group.fingerprint, *group.merged]
        errors = deps.store.errors
        struck = errors.runs(members, limit=MOST, again=False)
        before = len(errors.runs(members, limit=MOST)) - len(struck)
        ids = [
            joined(one.source, one.run_id)
            for one in struck
            if one.source in deps.sources
        ]
        jobs = _jobs(deps, ids)
    except DataError as error:
        return {**opened, "body": problem(str(error))}
    parts = plan_view(RETRY, jobs, ids)
    if before:
        parts.append(("quiet", f"{before} were run again from here before", []))
    return {
        "open": True,
        "body": outcome(parts),
        "plan": {"ids": ids, "once": new_number()},
        "confirm_hidden": not is_possible(RETRY, jobs),
        "close": "Back",
    }


def _jobs(deps: Deps, ids: list[str]) -> list[Job]:
    """The runs as they stand, under the ids that name their sources."""
    found: list[Job] = []
    for name, own in by_source(ids, deps.sources).items():
        jobs = deps.sources[name].engine.runs(own)
        found += [job._replace(run_id=joined(name, job.run_id)) for job in jobs]
    return found


def _act(deps: Deps, plan: dict[str, Any]) -> dict[str, Any]:
    """Do what was reviewed; the same plan a second time does nothing twice."""
    done = {"confirm_hidden": True, "close": "Close", "changed": new_number()}
    try:
        actor = require(deps.viewer(), Action.RETRY)
        result = deps.actions.retry(ALL, plan["ids"], actor=actor, once=plan["once"])
    except DataError as error:
        return {**done, "body": problem(str(error))}
    for source, own in by_source(result.started, deps.sources).items():
        deps.store.errors.note_retried(source, own, now_ms(deps.clock))
    return {**done, "body": outcome(retried_view(result))}


def _dialog() -> dbc.Modal:
    progress = [dbc.Spinner(size="sm"), " Working…"]
    return dbc.Modal(
        [
            dbc.ModalHeader(
                dbc.ModalTitle("Run all failed runs again", id=Errors.RETRY_HEADING)
            ),
            dbc.ModalBody(html.Div(id=Errors.RETRY_BODY, role="status")),
            dbc.ModalFooter(
                [
                    html.Div(
                        progress, id=Errors.RETRY_PROGRESS, hidden=True, role="status"
                    ),
                    dbc.Button("Back", id=Errors.RETRY_CLOSE, className="button-plain"),
                    dbc.Button(
                        "Run again", id=Errors.RETRY_CONFIRM, className="button-warn"
                    ),
                ]
            ),
        ],
        id=Errors.RETRY_MODAL,
        labelledby=Errors.RETRY_HEADING,
        scrollable=True,
        is_open=False,
    )
