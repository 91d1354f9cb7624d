"""Writes to the native table: short transactions, each read again before it commits.

A row that is locked is passed over, one that the database refuses is found by halving
the batch: neither stops the others. What a trigger or a rule swallows is rolled back and
reported.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, select, update
from sqlalchemy.sql.dml import ReturningInsert

from data.db import Database
from data.engines.base import IGNORED, LOCKED, NOT_KEPT, Restarted, Written, batches
from data.engines.native_queries import among, to_ms_of
from data.exceptions import (
    AccessDeniedError,
    DataError,
    OutcomeUnknownError,
    SchemaMismatchError,
    SourceBusyError,
    SourceTooSlowError,
    SourceUnavailableError,
)

#: How long one call may go on halving what is refused.
_LIMIT_S: Final = 5.0

_T = TypeVar("_T")


class Change(NamedTuple):
    """One way to change runs."""

    #: the runs that it applies to, as they must still be
    guard: ColumnElement[bool]
    values: Mapping[str, Any]
    #: what is true of a run afterwards
    landed: ColumnElement[bool]


class NotTakenError(DataError):
    """The statement was taken, but these rows are not as it says; it was rolled back."""

    def __init__(self, message: str, run_ids: Sequence[int]) -> None:
        super().__init__(message)
        self.run_ids = run_ids


class Writer:
    """Writes runs of one table; safe for threads."""

    def __init__(
        self,
        database: Database,
        table: Table,
        *,
        locks_rows: bool = True,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = database
        self._table = table
        #: rows can be locked one by one, and locked ones be passed over
        self._locks_rows = locks_rows and database.dialect == "postgresql"
        self._stopwatch = stopwatch

    def change(
        self,
        items: Mapping[int, _T],
        change_of: Callable[[Mapping[int, _T]], Change],
    ) -> Written:
        """Change these runs where the guard still holds; ``items`` are by run id.

        Raises the database's error when it cannot be reached before anything was done,
        and OutcomeUnknownError when nobody knows what was.
        """

        def write(ids: Sequence[int]) -> tuple[Mapping[int, int | None], Sequence[int]]:
            change = change_of({id_: items[id_] for id_ in ids})
            with self._transaction() as connection:
                return apply_change(
                    connection, self._table, ids, change, locks_rows=self._locks_rows
                )

        done, refused = self._in_parts([*items], write)
        return Written(_by_text(done), _by_text(refused))

    def restart(
        self,
        ids: Sequence[int],
        insert_of: Callable[[Sequence[int]], ReturningInsert[Any]],
    ) -> Restarted:
        """Insert a new run for each of these that is finished; raises as ``change`` does."""

        def write(part: Sequence[int]) -> tuple[Mapping[int, int], Sequence[int]]:
            with self._transaction() as connection:
                return apply_restart(
                    connection,
                    self._table,
                    part,
                    insert_of,
                    locks_rows=self._locks_rows,
                )

        started, refused = self._in_parts(ids, write)
        texts = {old: str(new) for old, new in started.items()}
        return Restarted(_by_text(texts), _by_text(refused))

    def insert(self, statement: ReturningInsert[Any]) -> str:
        """Insert one run; its id. Raises NotTakenError when it is not there afterwards."""
        with self._transaction() as connection:
            return str(apply_insert(connection, self._table, statement))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._db.writing() as connection:
            if self._db.dialect == "postgresql":
                # a refusal that waits for the commit could not be laid to any row
                connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            yield connection

    def _in_parts(
        self,
        ids: Sequence[int],
        write: Callable[[Sequence[int]], tuple[Mapping[int, _T], Sequence[int]]],
    ) -> tuple[dict[int, _T], dict[int, str]]:
        """What was done, and why the rest was not; a part that is refused is halved."""
        done: dict[int, _T] = {}
        refused: dict[int, str] = {}
        began = self._stopwatch()
        parts = [*batches(ids)][::-1]
        while parts:
            part = parts.pop()
            try:
                wrote, locked = write(part)
            except DataError as error:
                if named := _named(error, part):
                    refused |= dict.fromkeys(named, str(error))
                    rest = [id_ for id_ in part if id_ not in named]
                    parts += [rest] if rest else []
                    continue
                is_late = self._stopwatch() - began > _LIMIT_S
                if _concerns_rows(error) and len(part) > 1 and not is_late:
                    half = len(part) // 2
                    parts += [part[half:], part[:half]]
                    continue
                if not _concerns_rows(error):
                    if isinstance(error, OutcomeUnknownError) or not done:
                        raise
                    part, parts = [*part, *(id_ for p in parts for id_ in p)], []
                refused |= dict.fromkeys(part, str(error))
            else:
                done |= wrote
                refused |= dict.fromkeys(locked, LOCKED)
        return done, refused


def apply_change(
    connection: Connection,
    table: Table,
    ids: Sequence[int],
    change: Change,
    *,
    locks_rows: bool,
) -> tuple[Mapping[int, int | None], Sequence[int]]:
    """Change what the guard still holds for, and read it again.

    By run id when it finished as its row says now, and the ids that are locked. Raises
    NotTakenError with the runs that ought to have changed and have not.
    """
    c, dialect = table.c, connection.dialect.name
    free = _free(connection, table, ids, change.guard, locks_rows=locks_rows)
    written: set[int] = set()
    done: dict[int, int | None] = {}
    if free:
        meant = among(c.id, free, dialect), change.guard
        statement = update(table).where(*meant).values(change.values).returning(c.id)
        written = {*connection.execute(statement).scalars()}
        if None in written:  # a view on SQLite does not say which
            written = {*free}
        finished = to_ms_of(c.finished_at, dialect)
        there = select(c.id, finished).where(among(c.id, free, dialect), change.landed)
        done = {id_: at for id_, at in connection.execute(there) if id_ in written}
    left = [id_ for id_ in ids if id_ not in done]
    still = _still(connection, table, left, change.guard)
    if missing := (written - done.keys()) | still.intersection(free):
        raise NotTakenError(IGNORED, sorted(missing))
    return done, sorted(still)


def apply_restart(
    connection: Connection,
    table: Table,
    ids: Sequence[int],
    insert_of: Callable[[Sequence[int]], ReturningInsert[Any]],
    *,
    locks_rows: bool,
) -> tuple[Mapping[int, int], Sequence[int]]:
    """Insert a new run for each that is finished: by old id the new one; locked ids.

    Raises NotTakenError when the new runs are not there, or are not told apart.
    """
    c = table.c
    guard = c.finished_at.is_not(None)
    old = sorted(_free(connection, table, ids, guard, locks_rows=locks_rows, read=True))
    left = [id_ for id_ in ids if id_ not in {*old}]
    locked = sorted(_still(connection, table, left, guard))
    if not old:
        return {}, locked
    new = [*connection.execute(insert_of(old)).scalars()]
    if not _are_kept(connection, table, old, new):
        if len(old) > 1:
            raise DataError(NOT_KEPT)  # one by one they can be told apart
        raise NotTakenError(NOT_KEPT, old)
    return dict(zip(old, new, strict=True)), locked


def apply_insert(
    connection: Connection, table: Table, statement: ReturningInsert[Any]
) -> int:
    """Insert one run, and read it again: its id. Raises NotTakenError."""
    c = table.c
    run_id = connection.execute(statement).scalar()
    is_there = select(c.id).where(c.id == run_id, c.finished_at.is_(None))
    if run_id is None or connection.execute(is_there).first() is None:
        raise NotTakenError(NOT_KEPT, [])
    return int(run_id)


def _free(
    connection: Connection,
    table: Table,
    ids: Sequence[int],
    guard: ColumnElement[bool],
    *,
    locks_rows: bool,
    read: bool = False,
) -> list[int]:
    """The runs that the guard holds for, locked for us; without those of others."""
    c = table.c
    wanted: Select[Any] = select(c.id).where(
        among(c.id, ids, connection.dialect.name), guard
    )
    if locks_rows:
        wanted = wanted.with_for_update(skip_locked=True, read=read)
    return [*connection.execute(wanted).scalars()]


def _still(
    connection: Connection,
    table: Table,
    ids: Sequence[int],
    guard: ColumnElement[bool],
) -> set[int]:
    """Those that the guard holds for, whoever has locked them."""
    if not ids:
        return set()
    wanted = select(table.c.id).where(
        among(table.c.id, ids, connection.dialect.name), guard
    )
    return {*connection.execute(wanted).scalars()}


def _are_kept(
    connection: Connection, table: Table, old: Sequence[int], new: Sequence[int | None]
) -> bool:
    """Is there a new run for each old one, in their order, of the same job?"""
    c = table.c
    ids = [id_ for id_ in new if id_ is not None]
    if not len({*ids} - {*old}) == len(new) == len(old):
        return False
    wanted = select(c.id, c.job_name).where(
        among(c.id, [*old, *ids], connection.dialect.name)
    )
    names = dict(connection.execute(wanted).all())
    return all(
        after in names and names[after] == names[before]
        for before, after in zip(old, ids, strict=True)
    )


def _named(error: DataError, part: Sequence[int]) -> set[int]:
    """Runs of this part that the error names; a trigger may have given others ids."""
    named = error.run_ids if isinstance(error, NotTakenError) else ()
    return {*named}.intersection(part)


def _concerns_rows(error: DataError) -> bool:
    """May other rows be taken where these are not?"""
    if isinstance(error, OutcomeUnknownError | SchemaMismatchError | AccessDeniedError):
        return False
    if isinstance(error, SourceBusyError):
        # SQLite locks the whole file, PostgreSQL rows
        return not isinstance(getattr(error.__cause__, "orig", None), sqlite3.Error)
    is_away = isinstance(error, SourceUnavailableError)
    return not is_away or isinstance(error, SourceTooSlowError)


def _by_text(by_id: Mapping[int, _T]) -> dict[str, _T]:
    return {str(id_): value for id_, value in by_id.items()}
