"""What a person reports as wrong, with what the tab knows of its freshness.

Everything happens in the browser (assets/report.js): it works while no callback does.
"""

from typing import Final

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, html

from dashboard.ids import Report, Shell

#: What may be wrong, as it is kept and as people read it.
CATEGORIES: Final = {
    "not_updating": "This page does not update",
    "wrong_data": "What it shows is wrong",
    "other": "Something else",
}
#: As many characters as a note may have.
NOTE_LENGTH: Final = 500


def button() -> html.Button:
    """What opens the dialog, from any page."""
    return html.Button(
        "Something wrong?", id=Report.OPEN, className="link-button report-open"
    )


def layout() -> dbc.Modal:
    """The dialog, closed."""
    return dbc.Modal(
        [
            dbc.ModalHeader(dbc.ModalTitle("Something wrong?", id=Report.HEADING)),
            dbc.ModalBody(_form()),
            dbc.ModalFooter(_send()),
        ],
        id=Report.MODAL,
        labelledby=Report.HEADING,
        scrollable=True,
        is_open=False,
    )


def register(app: Dash) -> None:
    """Attach the dialog to assets/report.js."""
    app.clientside_callback(
        ClientsideFunction("report", "open"),
        Output(Report.MODAL, "is_open"),
        Output(Report.RECORD, "children"),
        Output(Report.MESSAGE, "children"),
        Input(Report.OPEN, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("report", "send"),
        Output(Report.MESSAGE, "children", allow_duplicate=True),
        Output(Report.NOTE, "value"),
        Input(Report.SEND, "n_clicks"),
        State(Report.CATEGORY, "value"),
        State(Report.NOTE, "value"),
        State(Shell.SOURCE, "value"),
        prevent_initial_call=True,
    )


def _form() -> html.Div:
    options = [{"label": words, "value": name} for name, words in CATEGORIES.items()]
    return html.Div(
        [
            html.Fieldset(
                [
                    html.Legend("What is wrong?", className="field-legend"),
                    dbc.RadioItems(
                        options=options,
                        value=next(iter(CATEGORIES)),
                        id=Report.CATEGORY,
                    ),
                ]
            ),
            html.Label("Note, if you like", htmlFor=Report.NOTE),
            dbc.Textarea(id=Report.NOTE, maxlength=NOTE_LENGTH, rows=3),
            html.H3("This goes with it", className="field-legend"),
            html.Dl(id=Report.RECORD, className="report-record"),
        ]
    )


def _send() -> list[html.Div | html.Button]:
    return [
        html.Div(id=Report.MESSAGE, className="report-message", role="status"),
        html.Button("Send", id=Report.SEND, className="btn button-main"),
    ]
