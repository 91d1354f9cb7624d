"""Whatever went wrong, as an ``ErrorEvent``: scrubbed, cut to its limits, grouped.

The limits are those of ``docs/errors.md``, in UTF-8 bytes. What comes from a browser is
a stranger's: each field is taken when it is what it should be, and left out otherwise.
"""

import json
import re
import secrets
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from data.clock import DAY_MS, MINUTE_MS, from_ms, to_ms
from data.exceptions import InvalidRequestError
from data.model import ErrorEvent, Failure
from data.rules.grouping import (
    Frame,
    fingerprint,
    fingerprint_v1,
    in_app,
    raised,
    title_of,
)
from data.rules.scrub import (
    cut,
    scrub,
    scrub_driver_text,
    scrub_text,
    scrub_url,
)

MESSAGE: Final = 1_000
STACK: Final = 4_000
FRAMES: Final = 20
CAUSES: Final = 3
PARAMS: Final = 1_000
AGENT: Final = 200
URL: Final = 300
ID: Final = 100
CRUMBS: Final = 10
CRUMB: Final = 120
EVENT: Final = 8_000
#: Clocks of browsers are wrong, and errors made offline come late.
_OLDEST_MS: Final = 7 * DAY_MS
_NEWEST_MS: Final = 5 * MINUTE_MS
_MOST_TIMES: Final = 1_000_000
#: What the page calls all sources at once.
_ALL: Final = "all"
_EVENT_ID: Final = re.compile("[0-9a-f]{32}")
_BROWSER_KINDS: Final = frozenset(
    {
        "manual",
        "async",
        "onerror",
        "unhandledrejection",
        "resource",
        "dash_callback",
        "dash_client",
        "ws",
    }
)


class About(NamedTuple):
    """What was going on when it happened; "" where that is not known."""

    action: str = ""
    component: str = ""
    job_name: str = ""
    source: str = ""
    run_id: str = ""
    params: Any = None
    user_agent: str = ""
    url: str = ""


class _Raised(NamedTuple):
    """The error itself."""

    type: str
    message: str
    stack: str
    #: innermost first
    frames: Sequence[Frame]
    cause: Sequence[Mapping[str, str]] = ()


def from_exception(
    error: BaseException,
    about: About,
    *,
    now_ms: int,
    kind: str = "manual",
    handled: bool = True,
    level: str = "error",
    visitor: str = "",
) -> ErrorEvent:
    """An error that this program raised or caught."""
    found = _Raised(
        type(error).__name__,
        _message_of(error),
        scrub_driver_text("".join(traceback.format_exception(error))),
        [
            Frame(one.name, one.filename, one.lineno, in_app(one.filename))
            for one in reversed(traceback.extract_tb(error.__traceback__)[-FRAMES:])
        ],
        [
            {"type": type(one).__name__, "message": _message_of(one)}
            for one in _causes(error)
        ],
    )
    return _event(
        found,
        about,
        event_id=secrets.token_hex(16),
        at=now_ms,
        now_ms=now_ms,
        origin="server",
        level=level,
        kind=kind,
        more={"handled": handled},
        visitor=visitor,
    )


def from_words(
    message: str, about: About, *, now_ms: int, level: str, kind: str = "manual"
) -> ErrorEvent:
    """Something that this program has to say, without an exception."""
    return _event(
        _Raised("", message, "", ()),
        about,
        event_id=secrets.token_hex(16),
        at=now_ms,
        now_ms=now_ms,
        origin="server",
        level=level,
        kind=kind,
        more={"handled": True},
        visitor="",
    )


