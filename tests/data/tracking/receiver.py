"""A real HTTP server on 127.0.0.1 that keeps what it is sent."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any


class Receiver:
    """What arrived; ``answers`` are the statuses of the next answers, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self._changed = Condition()
        self.port = 0

    def note(self, path: str, headers: dict[str, str], body: bytes) -> int:
        with self._changed:
            self.got.append((path, headers, body))
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait_for(self, number: int) -> list[tuple[str, dict[str, str], bytes]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.got) >= number, 60)
        return self.got


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status = receiver.note(self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_args: Any) -> None:
            """Nothing to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()
