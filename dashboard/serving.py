"""Serves the ASGI application, and says where when it answers."""

import gc
import socket
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

from dashboard.settings import Settings

#: One client message at most; viewers have nothing to say.
_SOCKET_MESSAGE_LIMIT = 64 * 1024


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
            print(f"Job Manager is at {self._address}", flush=True)  # noqa: T201


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


def serve_here(app: FastAPI, settings: Settings) -> bool:
    """Serve from this process until it is told to stop; False when it could not start."""
    running = _Announcing(_config(app, settings), address_of(settings))
    running.run()
    return running.started


def serve_with_workers(factory: str, settings: Settings) -> None:
    """Serve from several processes, each with an application of its own."""
    uvicorn.run(factory, factory=True, workers=settings.workers, **_options(settings))


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
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
        "timeout_graceful_shutdown": 3,
        "server_header": False,
    }