def from_failure(source: str, failure: Failure, *, now_ms: int) -> ErrorEvent:
    """A run that failed; read again it is the same event."""
    job = failure.job
    at = job.finished_at or now_ms
    told = raised(failure.error, failure.error_type)
    nothing = "It failed, and what it kept of its error cannot be read."
    found = _Raised(
        told.type, told.message or nothing, failure.error, told.frames[:FRAMES]
    )
    about = About(
        action="runJob",
        component=job.queue,
        job_name=job.job_name,
        source=source,
        run_id=job.run_id,
        params=params_of(failure.params),
    )
    identity = f"{source}\0{job.run_id}\0{job.finished_at}\0{job.attempt}"
    event_id = blake2b(identity.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return _event(
        found,
        about,
        event_id=event_id,
        at=at,
        now_ms=now_ms,
        origin="job",
        level="error",
        kind="job_failure",
        more={
            "handled": False,
            "worker": scrub(job.worker or ""),
            "attempt": job.attempt,
        },
        visitor="",
    )


def from_browser(
    raw: object, *, session: str, now_ms: int, visitor: str, source: str = ""
) -> ErrorEvent:
    """One event of a browser's batch. Raises InvalidRequestError when it is none."""
    if not isinstance(raw, Mapping) or not _EVENT_ID.fullmatch(_text(raw, "event_id")):
        message = "An event is an object with an event_id of 32 hex digits."
        raise InvalidRequestError(message)
    exception, context = _mapping(raw, "exception"), _mapping(raw, "context")
    found = _Raised(
        cut(scrub_text(_text(exception, "type")), ID),
        _text(exception, "message"),
        _text(exception, "stacktrace"),
        _frames(exception.get("frames")),
        _told_causes(exception.get("cause")),
    )
    about = About(
        action=_text(context, "action"),
        component=_text(context, "component"),
        job_name=_text(context, "jobName"),
        source=source or _source_of(context),
        run_id=_text(context, "runId"),
        params=context.get("params"),
        user_agent=_text(context, "userAgent"),
        url=_text(context, "url"),
    )
    times = raw.get("count")
    kind = _text(raw, "kind")
    return _event(
        found,
        about,
        event_id=_text(raw, "event_id"),
        at=_instant(_text(raw, "timestamp"), now_ms),
        now_ms=now_ms,
        origin="browser",
        level="warning" if raw.get("level") == "warning" else "error",
        kind=kind if kind in _BROWSER_KINDS else "manual",
        more={
            "handled": raw.get("handled") is True,
            "breadcrumbs": _crumbs(raw.get("breadcrumbs")),
            "session": session,
            "release": cut(scrub_text(_text(raw, "release")), ID),
            "sent": cut(scrub_text(_text(raw, "timestamp")), ID),
        },
        visitor=visitor,
        times=min(max(times, 1), _MOST_TIMES) if type(times) is int else 1,
    )


def _event(
    found: _Raised,
    about: About,
    *,
    event_id: str,
    at: int,
    now_ms: int,
    origin: str,
    level: str,
    kind: str,
    more: Mapping[str, Any],
    visitor: str,
    times: int = 1,
) -> ErrorEvent:
    message = cut(scrub_text(found.message), MESSAGE)
    type_ = cut(scrub_text(found.type), ID)
    words = {
        name: cut(scrub_text(value), ID)
        for name, value in about._asdict().items()
        if name in ("action", "component", "job_name", "source", "run_id")
    }
    frames = [_scrubbed(frame) for frame in found.frames[:FRAMES]]
    body = {
        "event_id": event_id,
        "timestamp": _iso(at),
        "level": level,
        "source": origin,
        "kind": kind,
        "exception": {
            "type": type_,
            "message": message,
            "stacktrace": cut_front(scrub_text(_end_of(found.stack)), STACK),
            "frames": [frame._asdict() for frame in frames],
            "cause": list(found.cause)[:CAUSES],
        },
        "context": {
            "action": words["action"],
            "component": words["component"],
            "jobName": words["job_name"],
            "runId": words["run_id"],
            "source": words["source"],
            "params": _bounded(scrub(about.params)),
            "timestamp": _iso(at),
            "userAgent": cut(scrub_text(about.user_agent), AGENT),
            "url": cut(scrub_url(about.url), URL),
        },
        "count": times,
        **more,
    }
    return ErrorEvent(
        event_id=event_id,
        fingerprint=fingerprint(type_, message, frames),
        before=fingerprint_v1(type_, message, found.frames),
        title=title_of(type_, message),
        at=at,
        received_at=now_ms,
        level=level,
        origin=origin,
        kind=kind,
        type=type_,
        message=message,
        visitor=visitor,
        times=times,
        body=_shortened(body),
        **words | ({"run_id": about.run_id} if origin == "job" else {}),
    )


def cut_front(text: str, limit: int) -> str:
    """At most ``limit`` bytes of the end, which of a traceback tells most."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    return "…\n" + data[-(limit - 4) :].decode("utf-8", "ignore")


def _end_of(stack: str) -> str:
    """The end of a long stack, from a line's or word's start: no half a secret."""
    if len(stack) <= 2 * STACK:
        return stack
    end = stack[-2 * STACK :]
    return end.partition("\n")[2] or end.partition(" ")[2]


def _shortened(body: dict[str, Any]) -> str:
    """The event as JSON; one that is too long loses its longest parts first."""
    text = json.dumps(body, ensure_ascii=False)
    for part, name in (
        ("exception", "frames"),
        (None, "breadcrumbs"),
        ("context", "params"),
        ("exception", "stacktrace"),
    ):
        if len(text.encode("utf-8", "replace")) <= EVENT:
            break
        (body[part] if part else body).pop(name, None)
        text = json.dumps(body, ensure_ascii=False)
    return text


def _bounded(params: Any) -> Any:
    """Params of a readable size: of what is too long the first parts."""
    while (
        len(json.dumps(params, ensure_ascii=False).encode("utf-8", "replace")) > PARAMS
    ):
        if isinstance(params, dict) and len(params) > 1:
            params = dict([*params.items()][: len(params) // 2]) | {"…": "shortened"}
            params = params if len(params) > 2 else {"…": "shortened"}  # noqa: PLR2004
        elif isinstance(params, list) and len(params) > 1:
            params = params[: len(params) // 2]
        else:
            return "…"
    return params


def _scrubbed(frame: Frame) -> Frame:
    return frame._replace(
        function=cut(scrub_text(frame.function), ID),
        module=cut(scrub_text(frame.module), URL),
    )


def _source_of(context: Mapping[str, Any]) -> str:
    """The source that was chosen on the page; "" for all, and where none was."""
    source = _text(_mapping(context, "params"), "source")
    return "" if source == _ALL else source


def _frames(raw: object) -> list[Frame]:
    if not isinstance(raw, list):
        return []
    return [
        Frame(
            cut(scrub_text(_text(one, "function")), ID),
            cut(scrub_url(_text(one, "module")), URL),
            line
            if type(line := one.get("lineno")) is int and 0 <= line < 10**9
            else None,
            one.get("in_app") is True,
        )
        for one in raw[:FRAMES]
        if isinstance(one, Mapping)
    ]


def _told_causes(raw: object) -> list[dict[str, str]]:
    if not isinstance(raw, list):
        return []
    return [
        {
            "type": cut(scrub_text(_text(one, "type")), ID),
            "message": cut(scrub_text(_text(one, "message")), MESSAGE // 2),
        }
        for one in raw[:CAUSES]
        if isinstance(one, Mapping)
    ]


def _crumbs(raw: object) -> list[dict[str, Any]]:
    if not isinstance(raw, list):
        return []
    return [
        {
            "t": at if type(at := one.get("t")) is int and abs(at) < 10**10 else 0,
            "c": cut(scrub_text(_text(one, "c")), ID),
            "m": cut(scrub_text(_text(one, "m")), CRUMB),
        }
        for one in raw[-CRUMBS:]
        if isinstance(one, Mapping)
    ]


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(found) < CAUSES and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found


def _message_of(error: BaseException) -> str:
    try:
        return cut(scrub_text(scrub_driver_text(str(error))), MESSAGE)
    except Exception:  # noqa: BLE001 - its __str__ may do anything
        return "[unreadable]"


def params_of(text: str) -> Any:
    """Params out of their text, which may be no JSON, or cut."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return text


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def _instant(text: str, now_ms: int) -> int:
    """When the browser says it was; now where its clock cannot be right."""
    try:
        moment = datetime.fromisoformat(text)
        at = to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return now_ms
    return at if now_ms - _OLDEST_MS <= at <= now_ms + _NEWEST_MS else now_ms


def _iso(at_ms: int) -> str:
    return from_ms(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
