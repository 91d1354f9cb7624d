"""Error tracking on the server, in the words of the browser's: every error once.

``install`` says which tracker these functions tell; without one they do nothing, which
is what ``JOBS_ERROR_TRACKING=off`` means. None of them ever raises what it tracks, but
for ``track_async``, which raises it again.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TypeVar

from data.tracking.logs import EVENT_ID
from data.tracking.tracker import Tracker, is_users_own

__all__ = [
    "MET",
    "Met",
    "Tracker",
    "clear_recent_errors",
    "get_recent_errors",
    "install",
    "track_async",
    "track_error",
    "track_once",
    "track_warning",
    "tracking",
    "uninstall",
]

_T = TypeVar("_T")
_installed: list[Tracker] = []


class Met(NamedTuple):
    """An error that a request ran into."""

    event_id: str
    level: str
    error: BaseException


#: What the present request ran into, where whoever answers it wants to know.
MET: Final[ContextVar[list[Met] | None]] = ContextVar("met", default=None)


def install(tracker: Tracker) -> None:
    """Have everything tracked by this tracker from now on."""
    _installed[:] = [tracker]


def uninstall(tracker: Tracker) -> None:
    """Track nothing any more, if it is this one that does."""
    if _installed == [tracker]:
        _installed.clear()


def track_error(error: object, **context: Any) -> str:
    """Track an error with its context; the event's id, "" when nothing is tracked.

    ``context``: action, component, job_name (jobName), run_id (runId), source, params.
    """
    return _installed[0].error(error, **context) if _installed else ""


def track_once(error: BaseException, **context: Any) -> str:
    """``track_error`` for one that passes several hands: only the first tracks it."""
    known = getattr(error, EVENT_ID, "")
    if known:
        return str(known)
    event_id = track_error(error, **context)
    with suppress(Exception):
        setattr(error, EVENT_ID, event_id)
    met = MET.get()
    if met is not None and event_id:
        met.append(Met(event_id, str(context.get("level", "error")), error))
    return event_id


def track_warning(message: object, **context: Any) -> str:
    """Track something that is no error; the event's id, "" when nothing is tracked."""
    return _installed[0].warning(message, **context) if _installed else ""


async def track_async(
    fn: Callable[[], Awaitable[_T]] | Awaitable[_T], **context: Any
) -> _T:
    """Await ``fn``, or what it gives; an error is tracked and raised again."""
    try:
        return await (fn() if callable(fn) else fn)
    except Exception as error:
        track_error(error, kind="async", **context)
        raise


@contextmanager
def tracking(action: str, **context: Any) -> Iterator[None]:
    """Track what is raised within, and let it go on; wrong input is a warning."""
    try:
        yield
    except Exception as error:
        level = "warning" if is_users_own(error) else "error"
        track_once(error, action=action, level=level, **context)
        raise


def get_recent_errors(limit: int = 10) -> list[dict[str, Any]]:
    """The last errors of this process, oldest first, at most ten."""
    recent = _installed[0].recent(limit) if _installed else []
    return [json.loads(event.body) for event in recent]


def clear_recent_errors() -> None:
    """Forget them; what is in the store stays."""
    if _installed:
        _installed[0].clear_recent()
