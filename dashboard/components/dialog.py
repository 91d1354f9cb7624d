"""A dialog that asks before something is done, and says what came of it.

A dialog called "x" has the ids "x-modal", "x-body" and so on: its parts.
"""

from typing import Final

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

#: what a click asks for
ASKED: Final = "-asked"
MODAL: Final = "-modal"
HEADING: Final = "-heading"
#: what it is about
BODY: Final = "-body"
#: what is filled in; hidden when all is done
FORM: Final = "-form"
#: what came of it, or what is wrong
MESSAGE: Final = "-message"
CONFIRM: Final = "-confirm"
CLOSE: Final = "-close"
#: what the dialog was opened for, as it was then
PLAN: Final = "-plan"


def dialog(
    id_: str, title: str, confirm: str, fields: list[Component], *, tone: str = "main"
) -> html.Div:
    """The dialog, closed; ``confirm`` is what its button says."""
    return html.Div(
        [
            dcc.Store(id=id_ + ASKED),
            dcc.Store(id=id_ + PLAN),
            dbc.Modal(
                [
                    dbc.ModalHeader(dbc.ModalTitle(title, id=id_ + HEADING)),
                    dbc.ModalBody(
                        [
                            html.Div(id=id_ + BODY),
                            html.Div(fields, id=id_ + FORM),
                            html.Div(id=id_ + MESSAGE, role="status"),
                        ]
                    ),
                    dbc.ModalFooter(
                        [
                            dbc.Button(
                                "Back", id=id_ + CLOSE, className="button-plain"
                            ),
                            dbc.Button(
                                confirm, id=id_ + CONFIRM, className=f"button-{tone}"
                            ),
                        ]
                    ),
                ],
                id=id_ + MODAL,
                labelledby=id_ + HEADING,
                scrollable=True,
                is_open=False,
            ),
        ],
        className="contents",
    )
