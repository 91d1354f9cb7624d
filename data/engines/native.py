"""The native table ``job_runs``, on SQLite and PostgreSQL.

Any program in any language may write it: README, "Point it at your table". Read by
its indexes only; every write repeats in its WHERE what the person saw.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    type_coerce,
    update,
)

from data.clock import HOUR_MS
from data.db import Database
from data.engines.base import Capabilities, Finding, Marked, Seen
from data.engines.native_check import capabilities_of, missing_indexes, require_table
from data.engines.native_table import INSTANTS, Instant, job_runs
from data.model import FINISHED, HourCell, Job, JobState, OpenRuns

#: Their words are ours; a word that is not here is shown as it is and not judged.
STATES: Final = {
    state.value: state for state in JobState if state is not JobState.OTHER
}
#: Open runs read at most at each poll; beyond it the counts are asked separately.
OPEN_LIMIT: Final = 10_000
#: Waiting runs read when there are more open runs than that.
WAITING_LIMIT: Final = 500
#: Runs changed by one statement: short enough never to hold up a writer.
BATCH: Final = 500
ERROR_TYPE: Final = "Stalled"
#: Ids come back from browsers: what no bigint holds is nobody's id.
_RUN_ID: Final = re.compile("0|-?[1-9][0-9]{0,18}")
_LARGEST_ID: Final = 2**63 - 1
#: Beyond the calendar lie PostgreSQL's infinities, which Python cannot read, and in
#: SQLite's order of things every text and blob.
_CALENDAR: Final[dict[str, tuple[ColumnElement[Any], ColumnElement[Any]]]] = {
    "sqlite": (literal_column("-62135510400000"), literal_column("253402214400000")),
    "postgresql": (
        literal_column("timestamptz '0001-01-02T00:00:00Z'"),
        literal_column("timestamptz '9999-12-31T00:00:00Z'"),
    ),
}

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
        self._select = select_runs(self._table, database.dialect)

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
            running: ColumnElement[str] = literal_column("'RUNNING'")
            rows = [
                *connection.execute(
                    is_open.where(c.status == running).limit(OPEN_LIMIT)
                ),
                *connection.execute(
                    is_open.where(c.status != running)
                    .order_by(c.finished_at, c.id)
                    .limit(WAITING_LIMIT)
                ),
            ]
            counts = connection.execute(select_open_counts(self._table)).all()
        states: Counter[JobState] = Counter()
        for word, runs in counts:
            states[STATES.get(word, JobState.OTHER)] += runs
        return OpenRuns([to_job(row) for row in rows], states)

    def runs(self, run_ids: Collection[str]) -> list[Job]:
        """The runs with these ids, in no order; unknown ids are left out."""
        numbers = [
            int(run_id)
            for run_id in run_ids
            if _RUN_ID.fullmatch(run_id) and abs(int(run_id)) <= _LARGEST_ID
        ]
        found: list[Job] = []
        for batch in _batches(numbers):
            rows = self._db.fetch(self._select.where(self._table.c.id.in_(batch)))
            found += [to_job(row) for row in rows]
        return found

    def finished_cells(self, since_ms: int, until_ms: int) -> list[HourCell]:
        """Finished runs of the span by hour, job type and status."""
        statement = select_cells(self._table, self._db.dialect, since_ms, until_ms)
        return [
            HourCell(hour, name or "", STATES[word], runs, int(duration), int(wait))
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
        asked = [run for run in marked if run.cancel_requested_at_before is not None]
        others = [run for run in marked if run.cancel_requested_at_before is None]
        kept = self._table.c.cancel_requested_at
        for runs, cancel_requested_at in ((asked, kept), (others, null())):
            for batch in _batches(runs):
                restored += self._restore(batch, cancel_requested_at)
        return restored

    def close(self) -> None:
        """Give the connections back."""
        self._db.close()

    def _restore(
        self, batch: Sequence[Marked], cancel_requested_at: ColumnElement[Any]
    ) -> list[str]:
        c = self._table.c
        instants = [c.started_at, c.finished_at]
        as_left = _fingerprint(c.id, instants, self._db.dialect).in_(
            [f"{run.run_id} {run.started_at} {run.finished_at}" for run in batch]
        )
        statement = (
            update(self._table)
            .where(c.status == literal_column("'FAILED'"))
            .where(c.id.in_([int(run.run_id) for run in batch]), as_left)
            .where(c.error_type == ERROR_TYPE)
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


def select_runs(table: Table, dialect: str) -> Select[Any]:
    """All columns of ``Job`` in its order; no filter, no order."""
    c = table.c
    instants: list[ColumnElement[Any]] = [c[name] for name in INSTANTS]
    if dialect == "postgresql":
        instants = [_sane(column, dialect) for column in instants]
    return select(
        c.id,
        c.job_name,
        c.queue,
        c.status,
        c.attempt,
        c.worker,
        c.progress,
        *instants,
    )


def to_job(row: Sequence[Any]) -> Job:
    """One row of ``select_runs`` as a Job; not every table has our NOT NULLs."""
    run_id, name, queue, word, *rest = row
    state = STATES.get(word, JobState.OTHER)
    return Job(str(run_id), name or "", queue or "", state, word or "", *rest)


def select_open_counts(table: Table) -> Select[Any]:
    """Rows (status word, runs) over everything that is not finished."""
    c = table.c
    return (
        select(c.status, func.count()).where(c.finished_at.is_(None)).group_by(c.status)
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
    started = [f"{r.run_id} {r.started_at}" for r in batch if not r.guard_heartbeat]
    silent = [
        f"{run.run_id} {run.started_at} {_or_dash(run.heartbeat_at)}"
        for run in batch
        if run.guard_heartbeat
    ]
    return and_(
        c.id.in_([int(run.run_id) for run in batch]),
        c.status == literal_column("'RUNNING'"),
        c.finished_at.is_(None),
        or_(
            _fingerprint(c.id, [c.started_at], dialect).in_(started),
            _fingerprint(c.id, [c.started_at, c.heartbeat_at], dialect).in_(silent),
        ),
    )


def _fingerprint(
    run_id: ColumnElement[int], instants: Sequence[ColumnElement[Any]], dialect: str
) -> ColumnElement[str]:
    """Id and instants of a row in one text, "-" for NULL.

    A list of texts is hashed. With a list of tuples PostgreSQL compares every row with
    every tuple: 250 ms for 500 runs instead of 10, and their locks are held as long.
    """
    found: ColumnElement[str] = cast(run_id, Text)
    for instant in instants:
        words = cast(_to_ms(instant, dialect), Text)
        found = found.concat(" ").concat(func.coalesce(words, "-"))
    return found


def _or_dash(instant: int | None) -> int | str:
    return "-" if instant is None else instant


def _to_ms(column: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    """An instant column as epoch milliseconds, rounded down as ``Instant`` does."""
    instant = _sane(column, dialect)
    if dialect == "sqlite":
        return cast(type_coerce(instant, BigInteger), BigInteger)
    milliseconds = func.extract("epoch", instant) * 1000
    return func.floor(milliseconds).cast(BigInteger)


def _sane(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """The column where it holds an instant, NULL where it holds anything else."""
    return case((column.between(*_CALENDAR[dialect]), column))


def _hour_of(column: ColumnElement[Any], dialect: str) -> ColumnElement[int]:
    if dialect == "sqlite":
        plain = _to_ms(column, dialect)
        return plain - plain % literal_column(str(HOUR_MS))
    return func.date_trunc(
        literal_column("'hour'"), column, literal_column("'UTC'"), type_=Instant()
    )


def _summed_ms(
    later: ColumnElement[Any], earlier: ColumnElement[Any], dialect: str
) -> ColumnElement[int]:
    """The summed distance in milliseconds; a missing or reversed pair counts 0."""
    if dialect == "sqlite":
        later, earlier = _to_ms(later, dialect), _to_ms(earlier, dialect)
        apart = later - earlier
    else:
        later, earlier = _sane(later, dialect), _sane(earlier, dialect)
        apart = func.extract("epoch", later - earlier) * 1000
    ordered = type_coerce(later >= earlier, Boolean)
    return func.coalesce(func.sum(case((ordered, apart), else_=0)), 0)
