"""The bar at the top of every page: pages, source, badge, theme, run job."""

from collections.abc import Sequence

import dash_bootstrap_components as dbc
from dash import dcc, html

from dashboard.components.attributes import attributes
from dashboard.deps import Deps
from dashboard.ids import Shell
from dashboard.panels import keyboard, start, status
from dashboard.urls import below


def layout(
    deps: Deps,
    pages: Sequence[tuple[str, str]],
    *,
    source: str | None = None,
    page: str = "",
) -> html.Header:
    """``pages`` are paths and titles; ``source`` is chosen and ``page`` is open."""
    look = deps.look
    ribbon = html.Span(look.ribbon, className="ribbon") if look.ribbon else None
    links = [
        dcc.Link(
            title,
            href=below(look.prefix, path),
            className="nav-item active" if path == page else "nav-item",
        )
        for path, title in pages
    ]
    return html.Header(
        [
            html.Div([html.Span(look.title), ribbon], className="brand"),
            html.Nav(links, className="nav-items", **attributes(aria_label="Pages")),
            html.Label("Source", htmlFor=Shell.SOURCE, className="visually-hidden"),
            dbc.Select(
                id=Shell.SOURCE,
                options=_sources(deps),
                value=source or next(iter(deps.sources), None),
                className="pill-input",
            ),
            status.layout(deps),
            html.Button(
                "◐",
                id=Shell.THEME,
                className="icon-button",
                **attributes(aria_label="Switch between light and dark"),
            ),
            keyboard.button(),
            start.button(),
        ],
        className="navbar-top",
    )


def _sources(deps: Deps) -> list[dict[str, str]]:
    """Every source, and where there are several all of them at once."""
    found = [(source.label, name) for name, source in deps.sources.items()]
    if len(found) > 1:
        found.append((deps.everything.label, deps.everything.name))
    return [{"label": label, "value": name} for label, name in found]
