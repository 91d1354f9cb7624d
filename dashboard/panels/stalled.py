"""The stalled banner; the painter in assets/overview.js shows and fills it."""

import dash_bootstrap_components as dbc
from dash import html

from dashboard.components.attributes import attributes
from dashboard.ids import Stalled


def layout() -> html.Div:
    """The banner, hidden."""
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
            html.Button(
                "?",
                id=Stalled.HELP_OPEN,
                className="help-button",
                **attributes(aria_label="What does stalled mean?"),
            ),
            _help(),
            html.Button("Show", id=Stalled.SHOW, className="link-button"),
            html.Div(
                [dbc.Spinner(size="sm"), " Working…"],
                id=Stalled.BUSY,
                className="banner-busy",
                hidden=True,
                role="status",
            ),
            dbc.Button("Clean Up Stalled", id=Stalled.CLEAN, className="button-warn"),
        ],
        id=Stalled.BANNER,
        className="banner",
        hidden=True,
    )


def _help() -> dbc.Popover:
    """What the banner means, and what to do."""
    return dbc.Popover(
        dbc.PopoverBody(
            [
                html.P(
                    "A job has been running for longer than its limit, which may "
                    "indicate a problem. It may also be slow and healthy: its liveness "
                    "tells when it last gave a sign of life."
                ),
                html.P("What to do:"),
                html.Ol(
                    [
                        html.Li("Look at the run and at its logs."),
                        html.Li(
                            "Stuck or dead: clean it up. The evidence comes first."
                        ),
                        html.Li("Run it again if it was legitimate."),
                        html.Li(
                            "Slow and healthy: leave it, and ask for a longer limit."
                        ),
                    ]
                ),
            ]
        ),
        id=Stalled.HELP,
        target=Stalled.HELP_OPEN,
        trigger="legacy",
        placement="bottom",
    )
