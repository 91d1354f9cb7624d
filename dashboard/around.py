"""What the present request is about: the context of an error that it runs into."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

from dash import ctx
from dash.exceptions import MissingCallbackContextException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.ids import Bulk, Details, History, Live, Stalled, Start

_AROUND: Final[ContextVar[Mapping[str, str]]] = ContextVar("around")
#: What a callback does, by the component that asked for it (contract.md).
_ACTIONS: Final = {
    Live.ASKED: "loadActiveJobs",
    Details.ASKED: "loadJobDetails",
    Details.CANCEL: "cancelJob",
    Details.RETRY: "retryJob",
    Bulk.RETRY: "retryJob",
    Bulk.CANCEL: "cancelJob",
    Start.SUBMIT: "enqueueJob",
    Stalled.CLEAN: "cleanupStalledJobs",
    Stalled.CONFIRM: "cleanupStalledJobs",
}
_HISTORY: Final = vars(History).values()


def around() -> dict[str, str]:
    """``component``, ``action``, ``url``, ``user_agent`` where they are known."""
    found = dict(_AROUND.get({}))
    try:
        asked = ctx.triggered_id
    except (
        MissingCallbackContextException,
        LookupError,
    ):  # no callback, or a thread of ours
        return found
    component = str(asked or "page")
    found["component"] = component
    is_history = component in _HISTORY
    otherwise = "loadJobHistory" if is_history else "renderPage"
    return {**found, "action": _ACTIONS.get(component, otherwise)}


class NotesRequest:
    """Notes what each request is about; ``api`` is the path that programs ask below."""

    def __init__(self, app: ASGIApp, *, api: str) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            is_api = scope["path"].startswith(self._api)
            # a callback is asked by a page, and that is where it happened
            page = "" if is_api else headers.get("referer", "")
            asked = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
            _AROUND.set(
                {
                    "url": page or asked,
                    "user_agent": headers.get("user-agent", ""),
                    "component": "api" if is_api else "page",
                }
            )
        await self._app(scope, receive, send)
