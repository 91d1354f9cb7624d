"""The native table ``job_runs``, on SQLite and PostgreSQL.

Any program in any language may write it: README, "Point it at your table". Read by
its indexes only; every write repeats in its WHERE what the person saw.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import not_, null

from data.clock import Clock, now_ms
from data.db import Database
from data.driver_errors import is_value_refused
from data.engines.base import (
    Cancelled,
    Capabilities,
    Diagnosis,
    Finding,
    Grade,
    Marked,
    Restarted,
    Seen,
    Written,
    batches,
)
from data.engines.doctoring import plans, surroundings, units, wrong_units
from data.engines.failures import to_failures
from data.engines.native_actions import copies_of
from data.engines.native_check import (
    heartbeat_indexes,
    missing_indexes,
    require_table,
)
from data.engines.native_columns import TableFacts, facts_of
from data.engines.native_history import History
from data.engines.native_inserts import insert_again, insert_run
from data.engines.native_permissions import Permissions, Shape
from data.engines.native_queries import (
    PARTS,
    TEXT_LIMIT,
    among,
    by_index,
    select_cells,
    select_details,
    select_failures,
    select_long,
    select_open,
    select_open_counts,
    select_runs,
)
from data.engines.native_table import job_runs
from data.engines.native_types import is_any, types_of
from data.engines.native_updates import (
    asked_to_stop,
    called_off,
    restored,
    stalled,
)
from data.engines.native_writer import Writer
from data.engines.rows import STATES, to_cells, to_jobs
from data.exceptions import (
    DataError,
    InvalidParamsError,
    OutcomeUnknownError,
)
from data.model import (
    Failure,
    HourCell,
    Job,
    JobState,
    OpenRuns,
    RunDetails,
    RunFilter,
    RunPage,
)
from data.rules.units import FIXES

#: Open runs read at most at each poll; beyond it the counts are asked separately.
OPEN_LIMIT: Final = 10_000
#: Waiting runs read when there are more open runs than that.
WAITING_LIMIT: Final = 500
#: Ids come back from browsers: what no bigint holds is nobody's id.
_RUN_ID: Final = re.compile("0|-?[1-9][0-9]{0,18}")
_LEAST_ID: Final = -(2**63)
_LARGEST_ID: Final = 2**63 - 1


class NativeEngine:
    """The native table of one database."""

    def __init__(
        self, database: Database, *, schema: str | None = None, read_only: bool = False
    ) -> None:
        self._db = database
        self._schema = schema
        self._contract = job_runs(schema)
        self._permissions = Permissions(database, self._contract, read_only=read_only)
        self._capabilities = Capabilities()
        self._is_readable = True
        self._use(TableFacts())

    def _use(self, facts: TableFacts) -> None:
        """Speak to the columns in the types that they have."""
        copies = copies_of(self._contract, facts)
        own = (*copies.copied, *copies.left_out)
        self._table = job_runs(self._schema, types_of(facts), own)
        self._shape = Shape(facts, self._table, copies)
        self._select = select_runs(self._table, self._db.dialect)
        shown = select_runs(self._table, self._db.dialect, tell_odd=True)
        self._history = History(self._db, self._table, shown)
        by_trigger = facts.is_view and facts.updates_by_trigger
        self._writer = Writer(self._db, self._table, locks_rows=not by_trigger)

    @property
    def capabilities(self) -> Capabilities:
        """What may be done here; known after the first successful ``check``."""
        return self._capabilities

    def check(self) -> list[Finding]:
        """Look at the table, its columns, rights and indexes."""
        with self._db.connection() as connection:
            facts = facts_of(connection, self._contract)
            self._is_readable = False  # until it is known, each read looks for itself
            require_table(connection, self._contract, facts, self._db.name)
            self._is_readable = True
            if facts != self._shape.facts:
                self._use(facts)
            self._permissions.look(connection, self._shape)
            indexes = missing_indexes(connection, self._contract)
            is_file = self._db.dialect == "sqlite"
            wrong = wrong_units(connection, self._table) if is_file else []
        self._capabilities = self._permissions.server(self._shape)
        return [*([] if facts.is_view else indexes), *wrong]

    def _require_readable(self) -> None:
        """Raise what ``check`` found, where it found that the table cannot be read.

        The driver's own words for it would say less, and nothing of what helps.
        """
        if not self._is_readable:
            self.check()

    def examine(self, clock: Clock) -> list[Diagnosis]:
        """The table, its rights and indexes, the plans of our questions, the clocks."""
        findings = [one for one in self.check() if one.mend not in FIXES.values()]
        table = self._table
        found = [
            Diagnosis("schema", Grade.OK, f"{table.fullname} has every column."),
            *self._permissions.examine(self._capabilities, self._shape),
            *(Diagnosis("index", Grade.MEND, *finding) for finding in findings),
        ]
        if not findings and not self._shape.facts.is_view:
            message = "Every index of the contract is there."
            found.append(Diagnosis("index", Grade.OK, message))
        open_runs = {
            "The open runs": select_open(table, self._select, OPEN_LIMIT + 1),
            "How many are open": select_open_counts(table),
        }
        history = self._history.questions("a-job", now_ms(clock))
        with self._db.reading() as connection:
            found += heartbeat_indexes(connection, table)
            found += plans(connection, [table.name], open_runs, guided=True)
            found += plans(connection, [table.name], history)
            found += surroundings(connection, clock)
            if self._db.dialect == "sqlite":
                found += units(connection, table, now_ms(clock))
        return found

    def probe(self) -> object:
        """Differs when anybody may have committed to this database."""
        return self._db.probe()

    def open_runs(self) -> OpenRuns:
        """Every RUNNING run and the oldest waiting ones, with the true counts."""
        table, runs = self._table, self._select
        with self._db.reading() as connection:
            by_index(connection)
            rows = connection.execute(select_open(table, runs, OPEN_LIMIT + 1)).all()
            if len(rows) <= OPEN_LIMIT:
                jobs = to_jobs(rows)
                return OpenRuns(jobs, Counter([job.state for job in jobs]))
            running = is_any(table.c.status, JobState.RUNNING)
            rows = [
                *connection.execute(
                    select_open(table, runs.where(running), OPEN_LIMIT)
                ),
                *connection.execute(
                    select_open(table, runs.where(not_(running)), WAITING_LIMIT)
                ),
            ]
            counts = connection.execute(select_open_counts(table)).all()
        states: Counter[JobState] = Counter()
        for word, runs in counts:
            states[STATES.get(word, JobState.OTHER)] += runs
        return OpenRuns(to_jobs(rows), states)

    def runs(self, run_ids: Collection[str]) -> list[Job]:
        """The runs with these ids, in no order; unknown ids are left out."""
        self._require_readable()
        found: list[Job] = []
        for batch in batches(_numbers(run_ids)):
            asked = among(self._table.c.id, batch, self._db.dialect)
            rows = self._db.fetch(self._select.where(asked))
            found += to_jobs(rows)
        return found

    def page(
        self, filter_: RunFilter, *, after: str | None = None, limit: int = 50
    ) -> RunPage:
        """At most ``limit`` runs from ``after`` on; an id as text is that run."""
        self._require_readable()
        if after is None and filter_.text and (found := self.runs([filter_.text])):
            return RunPage(found, None)
        return self._history.page(filter_, after=after, limit=limit)

    def count(self, filter_: RunFilter, *, up_to: int) -> int | None:
        """How many runs there are, counted to ``up_to``; None when only a search tells."""
        self._require_readable()
        return self._history.count(filter_, up_to)

    def details(self, run_id: str) -> RunDetails | None:
        """One run with its long texts, each cut by the database."""
        self._require_readable()
        numbers = _numbers([run_id])
        statement = select_details(self._table, self._db.dialect)
        rows = [
            row
            for number in numbers
            for row in self._db.fetch(statement.where(self._table.c.id == number))
        ]
        if not rows:
            return None
        *values, max_attempts, params, result, error_type, error = rows[0]
        texts = {"params": params, "result": result, "error": error}
        long = {name for name, text in texts.items() if len(text or "") > TEXT_LIMIT}
        return RunDetails(
            job=to_jobs([values])[0],
            max_attempts=max_attempts and int(max_attempts),
            error_type=error_type,
            cut=frozenset(long),
            **{name: text and text[:TEXT_LIMIT] for name, text in texts.items()},
        )

    def latest(self, job_name: str, *, limit: int) -> list[Job]:
        """The last finished runs of one job type, newest first."""
        self._require_readable()
        return to_jobs(self._history.latest(job_name, limit))

    def failures(self, run_ids: Sequence[str]) -> list[Failure]:
        """What these runs kept of their errors."""
        self._require_readable()
        dialect = self._db.dialect
        asked = among(self._table.c.id, _numbers(run_ids), dialect)
        rows = self._db.fetch(select_failures(self._table, dialect).where(asked))
        return to_failures(rows)

    def finished_cells(self, since_ms: int, until_ms: int) -> list[HourCell]:
        """Finished runs of the span by hour, job type and status."""
        dialect = self._db.dialect
        cells, workers = select_cells(self._table, dialect, since_ms, until_ms)
        found = self._db.fetch(cells), self._db.fetch(workers)
        return to_cells(*found, parts=PARTS[dialect])

    def long_runs(
        self, since_ms: int, until_ms: int, *, longer_than_ms: int, limit: int
    ) -> list[Job]:
        """Finished runs of the span that took longer, newest first."""
        statement = select_long(
            self._table, self._db.dialect, since_ms, until_ms, longer_than_ms
        )
        return to_jobs(self._db.fetch(statement.limit(limit)))

    def mark_stalled(self, seen: Sequence[Seen], *, reason: str, at_ms: int) -> Written:
        """Mark runs as FAILED where they still are as seen."""
        table, dialect = self._table, self._db.dialect
        return self._writer.change(
            {number: run for run in seen for number in _numbers([run.run_id])},
            lambda runs: stalled(
                table, dialect, [*runs.values()], reason=reason, at_ms=at_ms
            ),
        )

    def unmark_stalled(self, marked: Sequence[Marked]) -> Written:
        """Put marked runs back to RUNNING where nobody touched them since."""
        table, dialect = self._table, self._db.dialect
        kept = table.c.cancel_requested_at
        asked = [run for run in marked if run.cancel_requested_at_before is not None]
        others = [run for run in marked if run.cancel_requested_at_before is None]
        done: dict[str, int | None] = {}
        refused: dict[str, str] = {}
        for runs, requested_at in ((asked, kept), (others, null())):
            items = {int(run.run_id): run for run in runs}
            try:
                written = self._writer.change(
                    items,
                    lambda part, at=requested_at: restored(  # type: ignore[misc]
                        table, dialect, [*part.values()], at
                    ),
                )
            except DataError as error:
                if not done:
                    raise
                written = _all_refused(items, error)
            done |= written.done
            refused |= written.refused
        return Written(done, refused)

    def enqueue(
        self,
        job_name: str,
        params: str,
        *,
        queue: str | None,
        run_at_ms: int | None,
        at_ms: int,
        idempotency_key: str = "",
    ) -> str:
        """Make a run that waits, until ``run_at_ms`` if that is later; its id."""
        del idempotency_key  # the table has no column for it
        values = {"job_name": job_name, "params": params, "enqueued_at": at_ms}
        if queue is not None:
            values["queue"] = queue
        is_later = run_at_ms is not None and run_at_ms > at_ms
        state = JobState.SCHEDULED if is_later else JobState.PENDING
        values |= {"status": state.value, "scheduled_at": run_at_ms}
        try:
            return self._writer.insert(
                insert_run(self._table, values, required=self._shape.required)
            )
        except DataError as error:
            if is_value_refused(error):
                message = f"The database does not take these params: {error}"
                raise InvalidParamsError(message) from error
            raise

    def enqueue_again(
        self,
        run_ids: Sequence[str],
        *,
        at_ms: int,
        params: str | None = None,
        idempotency_key: str = "",
    ) -> Restarted:
        """Make a new run of each of these that is finished."""
        del idempotency_key
        table, dialect, own = self._table, self._db.dialect, self._shape.copies.copied
        return self._writer.restart(
            [*dict.fromkeys(_numbers(run_ids))],
            lambda old: insert_again(
                table, dialect, old, at_ms=at_ms, params=params, own=own
            ),
        )

    def already_started(
        self, run_ids: Mapping[str, str], idempotency_key: str
    ) -> dict[str, str]:
        """Nobody knows: a run of ours looks like one that somebody else started."""
        del run_ids, idempotency_key
        message = f"{self._db.name}: the answer was lost."
        raise OutcomeUnknownError(message)

    def cancel(self, run_ids: Sequence[str], *, at_ms: int) -> Cancelled:
        """Call off what waits, ask what runs to stop."""
        ids = dict.fromkeys(_numbers(run_ids))
        # in this order: what a worker takes between the two is asked to stop
        waiting = self._writer.change(ids, lambda _: called_off(self._table, at_ms))
        dealt_with = {*waiting.done, *waiting.refused}
        rest = {id_: None for id_ in ids if str(id_) not in dealt_with}
        try:
            running = self._writer.change(
                rest, lambda _: asked_to_stop(self._table, at_ms)
            )
        except DataError as error:
            if isinstance(error, OutcomeUnknownError) or not waiting.done:
                raise
            running = _all_refused(rest, error)
        return Cancelled(
            [*waiting.done],
            [*running.done],
            {**waiting.refused, **running.refused},
        )

    def close(self) -> None:
        """Give the connections back."""
        self._db.close()


def _all_refused(ids: Collection[int], error: DataError) -> Written:
    """None of these was changed, after others were."""
    return Written({}, {str(id_): str(error) for id_ in ids})


def _numbers(run_ids: Collection[str]) -> list[int]:
    """The ids that can be ids of this table."""
    return [
        int(run_id)
        for run_id in run_ids
        if _RUN_ID.fullmatch(run_id) and _LEAST_ID <= int(run_id) <= _LARGEST_ID
    ]
