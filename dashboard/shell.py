"""The app around the pages: the only caller of ``Dash(...)``."""

import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, set_props
from dash.backends._fastapi import FastAPIDashServer
from fastapi import FastAPI

from dashboard.build import ASSETS
from dashboard.components.outcome import toast
from dashboard.deps import Deps
from dashboard.ids import Live, Shell
from dashboard.index import PageApp
from dashboard.live import Hub
from dashboard.offload import apart, offload
from dashboard.pages import alerts, audit, errors, history, overview, panel, trends
from dashboard.panels import details, header, keyboard, notices, report, start, status
from dashboard.routes import add_routes, add_walls
from dashboard.urls import ERRORS_PAGE_SCRIPT, ERRORS_SCRIPT, THEME_SCRIPT
from data.exceptions import DataError
from data.tracking import track_once
from data.tracking.logs import TRACKED

log = logging.getLogger(__name__)

PAGES: Final[tuple[ModuleType, ...]] = (
    *(overview, history, trends),
    *(errors, alerts, audit),
)


class Background(Protocol):
    """What runs beside the pages for as long as the server does."""

    def start(self) -> None:
        """Start; a second call does nothing."""

    def stop(self) -> None:
        """Stop and wait."""


def create_app(deps: Deps, hub: Hub, background: Background) -> Dash:
    """The whole dashboard as a Dash app; ``app.server`` is the ASGI application."""
    # Dash's own socket doubles every viewer's connections and has no off switch.
    FastAPIDashServer.websocket_capability = False
    server = _server(background)
    pages = pages_of(deps)
    app = PageApp(
        deps,
        hub.messages,
        _links(pages),
        title=deps.look.title,
        update_title=None,  # keeps the title still
        server=server,
        backend="fastapi",
        url_base_pathname=deps.look.prefix,
        assets_folder=str(ASSETS),
        assets_ignore=_ignored(deps),
        use_pages=True,
        pages_folder="",
        on_error=_tell,
        enable_mcp=False,
        compress=True,
        include_pages_meta=False,
        suppress_callback_exceptions=True,  # a page's parts are there when it is open
    )
    for page in pages:
        dash.register_page(
            page.__name__, path=page.PATH, title=deps.look.title, layout=page.layout
        )
        page.register(app, deps)
    for name in panel.PANELS:
        dash.register_page(
            f"{panel.__name__}.{name}",
            path=panel.PATH + name,
            title=deps.look.title,
            layout=panel.layout_of(name),
        )
    app.layout = lambda: _layout(deps)
    _register(app, deps, hub)
    add_routes(server, deps, hub)
    panels = [panel.PATH + name for name in panel.PANELS]
    add_walls(server, app, deps, [*(page.PATH for page in pages), *panels])
    return app


def _ignored(deps: Deps) -> str:
    """Scripts that Dash must not load: they come first, or serve a page that is not there."""
    scripts = [THEME_SCRIPT, ERRORS_SCRIPT]
    if deps.tracker is None:
        scripts.append(ERRORS_PAGE_SCRIPT)
    return "|".join(re.escape(Path(script).name) for script in scripts)


def pages_of(deps: Deps) -> list[ModuleType]:
    """The pages there are: none for errors when they are not tracked."""
    return [page for page in PAGES if page is not errors or deps.tracker is not None]


def _links(pages: list[ModuleType]) -> list[tuple[str, str]]:
    return [(page.PATH, page.TITLE) for page in pages]


def _server(background: Background) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_server: FastAPI) -> AsyncIterator[None]:
        background.start()
        yield
        await apart(background.stop)

    return FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)


def _layout(deps: Deps) -> html.Div:
    return html.Div(
        [
            dcc.Location(id=Shell.LOCATION, refresh=False),
            dcc.Store(id=Shell.SNAPSHOT),
            dcc.Store(id=Live.ASKED),
            dcc.Store(id=Live.ANSWERED),
            dcc.Interval(id=Live.INTERVAL, interval=deps.look.refresh_every_ms),
            html.A("Skip to content", href=f"#{Shell.CONTENT}", className="skip-link"),
            header.layout(deps, _links(pages_of(deps))),
            notices.layout(),
            html.Main([dash.page_container, _way_out(deps)], id=Shell.CONTENT),
            details.layout(),
            start.layout(deps),
            keyboard.layout(),
            report.layout(),
            html.Div(id=Shell.TOASTS, className="toasts", role="status"),
        ]
    )


def _way_out(deps: Deps) -> html.Div:
    """Leads from a frame to the whole; assets/50_embed.css shows it there only."""
    link = html.A(
        f"Open in {deps.look.title}",
        href=deps.look.prefix,
        target="_blank",
        rel="noopener",
    )
    return html.Div(link, className="embed-foot")


def _register(app: Dash, deps: Deps, hub: Hub) -> None:
    status.register(app, deps)
    details.register(app, deps)
    start.register(app, deps)
    keyboard.register(app)
    report.register(app)
    app.clientside_callback(
        ClientsideFunction("shell", "toggleTheme"),
        Input(Shell.THEME, "n_clicks"),
    )
    app.clientside_callback(
        ClientsideFunction("shell", "markPage"),
        Input(Shell.LOCATION, "pathname"),
    )
    app.clientside_callback(
        ClientsideFunction("shell", "sourceFromUrl"),
        Output(Shell.SOURCE, "value"),
        Input(Shell.LOCATION, "search"),
        State(Shell.SOURCE, "options"),
    )
    app.clientside_callback(
        ClientsideFunction("shell", "sourceChosen"),
        Input(Shell.SOURCE, "value"),
        Input(Shell.LOCATION, "pathname"),
        State(Shell.SOURCE, "options"),
    )
    app.clientside_callback(
        ClientsideFunction("poll", "ask"),
        Output(Live.ASKED, "data"),
        Input(Live.INTERVAL, "n_intervals"),
        Input(Live.ANSWERED, "data"),
        Input(Shell.SOURCE, "value"),
    )

    app.clientside_callback(
        ClientsideFunction("poll", "arrived"),
        Input(Shell.SNAPSHOT, "data"),
    )

    @app.callback(
        Output(Shell.SNAPSHOT, "data"),
        Output(Live.ANSWERED, "data"),
        Input(Live.ASKED, "data"),
        State(Shell.SOURCE, "value"),
        prevent_initial_call=True,
    )
    @offload
    def _refresh(asked: object, source: str) -> tuple[dict[str, Any], object]:
        return hub.messages.answer(deps.snapshot(source)), asked


def _tell(error: Exception) -> None:
    """A failing callback: a sentence or a reference for the person, all for the log."""
    if isinstance(error, DataError):
        track_once(error, kind="server_callback")
        set_props(Shell.TOASTS, {"children": toast("Not done", str(error))})
        return
    event_id = track_once(error, kind="server_callback", handled=False)
    ref = event_id[:8] or secrets.token_hex(4)
    log.error("callback failed (ref %s)", ref, exc_info=error, extra=TRACKED)
    note = toast("Something went wrong", f"The server could not do that (ref {ref}).")
    set_props(Shell.TOASTS, {"children": note})
