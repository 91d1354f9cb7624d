"""Who asks, what they may do, and from where: checked where the action is.

``JOBS_AUTH=none`` makes everyone the admin ``local``; roles of other ways to sign in
come through the same ``Viewer``.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.deps import Action, Viewer
from data.exceptions import DataError

#: Close code of a socket whose Origin, Host or role is not allowed (contract).
CLOSE_FORBIDDEN: Final = 4403
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class ForbiddenError(DataError):
    """This viewer may not do that."""


def require(viewer: Viewer, action: Action) -> str:
    """The viewer's name for the audit; raises ForbiddenError when not allowed."""
    if not viewer.may(action):
        message = f"{viewer.name} ({viewer.role}) may not {action}."
        raise ForbiddenError(message)
    return viewer.name


def hosts_of(origins: Iterable[str], host: str) -> frozenset[str]:
    """The host names we answer to: those of our public origins, and where we listen.

    On loopback every name of the machine itself is ours, on any port: a tunnel may
    lead here. A name that somebody else's DNS points at us is not.
    """
    named = {urlsplit(origin).hostname or "" for origin in origins}
    return frozenset(named | (_LOOPBACK if host in _LOOPBACK else {host}))


class ViewGate:
    """Lets in only who may view: pages, callbacks, routes for programs, the live link.

    What ``is_open`` says of a path is for everyone: health, metrics, files of the program.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        viewer: Callable[[], Viewer],
        is_open: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._viewer = viewer
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] not in ("http", "websocket") or self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            require(self._viewer(), Action.VIEW)
        except ForbiddenError as error:
            await _refuse(str(error), scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _refuse(reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 403, or close the socket with ``CLOSE_FORBIDDEN``."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": CLOSE_FORBIDDEN})
        return
    error = {"code": "forbidden", "message": reason, "ref": None}
    await JSONResponse({"error": error}, 403)(scope, receive, send)


class OriginGate:
    """Refuses requests that another site sends through a visitor's browser.

    Host: every request and socket must name one of ``hosts`` (DNS rebinding). Origin:
    an unsafe request and a socket must come from a page of ours: of a public origin,
    or of the host it is sent to. Programs send no Origin and are let through.
    """

    def __init__(
        self, app: ASGIApp, *, origins: Collection[str], hosts: Collection[str]
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal:
            await _refuse(refusal, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        """Why the request is refused, "" when it is not."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _parts_of(f"//{host}").hostname not in self._hosts:
            return "This host name is not one of ours: see JOBS_PUBLIC_ORIGINS."
        safe = scope["type"] == "http" and scope["method"] in _SAFE_METHODS
        if safe:
            return ""
        if headers.get("sec-fetch-site") == "cross-site":
            return "Requests from other sites are refused."
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return ""
        if _parts_of(origin).netloc == host:
            return ""
        return "Requests from other origins are refused: see JOBS_PUBLIC_ORIGINS."


def _parts_of(address: str) -> SplitResult:
    """The parts of an address; none when it is not readable as one."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")
