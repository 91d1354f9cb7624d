"""Engines that are safe to wait for: every connection can be cut at a deadline.

Nothing is set when a PostgreSQL connection starts: a pooler between (PgBouncer in
transaction mode) hands each transaction to another server, and refuses what it does not
know. ``local_settings`` go with every transaction instead, and nothing is prepared.
"""

import math
import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import BoundedSemaphore
from typing import Any, Final
from urllib.parse import quote, urlencode

from psycopg import Error as PsycopgError
from psycopg.errors import ConnectionTimeout
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import QueuePool

from data.deadlines import (
    DeadlineError,
    NoThreadError,
    bounded,
    current_call,
    within_limit,
)
from data.rules.histogram import bucket_of

#: What ``data.rules.histogram.bucket_of`` is called in SQL on SQLite.
BUCKET_FUNCTION: Final = "run_time_bucket"
#: How long one statement may run on a job table, in seconds.
STATEMENT_LIMIT_S: Final = 3.0
#: How long a write may wait for somebody else's lock, in seconds.
_LOCK_LIMIT_S: Final = 0.5
_OWNED_LOCK_LIMIT_S: Final = 5.0
#: How long a connection may take, by name, handshake and sign-in, in seconds.
CONNECT_LIMIT_S: Final = 4.0
#: How long a connection that was kept may take to show that it is alive, in seconds.
_PING_LIMIT_S: Final = 1.5
#: How long one waits for a free connection, in seconds.
_POOL_LIMIT_S: Final = 4.0
_POOL_SIZE: Final = 5
_POOL_OVERFLOW: Final = 5
#: The connections of a source are its own; so are threads that wait for one to be made.
_MOST_DIALS: Final = _POOL_SIZE + _POOL_OVERFLOW
#: Transactions as a library that writes by itself expects them.
_ISOLATION: Final = {"sqlite": "SERIALIZABLE", "postgresql": "READ COMMITTED"}
#: Unless the address says otherwise: a peer that is gone is noticed by the system too.
_TCP: Final = {
    "connect_timeout": "3",
    "keepalives": "1",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
    "application_name": "job-manager",
}
_SECRET_PARAMETERS: Final = ("password", "sslpassword", "oauth_client_secret")
_WIRE: Final = "job_manager_wire"
_USED: Final = "job_manager_used"
_WATCHED: Final = "job_manager_watched"


def open_engine(url: URL, *, read_only: bool, owned: bool) -> Engine:
    """An engine for statements outside of transactions; nothing is connected yet."""
    if url.get_backend_name() == "sqlite":
        engine = _sqlite_engine(url, read_only=read_only, owned=owned)
    else:
        engine = _postgresql_engine(url)
    event.listen(engine, "checkout", partial(_check_out, engine))
    event.listen(engine, "checkin", _check_in)
    event.listen(engine, "before_cursor_execute", _renew)
    return engine


def open_lent_engine(url: URL) -> Engine:
    """An engine for a library that writes in transactions of its own."""
    engine = open_engine(url, read_only=False, owned=False)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _set_locally)
    return engine.execution_options(isolation_level=_ISOLATION[engine.dialect.name])


def local_settings(*, owned: bool, limit_s: float = 0.0) -> str:
    """What every transaction on PostgreSQL begins with, as statements.

    One without a limit, ``math.inf``, may be idle for as long as it likes, too.
    """
    idle_ms = "0" if limit_s == math.inf else "10000"
    settings = {"TimeZone": "'UTC'", "idle_in_transaction_session_timeout": idle_ms}
    if not owned:
        settings["statement_timeout"] = str(int(STATEMENT_LIMIT_S * 1000))
        settings["lock_timeout"] = str(int(_LOCK_LIMIT_S * 1000))
    return "; ".join(f"SET LOCAL {key} = {value}" for key, value in settings.items())


def secrets_of(url: URL) -> list[str]:
    """What no message may repeat: passwords, as they are and as addresses spell them."""
    named = (url.password, *(url.query.get(key) for key in _SECRET_PARAMETERS))
    plain = [str(one) for one in named if one]
    return [*plain, *(spelled for one in plain if (spelled := quote(one, "")) != one)]


def cut_of(connection: Connection) -> Callable[[], None]:
    """What ends whatever this connection waits for; from any thread."""
    return _cut_of(connection.connection.driver_connection, connection.info)


