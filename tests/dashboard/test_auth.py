"""Other sites cannot act through a visitor's browser; programs and own pages can."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from dashboard.auth import (
    CLOSE_FORBIDDEN,
    ForbiddenError,
    OriginGate,
    hosts_of,
    require,
)
from dashboard.deps import LOCAL, Action, Role, Viewer

PORTAL = "https://jobs.example.com"
OWN = ("127.0.0.1:8050", "http://127.0.0.1:8050")


async def _inner(scope: Scope, receive: Receive, send: Send) -> None:
    del receive
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})
    else:
        await send({"type": f"{scope['type']}.inside"})


def ask(
    headers: dict[str, str],
    *,
    kind: str = "http",
    method: str = "POST",
    listening: str = "127.0.0.1",
) -> list[Message]:
    """What the gate, before an app that lets everything in, answers."""
    gate = OriginGate(_inner, origins=[PORTAL], hosts=hosts_of([PORTAL], listening))
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": f"{kind}.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    scope: dict[str, Any] = {"type": kind, "headers": raw, "path": "/"}
    if kind == "http":
        scope["method"] = method
    asyncio.run(gate(scope, receive, send))
    return sent


def lets_in(headers: dict[str, str], **options: Any) -> bool:
    """Is an unsafe request let in? A socket must be treated alike."""
    status: int = ask(headers, **options)[0]["status"]
    socket = ask(
        headers, kind="websocket", listening=options.get("listening", "127.0.0.1")
    )
    if options.get("method", "POST") == "POST":
        assert (status == 200) == (socket[0]["type"] == "websocket.inside")
    return status == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": OWN[0], "Origin": OWN[1]}, id="own page"),
        pytest.param({"Host": OWN[0]}, id="a program"),
        pytest.param(
            {"Host": "localhost:8050", "Origin": "http://localhost:8050"},
            id="localhost",
        ),
        pytest.param({"Host": "[::1]:8050", "Origin": "http://[::1]:8050"}, id="IPv6"),
        pytest.param(
            {"Host": "127.0.0.1:9000", "Origin": "http://127.0.0.1:9000"}, id="a tunnel"
        ),
        pytest.param(
            {"Host": "jobs.example.com", "Origin": PORTAL}, id="public origin"
        ),
        pytest.param({"Host": OWN[0], "Origin": PORTAL}, id="behind a proxy"),
        pytest.param(
            {"Host": OWN[0], "Origin": OWN[1], "Sec-Fetch-Site": "same-origin"},
            id="same origin by the browser's word",
        ),
    ],
)
def test_our_own_pages_and_programs_are_let_in(headers: dict[str, str]) -> None:
    assert lets_in(headers)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(
            {"Host": OWN[0], "Origin": "https://evil.example"}, id="another site"
        ),
        pytest.param({"Host": OWN[0], "Origin": "null"}, id="a sandboxed frame"),
        pytest.param({"Host": OWN[0], "Origin": ""}, id="empty origin"),
        pytest.param(
            {"Host": OWN[0], "Origin": "http://127.0.0.1:8051"}, id="another port"
        ),
        pytest.param(
            {"Host": OWN[0], "Origin": "http://localhost:8050"},
            id="another name of the machine",
        ),
        pytest.param(
            {"Host": OWN[0], "Origin": "https://jobs.example.com.evil.example"},
            id="ends otherwise",
        ),
        pytest.param(
            {"Host": OWN[0], "Origin": "http://127.0.0.1:8050@evil.example"},
            id="user in the origin",
        ),
        pytest.param(
            {"Host": OWN[0], "Origin": OWN[1], "Sec-Fetch-Site": "cross-site"},
            id="cross-site by the browser's word",
        ),
        pytest.param(
            {"Host": OWN[0], "Sec-Fetch-Site": "cross-site"}, id="cross-site, no origin"
        ),
        pytest.param(
            {"Host": "evil.example:8050", "Origin": "http://evil.example:8050"},
            id="DNS rebinding",
        ),
        pytest.param({"Host": "evil.example"}, id="a foreign host"),
        pytest.param(
            {"Host": "127.0.0.1.evil.example"}, id="a host that begins as ours"
        ),
        pytest.param({"Host": "127.0.0.1:8050@evil.example"}, id="user in the host"),
        pytest.param({"Host": ""}, id="empty host"),
        pytest.param({}, id="no host"),
        pytest.param({"Host": "[::1"}, id="half an address"),
        pytest.param({"Host": OWN[0], "Origin": "http://[::1"}, id="half an origin"),
    ],
)
def test_everybody_else_is_refused(headers: dict[str, str]) -> None:
    assert not lets_in(headers)


def test_what_is_refused_is_told_as_json() -> None:
    start, body = ask({"Host": OWN[0], "Origin": "https://evil.example"})

    assert start["status"] == 403
    assert b'"code":"forbidden"' in body["body"]
    assert b"JOBS_PUBLIC_ORIGINS" in body["body"]


def test_a_refused_socket_is_told_why_before_it_is_closed() -> None:
    """A browser sees the code only of a socket that was accepted."""
    sent = ask({"Host": OWN[0], "Origin": "https://evil.example"}, kind="websocket")

    assert sent == [
        {"type": "websocket.accept"},
        {"type": "websocket.close", "code": CLOSE_FORBIDDEN},
    ]
    assert CLOSE_FORBIDDEN == 4403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_links_from_other_sites_work_but_not_under_another_name(method: str) -> None:
    link = {
        "Host": OWN[0],
        "Origin": "https://evil.example",
        "Sec-Fetch-Site": "cross-site",
    }

    assert lets_in(link, method=method)
    assert not lets_in({"Host": "evil.example"}, method=method)


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "WHATEVER"]
)
def test_every_other_method_is_unsafe(method: str) -> None:
    sent = ask({"Host": OWN[0], "Origin": "https://evil.example"}, method=method)

    assert sent[0]["status"] == 403


def test_start_and_stop_of_the_server_pass() -> None:
    assert ask({}, kind="lifespan") == [{"type": "lifespan.inside"}]


def test_beyond_loopback_only_the_names_we_listen_under_are_ours() -> None:
    assert hosts_of([PORTAL], "10.0.0.5") == {"jobs.example.com", "10.0.0.5"}
    assert hosts_of([], "localhost") == {"127.0.0.1", "localhost", "::1"}
    assert not lets_in({"Host": "localhost:8050"}, listening="10.0.0.5")
    assert lets_in({"Host": "10.0.0.5:8050"}, listening="10.0.0.5")


def test_rights_are_checked_where_the_action_is() -> None:
    viewer = Viewer("eve", Role.VIEWER)

    assert require(LOCAL, Action.CLEAN_UP) == "local"
    assert require(viewer, Action.VIEW) == "eve"
    for action in (Action.CLEAN_UP, Action.UNDO):
        with pytest.raises(ForbiddenError, match=rf"eve \(viewer\) may not {action}"):
            require(viewer, action)
