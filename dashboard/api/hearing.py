"""Notes that browsers ask: where pages are asked for, tabs should tell of themselves."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from data.clock import MINUTE_MS, Clock, now_ms
from data.exceptions import DataError
from data.store.viewing import ViewingLog

#: What this is called in the store.
PAGE: Final = "page"
_CALLBACK: Final = "_dash-update-component"


class HearsPages:
    """Notes it once a minute when a browser asks for a page, or a page for an answer.

    Nobody waits for that: it is written beside, by a thread of its own.
    """

    def __init__(
        self, app: ASGIApp, *, index: str, viewing: ViewingLog, clock: Clock
    ) -> None:
        self._app = app
        self._index = index
        self._viewing = viewing
        self._clock = clock
        self._noted_at = 0
        self._thread = ThreadPoolExecutor(1, "heard")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and self._is_page(scope["path"]):
            now = now_ms(self._clock)
            if abs(now - self._noted_at) >= MINUTE_MS:
                self._noted_at = now
                loop = asyncio.get_running_loop()
                loop.run_in_executor(self._thread, self._note, now)
        await self._app(scope, receive, send)

    def _is_page(self, path: str) -> bool:
        return path == self._index or path.endswith(_CALLBACK)

    def _note(self, at_ms: int) -> None:
        with suppress(DataError):  # a minute later it is tried again
            self._viewing.hear(PAGE, at_ms)
