"""Our own routes beside Dash's, and what stands before all of them."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from dash import Dash
from fastapi import FastAPI
from starlette.responses import (
    FileResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)

from dashboard import api, live
from dashboard.auth import OriginGate, hosts_of
from dashboard.deps import Deps
from dashboard.headers import SecurityHeaders, content_security_policy
from dashboard.live import Hub
from dashboard.urls import BOOTSTRAP, below


def add_routes(
    server: FastAPI, app: Dash, deps: Deps, hub: Hub, pages: Sequence[str]
) -> None:
    """Our own routes, the pages by name, and 404 for all else (Dash answers 200)."""
    prefix = deps.look.prefix
    api.register(server, deps, lambda: hub.viewers)
    if deps.look.live:
        live.register(server, deps, hub)

    @server.get(below(prefix, BOOTSTRAP))
    def bootstrap() -> Response:
        return FileResponse(_bootstrap_css(), media_type="text/css")

    async def page_index() -> Response:
        return Response(app.index(), media_type="text/html")

    for page in pages:
        if page != "/":
            server.add_api_route(below(prefix, page), page_index)
    if prefix != "/":

        @server.get(prefix.rstrip("/"))
        async def slash() -> Response:
            return RedirectResponse(prefix)

    @server.get("/{path:path}")
    async def nothing(path: str) -> Response:
        return PlainTextResponse(f"There is no page /{path[:200]}.", 404)


def add_walls(server: FastAPI, app: Dash, deps: Deps) -> None:
    """What every request passes first; the last one added is the outermost."""
    server.add_middleware(
        SecurityHeaders, policy=lambda: content_security_policy(app.csp_hashes())
    )
    hosts = hosts_of(deps.origins, deps.host)
    server.add_middleware(OriginGate, origins=deps.origins, hosts=hosts)


def _bootstrap_css() -> Path:
    """Bootstrap's CSS out of the installed package, without importing it."""
    found = find_spec("flask_bootstrap")
    if found is None or found.origin is None:
        message = "The package bootstrap-flask is not installed."
        raise RuntimeError(message)
    return Path(found.origin).parent / "static/bootstrap5/css/bootstrap.min.css"
