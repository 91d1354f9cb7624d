"""Tries the statements of each action where nothing of it is kept.

On PostgreSQL in a transaction that is rolled back, with a run that is made for it: no
row of anybody else is touched. On SQLite in a copy of the schema in memory: a
transaction in the file itself would lock its writers out.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import repeat
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Connection,
    Table,
    Text,
    case,
    cast,
    column,
    create_engine,
    func,
    insert,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from data.driver_errors import is_about_a_value, translated
from data.engines.base import Seen
from data.engines.native_actions import CANCEL, CLEAN_UP, ENQUEUE, RETRY
from data.engines.native_inserts import insert_again, insert_run
from data.engines.native_queries import TEXT_LIMIT, to_ms_of
from data.engines.native_updates import asked_to_stop, called_off, stalled
from data.engines.native_writer import (
    Change,
    apply_change,
    apply_insert,
    apply_restart,
)
from data.exceptions import DataError, SourceUnavailableError
from data.model import JobState

_JOB: Final = "job-manager-trial"
_REASON: Final = "Tried by Job Manager, and rolled back."
#: Columns of a new run that hold what we made up.
_OURS: Final = re.compile(r"\b(job_name|params)\b", re.IGNORECASE)
_NEXT_RULE: Final = re.compile(r"\bCONSTRAINT\b", re.IGNORECASE)
#: Rows of each table in a copy.
_ROWS: Final = 20
_LIMIT_S: Final = 1.0
_STEPS_BETWEEN_LOOKS: Final = 10_000
#: Rows before indexes and triggers, which might refuse them.
_ORDER: Final = ("table", "rows", "index", "view", "trigger")

_T = TypeVar("_T")


class RolledBackError(Exception):
    """Leaves a transaction without a trace."""


class Trial:
    """Actions tried on one connection, whose transaction is never committed."""

    def __init__(
        self,
        connection: Connection,
        table: Table,
        *,
        name: str,
        at_ms: int,
        required: Sequence[str] = (),
        own: Sequence[str] = (),
        is_copy: bool = False,
        new_ids: Iterator[int] | None = None,
    ) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._table = table
        self._name = name
        self._at_ms = at_ms
        self._required = required
        self._own = own
        #: rows of others are copies too
        self._is_copy = is_copy
        #: of new runs, so that no sequence is touched
        self._new_ids: Iterator[int | None] = new_ids or repeat(None)
        #: something was locked, slow or lost: what failed says nothing of the table
        self.is_unsure = False
        #: by action why its statement did not work
        self.failed: dict[str, str] = {}
        self.tried: set[str] = set()
        #: the driver's last refusal; None when the row was swallowed
        self._refusal: DBAPIError | None = None

    def run(self) -> None:
        """Try each action; what could not be tried is in neither list."""
        run_id = self._new_run()
        if run_id is None and (old := self._some_run(is_finished=True)) is not None:
            run_id = self._step(RETRY, lambda: self._retry(old))
        if run_id is None and self._is_copy:
            run_id = self._some_run(is_finished=False)
        if run_id is None:
            return
        self._change(CANCEL, run_id, lambda: called_off(self._table, self._at_ms))
        is_marked = self._begun_and_marked(run_id)
        if not is_marked and CANCEL in self.failed:  # it could not even be begun
            self.failed.setdefault(CLEAN_UP, self.failed[CANCEL])
        if is_marked and RETRY not in self.tried:
            self._step(RETRY, lambda: self._retry(run_id))

    def _begun_and_marked(self, run_id: int) -> bool:
        if self._step("", lambda: self._begin(run_id)) is None:
            return False
        self._change(CANCEL, run_id, lambda: asked_to_stop(self._table, self._at_ms))
        return self._change(CLEAN_UP, run_id, lambda: self._clean_up(run_id), keep=True)

    def _new_run(self) -> int | None:
        """A run like one that is there, as rules may know the names of jobs; or of ours.

        Where there is none, a refusal that may be about our values says nothing.
        """
        model = self._step("", self._model)
        ours = (_JOB, "{}")
        for job in [model, ours] if model else [ours]:
            run_id = self._step(ENQUEUE, partial(self._enqueue, *job))
            if run_id is not None:
                self.failed.pop(ENQUEUE, None)
                return run_id
        if model is None and self._is_about_ours():
            self.failed.pop(ENQUEUE, None)
            self.tried.discard(ENQUEUE)
        return None

    def _model(self) -> tuple[str, str] | None:
        """Job and params of a run that is there, by the index of finished runs."""
        c = self._table.c
        params = cast(c.params, Text)
        short = case((func.length(params) <= TEXT_LIMIT, params))
        for is_finished in (True, False):
            run_id = self._some_run(is_finished=is_finished)
            if run_id is not None:
                wanted = select(cast(c.job_name, Text), short).where(c.id == run_id)
                name, given = self._connection.execute(wanted).one()
                return name, given or "{}"
        return None

    def _is_about_ours(self) -> bool:
        """May the last refusal be about the name of the job, or its params?"""
        refusal = self._refusal
        if self._dialect == "sqlite":
            words = str(refusal.orig) if refusal else ""
            rule = _rule_behind(self._connection, self._table.name, words)
            return bool(_OURS.search(rule))
        return refusal is None or is_about_a_value(refusal)

    def _step(
        self, action: str, act: Callable[[], _T], *, keep: bool = True
    ) -> _T | None:
        """None when it failed; then nothing of it is left."""
        self._connection.exec_driver_sql("SAVEPOINT trial")
        result = None
        try:
            result = act()
            self.tried.add(action)
        except DBAPIError as error:
            self._refusal = error
            self._fail(action, translated(error, self._name))
        except DataError as error:
            self._refusal = None
            self._fail(action, error)
        if result is None or not keep:
            self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT trial")
        self._connection.exec_driver_sql("RELEASE SAVEPOINT trial")
        return result

    def _fail(self, action: str, error: DataError) -> None:
        self.tried.add(action)
        self.is_unsure |= isinstance(error, SourceUnavailableError)
        if action:
            self.failed.setdefault(action, str(error))

    def _change(
        self,
        action: str,
        run_id: int,
        change: Callable[[], Change],
        *,
        keep: bool = False,
    ) -> bool:
        def act() -> bool:
            done, _ = apply_change(
                self._connection, self._table, [run_id], change(), locks_rows=False
            )
            return bool(done)

        return bool(self._step(action, act, keep=keep))

    def _enqueue(self, job_name: str, params: str) -> int:
        values: dict[str, Any] = {
            "id": next(self._new_ids),
            "job_name": job_name,
            "params": params,
            "enqueued_at": self._at_ms,
            "status": JobState.PENDING.value,
        }
        statement = insert_run(self._table, values, required=self._required)
        return apply_insert(self._connection, self._table, statement)

    def _retry(self, run_id: int) -> int | None:
        new, _ = apply_restart(
            self._connection,
            self._table,
            [run_id],
            lambda ids: insert_again(
                self._table,
                self._dialect,
                ids,
                at_ms=self._at_ms,
                params=None,
                own=self._own,
                new_id=next(self._new_ids),
            ),
            locks_rows=False,
        )
        return new.get(run_id)

    def _begin(self, run_id: int) -> int:
        """What a worker does who takes the run."""
        running = {"status": JobState.RUNNING.value, "started_at": self._at_ms}
        mine = self._table.c.id == run_id
        self._connection.execute(update(self._table).where(mine).values(running))
        return run_id

    def _clean_up(self, run_id: int) -> Change:
        c = self._table.c
        started = select(to_ms_of(c.started_at, self._dialect)).where(c.id == run_id)
        at = self._connection.scalar(started) or 0
        seen = [Seen(str(run_id), at, None, guard_heartbeat=False)]
        return stalled(
            self._table, self._dialect, seen, reason=_REASON, at_ms=self._at_ms
        )

    def _some_run(self, *, is_finished: bool) -> int | None:
        c = self._table.c
        ended = c.finished_at.is_not(None) if is_finished else c.finished_at.is_(None)
        wanted = select(c.id).where(ended).order_by(c.finished_at, c.id).limit(1)
        found: int | None = self._connection.scalar(wanted)
        return found


@contextmanager
def copy_in_memory(source: Connection) -> Iterator[Connection]:
    """The schema of a SQLite file in memory, with a few rows of each table.

    What cannot be copied, such as a table of an extension, is left out.
    """
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, isolation_level="AUTOCOMMIT"
    )
    master = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    objects = [row for row in source.exec_driver_sql(master) if row.sql]
    try:
        with engine.connect() as copy:
            _limit(copy)
            for kind in _ORDER:
                for row in objects:
                    with suppress(DBAPIError):
                        if row.type == kind:
                            copy.exec_driver_sql(row.sql)
                        elif kind == "rows" and row.type == "table":
                            _copy_rows(source, copy, row.name)
            yield copy
    finally:
        engine.dispose()


def _copy_rows(source: Connection, copy: Connection, name: str) -> None:
    info = source.execute(
        text("SELECT name FROM pragma_table_xinfo(:name) WHERE hidden = 0"),
        {"name": name},
    )
    columns: list[Any] = [column(row.name) for row in info]
    rows = source.execute(select(*columns).select_from(table(name)).limit(_ROWS))
    values = [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's own name
    if values:
        copy.execute(insert(table(name, *columns)), values)


def _rule_behind(connection: Connection, name: str, words: str) -> str:
    """SQL of the CHECK that SQLite speaks of, more rather than less; or of triggers."""
    _, is_check, rule = words.partition("CHECK constraint failed: ")
    master = text(
        "SELECT sql FROM sqlite_master WHERE type = :kind AND lower(tbl_name) = :name"
    )
    kind = "table" if is_check else "trigger"
    found = connection.execute(master, {"kind": kind, "name": name}).scalars()
    sql = "\n".join(found)
    if not is_check:
        return sql
    return rule + _NEXT_RULE.split(sql.partition(rule)[2])[0]


def _limit(connection: Connection) -> None:
    """A trigger that does not end is stopped."""
    driver: Any = connection.connection.driver_connection
    deadline = time.monotonic() + _LIMIT_S
    driver.set_progress_handler(
        lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS
    )
