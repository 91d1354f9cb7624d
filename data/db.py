"""The only place that opens databases and runs SQL.

A ``Database`` reads through one small pool (read-only, every statement with a
time limit) and writes through another. Every driver error leaves this module as
one of ``data.exceptions``, with a sentence and the original as ``__cause__``.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    Row,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from data.driver_errors import meaning_of, translated
from data.exceptions import DataError, OutcomeUnknownError, SourceUnavailableError
from data.rules.histogram import bucket_of

#: How long one statement may run on a job table, in seconds.
STATEMENT_LIMIT_S: Final = 3.0
#: How long a write may wait for somebody else's lock, in seconds.
_LOCK_LIMIT_S: Final = 0.5
_OWNED_LOCK_LIMIT_S: Final = 5.0
#: SQLite asks whether to go on after this many steps of its virtual machine.
_STEPS_BETWEEN_LOOKS: Final = 20_000
#: How sqlite3 says that a text is not what it should be.
_NOT_UTF8: Final = "Could not decode to UTF-8"
#: Transactions as a library that writes by itself expects them.
_ISOLATION: Final = {"sqlite": "SERIALIZABLE", "postgresql": "READ COMMITTED"}
#: What ``data.rules.histogram.bucket_of`` is called in SQL on SQLite.
BUCKET_FUNCTION: Final = "run_time_bucket"
_PROBE: Final = {
    "sqlite": "PRAGMA data_version",
    "postgresql": "SELECT pg_current_snapshot()::text",
}


class Database:
    """One database as configured. Connects when first used; may be shared by threads.

    ``owned`` is for Job Manager's own store: the file is created when missing, runs
    in WAL mode, and statements have no time limit.
    """

    def __init__(self, url: str, *, name: str, owned: bool = False) -> None:
        self.url = make_url(url)
        self.name = name
        self.owned = owned
        self.dialect = self.url.get_backend_name()
        self._reading = self._engine(read_only=not owned)
        self._writing = self._reading if owned else self._engine(read_only=False)
        self._lent: Engine | None = None
        self._lent_lock = RLock()
        self._probe: Connection | None = None
        self._probe_lock = RLock()
        self._file = _identity(self.path)
        self._text_factory: Callable[[bytes], str] = str

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database, None for a server or a database in memory."""
        if self.dialect != "sqlite" or self.url.database in (None, "", ":memory:"):
            return None
        return Path(str(self.url.database))

    def fetch(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """All rows of one read-only statement, in a transaction of its own.

        ``values`` are those of its named parameters.
        """
        with self._connected(self._reading) as connection:
            return connection.execute(statement, values).all()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read transaction: all selects in it see the same instant."""
        begin = {
            "sqlite": "BEGIN",
            "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }[self.dialect]
        with self._connected(self._reading) as connection:
            connection.exec_driver_sql(begin)
            try:
                yield connection
            finally:
                with suppress(DBAPIError):
                    connection.exec_driver_sql("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One short write transaction, committed on leaving, rolled back on an error.

        Raises OutcomeUnknownError when the database is lost while it commits.
        """
        begin = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}[self.dialect]
        with self._connected(self._writing) as connection:
            connection.exec_driver_sql(begin)
            try:
                yield connection
            except BaseException:
                with suppress(DBAPIError):
                    connection.exec_driver_sql("ROLLBACK")
                raise
            self._commit(connection)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A bare connection for reading, for inspection and migrations."""
        with self._connected(self._reading) as connection:
            yield connection

    @contextmanager
    def lent(self) -> Iterator[Engine]:
        """An engine for a library that writes in transactions of its own.

        What it raises leaves here as an error of ``data.exceptions``, like all else.
        """
        self._notice_replaced_file()
        with self._translating():
            yield self._lending()

    def probe(self) -> object:
        """A value that differs when anybody may have committed since the last call.

        Costs microseconds: SQLite's data version on a kept connection, PostgreSQL's
        snapshot with every open transaction (the newest alone would miss an older one
        that ends later). False alarms are possible, missed changes are not.
        """
        with self._probe_lock, self._translating():
            self._notice_replaced_file()
            try:
                if self._probe is None:
                    self._probe = self._reading.connect()
                mark = self._probe.exec_driver_sql(_PROBE[self.dialect]).scalar_one()
            except BaseException:
                self._drop_probe()
                raise
            return self._file, mark

    def close(self) -> None:
        """Give back every connection; the next use connects anew."""
        self._dispose()

    def _drop_probe(self) -> None:
        if self._probe is not None:
            with suppress(DBAPIError):
                self._probe.invalidate()
                self._probe.close()
            self._probe = None

    def _lending(self) -> Engine:
        with self._lent_lock:
            if self._lent is None:
                self._lent = self._engine(read_only=False, autocommit=False)
                event.listen(self._lent, "handle_error", self._ours, retval=True)
            return self._lent

    def _ours(self, context: ExceptionContext) -> DataError | None:
        """Libraries that see a driver's error may try again for ever; ours ends that.

        A broken constraint is theirs to deal with.
        """
        error = context.sqlalchemy_exception
        if not isinstance(error, OperationalError):
            return None
        kind, sentence = meaning_of(error)
        return kind(f"{self.name}: {sentence}.")

    def _engine(self, *, read_only: bool, autocommit: bool = True) -> Engine:
        if self.dialect == "sqlite":
            made = _sqlite_engine(self.url, read_only=read_only, owned=self.owned)
        else:
            made = _postgresql_engine(self.url, read_only=read_only, owned=self.owned)
        if autocommit:
            return made
        return made.execution_options(isolation_level=_ISOLATION[self.dialect])

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            self._tolerate_any_text(error)
            raise translated(error, self.name) from error
        except PoolTimeoutError as error:
            message = f"{self.name}: too many questions at once; try again."
            raise SourceUnavailableError(message) from error

    def _tolerate_any_text(self, error: DBAPIError) -> None:
        """A job wrote text that is no UTF-8: from the next read on it is shown mended.

        Not from the start, because mending in Python is ten times slower.
        """
        if _NOT_UTF8 in str(error.orig):
            self._text_factory = _mended
            self._dispose()

    def _dispose(self) -> None:
        with self._probe_lock:
            self._reading.dispose()
            self._writing.dispose()
            self._drop_probe()
        with self._lent_lock:
            if self._lent is not None:
                self._lent.dispose()

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        self._notice_replaced_file()
        with self._translating(), engine.connect() as connection:
            if self.dialect == "sqlite" and not self.owned:
                driver: Any = connection.connection.driver_connection
                driver.text_factory = self._text_factory
                _limit_statement(driver, STATEMENT_LIMIT_S)
            yield connection

    def _commit(self, connection: Connection) -> None:
        try:
            connection.exec_driver_sql("COMMIT")
        except DBAPIError as error:
            if self.dialect == "sqlite" and "locked" in str(error.orig):
                connection.exec_driver_sql("ROLLBACK")  # nothing was written
                raise
            message = f"{self.name}: the database was lost before it answered."
            raise OutcomeUnknownError(message) from error

    def _notice_replaced_file(self) -> None:
        """An open handle outlives its file; the person who moved it would see ghosts."""
        if self.path is None or self.owned:
            return
        found = _identity(self.path)
        if found != self._file:
            self._dispose()
            self._file = found
        if found is None:
            message = f"{self.name}: there is no database file {self.path}."
            raise SourceUnavailableError(message)


def execute_many(
    connection: Connection, statement: Executable, rows: Sequence[Mapping[str, object]]
) -> None:
    """Execute a statement once for each row; all rows have the same keys.

    The values must be what the driver takes as it is: SQLAlchemy's own way looks at
    each of them, which costs as much as writing them.
    """
    compiled: Any = statement.compile(connection, column_keys=list(rows[0]))  # type: ignore[attr-defined]
    constants = {key: compiled.params[key] for key in compiled.params.keys() - rows[0]}
    values: list[Any] = [{**constants, **row} for row in rows] if constants else [*rows]
    if compiled.positional:
        values = [tuple(map(row.__getitem__, compiled.positiontup)) for row in values]
    connection.exec_driver_sql(str(compiled), values)


def _identity(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _mended(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _bucket_of(ran_ms: int | None) -> int | None:
    return None if ran_ms is None else bucket_of(ran_ms)


def _limit_statement(driver: Any, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    driver.set_progress_handler(
        lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS
    )


def _sqlite_engine(url: URL, *, read_only: bool, owned: bool) -> Engine:
    return create_engine(
        "sqlite://",
        creator=_sqlite_opener(url, read_only=read_only, owned=owned),
        poolclass=QueuePool,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        pool_size=5,
        max_overflow=5,
    )


def _sqlite_opener(
    url: URL, *, read_only: bool, owned: bool
) -> Callable[[], sqlite3.Connection]:
    mode = "ro" if read_only else "rwc" if owned else "rw"
    target = f"file:{quote(str(url.database))}?mode={mode}"
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


def _postgresql_engine(url: URL, *, read_only: bool, owned: bool) -> Engine:
    settings = {"TimeZone": "UTC", "idle_in_transaction_session_timeout": "5000"}
    if not owned:
        settings["statement_timeout"] = str(int(STATEMENT_LIMIT_S * 1000))
        settings["lock_timeout"] = str(int(_LOCK_LIMIT_S * 1000))
    if read_only:
        settings["default_transaction_read_only"] = "on"
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=True,
        hide_parameters=True,
        pool_size=5,
        max_overflow=5,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": 3,
            "application_name": "job-manager",
            "options": " ".join(f"-c {key}={value}" for key, value in settings.items()),
        },
    )
