"""Bodies of requests whose numbers keep the digits that they were sent with."""

from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard.offload import OffloadedRoute
from data.rules import exact_json


class ExactRoute(OffloadedRoute):
    """A route that reads JSON by ``exact_json``: params are handed on as they came.

    Its function works in a thread, like every offloaded one.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with a request that parses exactly."""
        handle = super().get_route_handler()

        async def handle_exactly(request: Request) -> Response:
            return await handle(_ExactRequest(request.scope, request.receive))

        return handle_exactly


class _ExactRequest(Request):
    async def json(self) -> Any:
        return exact_json.loads(await self.body())
