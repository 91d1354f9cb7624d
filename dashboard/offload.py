"""Blocking work beside the event loop, each source within limits of its own.

A callback that blocks on the loop freezes every viewer, so each one is ``async`` and
its work is done in a thread. Who waits for a source that hangs takes threads from that
source only, and is answered after a minute at the latest, whatever the thread waits for.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial, wraps
from threading import Lock
from typing import Any, Final, ParamSpec, TypeVar

import anyio
from anyio import to_thread
from anyio.lowlevel import RunVar
from fastapi.routing import APIRoute

from data.exceptions import SourceBusyError, SourceTooSlowError

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Threads at once for one source: as many as the connections of its pool.
THREADS: Final = 10
#: Whoever asks is answered after so many seconds.
_ANSWER_LIMIT_S: Final = 60.0
#: Names that are told apart; whoever invents more shares the threads of one.
_MOST_NAMES: Final = 1_000
#: Of work that belongs to no source in particular, and to the first one.
_STORE: Final = ""
_FIRST: Final = "*"
_LIMITERS: RunVar[dict[str, anyio.CapacityLimiter]] = RunVar("limiters_by_source")


def offload(
    function: Callable[_P, _T], *, lane: str | None = None
) -> Callable[_P, Awaitable[_T]]:
    """``function`` as a coroutine function that runs it in a thread.

    It counts for ``lane``, or for the source that its arguments name: one that is called
    ``source``, or the field of that name of another one.
    """
    names = [*inspect.signature(function).parameters]

    @wraps(function)
    async def in_thread(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        taken = lane
        if taken is None:
            taken = source_of({**dict(zip(names, args, strict=False)), **kwargs})
        return await _run(partial(function, *args, **kwargs), _limiter(taken))

    return in_thread


class OffloadedRoute(APIRoute):
    """A route whose function is offloaded, unless it is a coroutine function."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if not inspect.iscoroutinefunction(endpoint):
            endpoint = offload(endpoint)
        super().__init__(path, endpoint, **options)


def source_of(named: Mapping[str, object]) -> str:
    """Whose threads a call with these arguments takes."""
    if "source" in named:
        return _name(named["source"])
    for value in named.values():
        if isinstance(value, Mapping) and "source" in value:
            return _name(value["source"])
        if hasattr(value, "source"):
            return _name(value.source)
    return _STORE


def _name(source: object) -> str:
    return source if isinstance(source, str) and source else _FIRST


def _limiter(name: str) -> anyio.CapacityLimiter:
    """The threads of this source, on this event loop."""
    try:
        limiters = _LIMITERS.get()
    except LookupError:
        limiters = {}
        _LIMITERS.set(limiters)
    if name not in limiters and len(limiters) >= _MOST_NAMES:
        name = _STORE
    return limiters.setdefault(name, anyio.CapacityLimiter(THREADS))


async def apart(work: Callable[[], _T]) -> _T:
    """What ``work`` returns, from a thread that no other work can take from it."""
    return await _run(work, anyio.CapacityLimiter(1))


async def _run(work: Callable[[], _T], limiter: anyio.CapacityLimiter) -> _T:
    """What ``work`` returns; its thread keeps its place also when nobody waits longer.

    Raises SourceTooSlowError, and SourceBusyError when the work was never begun.
    """
    beginning = Lock()  # taken once: by the work, or by who gives it up before

    def begin() -> _T:
        if not beginning.acquire(blocking=False):
            raise asyncio.CancelledError
        return work()

    task = asyncio.ensure_future(
        to_thread.run_sync(begin, abandon_on_cancel=True, limiter=limiter)
    )
    task.add_done_callback(_look_at)
    if await _in_time(task):
        return task.result()
    late = f"There was no answer within {_ANSWER_LIMIT_S:.0f} s."
    if beginning.acquire(blocking=False):
        task.cancel()
        message = f"{late} Too much was asked at once, and nothing was done: try again."
        raise SourceBusyError(message)
    message = f"{late} What was asked may be done yet: look again."
    raise SourceTooSlowError(message)


async def _in_time(task: "asyncio.Future[Any]") -> bool:
    done, _ = await asyncio.wait([task], timeout=_ANSWER_LIMIT_S)
    return bool(done)


def _look_at(task: "asyncio.Future[Any]") -> None:
    """Of a failure that comes too late nobody needs to hear."""
    if not task.cancelled():
        task.exception()
