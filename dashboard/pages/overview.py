"""The overview: what runs now, what is stalled, how the last day went."""

from typing import Final

from dash import ClientsideFunction, Dash, Input, Output, html

from dashboard.deps import Deps
from dashboard.ids import Active, Overview, Shell, Stalled
from dashboard.panels import active, cleanup, stalled, tiles

PATH: Final = "/"
TITLE: Final = "Overview"


def layout(**_query: str) -> html.Div:
    """The page, empty: the painter fills it from the snapshot."""
    return html.Div(
        [
            html.H1(TITLE, className="visually-hidden"),
            html.Div(
                id=Overview.TROUBLE, className="trouble", role="alert", hidden=True
            ),
            stalled.layout(),
            cleanup.layout(),
            tiles.layout(),
            active.layout(),
            html.Div(id=Overview.NOTICES, className="notices", hidden=True),
        ],
        id=Overview.PAGE,
        className="page loading",
    )


def register(app: Dash, deps: Deps) -> None:
    """Attach the page's callbacks and those of its panels."""
    cleanup.register(app, deps)
    app.clientside_callback(
        ClientsideFunction("overview", "opened"),
        Input(Overview.PAGE, "id"),
    )
    app.clientside_callback(
        ClientsideFunction("overview", "filterFromUrl"),
        Output(Active.FILTER, "value"),
        Input(Shell.LOCATION, "search"),
    )
    app.clientside_callback(
        ClientsideFunction("overview", "filter"),
        Input(Active.FILTER, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("overview", "showStalled"),
        Input(Stalled.SHOW, "n_clicks"),
        prevent_initial_call=True,
    )
