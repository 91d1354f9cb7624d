"""Serves the ASGI application, and says where when it answers."""

import gc
import logging
import os
import signal
import socket
import sys
from threading import Timer
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.log_format import scrub_lines
from dashboard.settings import Settings
from dashboard.workers import Workers

log = logging.getLogger(__name__)

#: One client message at most; viewers have nothing to say.
_SOCKET_MESSAGE_LIMIT = 64 * 1024
#: Seconds for requests that are under way, and then for the background work, to end.
_GRACE_S: Final = 3
_STOP_LIMIT_S: Final = 6.0
#: The exit status of a process that SIGTERM ended.
_TERMINATED: Final = 128 + signal.SIGTERM


class _Announcing(uvicorn.Server):
    """Prints the address as soon as it answers."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        spare_the_collector()
        share_the_interpreter()
        if self.started:
            _announce(self._address)


def spare_the_collector() -> None:
    """Let the garbage collector leave alone what stays for good.

    Else every few reads it would walk over all of Dash and every open socket, 60 to
    180 ms in which nobody is served. Most garbage here is freed by reference counts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def share_the_interpreter() -> None:
    """Let threads that wait for the interpreter have it after half a millisecond.

    With Python's own 5 ms an export makes everybody's answer several times as late.
    """
    sys.setswitchinterval(0.0005)


def address_of(settings: Settings) -> str:
    """Where a browser on this machine finds the pages."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}{settings.prefix}"


class LeavesInTime:
    """Ends the process when the application needs too long to stop.

    A thread that waits in the system, for a file on a network that is gone, can be ended
    in no other way, and would keep the process for ever.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; once told to stop, the time runs."""

        async def noted() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                leaving = Timer(_STOP_LIMIT_S, _leave)
                leaving.daemon = True
                leaving.start()
            return message

        watched = noted if scope["type"] == "lifespan" else receive
        await self._app(scope, watched, send)


def _leave() -> None:
    log.warning("work did not end within %.0f s; leaving it", _STOP_LIMIT_S)
    logging.shutdown()
    os._exit(_TERMINATED)


def serve_here(app: FastAPI, settings: Settings) -> bool:
    """Serve from this process until it is told to stop; False when it could not start."""
    running = _Announcing(_config(LeavesInTime(app), settings), address_of(settings))
    running.run()
    return running.started


def serve_with_workers(factory: str, settings: Settings) -> int:
    """Serve from several processes, each with an application of its own.

    Returns the exit status: of the first one, when it cannot start.
    """
    options = {"factory": True, "workers": settings.workers, **_options(settings)}
    config = uvicorn.Config(factory, **options)
    workers = Workers(config, sockets=[config.bind_socket()])
    workers.on_ready = lambda: _announce(address_of(settings))
    workers.run()
    return workers.status


def configure_logging() -> None:
    """The same lines from every process; what is set up already stays."""
    logging.basicConfig(level=logging.INFO)
    scrub_lines("%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("alembic", "dbos"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _announce(address: str) -> None:
    print(f"Job Manager is at {address}", flush=True)  # noqa: T201


def _config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(app, **_options(settings))


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "host": settings.host,
        "port": settings.port,
        "log_level": "warning",
        "log_config": None,
        "ws_max_size": _SOCKET_MESSAGE_LIMIT,
        # compressing for each viewer costs more than it saves: messages are made once
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": _GRACE_S,
        "server_header": False,
    }
