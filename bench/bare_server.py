"""The least a server can do to push: hold the sockets, and send each a text.

Run as ``python -m bench.bare_server`` with the product's settings; it is served in
the product's way. ``POST /push`` with a text sends it to everyone.
"""

import os
from pathlib import Path

from fastapi import FastAPI, Request, WebSocket
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketDisconnect

from dashboard.serving import serve_here
from dashboard.settings import load_settings


def bare_app() -> FastAPI:
    """The ASGI application."""
    server = FastAPI()
    viewers: set[WebSocket] = set()

    @server.get("/healthz")
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok")

    @server.websocket("/live")
    async def live(viewer: WebSocket) -> None:
        await viewer.accept()
        viewers.add(viewer)
        try:
            while True:
                await viewer.receive_text()
        except WebSocketDisconnect:
            viewers.discard(viewer)

    @server.post("/push")
    async def push(request: Request) -> PlainTextResponse:
        text = (await request.body()).decode()
        for viewer in list(viewers):
            await viewer.send_text(text)
        return PlainTextResponse("ok")

    return server


if __name__ == "__main__":
    serve_here(bare_app(), load_settings(os.environ, directory=Path.cwd()))
