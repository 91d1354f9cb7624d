"""What went wrong, as JSON: ``{"error": {"code", "message", "ref"}}``, never a traceback."""

import logging
import secrets
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import StatementError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.auth import ForbiddenError
from data.driver_errors import translated
from data.exceptions import (
    AccessDeniedError,
    CapabilityMissingError,
    DataError,
    InvalidRequestError,
    OutcomeUnknownError,
    SchemaMismatchError,
    SourceBusyError,
    SourceFullError,
    SourceUnavailableError,
    StatementRefusedError,
    UndoExpiredError,
    UnknownAlertError,
    UnknownErrorGroupError,
    UnknownJobError,
    UnknownRunError,
    UnknownSourceError,
)
from data.tracking import track_once
from data.tracking.logs import TRACKED

log = logging.getLogger(__name__)

#: Bytes of a request's body: more than ten thousand run ids, or the largest params.
BODY_LIMIT: Final = 2_000_000
#: The same for what tabs tell of themselves, by the end of the path.
_BODY_LIMITS: Final = {"/telemetry": 65_536}
_KNOWN: Final[tuple[tuple[type[DataError], int, str], ...]] = (
    (UnknownSourceError, 404, "unknown_source"),
    (UnknownRunError, 404, "unknown_run"),
    (UnknownJobError, 404, "unknown_job"),
    (UnknownErrorGroupError, 404, "unknown_error"),
    (UnknownAlertError, 404, "unknown_alert"),
    (InvalidRequestError, 422, "invalid"),
    (ForbiddenError, 403, "forbidden"),
    (CapabilityMissingError, 409, "not_possible"),
    (UndoExpiredError, 410, "expired"),
    (OutcomeUnknownError, 409, "outcome_unknown"),
    (StatementRefusedError, 409, "refused"),
    (SourceBusyError, 503, "busy"),
    (SourceFullError, 503, "full"),
    (SourceUnavailableError, 503, "unavailable"),
    (SchemaMismatchError, 503, "schema"),
    (AccessDeniedError, 503, "access_denied"),
    (DataError, 503, "failed"),
)
_CODES: Final = {
    400: "bad_request",
    404: "not_found",
    405: "not_allowed",
    413: "too_large",
    422: "invalid",
}


class ErrorBody(BaseModel):
    """What went wrong."""

    #: one word for programs
    code: str
    #: a sentence for people
    message: str
    #: finds the failure in the server's log; null for what is no failure
    ref: str | None


class ErrorAnswer(BaseModel):
    """The answer to everything that could not be done."""

    error: ErrorBody


#: The answers that routes describe: by status its meaning.
RESPONSES: Final[dict[int | str, dict[str, object]]] = {
    status: {"model": ErrorAnswer, "description": words}
    for status, words in {
        400: "The body cannot be read",
        403: "This viewer may not do that, or it comes from another site",
        404: "No such source, run, job or alert",
        409: "No such action here, refused by the database, or its outcome is unknown",
        410: "Too late, or done before",
        413: "The body is too large",
        422: "What was asked is not valid",
        503: "The database does not answer, or not as it should",
    }.items()
}


def answer(
    status: int, code: str, message: str, ref: str | None = None
) -> JSONResponse:
    """One error."""
    body = {"error": {"code": code, "message": message, "ref": ref}}
    return JSONResponse(body, status)


def register(server: FastAPI, path: str, *, callbacks: str) -> None:
    """Answer in JSON whatever goes wrong below ``path``, or asks ``callbacks`` for nothing."""

    @server.exception_handler(DataError)
    async def data_error(_request: Request, error: Exception) -> Response:
        return _known(error)

    @server.exception_handler(StatementError)
    async def driver_error(_request: Request, error: StatementError) -> Response:
        return _known(translated(error, "the database"))

    @server.exception_handler(RequestValidationError)
    async def not_valid(_request: Request, error: Exception) -> Response:
        return answer(422, "invalid", _sentence(error))

    @server.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        sentence = f"{error.detail}."
        if not request.url.path.startswith(path):
            return PlainTextResponse(sentence, error.status_code, error.headers)
        code = _CODES.get(error.status_code, "error")
        made = answer(error.status_code, code, sentence)
        made.headers.update(error.headers or {})
        return made

    server.add_middleware(_Guard, path=path)
    server.add_middleware(_CallbackGuard, path=callbacks)


def _known(error: Exception) -> JSONResponse:
    """The answer to an error of ours: its sentence says what was done and what not."""
    for kind, status, code in _KNOWN:
        if isinstance(error, kind):
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR or code == "refused":
                track_once(error, kind="server_route")
            return answer(status, code, str(error))
    return _failed(error)


def _failed(error: BaseException) -> JSONResponse:
    event_id = track_once(error, kind="server_route", handled=False)
    ref = event_id[:8] or secrets.token_hex(4)
    log.error("a request failed (ref %s)", ref, exc_info=error, extra=TRACKED)
    return answer(500, "failed", f"The server could not do that (ref {ref}).", ref)


def _sentence(error: Exception) -> str:
    """The first thing that is wrong: where, and what is allowed."""
    if not isinstance(error, RequestValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return f"{where}: {first['msg']}." if where else f"{first['msg']}."


class _TooLargeError(Exception):
    """The body is longer than the limit."""


class _CallbackGuard:
    """Answers a request to Dash's own route that is no callback of these pages.

    A callback that fails tells the page so itself (``shell``): what Dash answers with
    500 never became one.
    """

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        failed = False

        async def noted(message: Message) -> None:
            nonlocal failed
            failed = failed or message.get("status") == HTTPStatus.INTERNAL_SERVER_ERROR
            if not failed:  # or the answer is ours
                await send(message)

        await self._app(scope, receive, noted)
        if failed:
            log.warning("a request to %s is no callback of these pages", self._path)
            words = "This is no callback of these pages: reload the page."
            await answer(400, "bad_request", words)(scope, receive, send)


class _Guard:
    """Refuses bodies that are too large, and lets no traceback out."""

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] != "http" or not scope["path"].startswith(self._path):
            await self._app(scope, receive, send)
            return
        began = False
        seen = 0
        last = f"/{scope['path'].rpartition('/')[2]}"
        limit = _BODY_LIMITS.get(last, BODY_LIMIT)

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal began
            if seen <= limit:  # or the answer is ours
                began = True
                await send(message)

        try:
            await self._app(scope, limited, noted)
        except Exception as error:
            if began:
                raise
            if seen <= limit:
                await _failed(error)(scope, receive, send)
        if seen > limit:
            await _too_large(limit)(scope, receive, send)


def _too_large(limit: int) -> JSONResponse:
    return answer(413, "too_large", f"The body is longer than {limit:,} bytes.")
