"""Errors to Sentry, or to any server that speaks as it does (GlitchTip and others).

Through Sentry's own client, with everything left out that it would find by itself: it
sends what is scrubbed and grouped here. It comes with the extra ``sentry``.
"""

import json
from typing import Any, Final
from urllib.parse import urlsplit

from sentry_sdk import Client
from sentry_sdk.transport import HttpTransport

from data.clock import from_ms
from data.model import ErrorEvent

_LIMIT_S: Final = 3.0
#: What the groups there may be filtered by.
_TAGS: Final = ("action", "component", "jobName")


class Sentry:
    """A project of a Sentry, named by its DSN."""

    def __init__(self, dsn: str, *, release: str) -> None:
        self._client = Client(
            dsn=dsn,
            release=release,
            transport=_Noting,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            include_local_variables=False,
            send_client_reports=False,
            server_name="",
            shutdown_timeout=0,
        )
        self.name = f"Sentry ({urlsplit(dsn).hostname or ''})"

    def send(self, event: ErrorEvent) -> None:
        """Hand one event over and wait until it is sent."""
        transport: Any = self._client.transport
        transport.dropped.clear()
        self._client.capture_event(told(event))  # type: ignore[arg-type]  # a plain dict
        self._client.flush(timeout=_LIMIT_S)
        if transport.dropped:
            raise ConnectionError(", ".join(sorted(transport.dropped)))

    def close(self) -> None:
        """Give the connection back."""
        self._client.close(timeout=0)


class _Noting(HttpTransport):
    """The client's own way to send, which else tells nobody what was lost."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.dropped: set[str] = set()

    def on_dropped_event(self, reason: str) -> None:
        """Note why an event did not arrive."""
        self.dropped.add(reason)


def told(event: ErrorEvent) -> dict[str, Any]:
    """An event as Sentry's clients send it; our fingerprint groups it there too."""
    body = json.loads(event.body)
    context = body.get("context", {})
    exception = body.get("exception", {})
    tags = {name: context[name] for name in _TAGS if context.get(name)}
    # outermost first, as Sentry reads them
    frames = [
        {
            "function": frame["function"],
            "filename": frame["module"],
            "lineno": frame["lineno"],
            "in_app": frame["in_app"],
        }
        for frame in reversed(exception.get("frames", []))
    ]
    value: dict[str, Any] = {
        "type": event.type or "Error",
        "value": event.message,
        "mechanism": {"type": event.kind, "handled": bool(body.get("handled"))},
    }
    if frames:
        value["stacktrace"] = {"frames": frames}
    return {
        "event_id": event.event_id,
        "timestamp": from_ms(event.at).isoformat(),
        "level": event.level,
        "platform": "javascript" if event.origin == "browser" else "python",
        "logger": "job-manager",
        "tags": {**tags, "kind": event.kind, "origin": event.origin},
        "extra": {
            "runId": context.get("runId", ""),
            "source": context.get("source", ""),
            "params": context.get("params"),
            "url": context.get("url", ""),
            "count": event.times,
        },
        "fingerprint": [event.fingerprint],
        "exception": {"values": [value]},
        **({"user": {"id": event.visitor}} if event.visitor else {}),
    }
