"""Scripts and styles: compressed once, kept in memory, and for good by browsers.

Dash compresses a file each time it is asked for: 60 ms of everybody's time for the grid's.
What is below ``_dash-component-suites`` does not change while the process runs. An address
with a fingerprint (a version in the path, a time in the query) never changes its meaning.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOR_EVER: Final = "public, max-age=31536000, immutable"
_PACKAGES: Final = "/_dash-component-suites/"
#: Ours: these change while somebody works on them, and their stamp with them.
_STAMPABLE: Final = ("/assets/", "/vendor/")
#: How Dash writes a version into a path, and a time into a query.
_VERSIONED: Final = re.compile(r"\.v[\w]+m\d+")
_STAMPED: Final = re.compile(rb"\bm=[\d.]+")
#: Kept at most, in bytes: all that pages ask for is 1.1 MB, as it is and compressed 5 MB.
_MOST: Final = 16_000_000

_Key = tuple[str, bytes, bool]


class _Kept(NamedTuple):
    """An answer, to be given again."""

    start: Message
    body: bytes
    etag: str


class KeptFiles:
    """Answers for files that were asked for before, from memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[_Key, _Kept] = {}
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or pass the request on and keep what is answered."""
        if scope["type"] != "http" or not _is_file(scope):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_small = "gzip" in headers.get("accept-encoding", "")
        key = (str(scope["path"]), bytes(scope["query_string"]), is_small)
        if key not in self._kept:
            answer = await self._ask(scope, receive)
            if answer.start["status"] == 200:  # noqa: PLR2004
                self._keep(key, answer)
        else:
            answer = self._kept[key]
        await _give(answer, headers.get("if-none-match"), send)

    def _keep(self, key: _Key, answer: _Kept) -> None:
        """Anybody can make up addresses of one file: there is an end to them."""
        if self._bytes + len(answer.body) <= _MOST:
            self._bytes += len(answer.body)
            self._kept[key] = answer

    async def _ask(self, scope: Scope, receive: Receive) -> _Kept:
        """The whole answer of the app, as for a browser that has nothing yet."""
        fresh = [pair for pair in scope["headers"] if pair[0] != b"if-none-match"]
        start: Message = {"type": "http.response.start", "status": 500, "headers": []}
        parts: list[bytes] = []

        async def note(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            else:
                parts.append(message.get("body", b""))

        await self._app({**scope, "headers": fresh}, receive, note)
        headers = MutableHeaders(scope=start)
        if start["status"] == 200 and _is_fingerprinted(scope):  # noqa: PLR2004
            headers["Cache-Control"] = FOR_EVER
        return _Kept(start, b"".join(parts), headers.get("etag", ""))


def _is_file(scope: Scope) -> bool:
    path = str(scope["path"])
    if scope["method"] != "GET":
        return False
    return _PACKAGES in path or _is_fingerprinted(scope)


def _is_fingerprinted(scope: Scope) -> bool:
    if any(part in str(scope["path"]) for part in _STAMPABLE):
        return _STAMPED.search(scope["query_string"]) is not None
    return _VERSIONED.search(str(scope["path"])) is not None


async def _give(kept: _Kept, known: str | None, send: Send) -> None:
    if known and known == kept.etag:
        await send(
            {"type": "http.response.start", "status": 304, "headers": _etag(kept)}
        )
        await send({"type": "http.response.body", "body": b""})
        return
    await send({**kept.start, "headers": [*kept.start["headers"]]})
    await send({"type": "http.response.body", "body": kept.body})


def _etag(kept: _Kept) -> Sequence[tuple[bytes, bytes]]:
    return [(b"etag", kept.etag.encode())]
