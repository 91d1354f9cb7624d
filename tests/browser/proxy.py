"""A small TCP proxy in front of a server, to lose what networks lose."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

_REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Link:
    """One connection through the proxy; silent: bytes are swallowed in both directions."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent
        self.writers: list[asyncio.StreamWriter] = []


class Proxy:
    """Hands on everything, until told otherwise."""

    def __init__(self, target: int, port: int) -> None:
        self.target = target
        self.port = port
        #: answer WebSocket handshakes with 403
        self.without_sockets = False
        #: how long each answer is held back
        self.delay_s = 0.0
        self.sockets = 0
        #: accept what connects and never answer
        self.swallowing = False
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def lose_route(self) -> None:
        """What is connected stays so, and nothing arrives; new connections work."""
        for link in list(self._links):
            link.silent = True

    def cut(self) -> None:
        """Close every connection."""
        self._loop.call_soon_threadsafe(self._close_all)

    def go_away(self) -> None:
        """Nobody is here any more: close every connection, refuse new ones."""
        asyncio.run_coroutine_threadsafe(self._go_away(), self._loop).result(10)

    def come_back(self) -> None:
        """Listen again, on the same port."""
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def start(self) -> None:
        started = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        Thread(target=self._loop.run_forever, name="proxy", daemon=True).start()
        started.result(10)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", self.port)

    async def _go_away(self) -> None:
        self._server.close()
        self._close_all()

    async def _end(self) -> None:
        await self._go_away()
        here = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not here]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _close_all(self) -> None:
        for link in list(self._links):
            for writer in link.writers:
                writer.close()

    async def _handle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        link = Link(silent=self.swallowing)
        link.writers.append(writer)
        self._links.add(link)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._pass_on(link, reader, writer)
        finally:
            self._links.discard(link)
            for each in link.writers:
                each.close()

    async def _pass_on(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        is_socket = b"upgrade: websocket" in head.lower()
        self.sockets += is_socket
        if is_socket and self.without_sockets:
            writer.write(_REFUSAL)
            await writer.drain()
            return
        behind_reader, behind = await asyncio.open_connection("127.0.0.1", self.target)
        link.writers.append(behind)
        if not link.silent:
            behind.write(head)
        await asyncio.gather(
            self._pump(link, reader, behind),
            self._pump(link, behind_reader, writer, back=True),
        )

    async def _pump(
        self,
        link: Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        back: bool = False,
    ) -> None:
        while data := await reader.read(65_536):
            if link.silent:
                continue
            if back and self.delay_s:
                await asyncio.sleep(self.delay_s)
            writer.write(data)
            await writer.drain()
        writer.close()


@contextmanager
def proxy_to(target: int, port: int) -> Iterator[Proxy]:
    """A proxy that listens on ``port``, to ``target`` of this machine."""
    proxy = Proxy(target, port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
