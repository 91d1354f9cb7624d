"""A wire between a program and its PostgreSQL that can go silent: nothing is closed."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import make_url


class Wire:
    """Passes bytes on until it is told not to; listens on a free port."""

    def __init__(self, server_socket: Path) -> None:
        self._server_socket = str(server_socket)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        #: what was connected until now is dead; what comes later is too
        self._old_are_silent = Event()
        self._all_are_silent = Event()
        Thread(target=self._accept, daemon=True).start()

    def drop_old(self) -> None:
        """Connections there are carry nothing any more; new ones work."""
        self._old_are_silent.set()
        self._old_are_silent = Event()

    def go_silent(self) -> None:
        """Nothing is carried any more; connections are still accepted."""
        self._old_are_silent.set()
        self._all_are_silent.set()

    def recover(self) -> None:
        """New connections work again."""
        self._old_are_silent = Event()
        self._all_are_silent.clear()

    def close(self) -> None:
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                if self._all_are_silent.is_set():
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._server_socket)
                self._ends.append(far)
                for pair in ((near, far), (far, near)):
                    Thread(
                        target=_carry, args=(*pair, self._old_are_silent), daemon=True
                    ).start()


def _carry(from_: socket.socket, to: socket.socket, silent: Event) -> None:
    with suppress(OSError):
        while data := from_.recv(65_536):
            if not silent.is_set():
                to.sendall(data)
    # the server gives up on an idle session: of that too nothing is heard
    if not silent.is_set():
        with suppress(OSError):
            to.shutdown(socket.SHUT_RDWR)


@contextmanager
def silent_wire(postgresql_url: str) -> Iterator[tuple[Wire, str]]:
    """A wire to the server of this address, and the address through the wire."""
    url = make_url(postgresql_url)
    folder = Path(str(url.query["host"]))
    wire = Wire(folder / ".s.PGSQL.5432")
    through = url.set(host="127.0.0.1", port=wire.port, query={"sslmode": "disable"})
    try:
        yield wire, through.render_as_string(hide_password=False)
    finally:
        wire.close()
