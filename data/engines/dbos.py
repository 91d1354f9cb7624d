"""DBOS 3 on SQLite and PostgreSQL: its system tables are read, its client acts.

DBOS calls a run that a worker holds PENDING; here that is RUNNING. It keeps no
heartbeat: the last sign of life is the end of a step. What a run was given and gave is
a pickle as a rule, which is never opened.

Its client has no compare-and-set. So what is done here is: look again, act, read what
is there now. Between the look and the act a run may change: ``guarded`` is False.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from data.clock import Clock, now_ms
from data.db import Database
from data.engines.base import (
    IGNORED,
    LOCKED,
    NOT_KEPT,
    Cancelled,
    Capabilities,
    Diagnosis,
    Finding,
    Grade,
    Marked,
    Remedy,
    Restarted,
    Seen,
    Written,
    batches,
)
from data.engines.dbos_control import (
    NOT_COPIED,
    Arguments,
    Control,
    Given,
    Origin,
    arguments_of,
    new_id_of,
    origin_of,
    readable_error,
    readable_params,
)
from data.engines.dbos_history import History
from data.engines.dbos_queries import (
    READABLE,
    STATES,
    TEXT_LIMIT,
    select_cells,
    select_details,
    select_failures,
    select_free,
    select_long,
    select_open,
    select_open_count,
    select_origin,
    select_runs,
    select_steps,
    to_jobs,
)
from data.engines.dbos_tables import (
    DEFAULT_SCHEMA,
    Tables,
    expected,
    find_tables,
    version_of,
)
from data.engines.doctoring import plans, surroundings
from data.engines.native_queries import by_index
from data.engines.rights import (
    grant,
    may,
    why_not_written,
    why_server_is_not_written,
)
from data.engines.rows import to_cells
from data.exceptions import (
    DataError,
    InvalidRequestError,
    OutcomeUnknownError,
    SourceBusyError,
    SourceUnavailableError,
)
from data.model import (
    FINISHED,
    OPEN,
    Failure,
    HourCell,
    Job,
    JobState,
    OpenRuns,
    RunDetails,
    RunFilter,
    RunPage,
    Step,
)
from data.rules.texts import is_storable

#: Open runs of one state that are read at each poll.
OPEN_LIMIT: Final = 10_000
#: Waiting runs read when there are more.
WAITING_LIMIT: Final = 500
#: What ended in one of these is run again as a new run, anything else is resumed.
_FORKED: Final = ("SUCCESS", "ERROR")
#: How often free rows are looked for: one may be locked before it is DBOS's turn.
_LOOKS: Final = 3
#: DBOS's client commits by itself: its actions cannot be tried and rolled back.
_RIGHTS: Final = (
    "This user may do what every action needs, and the server takes writes; "
    "DBOS's own client acts, which cannot be tried beforehand."
)
_LOOKED_AT: Final = Capabilities(remedy=Remedy.CANCEL)
_ALL_ACTIONS: Final = Capabilities(
    clean_up=True,
    enqueue=True,
    retry=True,
    cancel=True,
    idempotent=True,
    remedy=Remedy.CANCEL,
    not_copied=NOT_COPIED,
)


_PARTITIONED: Final = (
    'The queue "{queue}" is partitioned: DBOS takes up no run without a partition key, '
    "and none can be given here. Choose another queue, or run an earlier run again."
)


class DbosEngine:
    """The DBOS system tables of one database."""

    def __init__(
        self, database: Database, *, schema: str | None = None, read_only: bool = False
    ) -> None:
        is_server = database.dialect == "postgresql"
        self._db = database
        self._schema = (schema or DEFAULT_SCHEMA) if is_server else None
        self._read_only = read_only
        self._capabilities = _LOOKED_AT
        self._control = Control(database, self._schema)
        self._use(expected(self._schema))

    @property
    def capabilities(self) -> Capabilities:
        """What may be done here; known after the first successful ``check``."""
        return self._capabilities

    def check(self) -> list[Finding]:
        """Look at the tables, their columns and rights; indexes are DBOS's own affair."""
        with self._db.connection() as connection:
            self._use(find_tables(connection, self._schema, self._db.name))
            able = self._able(connection)
        if able.cancel and (reason := why_server_is_not_written(self._db)):
            able = replace(_LOOKED_AT, reason=reason)
        self._capabilities = able
        return []

    def examine(self, clock: Clock) -> list[Diagnosis]:
        """The tables, rights and plans, the version of DBOS, the clocks."""
        self.check()
        able = self._capabilities
        with self._db.reading() as connection:
            version = version_of(connection, self._schema)
            names = [self._tables.runs.name, self._tables.steps.name]
            open_runs = {
                f"The open runs ({word})": wanted.limit(OPEN_LIMIT + 1)
                for word, wanted in select_open(self._tables).items()
            }
            return [
                Diagnosis("schema", Grade.OK, f"DBOS's tables, migration {version}."),
                Diagnosis("rights", Grade.NOTE, able.reason)
                if able.reason
                else Diagnosis("rights", Grade.OK, _RIGHTS),
                *plans(connection, names, open_runs, guided=True),
                *plans(connection, names, self._history.questions(now_ms(clock))),
                *surroundings(connection, clock),
            ]

    def probe(self) -> object:
        """Differs when anybody may have committed to this database."""
        return self._db.probe()

    def open_runs(self) -> OpenRuns:
        """Every run at work and the first waiting ones, with the true counts."""
        counts: dict[JobState, int] = {}
        rows: list[Any] = []
        with self._db.reading() as connection:
            by_index(connection)
            for word, wanted in select_open(self._tables).items():
                state = STATES[word]
                found = connection.execute(wanted.limit(OPEN_LIMIT + 1)).all()
                runs = len(found)
                if runs > OPEN_LIMIT:
                    counted = select_open_count(self._tables, word)
                    runs = connection.execute(counted).scalar_one()
                    is_running = state is JobState.RUNNING
                    found = found[: OPEN_LIMIT if is_running else WAITING_LIMIT]
                if runs:
                    counts[state] = runs
                rows += found
        return OpenRuns(to_jobs(rows), counts)

    def runs(self, run_ids: Collection[str]) -> list[Job]:
        """The runs with these ids, in no order; unknown ids are left out."""
        column = self._tables.runs.c.workflow_uuid
        ids = [run_id for run_id in run_ids if run_id and is_storable(run_id)]
        return [
            job
            for batch in batches(ids)
            for job in to_jobs(self._db.fetch(self._select.where(column.in_(batch))))
        ]

    def page(
        self, filter_: RunFilter, *, after: str | None = None, limit: int = 50
    ) -> RunPage:
        """At most ``limit`` runs from ``after`` on; an id as text is that run."""
        if after is None and filter_.text and (found := self.runs([filter_.text])):
            return RunPage(found, None)
        return self._history.page(filter_, after=after, limit=limit)

    def count(self, filter_: RunFilter, *, up_to: int) -> int | None:
        """How many runs there are, counted to ``up_to``; None when only a search tells."""
        return self._history.count(filter_, up_to)

    def details(self, run_id: str) -> RunDetails | None:
        """One run with its steps, and its texts where they can be read."""
        if not is_storable(run_id):
            return None
        column = self._tables.runs.c.workflow_uuid
        with self._db.reading() as connection:
            asked = select_details(self._tables).where(column == run_id)
            row = connection.execute(asked).first()
            if row is None:
                return None
            steps = connection.execute(select_steps(self._tables, run_id)).all()
        *values, serialization, params, result, error = row
        texts = {"params": params, "result": result, "error": error}
        there = {name for name, text in texts.items() if text is not None}
        found = RunDetails(
            job=to_jobs([values])[0],
            max_attempts=None,
            params=None,
            result=None,
            error_type=None,
            error=None,
            steps=tuple(Step(name or "", *rest) for name, *rest in steps),
        )
        if serialization != READABLE:
            return replace(found, binary=frozenset(there))
        long = {name for name in there if len(texts[name]) > TEXT_LIMIT}
        error_type, words = readable_error(error and error[:TEXT_LIMIT])
        return replace(
            found,
            params=readable_params(params and params[:TEXT_LIMIT]),
            result=result and result[:TEXT_LIMIT],
            error_type=error_type,
            error=words,
            cut=frozenset(long),
        )

    def failures(self, run_ids: Sequence[str]) -> list[Failure]:
        """What these runs kept of their errors, where it can be read."""
        ids = [run_id for run_id in run_ids if is_storable(run_id)]
        column = self._tables.runs.c.workflow_uuid
        asked = select_failures(self._tables).where(column.in_(ids))
        found = []
        for *values, serialization, error, params in self._db.fetch(asked):
            is_readable = serialization == READABLE
            type_, words = readable_error(error) if is_readable else (None, None)
            given = readable_params(params) if is_readable else None
            job = to_jobs([values])[0]
            found.append(Failure(job, type_ or "", words or "", given or ""))
        return found

    def latest(self, job_name: str, *, limit: int) -> list[Job]:
        """The last finished runs of one job type, as far back as a search goes."""
        return self._history.latest(job_name, limit)

    def finished_cells(self, since_ms: int, until_ms: int) -> list[HourCell]:
        """Finished runs of the span by hour, job type and status."""
        cells, workers = select_cells(
            self._tables, self._db.dialect, since_ms, until_ms
        )
        return to_cells(self._db.fetch(cells), self._db.fetch(workers), STATES)

    def long_runs(
        self, since_ms: int, until_ms: int, *, longer_than_ms: int, limit: int
    ) -> list[Job]:
        """Finished runs of the span that took longer, newest first."""
        asked = select_long(self._tables, since_ms, until_ms, longer_than_ms)
        return to_jobs(self._db.fetch(asked.limit(limit)))

    def mark_stalled(self, seen: Sequence[Seen], *, reason: str, at_ms: int) -> Written:
        """Cancel runs that still are as seen; those that are cancelled now."""
        del reason, at_ms  # DBOS has no place for them; the audit keeps both
        by_id = {run.run_id: run for run in seen}
        cancelled: list[str] = []
        refused: dict[str, str] = {}
        for batch in batches([*by_id]):
            jobs = self._after(batch) if cancelled else self.runs(batch)
            still = [job.run_id for job in jobs if _is_as_seen(job, by_id)]
            done, locked = self._cancel_all(still)
            cancelled += done
            refused |= locked
        return Written(dict.fromkeys(cancelled), refused)

    def unmark_stalled(self, marked: Sequence[Marked]) -> Written:
        """Nothing: to let a cancelled run go on starts its code a second time."""
        del marked
        return Written({})

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
        """Make a run that waits, on the queue of the job's last run; its id."""
        arguments = arguments_of(params)
        known = [job for job in self._open_jobs() if job.job_name == job_name]
        model = [*known[:1], *self.latest(job_name, limit=1)]
        origin = self._origin(model[0].run_id) if model else Origin()
        if origin.given.partition is not None and queue in (None, origin.queue):
            raise InvalidRequestError(_PARTITIONED.format(queue=origin.queue))
        run_id = self._control.enqueue(
            job_name,
            arguments,
            origin._replace(given=Given(), new_id=new_id_of(idempotency_key)),
            queue=queue,
            delay_ms=0 if run_at_ms is None else run_at_ms - at_ms,
        )
        if not self._there([run_id]):
            raise DataError(NOT_KEPT)
        return run_id

    def _there(self, run_ids: Sequence[str]) -> set[str]:
        """Of runs that were made just now those that the tables have."""
        return {job.run_id for job in self._after(run_ids)}

    def _after(self, run_ids: Sequence[str]) -> list[Job]:
        """The runs as an action left them; unread, nobody knows what it did."""
        try:
            return self.runs(run_ids)
        except DataError as error:
            raise OutcomeUnknownError(str(error)) from error

    def enqueue_again(
        self,
        run_ids: Sequence[str],
        *,
        at_ms: int,
        params: str | None = None,
        idempotency_key: str = "",
    ) -> Restarted:
        """Run each of these again that is finished.

        What was cancelled or given up goes on after its last finished step, under its
        id. What succeeded or failed is forked: a new run with the same input. The old
        one stays as it is, with its error. Other ``params`` make a new run.
        """
        del at_ms
        arguments = None if params is None else arguments_of(params)
        started: dict[str, str] = {}
        jobs = [job for job in self.runs(run_ids) if job.state in FINISHED]
        refused = dict.fromkeys(self._locked(jobs) if params is None else [], LOCKED)
        for job in jobs:
            if job.run_id in refused:
                continue
            try:
                started[job.run_id] = self._run_again(job, arguments, idempotency_key)
            except InvalidRequestError as error:
                refused[job.run_id] = str(error)
            except DataError as error:
                if isinstance(error, SourceBusyError) and not started:
                    raise
                raise OutcomeUnknownError(str(error)) from error
        there = self._there([*started.values()])
        lost = [old for old, new in started.items() if new not in there]
        refused |= dict.fromkeys(lost, NOT_KEPT)
        kept = {old: new for old, new in started.items() if new in there}
        return Restarted(kept, refused)

    def _locked(self, jobs: Sequence[Job]) -> list[str]:
        """Of those that would be resumed, which writes to their rows, the locked ones."""
        resumed = [job.run_id for job in jobs if job.status_word not in _FORKED]
        free = {*self._free(resumed)}
        return [run_id for run_id in resumed if run_id not in free]

    def _run_again(self, job: Job, arguments: Arguments | None, key: str) -> str:
        origin = self._origin(job.run_id)
        origin = origin._replace(new_id=new_id_of(key, job.run_id))
        if arguments is not None:
            return self._control.enqueue(
                job.job_name, arguments, origin, queue=None, delay_ms=0
            )
        if job.status_word in _FORKED:
            return self._control.fork(job.run_id, origin)
        return self._control.resume(job.run_id, origin)

    def already_started(
        self, run_ids: Mapping[str, str], idempotency_key: str
    ) -> dict[str, str]:
        """Runs with the ids that this key makes, and what was resumed since."""
        new_ids = {run_id: new_id_of(idempotency_key, run_id) for run_id in run_ids}
        words = {
            job.run_id: job.status_word
            for job in self.runs([*new_ids.values(), *run_ids])
        }
        resumed = {
            run_id: run_id
            for run_id, before in run_ids.items()
            if before not in _FORKED and words.get(run_id, before) != before
        }
        made = {run_id: new for run_id, new in new_ids.items() if new in words}
        return resumed | made

    def cancel(self, run_ids: Sequence[str], *, at_ms: int) -> Cancelled:
        """Cancel what is open; what ran stops at its next step."""
        del at_ms
        open_now = {
            job.run_id: job.state for job in self.runs(run_ids) if job.state in OPEN
        }
        done, refused = self._cancel_all([*open_now])
        ran = {id_ for id_, state in open_now.items() if state is JobState.RUNNING}
        return Cancelled(
            [run_id for run_id in done if run_id not in ran],
            [run_id for run_id in done if run_id in ran],
            refused,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._db.close()

    def _use(self, tables: Tables) -> None:
        self._tables = tables
        self._select = select_runs(tables)
        self._history = History(self._db, tables)

    def _able(self, connection: Connection) -> Capabilities:
        reason = why_not_written(self._db.path, read_only=self._read_only)
        tables = self._tables
        for table in (tables.runs, tables.inputs):
            for right in ("UPDATE", "INSERT"):
                if reason or table is None or may(connection, table, right):
                    continue
                command = grant(connection, table, right)
                reason = f"This database user may only read. What helps: {command}"
        if reason:
            return replace(_LOOKED_AT, reason=reason)
        return _ALL_ACTIONS

    def _cancel_all(self, run_ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """Act, then read what is there: which are cancelled now, why others are not.

        Raises SourceBusyError when nothing was done.
        """
        if not run_ids:
            return [], {}
        tried = self._cancel_free(run_ids)
        states = {job.run_id: job.state for job in self._after(run_ids)}
        done = [id_ for id_, state in states.items() if state is JobState.CANCELLED]
        still = [id_ for id_, state in states.items() if state in OPEN]
        return done, {id_: IGNORED if id_ in tried else LOCKED for id_ in still}

    def _cancel_free(self, run_ids: Sequence[str]) -> set[str]:
        """Cancel those of them that nobody has locked; their ids."""
        for look in range(_LOOKS):
            free = self._free(run_ids)
            try:
                if free:
                    self._control.cancel(free)
            except SourceBusyError:  # DBOS cancels all of them or none
                if look == _LOOKS - 1 or self._schema is None:
                    raise
            except SourceUnavailableError as error:
                raise OutcomeUnknownError(str(error)) from error
            else:
                break
        return {*free}

    def _free(self, run_ids: Sequence[str]) -> list[str]:
        """Those of them that nobody has locked; SQLite locks the file, no rows."""
        if self._schema is None or not run_ids:
            return [*run_ids]
        with self._db.writing() as connection:
            asked = select_free(self._tables, run_ids)
            return [*connection.execute(asked).scalars()]

    def _open_jobs(self) -> list[Job]:
        return self.open_runs().jobs

    def _origin(self, run_id: str) -> Origin:
        rows = self._db.fetch(select_origin(self._tables, run_id))
        return origin_of(rows[0] if rows else None)


def _is_as_seen(job: Job, seen: Mapping[str, Seen]) -> bool:
    """Does it still run since the same start, without having finished a step since?"""
    run = seen[job.run_id]
    same_sign = job.heartbeat_at == run.heartbeat_at or not run.guard_heartbeat
    is_same = job.state is JobState.RUNNING and job.started_at == run.started_at
    return is_same and same_sign
