"""The only place that opens databases and runs SQL.

A ``Database`` reads through one small pool (read-only, every statement with a
time limit) and writes through another. Every driver error leaves this module as
one of ``data.exceptions``, with a sentence and the original as ``__cause__``.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, Final

from sqlalchemy import Connection, Engine, Executable, Row, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from data.calls import Calls
from data.connecting import (
    STATEMENT_LIMIT_S,
    cut_of,
    local_settings,
    open_engine,
    open_lent_engine,
    secrets_of,
)
from data.deadlines import patience
from data.driver_errors import is_undone, meaning_of
from data.exceptions import (
    AccessDeniedError,
    DataError,
    OutcomeUnknownError,
    SourceBusyError,
    SourceUnavailableError,
)
from data.sqlite_file import identity_of, limit_statement, mended

#: How long a database may keep silent while something waits for it, in seconds.
CALL_LIMIT_S: Final = 5.0
_OWNED_CALL_LIMIT_S: Final = 10.0
_PROBE_LIMIT_S: Final = 2.0
#: How sqlite3 says that a text is not what it should be.
_NOT_UTF8: Final = "Could not decode to UTF-8"
_PROBE: Final = {
    "sqlite": "PRAGMA data_version",
    "postgresql": "SELECT pg_current_snapshot()::text",
}
#: How transactions begin. Those that write take SQLite's lock at once.
_READ: Final = {"sqlite": "BEGIN", "postgresql": "BEGIN READ ONLY"}
_READ_ONE_INSTANT: Final = {
    "sqlite": "BEGIN",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_WRITE: Final = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}
#: A full disk may have room for a small write between two that fail, in seconds.
_PROBLEM_STAYS_S: Final = 5.0
_NOT_WRITTEN: Final = "Nothing was written there."


class Database:
    """One database as configured. Connects when first used; may be shared by threads.

    Every call has a deadline on our side. A database that went silent is tried by one
    thread at a time; who else asks gets SourceSilentError at once.
    ``owned`` is for Job Manager's own store: the file is created when missing, runs
    in WAL mode, and statements have no time limit of the server's.
    """

    def __init__(self, url: str, *, name: str, owned: bool = False) -> None:
        self.url = make_url(url)
        self.name = name
        self.owned = owned
        self.dialect = self.url.get_backend_name()
        self._usual_limit_s = _OWNED_CALL_LIMIT_S if owned else CALL_LIMIT_S
        self._calls = Calls(name, self._tolerate_any_text, secrets=secrets_of(self.url))
        self._reading = open_engine(self.url, read_only=not owned, owned=owned)
        self._writing = self._reading
        if not owned:
            self._writing = open_engine(self.url, read_only=False, owned=False)
        self._lent: Engine | None = None
        self._lent_lock = RLock()
        self._probe: Connection | None = None
        self._probe_lock = RLock()
        self._file = identity_of(self.path)
        self._text_factory: Callable[[bytes], str] = str
        #: why the last write failed, "" when it did not
        self.write_problem = ""
        self._failed_at = 0.0

    @property
    def _limit_s(self) -> float:
        return max(self._usual_limit_s, patience())

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
        with self.connection() as connection:
            return connection.execute(statement, values).all()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for reading; each select in it may see another instant."""
        if self.dialect == "sqlite":
            with self._connected(self._reading, self._limit_s) as connection:
                yield connection
        else:
            with self._transaction(_READ) as connection:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One read transaction: all selects in it see the same instant."""
        with self._transaction(_READ_ONE_INSTANT) as connection:
            yield connection

    @contextmanager
    def writing(self, *, limit_s: float | None = None) -> Iterator[Connection]:
        """One short write transaction, committed on leaving, rolled back on an error.

        ``limit_s`` is how long one statement may take, ``math.inf`` without a limit.
        Raises OutcomeUnknownError when the database is lost while it commits.
        """
        try:
            with self._write(
                self._limit_s if limit_s is None else limit_s
            ) as connection:
                yield connection
        except (SourceUnavailableError, AccessDeniedError) as error:
            if not isinstance(error, SourceBusyError):
                self.write_problem = str(error)
                self._failed_at = time.monotonic()
            raise
        if time.monotonic() - self._failed_at >= _PROBLEM_STAYS_S:
            self.write_problem = ""

    @contextmanager
    def _write(self, limit_s: float) -> Iterator[Connection]:
        with self._connected(self._writing, limit_s, _NOT_WRITTEN) as connection:
            self._begin(connection, _WRITE, limit_s)
            try:
                yield connection
            except BaseException:
                _end(connection, "ROLLBACK")
                raise
            self._commit(connection)

    @contextmanager
    def lent(self) -> Iterator[Engine]:
        """An engine for a library that writes in transactions of its own.

        What it raises leaves here as an error of ``data.exceptions``, like all else.
        """
        with self._calls.bounded(self._limit_s) as call:
            self._notice_replaced_file()
            try:
                yield self._lending()
            except (DataError, DBAPIError) as error:
                if call.expired:
                    raise self._unknown_outcome() from error
                raise

    def probe(self) -> object:
        """A value that differs when anybody may have committed since the last call.

        Costs microseconds: SQLite's data version on a kept connection, PostgreSQL's
        snapshot with every open transaction (the newest alone would miss an older one
        that ends later). False alarms are possible, missed changes are not.
        """
        with self._calls.bounded(_PROBE_LIMIT_S) as call, self._probe_lock:
            self._notice_replaced_file()
            try:
                if self._probe is None:
                    self._probe = self._reading.connect()
                call.watch(cut_of(self._probe))
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
                self._lent = open_lent_engine(self.url)
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

    def _tolerate_any_text(self, error: SQLAlchemyError) -> None:
        """A job wrote text that is no UTF-8: from the next read on it is shown mended.

        Not from the start, because mending in Python is ten times slower.
        """
        if isinstance(error, DBAPIError) and _NOT_UTF8 in str(error.orig):
            self._text_factory = mended
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
    def _connected(
        self, engine: Engine, limit_s: float, done: str = ""
    ) -> Iterator[Connection]:
        with self._calls.bounded(limit_s, done):
            self._notice_replaced_file()
            with engine.connect() as connection:
                if self.dialect == "sqlite" and not self.owned:
                    driver: Any = connection.connection.driver_connection
                    driver.text_factory = self._text_factory
                    limit_statement(driver, STATEMENT_LIMIT_S)
                yield connection

    @contextmanager
    def _transaction(self, begin: Mapping[str, str]) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._connected(self._reading, self._limit_s) as connection:
            self._begin(connection, begin)
            try:
                yield connection
            finally:
                _end(connection, "COMMIT")

    def _begin(
        self, connection: Connection, begin: Mapping[str, str], limit_s: float = 0.0
    ) -> None:
        statement = begin[self.dialect]
        if self.dialect == "postgresql":
            settings = local_settings(owned=self.owned, limit_s=limit_s)
            statement = f"{statement}; {settings}"
        connection.exec_driver_sql(statement)

    def _commit(self, connection: Connection) -> None:
        if connection.invalidated:
            message = f"{self.name}: the connection was lost; nothing was done."
            raise SourceUnavailableError(message)
        try:
            connection.exec_driver_sql("COMMIT")
        except DBAPIError as error:
            if is_undone(error):
                _end(connection, "ROLLBACK")
                raise
            raise self._unknown_outcome() from error

    def _unknown_outcome(self) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"{self.name}: the database was lost before it answered."
        )

    def _notice_replaced_file(self) -> None:
        """An open handle outlives its file; the person who moved it would see ghosts."""
        if self.path is None or self.owned:
            return
        found = identity_of(self.path)
        if found != self._file:
            self._dispose()
            self._file = found
        if found is None:
            message = f"{self.name}: there is no database file {self.path}."
            raise SourceUnavailableError(message)


def _end(connection: Connection, word: str) -> None:
    """End a transaction whose outcome nobody waits for."""
    if not connection.invalidated:  # or it would connect anew, only to say so
        with suppress(SQLAlchemyError):
            connection.exec_driver_sql(word)
