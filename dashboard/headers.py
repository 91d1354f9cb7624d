"""Security headers on every answer, and what browsers may keep."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.urls import is_address

#: Below these, files that a browser may keep and asks about before it uses them.
_FILES: Final = ("/_dash-component-suites/", "/assets/", "/vendor/")


class Extra(NamedTuple):
    """What a script of the organisation's own may do besides."""

    scripts: tuple[str, ...] = ()
    connect: tuple[str, ...] = ()


def extra_origins(script: str, connect: Sequence[str]) -> Extra:
    """What ``JOBS_EXTRA_SCRIPT`` and ``JOBS_CSP_CONNECT`` allow."""
    parts = urlsplit(script)
    origin = (f"{parts.scheme}://{parts.netloc}",) if is_address(script) else ()
    return Extra(origin, tuple(connect))


def content_security_policy(
    script_hashes: Sequence[str], frame_ancestors: Sequence[str], *, extra: Extra
) -> str:
    """Scripts and data from here only; styles inline too, which the grid needs."""
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *script_hashes, *extra.scripts]),
            "style-src 'self' 'unsafe-inline'",
            # a chart becomes a PNG by way of a blob of the page's own
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            " ".join(["connect-src 'self'", *extra.connect]),
            *(["worker-src 'self' blob:"] if extra.connect else []),
            "base-uri 'none'",
            "object-src 'none'",
            "form-action 'self'",
            f"frame-ancestors {' '.join(frame_ancestors)}",
        ]
    )


class SecurityHeaders:
    """Adds the headers to every HTTP answer.

    ``policy`` gives the content security policy; it is asked for each page, because
    Dash adds inline scripts of its own when it answers for the first time.
    """

    def __init__(self, app: ASGIApp, *, policy: Callable[[], str]) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add to its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), str(scope["path"]))
            await send(message)

        http = scope["type"] == "http"
        await self._app(scope, receive, send_with_headers if http else send)

    def _add(self, headers: MutableHeaders, path: str) -> None:
        if headers.get("content-type", "").startswith("text/html"):
            headers["Content-Security-Policy"] = self._policy()
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        if "cache-control" not in headers:
            kept = any(part in path for part in _FILES)
            headers["Cache-Control"] = "no-cache" if kept else "no-store"
