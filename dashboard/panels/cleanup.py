"""The clean-up dialog: evidence first, the truth after, and a way back."""

from functools import partial
from typing import Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from dashboard.auth import require
from dashboard.components.candidates import candidate_option
from dashboard.components.outcome import outcome, problem
from dashboard.deps import Action, Deps
from dashboard.ids import Shell, Stalled
from dashboard.offload import offload
from dashboard.views.cleanup import (
    ALL_ALIVE,
    MEANING,
    candidates_view,
    in_two,
    outcome_view,
    seen_data,
    seen_from,
    undoable_from,
    undone_view,
)
from data.actions import CleanUp, seen_of, ticked_of
from data.engines.base import Remedy
from data.exceptions import DataError, UndoExpiredError
from data.model import Snapshot

_NEXT = "Next: check the logs of the run, and run it again if it was legitimate."
_ALIVE_NOTE = html.P(
    "These still give signs of life. Tick one only if you are sure that it hangs.",
    className="quiet",
)
_CAN_BE_UNDONE = "A clean-up can be undone for 10 minutes."
_CANNOT_BE_UNDONE = "It cannot be undone: Job Manager's own store did not answer."


def layout() -> html.Div:
    """The dialog, closed, and the strip that leads back to it."""
    return html.Div(
        [
            _last(),
            _dialog(),
            dcc.Store(id=Stalled.SEEN),
            dcc.Store(id=Stalled.UNDOABLE, storage_type="session"),
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
            prevent_initial_call=function != "last",
        )
    undoable = State(Stalled.UNDOABLE, "data")
    if deps.look.confirm_clean_up:
        _on_click(app, Stalled.CLEAN, [], partial(_review, deps))
    else:
        _on_click(app, Stalled.CLEAN, [undoable], partial(_clean_all, deps))
    lists = [State(Stalled.LIST, "value"), State(Stalled.ALIVE, "value")]
    chosen = [*lists, State(Stalled.SEEN, "data"), undoable]
    _on_click(app, Stalled.CONFIRM, chosen, partial(_clean_chosen, deps))
    _on_click(app, Stalled.UNDO, [undoable], partial(_undo, deps))


#: What a step of the dialog sets; keys that a step leaves out stay as they are.
_OUTPUTS = {
    "open": (Stalled.MODAL, "is_open"),
    "review_hidden": (Stalled.REVIEW, "hidden"),
    "meaning": (Stalled.MEANING, "children"),
    "options": (Stalled.LIST, "options"),
    "chosen": (Stalled.LIST, "value"),
    "alive": (Stalled.ALIVE, "options"),
    "alive_chosen": (Stalled.ALIVE, "value"),
    "alive_hidden": (Stalled.ALIVE_PART, "hidden"),
    "seen": (Stalled.SEEN, "data"),
    "problem": (Stalled.PROBLEM, "children"),
    "outcome": (Stalled.OUTCOME, "children"),
    "outcome_hidden": (Stalled.OUTCOME, "hidden"),
    "undoable": (Stalled.UNDOABLE, "data"),
    "undo_hidden": (Stalled.UNDO, "hidden"),
    "confirm_hidden": (Stalled.CONFIRM, "hidden"),
    "close": (Stalled.CANCEL, "children"),
}
#: What every step but the review leaves behind: the outcome, and a way back.
_OUTCOME_SHOWN = {
    "open": True,
    "review_hidden": True,
    "problem": None,
    "outcome_hidden": False,
    "confirm_hidden": True,
    "close": "Close",
}

_IN_THE_BROWSER: list[tuple[Any, ...]] = [
    ("close", Output(Stalled.MODAL, "is_open"), Input(Stalled.CANCEL, "n_clicks")),
    (
        "reopen",
        [
            Output(*_OUTPUTS[key], allow_duplicate=True)
            for key in (*_OUTCOME_SHOWN, "undo_hidden")
        ],
        Input(Stalled.LAST_SHOW, "n_clicks"),
    ),
    (
        "chosen",
        [Output(Stalled.COUNT, "children"), Output(Stalled.CONFIRM, "disabled")],
        Input(Stalled.LIST, "value"),
        Input(Stalled.ALIVE, "value"),
    ),
    ("last", Output(Stalled.LAST, "hidden"), Input(Stalled.UNDOABLE, "data")),
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
        # the button itself stays as it is: disabled, it would lose the focus for good
        running=[
            (Output(shown, "hidden"), False, True)
            for shown in (Stalled.PROGRESS, Stalled.BUSY)
        ],
        prevent_initial_call=True,
    )
    @offload
    def _clicked(_clicks: int | None, source: str, *values: Any) -> dict[str, Any]:
        return {**dict.fromkeys(_OUTPUTS, no_update), **step(source, *values)}


def _review(deps: Deps, source: str) -> dict[str, Any]:
    """The list to choose from, as it stands now."""
    place = deps.place(source)
    snapshot = place.reader.refresh()
    candidates = candidates_view(snapshot, deps.look.logs_url)
    trouble = snapshot.trouble.message if snapshot.trouble else ""
    ticked, alive = in_two(candidates)
    nothing = "" if candidates else "Nothing is stalled any more."
    return {
        "open": True,
        "review_hidden": not candidates,
        "meaning": [html.P(words) for words in _meaning(deps, source, snapshot)],
        "options": [candidate_option(**run) for run in ticked],
        "chosen": [run["run_id"] for run in ticked],
        "alive": [candidate_option(**run) for run in alive],
        "alive_chosen": [],
        "alive_hidden": not alive,
        "seen": seen_data(seen_of(snapshot)),
        "problem": problem(trouble) if trouble else nothing,
        "outcome_hidden": True,
        "undo_hidden": True,
        "confirm_hidden": not candidates,
        "close": "Cancel" if candidates else "Close",
    }


def _clean_chosen(deps: Deps, source: str, *values: object) -> dict[str, Any]:
    """What is ticked in either list; ``values`` as in ``register``."""
    ticked, alive, seen, undoable = values
    try:
        runs = seen_from(seen, ticked, alive)
        actor = require(deps.viewer(), Action.CLEAN_UP)
        done = deps.actions.clean_up(source, runs, actor=actor)
    except (DataError, ValueError) as error:
        return {"problem": problem(str(error))}
    return _outcome(done, undoable)


def _clean_all(deps: Deps, source: str, undoable: object) -> dict[str, Any]:
    """One click: what the dialog would tick of what the page shows as stalled."""
    try:
        actor = require(deps.viewer(), Action.CLEAN_UP)
        snapshot = deps.place(source).reader.latest
        runs = ticked_of(snapshot)
        if snapshot.judgement.verdicts and not runs:
            return {**_OUTCOME_SHOWN, "outcome": ALL_ALIVE, "undo_hidden": True}
        done = deps.actions.clean_up(source, runs, actor=actor)
    except DataError as error:
        return {
            **_OUTCOME_SHOWN,
            "problem": problem(str(error)),
            "outcome_hidden": True,
            "undo_hidden": True,
        }
    return _outcome(done, undoable)


def _outcome(done: CleanUp, undoable: object) -> dict[str, Any]:
    """What was done; the newest clean-up is the first to be undone."""
    words = " ".join(_next_steps(done))
    steps = html.P(words, className="quiet") if words else None
    newest = {"token": done.undo_token, "until": done.undo_until}
    earlier = undoable_from(undoable)
    return {
        **_OUTCOME_SHOWN,
        "outcome": [outcome(outcome_view(done)), steps],
        "undoable": [*earlier, newest] if done.undo_token else earlier,
        "undo_hidden": done.undo_token is None,
    }


def _next_steps(done: CleanUp) -> list[str]:
    if not done.cleaned:
        return []
    if len(done.cancelled) == len(done.cleaned):
        return [_NEXT]
    return [_NEXT, _CAN_BE_UNDONE if done.undo_token else _CANNOT_BE_UNDONE]


def _meaning(deps: Deps, source: str, snapshot: Snapshot) -> list[str]:
    """What a clean-up does to the runs that are stalled: in each engine's way."""
    remedies = deps.remedies(source, snapshot.judgement.verdicts)
    return [MEANING[remedy] for remedy in Remedy if remedy in remedies]


def _undo(deps: Deps, _source: str, undoable: object) -> dict[str, Any]:
    """Undo the newest clean-up of this tab; one that could not be tried stays."""
    known = undoable_from(undoable)
    token = known[-1]["token"] if known else ""
    try:
        actor = require(deps.viewer(), Action.UNDO)
        undone = deps.actions.undo(str(token), actor=actor)
    except UndoExpiredError as error:
        return _undo_ended(problem(str(error)), known[:-1])
    except DataError as error:
        return {"problem": problem(str(error))}
    if undone.not_reached:
        shown = {**_OUTCOME_SHOWN, "outcome": outcome(undone_view(undone))}
        return {**shown, "undo_hidden": False}
    return _undo_ended(outcome(undone_view(undone)), known[:-1])


def _undo_ended(result: Component, left: list[dict[str, object]]) -> dict[str, Any]:
    return {**_OUTCOME_SHOWN, "outcome": result, "undoable": left, "undo_hidden": True}


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
    heading = dbc.ModalTitle("Clean up stalled jobs", id=Stalled.HEADING)
    undoable = html.P("The last clean-up of this tab can still be undone.")
    return dbc.Modal(
        [
            dbc.ModalHeader(heading),
            dbc.ModalBody(
                [
                    _list(),
                    html.Div(
                        [
                            html.Div(id=Stalled.PROBLEM, role="alert"),
                            html.Div(undoable, id=Stalled.OUTCOME, role="status"),
                        ],
                        id=Stalled.RESULT,
                    ),
                ]
            ),
            dbc.ModalFooter(_buttons()),
        ],
        id=Stalled.MODAL,
        labelledby=Stalled.HEADING,
        size="lg",
        scrollable=True,
        is_open=False,
    )


def _list() -> html.Div:
    runs = dbc.Checklist(id=Stalled.LIST, options=[], value=[], className="candidates")
    alive = dbc.Checklist(
        id=Stalled.ALIVE, options=[], value=[], className="candidates"
    )
    alive_part = html.Div(
        [html.P("Slow, not dead", className="candidates-title"), _ALIVE_NOTE, alive],
        id=Stalled.ALIVE_PART,
        hidden=True,
    )
    steps = html.P(_NEXT, className="quiet")
    meaning = html.Div(id=Stalled.MEANING)
    return html.Div([meaning, runs, alive_part, steps], id=Stalled.REVIEW)


def _buttons() -> list[Component]:
    progress = [dbc.Spinner(size="sm"), " Working…"]
    return [
        html.Div(progress, id=Stalled.PROGRESS, hidden=True, role="status"),
        dbc.Button("Undo", id=Stalled.UNDO, className="button-plain"),
        dbc.Button("Cancel", id=Stalled.CANCEL, className="button-plain"),
        dbc.Button(
            html.Span(id=Stalled.COUNT), id=Stalled.CONFIRM, className="button-warn"
        ),
    ]
