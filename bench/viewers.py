"""Viewers by the hundred: plain sockets that read what the server pushes.

A library's client would cost more than the server that is measured: this one only
cuts the stream into messages and looks for a mark in each.
"""

import base64
import os
import selectors
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import perf_counter
from typing import Final

from bench.servers import Server

_CHUNK: Final = 1 << 18
_TEXT: Final = 1
_PING: Final = 9
#: Lengths of this value and more are written in two bytes, or in eight.
_TWO_BYTES: Final = 126
_EIGHT_BYTES: Final = 127


class Viewers:
    """Open sockets of one server, read by a thread."""

    def __init__(self, server: Server, count: int) -> None:
        self._sockets = [_connect(server) for _ in range(count)]
        self._buffers = {sock: bytearray() for sock in self._sockets}
        self._mark = b""
        self._waiting: set[socket.socket] = set()
        self._all_have_it = Event()
        self._last_at = 0.0
        self._stopped = False
        #: the last message with the mark, as text
        self.marked = ""
        self._thread = Thread(target=self._read, name="viewers", daemon=True)
        self._thread.start()

    def expect(self, mark: str) -> None:
        """From now on look for messages that contain ``mark``."""
        self._all_have_it.clear()
        self._waiting = set(self._sockets)
        self._mark = mark.encode()

    def last_at(self, limit_s: float) -> float:
        """When the last viewer had the expected message (``perf_counter``).

        Raises TimeoutError when one still has not after ``limit_s``.
        """
        if not self._all_have_it.wait(limit_s):
            raise TimeoutError(f"{len(self._waiting)} viewers got no message.")
        return self._last_at

    def close(self) -> None:
        """Leave."""
        self._stopped = True
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            for sock in self._sockets:
                selector.register(sock, selectors.EVENT_READ, sock)
            while not self._stopped:
                for key, _events in selector.select(0.1):
                    sock = key.data
                    data = sock.recv(_CHUNK)
                    if data:
                        self._take(sock, data)
                    else:
                        selector.unregister(sock)

    def _take(self, sock: socket.socket, data: bytes) -> None:
        buffer = self._buffers[sock]
        buffer += data
        for kind, payload in _messages(buffer):
            if kind == _PING:
                sock.sendall(bytes((0x8A, 0x80 | len(payload))) + bytes(4) + payload)
            elif sock in self._waiting and self._mark in payload:
                self._note(sock, payload)

    def _note(self, sock: socket.socket, payload: bytes) -> None:
        self._waiting.discard(sock)
        if not self._waiting:
            self._last_at = perf_counter()
            self.marked = payload.decode()
            self._all_have_it.set()


@contextmanager
def viewers(server: Server, count: int) -> Iterator[Viewers]:
    """That many viewers of ``server``, each with its first message under way."""
    opened = Viewers(server, count)
    try:
        yield opened
    finally:
        opened.close()


def _messages(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Kind and payload of each whole message in ``buffer``, which is cut off it."""
    while len(buffer) >= 2:  # noqa: PLR2004 - the shortest header
        start, length = 2, buffer[1] & 127
        if length == _TWO_BYTES:
            start, layout = 4, ">2xH"
        elif length == _EIGHT_BYTES:
            start, layout = 10, ">2xQ"
        if len(buffer) < start:
            return
        if start > 2:  # noqa: PLR2004
            (length,) = struct.unpack_from(layout, buffer)
        if len(buffer) < start + length:
            return
        yield buffer[0] & 15, bytes(buffer[start : start + length])
        del buffer[: start + length]


def _connect(server: Server) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /live HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        f"Origin: {server.origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    )
    sock.sendall("\r\n".join((*lines, "", "")).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise ConnectionError("The server refused a viewer.")
        answer += byte
    if b" 101 " not in answer.splitlines()[0]:
        raise ConnectionError(f"The server refused a viewer: {answer[:80]!r}")
    return sock
