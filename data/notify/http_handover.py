"""The same moment for a message that goes over HTTP, through ``requests``.

A service that gets no key cannot tell a second try from a second message: when a message
was sent to it and no answer came, it may have it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_plus, urlsplit

from requests import PreparedRequest, Response, sessions
from requests.adapters import HTTPAdapter

from data.notify.handover import Handover, current

#: The header that tells a webhook a second try from a second message.
KEY: Final = "Idempotency-Key"

_FIRST_REFUSAL: Final = 300
_WORD: Final = re.compile(r"[A-Za-z0-9]{3,}")
_READS: Final = ("GET", "HEAD")
_SIGNS_IN: Final = ("login", "token", "session")

_SENDING: ContextVar[Handover | None] = ContextVar("sending", default=None)


def carries(request: PreparedRequest, text: str) -> bool:
    """Does it bring the message that begins with ``text``?

    Services are also asked for the number of a channel, or signed in to: nothing is lost
    by asking that again.
    """
    url = urlsplit(request.url or "")
    asks = request.method in _READS or url.path.lower().endswith(_SIGNS_IN)
    word = _WORD.search(text)
    if not asks or word is None:
        return True
    body = request.body or b""
    sent = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    return word[0] in unquote_plus(f"{url.query} {sent}")


@contextmanager
def _sending(handover: Handover) -> Iterator[None]:
    token = _SENDING.set(handover)
    try:
        yield
    finally:
        _SENDING.reset(token)


class _Watched:
    """Tells the handover when a request goes out: after the connection was made."""

    def endheaders(self: Any, *args: Any, **kwargs: Any) -> None:
        """Send the request, unless it was given up."""
        handover = _SENDING.get()
        if handover is not None:
            if self.sock is None:
                self.connect()
            if not handover.begin():
                self.close()
                message = "given up before it was sent"
                raise OSError(message)
        super().endheaders(*args, **kwargs)  # type: ignore[misc]


@cache
def _watched(pool: type[Any]) -> type[Any]:
    """A pool of the same connections, watched."""
    connection = type("Watched", (_Watched, pool.ConnectionCls), {})
    return type("WatchedPool", (pool,), {"ConnectionCls": connection})


def _watch(manager: Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {key: _watched(pools[key]) for key in pools}


class _Adapter(HTTPAdapter):
    """Tells the handover of its thread of each answer."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have connections watched."""
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Have connections through a proxy watched too."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            _watch(manager)
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send it; an answer is there when it is whole, or a refusal."""
        handover = current()
        if handover is None or KEY in request.headers:
            return super().send(request, *args, **kwargs)
        if not carries(request, handover.text):
            return super().send(request, *args, **kwargs)
        with _sending(handover):
            response = super().send(request, *args, **kwargs)
            if response.status_code < _FIRST_REFUSAL:
                _ = response.content
        handover.answered()
        return response


# of every session; without a handover it does what it always did
setattr(sessions, "HTTPAdapter", _Adapter)  # noqa: B010 - not exported
