"""Notes that browsers ask: where pages are asked for, tabs should tell of themselves."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from data.clock import MINUTE_MS, Clock, now_ms
from data.exceptions import DataError
from data.store.viewing import ViewingLog

#: What this is called in the store.
PAGE: Final = "page"
#: A page whose telemetry was answered says so with what it asks.
TELLS: Final = "x-job-manager-telemetry"
#: So many browsers of which none tells are no content blocker of one person.
BROWSERS: Final = 3
#: Browsers of which nothing was heard for so long are not there any more.
_THERE_MS: Final = 10 * MINUTE_MS
_MOST: Final = 100
_CALLBACK: Final = "_dash-update-component"


class HearsPages:
    """Notes it once a minute that a page is looked at which should tell of itself.

    That is one which told before, or any while several browsers ask: a content blocker
    keeps one person's pages from telling. Nobody waits for the note: it is written
    beside, by a thread of its own.
    """

    def __init__(
        self, app: ASGIApp, *, index: str, viewing: ViewingLog, clock: Clock
    ) -> None:
        self._app = app
        self._index = index
        self._viewing = viewing
        self._clock = clock
        self._noted_at = 0
        #: by address and user agent, which are kept nowhere else: when each asked last
        self._browsers: dict[tuple[str, str], int] = {}
        self._thread = ThreadPoolExecutor(1, "heard")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and self._is_page(scope["path"]):
            now = now_ms(self._clock)
            if self._should_tell(scope, now) and abs(now - self._noted_at) >= MINUTE_MS:
                self._noted_at = now
                loop = asyncio.get_running_loop()
                loop.run_in_executor(self._thread, self._note, now)
        await self._app(scope, receive, send)

    def _is_page(self, path: str) -> bool:
        return path == self._index or path.endswith(_CALLBACK)

    def _should_tell(self, scope: Scope, now: int) -> bool:
        headers = Headers(scope=scope)
        if TELLS in headers:
            return True
        key = (scope.get("client") or ("", 0))[0], headers.get("user-agent", "")
        since = now - _THERE_MS
        others = {one: at for one, at in self._browsers.items() if at > since}
        self._browsers = {**dict([*others.items()][-_MOST:]), key: now}
        return len(self._browsers) >= BROWSERS

    def _note(self, at_ms: int) -> None:
        with suppress(DataError):  # a minute later it is tried again
            self._viewing.hear(PAGE, at_ms)