def _set_locally(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if not driver.autocommit:
        connection.exec_driver_sql(local_settings(owned=False))


def _renew(*_what: object) -> None:
    if (call := current_call()) is not None:
        call.renew()


def _cut_of(driver: Any, info: dict[str, Any]) -> Callable[[], None]:
    cut: Callable[[], None] = info[_WIRE].cut if _WIRE in info else driver.interrupt
    return cut


def _check_out(engine: Engine, driver: Any, record: Any, _proxy: object) -> None:
    """Watch the connection from now on; one that was kept must be alive."""
    cut = _cut_of(driver, record.info)
    if (call := current_call()) is not None:
        call.watch(cut)
        record.info[_WATCHED] = call, cut
    if record.info.setdefault(_USED, False) and engine.dialect.name != "sqlite":
        with bounded(_PING_LIMIT_S) as ping:
            ping.watch(cut)
            try:
                engine.dialect.do_ping(driver)
            except PsycopgError as error:
                raise InvalidatePoolError from error
    record.info[_USED] = True


def _check_in(_driver: object, record: Any) -> None:
    """It goes to whoever takes it next: the call that it served cuts it no more."""
    if (watched := record.info.pop(_WATCHED, None)) is not None:
        call, cut = watched
        call.unwatch(cut)


class _Wire:
    """A second handle on a connection's socket, which stays valid when the driver closes."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))

    def cut(self) -> None:
        """Shut the socket: whoever reads from it is told that the peer is gone."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()

    def __del__(self) -> None:
        self.close()


class _Dialer:
    """Connects in threads of its own: a name server or a file may never answer."""

    def __init__(self) -> None:
        self._room = BoundedSemaphore(_MOST_DIALS)

    def dial(self, connect: Callable[[], Any]) -> Any:
        """A driver's connection. Raises DeadlineError when it takes too long.

        Raises NoThreadError when there is none to be had.
        """
        call = current_call()
        limit_s = min(CONNECT_LIMIT_S, call.left_s if call else math.inf)
        if call:
            call.ask()
        if not self._room.acquire(timeout=limit_s):
            raise DeadlineError
        try:
            return within_limit(partial(self._connect, connect), limit_s, _close)
        except NoThreadError:
            self._room.release()
            raise

    def _connect(self, connect: Callable[[], Any]) -> Any:
        try:
            return connect()
        finally:
            self._room.release()


def _close(connection: Any) -> None:
    connection.close()


def _bucket_of(ran_ms: int | None) -> int | None:
    return None if ran_ms is None else bucket_of(ran_ms)


def _sqlite_engine(url: URL, *, read_only: bool, owned: bool) -> Engine:
    opener = _sqlite_opener(url, read_only=read_only, owned=owned)
    dialer = _Dialer()

    def connect() -> Any:
        try:
            return dialer.dial(opener)
        except DeadlineError:
            message = "unable to open database file in time"
            raise sqlite3.OperationalError(message) from None

    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=_POOL_LIMIT_S,
    )


def _sqlite_opener(
    url: URL, *, read_only: bool, owned: bool
) -> Callable[[], sqlite3.Connection]:
    mode = "ro" if read_only else "rwc" if owned else "rw"
    words = urlencode({**url.query, "mode": mode}, doseq=True)
    target = f"file:{quote(str(url.database))}?{words}"
    wait_s = _OWNED_LOCK_LIMIT_S if owned else _LOCK_LIMIT_S

    def open_file() -> sqlite3.Connection:
        connection = sqlite3.connect(
            target, uri=True, check_same_thread=False, timeout=wait_s
        )
        connection.create_function(BUCKET_FUNCTION, 1, _bucket_of, deterministic=True)
        if owned:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
        return connection

    return open_file


def _postgresql_engine(url: URL) -> Engine:
    ours = {key: value for key, value in _TCP.items() if key not in url.query}
    if "connect_timeout" in url.query:
        ours["connect_timeout"] = _shorter(str(url.query["connect_timeout"]))
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        use_native_hstore=False,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=_POOL_LIMIT_S,
        pool_recycle=1800,
        connect_args={**ours, "prepare_threshold": None},
    )
    dialer = _Dialer()
    event.listen(engine, "do_connect", partial(_connect, dialer))
    event.listen(engine, "close", _close_wire)
    event.listen(engine, "close_detached", _close_wire)
    return engine


def _shorter(asked: str) -> str:
    """The limit of the address, or ours when that is shorter; in seconds."""
    with suppress(ValueError):
        if 0 < float(asked) < CONNECT_LIMIT_S:
            return asked
    return str(int(CONNECT_LIMIT_S))


def _connect(
    dialer: _Dialer, dialect: Any, record: Any, cargs: Any, cparams: Any
) -> Any:
    try:
        driver = dialer.dial(partial(dialect.connect, *cargs, **cparams))
    except DeadlineError:
        message = "the connection was not made in time"
        raise ConnectionTimeout(message) from None
    record.info[_WIRE] = wire = _Wire(driver.pgconn.socket)
    record.info[_USED] = False
    if (call := current_call()) is not None:
        call.watch(wire.cut)
        call.renew()
    return driver


def _close_wire(_driver: object, record: Any = None) -> None:
    if record is not None and (wire := record.info.pop(_WIRE, None)) is not None:
        wire.close()
