"""The live badge: is this page told of changes, and how old is its data."""

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, html
from dash_extensions import WebSocket

from dashboard.components.attributes import attributes
from dashboard.deps import Deps
from dashboard.ids import Live, Shell
from dashboard.panels import report


def layout(deps: Deps) -> html.Div:
    """Badge, help, link, and a way to report; that alone when the link is off."""
    if not deps.look.live:
        return html.Div(report.button(), className="live")
    return html.Div(
        [
            _badge(),
            report.button(),
            _help(deps.look.support_url),
            _late(deps.look.support_url),
            WebSocket(id=Live.SOCKET),
        ],
        className="live",
    )


def register(app: Dash, deps: Deps) -> None:
    """Bind the socket to assets/live.js."""
    if not deps.look.live:
        return
    for function, source in (
        ("onState", Input(Live.SOCKET, "state")),
        ("reconnect", Input(Live.RECONNECT, "n_clicks")),
        ("move", Input(Shell.SOURCE, "value")),
    ):
        app.clientside_callback(ClientsideFunction("live", function), source)


def _badge() -> html.Div:
    return html.Div(
        [
            html.Span(className="live-dot", **attributes(aria_hidden="true")),
            html.Span("Connecting...", id=Live.STATE, role="status"),
            html.Span(id=Live.ATTEMPTS, className="quiet"),
            html.Span(
                id=Live.LAST_MESSAGE,
                className="quiet",
                title="When the data was read",
                **attributes(data_as="ago"),
            ),
            html.Button(
                "Retry now", id=Live.RECONNECT, className="link-button", hidden=True
            ),
            html.Button(
                "?",
                id=Live.HELP_OPEN,
                className="help-button",
                **attributes(aria_label="What does this mean?"),
            ),
        ],
        id=Live.BADGE,
        className="live-badge",
        **attributes(data_state="connecting"),
    )


def _late(support_url: str) -> html.Span:
    """Said when the link has been down for five minutes."""
    return html.Span(
        ["Not live for 5 minutes: ", _support(support_url)],
        id=Live.HELP_LATE,
        className="quiet live-late",
        hidden=True,
    )


def _support(url: str) -> html.A | str:
    words = "contact support"
    return html.A(words, href=url, target="_blank") if url else words


def _help(support_url: str) -> dbc.Popover:
    return dbc.Popover(
        dbc.PopoverBody(
            [
                html.P([html.Strong("Live: "), "changes appear here at once."]),
                html.P(
                    [
                        html.Strong("Live link, data over 1 min old: "),
                        "the server answers, but the source could not be read since.",
                    ]
                ),
                html.P(
                    [
                        html.Strong("Reconnecting...: "),
                        "connection lost; the page asks at intervals meanwhile.",
                    ]
                ),
                html.P("If it stays that way:"),
                html.Ol(
                    [
                        html.Li("Refresh the page."),
                        html.Li("Check your internet connection."),
                        html.Li(["After 5 minutes, ", _support(support_url), "."]),
                    ]
                ),
            ]
        ),
        id=Live.HELP,
        target=Live.HELP_OPEN,
        trigger="legacy",
        placement="bottom",
    )
