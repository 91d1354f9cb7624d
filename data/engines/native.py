"""The native table ``job_runs``, on SQLite and PostgreSQL.

Any program in any language may write it: README, "Point it at your table". Read by
its indexes only; every write repeats in its WHERE what the person saw.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Row,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)

from data.clock import HOUR_MS
from data.db import Database
from data.engines.base import Capabilities, Finding, Marked, Seen
from data.engines.native_check import capabilities_of, missing_indexes, require_table
from data.engines.native_table import Instant, job_runs
from data.model import FINISHED, HourCell, Job, JobState, OpenRuns

#: Their words are ours; a word that is not here is shown as it is and not judged.
STATES: Final = {state.value: state for state in JobState if state is not JobState.OTHER}
#: Open runs read at most at each poll; beyond it the counts are asked separately.
OPEN_LIMIT: Final = 10_000
#: Waiting runs read when there are more open runs than that.
WAITING_LIMIT: Final = 500
#: Runs changed by one statement: short enough never to hold up a writer.
BATCH: Final = 500
ERROR_TYPE: Final = "Stalled"

_T = TypeVar("_T")


class NativeEngine:
    """The native table of one database."""

    def __init__(
        self, database: Database, *, schema: str | None = None, read_only: bool = False
    ) -> None:
        self._db = database
        self._table = job_runs(schema)
        self._read_only = read_only
        self._capabilities = Capabilities(heartbeats=True)
        self._select = select_runs(self._table)

    @property
    def capabilities(self) -> Capabilities:
        """What may be done here; known after the first successful ``check``."""
        return self._capabilities

    def check(self) -> list[Finding]:
        """Look at the table, its columns, rights and indexes."""
        with self._db.connection() as connection:
            require_table(connection, self._table, self._db.name)
            self._capabilities = capabilities_of(
                connection, self._table, path=self._db.path, read_only=self._read_only
            )
            return missing_indexes(connection, self._table)

    def probe(self) -> object:
        """Differs when anybody may have committed to this database."""
        return self._db.probe()

    def open_runs(self) -> OpenRuns:
        """Every RUNNING run and the oldest waiting ones, with the true counts."""
        c = self._table.c
        is_open = self._select.where(c.finished_at.is_(None))
        with self._db.reading() as connection:
            rows = connection.execute(is_open.limit(OPEN_LIMIT + 1)).all()
            if len(rows) <= OPEN_LIMIT:
                jobs = [to_job(row) for row in rows]
                return OpenRuns(jobs, Counter([job.state for job in jobs]))
            running = literal_column("'RUNNING'")
            rows = [
                *connection.execute(
                    is_open.where(c.status == running).limit(OPEN_LIMIT)
                ),
                *connection.execute(
                    is_open.where(c.status != running).limit(WAITING_LIMIT)
                ),
            ]
            counts = connection.execute(select_open_counts(self._table)).all()
        states: Counter[JobState] = Counter()
        for word, runs in counts:
            states[STATES.get(word, JobState.OTHER)] += runs
        return OpenRuns([to_job(row) for row in rows], states)

    def runs(self, run_ids: Collection[str]) -> list[Job]:
        """The runs with these ids, in no order; unknown ids are left out."""
        numbers = [int(run_id) for run_id in run_ids if run_id.isdecimal()]
        found: list[Job] = []
        for batch in _batches(numbers):
            rows = self._db.fetch(self._select.where(self._table.c.id.in_(batch)))
            found += [to_job(row) for row in rows]
        return found

    def finished_cells(self, since_ms: int, until_ms: int) -> list[HourCell]:
        """Finished runs of the span by hour, job type and status."""
        statement = select_cells(self._table, self._db.dialect, since_ms, until_ms)
        return [
            HourCell(hour, name, STATES[word], runs, int(duration), int(wait))
            for hour, name, word, runs, duration, wait in self._db.fetch(statement)
        ]

    def mark_stalled(
        self, seen: Sequence[Seen], *, reason: str, at_ms: int
    ) -> list[str]:
        """Mark runs as FAILED where they still are as seen; the ids that were."""
        marked: list[str] = []
        c = self._table.c
        for batch in _batches(seen):
            statement = (
                update(self._table)
                .where(_as_seen(self._table, self._db.dialect, batch))
                .values(
                    status=JobState.FAILED.value,
                    finished_at=at_ms,
                    error_type=ERROR_TYPE,
                    error=reason,
                    cancel_requested_at=func.coalesce(
                        c.cancel_requested_at, literal(at_ms, Instant())
                    ),
                )
                .returning(c.id)
            )
            with self._db.writing() as connection:
                ids = connection.execute(statement).scalars().all()
            marked += [str(run_id) for run_id in ids]
        return marked

    def unmark_stalled(self, marked: Sequence[Marked]) -> list[str]:
        """Put marked runs back to RUNNING where nobody touched them since."""
        restored: list[str] = []
        before = attrgetter("cancel_requested_at_before")
        ordered = sorted(marked, key=lambda mark: before(mark) or 0)
        for cancel_requested_at, group in groupby(ordered, key=before):
            for batch in _batches(list(group)):
                restored += self._restore(batch, cancel_requested_at)
        return restored

    def close(self) -> None:
        """Give the connections back."""
        self._db.close()

    def _restore(
        self, batch: Iterable[Marked], cancel_requested_at: int | None
    ) -> list[str]:
        c = self._table.c
        as_left = tuple_(
            c.id, *(_to_ms(x, self._db.dialect) for x in (c.started_at, c.finished_at))
        ).in_([(int(m.run_id), m.started_at, m.finished_at) for m in batch])
        statement = (
            update(self._table)
            .where(c.status == literal_column("'FAILED'"))
            .where(c.error_type == ERROR_TYPE, as_left)
            .values(
                status=JobState.RUNNING.value,
                finished_at=None,
                error_type=None,
                error=None,
                cancel_requested_at=cancel_requested_at,
            )
            .returning(c.id)
        )
        with self._db.writing() as connection:
            return [str(x) for x in connection.execute(statement).scalars()]


def select_runs(table: Table) -> Select[Any]:
    """All columns of ``Job`` in its order; no filter, no order."""
    c = table.c
    return select(
        c.id,
        c.job_name,
        c.queue,
        c.status,
        c.attempt,
        c.worker,
        c.progress,
        c.enqueued_at,
        c.scheduled_at,
        c.started_at,
        c.heartbeat_at,
        c.finished_at,
        c.cancel_requested_at,
    )


def to_job(row: Row[Any]) -> Job:
    """One row of ``select_runs`` as a Job."""
    run_id, name, queue, word, *rest = row
    return Job(str(run_id), name, queue, STATES.get(word, JobState.OTHER), word, *rest)


def select_open_counts(table: Table) -> Select[Any]:
    """Rows (status word, runs) over everything that is not finished."""
    c = table.c
    return (
        select(c.status, func.count())
        .where(c.finished_at.is_(None))
        .group_by(c.status)
    )


def select_cells(
    table: Table, dialect: str, since_ms: int, until_ms: int
) -> Select[Any]:
    """Rows of ``HourCell`` for ``since_ms <= finished_at < until_ms``."""
    c = table.c
    hour = _hour_of(c.finished_at, dialect).label("hour")
    words = [literal(state.value, literal_execute=True) for state in sorted(FINISHED)]
    return (
        select(
            hour,
            c.job_name,
            c.status,
            func.count(),
            _summed_ms(c.finished_at, c.started_at, dialect),
            _summed_ms(c.started_at, c.enqueued_at, dialect),
        )
        .where(c.finished_at >= since_ms, c.finished_at < until_ms)
        .where(c.status.in_(words))
        .group_by(hour, c.job_name, c.status)
    )


def _batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))


def _as_seen(table: Table, dialect: str, batch: Sequence[Seen]) -> ColumnElement[bool]:
    """The guard: still RUNNING, the same start, and no newer heartbeat where it counts."""
    c = table.c
    started = tuple_(c.id, _to_ms(c.started_at, dialect)).in_(
        [(int(run.run_id), run.started_at) for run in batch]
    )
    beating = [int(run.run_id) for run in batch if not run.guard_heartbeat]
    silent = tuple_(c.id, func.coalesce(_to_ms(c.heartbeat_at, dialect), 0)).in_(
        [
            (int(run.run_id), run.heartbeat_at or 0)
            for run in batch
            if run.guard_heartbeat
        ]
    )
    return and_(
        c.id.in_([int(run.run_id) for run in batch]),
        c.status == literal_column("'RUNNING'"),
        c.finished_at.is_(None),
        started,
        or_(c.id.in_(beating), silent),
    )


def _to_ms(column: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    """An instant column as epoch milliseconds, rounded down as ``Instant`` does."""
    if dialect == "sqlite":
        return type_coerce(column, BigInteger)
    milliseconds = func.extract("epoch", column) * 1000
    return func.floor(milliseconds).cast(BigInteger)


def _hour_of(column: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    if dialect == "sqlite":
        plain = type_coerce(column, BigInteger)
        return plain - plain % literal_column(str(HOUR_MS))
    return func.date_trunc(
        literal_column("'hour'"), column, literal_column("'UTC'"), type_=Instant()
    )


def _summed_ms(
    later: ColumnElement[Any], earlier: ColumnElement[Any], dialect: str
) -> ColumnElement[int]:
    """The summed distance in milliseconds; a missing or reversed pair counts 0."""
    if dialect == "sqlite":
        apart = type_coerce(later, BigInteger) - type_coerce(earlier, BigInteger)
    else:
        apart = func.extract("epoch", later - earlier) * 1000
    ordered = type_coerce(later >= earlier, Boolean)
    return func.coalesce(func.sum(case((ordered, apart), else_=0)), 0)
