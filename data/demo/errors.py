"""Ninety days of errors that people and the server itself met; jobs' own come from runs."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any, Final, NamedTuple

from data.clock import DAY_MS, HOUR_MS, from_ms
from data.model import ErrorEvent, GroupStatus
from data.store.errors import ErrorLog
from data.tracking.events import from_browser

_SEED: Final = 20_262
_BATCH: Final = 500
_JOBS: Final = ("thumbnails", "sync-stock", "payment-capture")
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_3) AppleWebKit/537.36 Chrome/147.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/147.0 Safari/537.36",
)


class Kind(NamedTuple):
    """One kind of error, and the days on which it occurs."""

    origin: str
    kind: str
    type: str
    #: ``{n}`` differs every time
    message: str
    action: str
    component: str
    #: innermost first: (function, module)
    frames: tuple[tuple[str, str], ...]
    #: how many a day
    daily: float
    #: (first, last) days before now
    days: tuple[tuple[int, int], ...]
    users: int = 0
    level: str = "error"
    #: what somebody made of it, so many days before now
    status: tuple[GroupStatus, int] | None = None


_SHELL: Final = "/app/dashboard/panels/"
_KINDS: Final = (
    Kind(
        "browser", "dash_callback", "TypeError", "Failed to fetch", "enqueueJob",
        "run-modal", (("watchedFetch", "/assets/errorTracking.js"),), 2.4, ((20, 0),), 9,
    ),
    Kind(
        "browser", "ws", "", "WebSocket closed (1006)", "liveLink", "live-badge", (),
        1.6, ((34, 6),), 12, "warning", (GroupStatus.RESOLVED, 5),
    ),
    Kind(
        "browser", "onerror", "TypeError",
        "Cannot read properties of undefined (reading 'rows')", "renderPage",
        "history-grid", (("paint", "/assets/search.js"),), 1.1, ((80, 41), (6, 0)), 6,
        "error", (GroupStatus.RESOLVED, 38),
    ),
    Kind(
        "browser", "resource", "", "Could not load img /portal/logo-{n}.svg",
        "renderPage", "", (), 0.7, ((60, 0),), 21, "error", (GroupStatus.IGNORED, 30),
    ),
    Kind(
        "server", "server_callback", "SourceTooSlowError",
        "Orders: it did not answer within 3 s.", "loadJobHistory", "history-grid",
        (("_found", "/app/dashboard/pages/history.py"),), 0.9, ((90, 0),), 7,
    ),
    Kind(
        "server", "server_callback", "OutcomeUnknownError",
        "Orders: the database was lost before it answered.", "cancelJob", "run-details",
        (("_cancel", _SHELL + "details.py"),), 0.15, ((70, 2),), 4,
    ),
    Kind(
        "server", "server_route", "SourceUnavailableError",
        "Orders: connection to 10.0.0.{n} refused.", "retryJob", "api",
        (("retry", "/app/dashboard/api/acting.py"),), 0.5, ((44, 1),),
    ),
    Kind(
        "server", "log", "", "the sink Webhook failed: it answered 503", "monitor",
        "data.monitor", (), 0.3, ((15, 3),),
    ),
)  # fmt: skip


def write_errors(errors: ErrorLog, *, now_ms: int) -> None:
    """Write the errors of ninety days."""
    for kind in _KINDS:
        _write(errors, kind, now_ms)


def _write(errors: ErrorLog, kind: Kind, now_ms: int) -> None:
    """In the order of time, so that what comes back after it was resolved regresses."""
    events = [*_events(kind, now_ms)]
    status, days = kind.status or (None, 0)
    decided = now_ms - days * DAY_MS if status else now_ms + 1
    before = [event for event in events if event.at < decided]
    _write_all(errors, before)
    if status and before:
        errors.set_status(before[0].fingerprint, status, by="ada", at_ms=decided)
        _write_all(errors, [event for event in events if event.at >= decided])


def _write_all(errors: ErrorLog, events: list[ErrorEvent]) -> None:
    for at in range(0, len(events), _BATCH):
        errors.write(events[at : at + _BATCH])


def _events(kind: Kind, now_ms: int) -> Iterator[ErrorEvent]:
    """The same for the same ``now_ms``, oldest first."""
    rng = Random(f"{_SEED} {kind.message}")  # noqa: S311 - a demo, and it must repeat
    for first, last in kind.days:
        at = float(now_ms - first * DAY_MS)
        end = now_ms - last * DAY_MS - HOUR_MS * rng.random() / 4
        while (at := at + rng.expovariate(kind.daily / DAY_MS)) < end:
            yield _event(kind, int(at), rng)


def _event(kind: Kind, at: int, rng: Random) -> ErrorEvent:
    user = rng.randrange(kind.users) if kind.users else None
    raw: dict[str, Any] = {
        "event_id": f"{rng.getrandbits(128):032x}",
        "timestamp": from_ms(at).isoformat(),
        "level": kind.level,
        "kind": kind.kind,
        "exception": {
            "type": kind.type,
            "message": kind.message.format(n=rng.randrange(10)),
            "stacktrace": _stack(kind, rng),
            "frames": [
                {"function": function, "module": module, "lineno": 40, "in_app": True}
                for function, module in kind.frames
            ],
        },
        "context": {
            "action": kind.action,
            "component": kind.component,
            **_asked(kind, rng),
            "userAgent": _AGENTS[(user or 0) % len(_AGENTS)],
            "url": "/history?range=7d" if kind.component == "history-grid" else "/",
        },
        "breadcrumbs": [
            {"t": -rng.randrange(4_000, 9_000), "c": "page", "m": "/"},
            {"t": -rng.randrange(200, 3_000), "c": "click", "m": kind.component},
        ]
        if kind.origin == "browser"
        else [],
        "release": "0.1.0",
    }
    visitor = "" if user is None else f"{user * 7919:016x}"
    made = from_browser(raw, session=visitor, now_ms=at, visitor=visitor)
    return replace(
        made,
        origin=kind.origin,
        kind=kind.kind,
        body=made.body.replace('"source": "browser"', f'"source": "{kind.origin}"', 1),
    )


def _stack(kind: Kind, rng: Random) -> str:
    if not kind.frames:
        return ""
    if kind.origin == "browser":
        lines = [
            f"    at {name} ({path}:40:{rng.randrange(80)})"
            for name, path in kind.frames
        ]
        return "\n".join([f"{kind.type}: {kind.message}", *lines])
    lines = [f'  File "{path}", line 40, in {name}' for name, path in kind.frames]
    last = f"{kind.type}: {kind.message}"
    return "\n".join(["Traceback (most recent call last):", *lines, last])


def _asked(kind: Kind, rng: Random) -> dict[str, Any]:
    """Job, run and params of what could not be done."""
    job = {"jobName": rng.choice(_JOBS)}
    if kind.action == "enqueueJob":
        return job | {"params": {"batchSize": rng.choice((50, 100, 500)), "token": "t"}}
    if kind.action in ("cancelJob", "retryJob"):
        run_id = str(rng.randrange(1_000_000))
        return job | {"runId": run_id, "params": {"run_ids": [run_id]}}
    if kind.action == "loadJobHistory":
        return {"params": {"range": "7d", "status": "all"}}
    return {}
