"""Errors as JSON to an address of one's own, signed."""

import base64
import hashlib
import hmac
import json
from typing import Final
from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from data.model import ErrorEvent

#: ``sha256=`` and the HMAC of the body, hex: whoever has the key can check it.
SIGNATURE: Final = "X-Job-Manager-Signature"
_LIMIT_S: Final = 3.0


class Webhook:
    """POSTs each event to ``url``; signed when there is a ``key``.

    User and password of the address go in the header that is for them.
    """

    def __init__(self, url: str, key: str = "") -> None:
        parts = urlsplit(url)
        # urllib would take them for a part of the host, and name them in its errors
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._signs_in = _signing_in(parts)
        self._key = key
        # elsewhere the signature would be somebody else's
        self._opener = build_opener(_NoRedirect)
        host = parts.hostname or ""
        self.name = f"Webhook ({host})" + ("" if key else ", not signed")

    def send(self, event: ErrorEvent) -> None:
        """POST one event; anything but 2xx is a failure."""
        body = json.dumps(told(event)).encode()
        headers = {"Content-Type": "application/json", **self._signs_in}
        if self._key:
            digest = hmac.new(self._key.encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        request = Request(self._url, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=_LIMIT_S):
                pass
        except HTTPError as error:
            message = f"it answered {error.code}"
            raise ConnectionError(message) from None

    def close(self) -> None:
        """Nothing is kept open."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_more: object) -> None:
        """Follow nothing: a redirect is a failure."""


def _signing_in(parts: SplitResult) -> dict[str, str]:
    """The header for user and password, when there is one of them."""
    if parts.username is None:
        return {}
    both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def told(event: ErrorEvent) -> dict[str, object]:
    """An event as others get it: its body, and which group it belongs to."""
    return {
        **json.loads(event.body),
        "v": 1,
        "fingerprint": event.fingerprint,
        "title": event.title,
    }
