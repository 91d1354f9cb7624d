"""The help for the keyboard; assets/keyboard.js listens."""

from typing import Final

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, html

from dashboard.components.attributes import attributes
from dashboard.ids import Keyboard

_KEYS: Final = (
    (("/",), "search on this page"),
    (("g", "o"), "overview"),
    (("g", "h"), "history"),
    (("g", "t"), "trends"),
    (("g", "e"), "errors"),
    (("g", "l"), "alerts"),
    (("g", "a"), "audit"),
    (("j",), "next row"),
    (("k",), "previous row"),
    (("Enter",), "details of the row"),
    (("Esc",), "close the dialog"),
    (("?",), "this help"),
)


def button() -> html.Button:
    """What opens the help."""
    return html.Button(
        "⌨",
        id=Keyboard.BUTTON,
        className="icon-button keyboard-button",
        **attributes(aria_label="Keyboard shortcuts"),
    )


def layout() -> dbc.Modal:
    """The help, closed."""
    rows = [
        html.Div([html.Dt([html.Kbd(key) for key in keys]), html.Dd(words)])
        for keys, words in _KEYS
    ]
    return dbc.Modal(
        [
            dbc.ModalHeader(dbc.ModalTitle("Keyboard", id=Keyboard.HEADING)),
            dbc.ModalBody(html.Dl(rows, className="keys")),
        ],
        id=Keyboard.MODAL,
        labelledby=Keyboard.HEADING,
        is_open=False,
    )


def register(app: Dash) -> None:
    """Attach the button."""
    app.clientside_callback(
        ClientsideFunction("keyboard", "open"),
        Output(Keyboard.MODAL, "is_open"),
        Input(Keyboard.BUTTON, "n_clicks"),
        prevent_initial_call=True,
    )
