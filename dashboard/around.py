"""What the present request is about: the context of an error that it runs into."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import quote

from dash import ctx
from dash.exceptions import MissingCallbackContextException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.ids import Bulk, Details, Errors, History, Live, Stalled, Start
from data.exceptions import DataError
from data.rules.scrub import cut, scrub_text
from data.tracking import MET, Met

_AROUND: Final[ContextVar[Mapping[str, str]]] = ContextVar("around")
#: What a callback does, by the component that asked for it (contract.md).
_ACTIONS: Final = {
    Live.ASKED: "loadActiveJobs",
    Details.ASKED: "loadJobDetails",
    Details.CANCEL: "cancelJob",
    Details.CANCEL_CONFIRM: "cancelJob",
    Details.RETRY: "retryJob",
    Bulk.RETRY: "retryJob",
    Bulk.CANCEL: "cancelJob",
    Start.SUBMIT: "enqueueJob",
    Stalled.CLEAN: "cleanupStalledJobs",
    Stalled.CONFIRM: "cleanupStalledJobs",
    Errors.RETRY_CONFIRM: "retryJob",
}
_HISTORY: Final = vars(History).values()
_CALLBACK: Final = "_dash-update-component"
#: Tells the page that an error was tracked; assets/errorTracking.js reads it.
_NOTE: Final = b"x-job-manager-error"
_NOTE_BYTES: Final = 300


def around() -> dict[str, str]:
    """``component``, ``action``, ``url``, ``user_agent``, ``job_name`` where known."""
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
    found |= _job_name({**ctx.inputs, **ctx.states})
    return {**found, "action": _ACTIONS.get(component, otherwise)}


def _job_name(asked: Mapping[str, Any]) -> dict[str, str]:
    """Of the run whose dialog is open, by what its callbacks are asked with."""
    for name in (Details.OPENING, Details.ASKED):
        value = asked.get(f"{name}.data")
        if isinstance(value, dict) and isinstance(value.get("job"), str):
            return {"job_name": value["job"]}
    return {}


class NotesRequest:
    """Notes what each request is about; ``api`` is the path that programs ask below."""

    def __init__(self, app: ASGIApp, *, api: str) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the answer to a callback tells what it ran into."""
        met: list[Met] = []

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and met:
                headers = [*message.get("headers", []), (_NOTE, note_of(met[0]))]
                message = {**message, "headers": headers}
            await send(message)

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
        is_callback = scope["type"] == "http" and scope["path"].endswith(_CALLBACK)
        MET.set(met if is_callback else None)
        await self._app(scope, receive, noting if is_callback else send)


def note_of(met: Met) -> bytes:
    """Id, level and words of an error; only what our own errors say may be told."""
    is_ours = isinstance(met.error, DataError)
    words = str(met.error) if is_ours else "The server could not do that."
    told = quote(cut(scrub_text(words), _NOTE_BYTES), safe="")
    return f"{met.event_id} {met.level} {told}".encode("ascii")
