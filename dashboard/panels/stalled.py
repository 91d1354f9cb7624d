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
            html.Button("Show", id=Stalled.SHOW, className="link-button"),
            dbc.Button("Clean Up Stalled", id=Stalled.CLEAN, className="button-warn"),
        ],
        id=Stalled.BANNER,
        className="banner",
        hidden=True,
    )
