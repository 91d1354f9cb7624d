"""The prefix is put back where a proxy stripped it, and nowhere else."""

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from dashboard.routes import StrippedPrefix


def passed_on(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope that arrives behind the middleware, for the prefix ``/jobs/``."""
    arrived: list[Scope] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.append(scope)

    async def nothing(*_: Any) -> Any:
        return None

    asyncio.run(StrippedPrefix(inner, prefix="/jobs/")(scope, nothing, nothing))
    return dict(arrived[0])


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/", "/jobs/"),
        ("/live", "/jobs/live"),
        ("/jobs/live", "/jobs/live"),
        ("/jobs/", "/jobs/"),
        ("/jobs", "/jobs"),
        ("/jobsite", "/jobs/jobsite"),
        ("//history", "/jobs/history"),
    ],
)
def test_every_path_ends_up_below_the_prefix(kind: str, path: str, wanted: str) -> None:
    arrived = passed_on({"type": kind, "path": path, "raw_path": path.encode()})

    assert (arrived["path"], arrived["raw_path"]) == (wanted, wanted.encode())


def test_what_was_quoted_stays_quoted() -> None:
    arrived = passed_on({"type": "http", "path": "/a b", "raw_path": b"/a%20b"})

    assert (arrived["path"], arrived["raw_path"]) == ("/jobs/a b", b"/jobs/a%20b")


def test_what_is_no_request_is_left_alone() -> None:
    assert passed_on({"type": "lifespan"}) == {"type": "lifespan"}
