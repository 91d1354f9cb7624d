"""Our own routes beside Dash's, and what stands before all of them."""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dash import Dash
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import api, live
from dashboard.api.hearing import HearsPages
from dashboard.around import NotesRequest
from dashboard.asked import ASKED, asked_of
from dashboard.auth import OriginGate, ViewGate, hosts_of
from dashboard.deps import Deps
from dashboard.headers import (
    SecurityHeaders,
    content_security_policy,
    extra_origins,
)
from dashboard.kept_files import KeptFiles
from dashboard.live import Hub
from dashboard.urls import BOOTSTRAP, EXTRA_SCRIPT, below, is_address

#: For everyone: they tell nothing of runs, or are asked by machines of one's own.
_OPEN: Final = frozenset({"healthz", "readyz", "metrics"})
_FILES: Final = ("assets/", "vendor/", "_dash-component-suites/", "_favicon.ico")


def add_routes(server: FastAPI, deps: Deps, hub: Hub) -> None:
    """Our own routes, and 404 for all else (Dash answers 200)."""
    prefix = deps.look.prefix
    api.register(server, deps, lambda: hub.viewers)
    if deps.look.live:
        live.register(server, deps, hub)

    @server.get(below(prefix, BOOTSTRAP))
    def bootstrap() -> Response:
        return FileResponse(_bootstrap_css(), media_type="text/css")

    if deps.look.extra_script and not is_address(deps.look.extra_script):

        @server.get(below(prefix, EXTRA_SCRIPT))
        def extra_script() -> Response:
            return FileResponse(deps.look.extra_script, media_type="text/javascript")

    if prefix != "/":

        @server.get(prefix.rstrip("/"))
        async def slash() -> Response:
            return RedirectResponse(prefix)

    @server.get("/{path:path}")
    async def nothing(path: str) -> Response:
        raise HTTPException(404, f"There is no page /{path[:200]}")


class PagesAtIndex:
    """Has Dash answer every page as it answers the first one.

    Only there does it prepare what it serves; the browser then opens the page that its
    address names.
    """

    def __init__(self, app: ASGIApp, *, index: str, pages: Sequence[str]) -> None:
        self._app = app
        self._index = index
        self._pages = frozenset(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope["path"] in self._pages:
            path = "/" + str(scope["path"]).removeprefix(self._index)
            ASKED.set(asked_of(path, scope["query_string"]))
            scope = {**scope, "path": self._index, "raw_path": self._index.encode()}
        await self._app(scope, receive, send)


class StrippedPrefix:
    """Puts the prefix back in front of paths that a proxy has stripped it from.

    ``prefix`` is the path that people see, whether the proxy keeps it or not.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, below the prefix."""
        if scope["type"] in ("http", "websocket") and self._is_stripped(scope["path"]):
            raw = scope.get("raw_path") or scope["path"].encode()
            scope = {
                **scope,
                "path": below(self._prefix, scope["path"]),
                "raw_path": self._prefix.encode() + raw.lstrip(b"/"),
            }
        await self._app(scope, receive, send)

    def _is_stripped(self, path: str) -> bool:
        """Is this neither below the prefix nor the prefix without its last slash?"""
        return not path.startswith(self._prefix) and path != self._prefix.rstrip("/")


def add_walls(server: FastAPI, app: Dash, deps: Deps, pages: Sequence[str]) -> None:
    """What every request passes first; the last one added is the outermost."""
    server.add_middleware(KeptFiles)
    server.add_middleware(
        ViewGate,
        viewer=lambda: deps.viewer(),  # noqa: PLW0108  # as it is then
        is_open=partial(is_open, deps),
    )
    server.add_middleware(NotesRequest, api=below(deps.look.prefix, "api/"))
    index = deps.look.prefix
    viewing = deps.store.viewing
    server.add_middleware(HearsPages, index=index, viewing=viewing, clock=deps.clock)
    paths = [below(index, page) for page in pages]
    server.add_middleware(PagesAtIndex, index=index, pages=paths)
    server.add_middleware(
        SecurityHeaders,
        policy=lambda: content_security_policy(
            app.csp_hashes(),
            deps.look.frame_ancestors,
            extra=extra_origins(deps.look.extra_script, deps.look.csp_connect),
        ),
    )
    hosts = hosts_of(deps.origins, deps.host)
    server.add_middleware(OriginGate, origins=deps.origins, hosts=hosts)
    if index != "/":
        server.add_middleware(StrippedPrefix, prefix=index)


def is_open(deps: Deps, path: str) -> bool:
    """Is this for everyone: health and metrics, or a file of the program itself?"""
    name = path.removeprefix(deps.look.prefix)
    return name in _OPEN or name.startswith(_FILES)


def _bootstrap_css() -> Path:
    """Bootstrap's CSS out of the installed package, without importing it."""
    found = find_spec("flask_bootstrap")
    if found is None or found.origin is None:
        message = "The package bootstrap-flask is not installed."
        raise RuntimeError(message)
    return Path(found.origin).parent / "static/bootstrap5/css/bootstrap.min.css"
