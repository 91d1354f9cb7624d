"""The process ends when it is told to, whatever hangs."""

import subprocess
import sys
from signal import SIGTERM

_SERVER = """
import asyncio, threading
from dashboard import serving
import uvicorn

serving._STOP_LIMIT_S = 0.3

async def hangs(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        print("started", flush=True)
        await receive()
        await asyncio.to_thread(threading.Event().wait)

config = uvicorn.Config(serving.LeavesInTime(hangs), port=0, log_config=None)
uvicorn.Server(config).run()
"""


def test_a_thread_that_nothing_can_end_does_not_keep_the_process() -> None:
    server = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"started\n"
        server.send_signal(SIGTERM)

        assert server.wait(60) == 128 + SIGTERM
    finally:
        server.kill()
        server.communicate()
