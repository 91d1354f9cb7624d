"""Blocking work beside the event loop.

A callback that blocks on the loop freezes every viewer, so each one is ``async`` and
its work is done in a thread; a limiter of its own keeps database work from taking
all threads.
"""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Final, ParamSpec, TypeVar

import anyio
from anyio import to_thread

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: As many as the connections of a source's pool.
_DATABASE_WORK: Final = anyio.CapacityLimiter(10)


def offload(function: Callable[_P, _T]) -> Callable[_P, Awaitable[_T]]:
    """``function`` as a coroutine function that runs it in a thread."""

    @wraps(function)
    async def in_thread(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        work = partial(function, *args, **kwargs)
        return await to_thread.run_sync(work, limiter=_DATABASE_WORK)

    return in_thread
