"""Dialogs that first say what will happen, and then what did: ``components.dialog``."""

from collections.abc import Callable
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from dashboard.components.dialog import (
    ASKED,
    BODY,
    CLOSE,
    CONFIRM,
    FORM,
    MESSAGE,
    MODAL,
    PLAN,
)
from dashboard.components.outcome import problem
from dashboard.offload import offload
from dashboard.once import new_number
from data.exceptions import DataError

#: What a step sets of a dialog; keys that it leaves out stay as they are.
Step = Callable[..., dict[str, Any]]


def register(
    app: Dash,
    id_: str,
    changed: str,
    review: Step,
    act: Step,
    *fields: State,
    typed: str = "",
) -> None:
    """``review`` is told what was asked for, ``act`` the plan it made and the fields.

    When something was done, the store ``changed`` gets a new number and the field
    ``typed`` is emptied.
    """
    outputs = {
        "open": (id_ + MODAL, "is_open"),
        "body": (id_ + BODY, "children"),
        "form_hidden": (id_ + FORM, "hidden"),
        "message": (id_ + MESSAGE, "children"),
        "confirm_hidden": (id_ + CONFIRM, "hidden"),
        "close": (id_ + CLOSE, "children"),
        "plan": (id_ + PLAN, "data"),
        "changed": (changed, "data"),
        **({"typed": (typed, "value")} if typed else {}),
    }
    emptied = {"typed": ""} if typed else {}
    app.clientside_callback(
        ClientsideFunction("history", "close"),
        Output(id_ + MODAL, "is_open", allow_duplicate=True),
        Input(id_ + CLOSE, "n_clicks"),
        prevent_initial_call=True,
    )
    asked = (Input(id_ + ASKED, "data"),)
    confirmed = (Input(id_ + CONFIRM, "n_clicks"), State(id_ + PLAN, "data"), *fields)
    _on(app, outputs, asked, lambda what: _opened(review, what))

    def confirm(_clicks: int, plan: Any, *values: Any) -> dict[str, Any]:
        return _acted(act, emptied, plan, *values)

    _on(app, outputs, confirmed, confirm)


def _on(
    app: Dash, outputs: dict[str, tuple[str, str]], asked: tuple[Any, ...], step: Step
) -> None:
    @app.callback(
        {key: Output(*target, allow_duplicate=True) for key, target in outputs.items()},
        *asked,
        prevent_initial_call=True,
    )
    @offload
    def _asked(first: Any, *more: Any) -> dict[str, Any]:
        done = step(first, *more) if first else {}
        return {**dict.fromkeys(outputs, no_update), **done}


def _opened(review: Step, asked: Any) -> dict[str, Any]:
    opened = {"open": True, "message": None, "form_hidden": False, "close": "Back"}
    try:
        return {**opened, "confirm_hidden": False, **review(asked)}
    except DataError as error:
        closed = {"form_hidden": True, "confirm_hidden": True, "close": "Close"}
        return {**opened, **closed, "body": problem(str(error)), "plan": None}


def _acted(
    act: Step, emptied: dict[str, Any], plan: Any, *fields: Any
) -> dict[str, Any]:
    """What could not be done is said beside the fields, which stay as they are."""
    if not plan:
        return {}
    done = {"form_hidden": True, "confirm_hidden": True, "close": "Close"}
    try:
        return {**done, **emptied, "changed": new_number(), **act(plan, *fields)}
    except DataError as error:
        return {"message": problem(str(error))}
