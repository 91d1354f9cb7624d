"""What is read of DBOS's tables: selects, built from plain values.

Each state is asked for by itself and as a literal, in the words of the partial index
that answers it: a list of states is answered by none.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
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
)

from data.clock import HOUR_MS
from data.engines.cells import cells_of, workers_of
from data.engines.dbos_tables import Tables, quoted
from data.engines.failures import both_ends
from data.engines.rows import to_jobs as rows_to_jobs
from data.model import Job, JobState, LifeSign

#: Characters of a long text that are read: what a person can make use of.
TEXT_LIMIT: Final = 200_000
#: Steps of one run that are read.
STEP_LIMIT: Final = 200
#: Of its last steps so many are looked at for the last sign of life.
_LAST_STEPS: Final = 20
#: DBOS's words, and ours.
STATES: Final = {
    "DELAYED": JobState.SCHEDULED,
    "ENQUEUED": JobState.PENDING,
    "PENDING": JobState.RUNNING,
    "SUCCESS": JobState.SUCCEEDED,
    "ERROR": JobState.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
}
OPEN_WORDS: Final = ("PENDING", "ENQUEUED", "DELAYED")
#: The only format that is ever read; everything else may be a pickle.
READABLE: Final = "portable_json"


def to_jobs(rows: Sequence[Sequence[Any]]) -> list[Job]:
    """Rows of ``select_runs`` as Jobs, in their order."""
    return rows_to_jobs(rows, STATES, LifeSign.STEP)


def words_of(states: frozenset[JobState]) -> list[str]:
    """DBOS's words for these states."""
    return [word for word, state in STATES.items() if state in states]


def has_word(tables: Tables, words: Sequence[str]) -> ColumnElement[bool]:
    """Is its state one of these words?"""
    return or_(*(tables.runs.c.status == quoted(word) for word in words))


def is_open(tables: Tables, word: str) -> ColumnElement[bool]:
    """Is its state this open one, in the words of the index that knows it?"""
    c = tables.runs.c
    if word != "ENQUEUED":
        return c.status == quoted(word)
    in_flight = c.status.in_(
        [literal_column("'ENQUEUED'"), literal_column("'PENDING'")]
    )
    return and_(in_flight, c.status == quoted(word))


def select_runs(tables: Tables) -> Select[Any]:
    """All columns of ``Job`` in its order but its state; no filter, no order."""
    c = tables.runs.c
    running = c.status == quoted("PENDING")
    return select(
        c.workflow_uuid,
        c.name,
        c.queue_name,
        c.status,
        func.coalesce(case((c.recovery_attempts > 0, c.recovery_attempts)), 1),
        # of a run that waits it is who made it
        case((~has_word(tables, ["ENQUEUED", "DELAYED"]), c.executor_id)),
        null().label("progress"),
        c.created_at,
        c.delay_until_epoch_ms,
        started_at(tables),
        case((running, _last_step_at(tables))),
        finished_at(tables),
        null().label("cancel_requested_at"),
    )


def started_at(tables: Tables) -> ColumnElement[int]:
    """When it began to run.

    A run that was started directly, by no queue, has no start of its own: it began when
    it was made. A cancelled one has lost it: its first step is the nearest to it.
    """
    c, steps = tables.runs.c, tables.steps
    direct = and_(
        c.queue_name.is_(None), has_word(tables, ["PENDING", "SUCCESS", "ERROR"])
    )
    first = (
        select(steps.c.started_at_epoch_ms)
        .where(steps.c.workflow_uuid == c.workflow_uuid)
        .order_by(steps.c.function_id)
        .limit(1)
        .correlate(tables.runs)
        .scalar_subquery()
    )
    cancelled = c.status == quoted("CANCELLED")
    instead = case((direct, c.created_at), (cancelled, first))
    return func.coalesce(c.started_at_epoch_ms, instead)


def finished_at(tables: Tables) -> ColumnElement[int]:
    """When it ended; nothing while it is open."""
    c = tables.runs.c
    return case((~has_word(tables, OPEN_WORDS), c.completed_at))


def select_open(tables: Tables) -> dict[str, Select[Any]]:
    """``select_runs`` of each open state, by its word."""
    runs = select_runs(tables)
    return {word: runs.where(is_open(tables, word)) for word in OPEN_WORDS}


def select_details(tables: Tables) -> Select[Any]:
    """``select_runs``, the format of the texts, and params, result, error; texts cut."""
    texts = (tables.params, tables.result, tables.error)
    return (
        select_runs(tables)
        .add_columns(
            tables.runs.c.serialization,
            *(func.substr(cast(text, Text), 1, TEXT_LIMIT + 1) for text in texts),
        )
        .select_from(tables.with_texts())
    )


def select_failures(tables: Tables) -> Select[Any]:
    """``select_runs``, the format of the texts, and error and params; both ends."""
    texts = (both_ends(cast(text, Text)) for text in (tables.error, tables.params))
    return (
        select_runs(tables)
        .add_columns(tables.runs.c.serialization, *texts)
        .select_from(tables.with_texts())
    )


def select_steps(tables: Tables, run_id: str) -> Select[Any]:
    """Rows (name, started, ended, failed) of one run's steps, in their order."""
    c = tables.steps.c
    return (
        select(
            c.function_name,
            c.started_at_epoch_ms,
            c.completed_at_epoch_ms,
            c.error.is_not(None),
        )
        .where(c.workflow_uuid == literal(run_id))
        .order_by(c.function_id)
        .limit(STEP_LIMIT)
    )


def select_open_count(tables: Tables, word: str) -> Select[Any]:
    """How many runs are in this open state."""
    return select(func.count()).where(is_open(tables, word))


def select_cells(
    tables: Tables, dialect: str, since_ms: int, until_ms: int
) -> tuple[Select[Any], Select[Any]]:
    """Rows for ``to_cells``, with DBOS's words, for runs that ended in the span.

    Of the cells, and of the workers.
    """
    c = tables.runs.c
    began = started_at(tables)
    ended = select(
        (c.completed_at - c.completed_at % literal_column(str(HOUR_MS))).label("hour"),
        c.name.label("job_name"),
        c.status,
        c.executor_id.label("worker"),
        _apart_ms(c.completed_at, began).label("ran"),
        _apart_ms(began, c.created_at).label("waited"),
    ).where(*_ended(tables, since_ms, until_ms))
    return cells_of(ended, dialect), workers_of(ended)


def select_long(
    tables: Tables, since_ms: int, until_ms: int, longer_than_ms: int
) -> Select[Any]:
    """``select_runs`` of runs that ended in the span and took longer, newest first."""
    c = tables.runs.c
    return (
        select_runs(tables)
        .where(*_ended(tables, since_ms, until_ms))
        .where(_apart_ms(c.completed_at, started_at(tables)) > longer_than_ms)
        .order_by(c.completed_at.desc(), c.workflow_uuid.desc())
    )


def _ended(
    tables: Tables, since_ms: int, until_ms: int
) -> tuple[ColumnElement[bool], ...]:
    """Did it end in the span?"""
    at = tables.runs.c.completed_at
    finished = [word for word in STATES if word not in OPEN_WORDS]
    return at >= since_ms, at < until_ms, has_word(tables, finished)


def select_origin(tables: Tables, run_id: str) -> Select[Any]:
    """What a run was made of, in the order of ``Origin``, then of ``Given``."""
    c = tables.runs.c
    return select(
        c.queue_name,
        tables.optional("class_name"),
        tables.optional("config_name"),
        tables.optional("application_name"),
        tables.optional("priority"),
        tables.optional("queue_partition_key"),
        tables.optional("workflow_timeout_ms"),
        tables.optional("authenticated_user"),
        tables.optional("authenticated_roles"),
        cast(tables.optional("attributes"), Text),
    ).where(c.workflow_uuid == literal(run_id))


def select_free(tables: Tables, run_ids: Sequence[str]) -> Select[Any]:
    """The ids of those that nobody has locked, locked for us; PostgreSQL only.

    As DBOS's client locks them, which writes a column of a unique index.
    """
    column = tables.runs.c.workflow_uuid
    asked = select(column).where(column.in_(run_ids))
    return asked.with_for_update(skip_locked=True)


def _last_step_at(tables: Tables) -> ColumnElement[int]:
    """When a step ended last. Steps may overlap: of the last ones begun, the last end."""
    c = tables.steps.c
    last = (
        select(c.completed_at_epoch_ms.label("at"))
        .where(c.workflow_uuid == tables.runs.c.workflow_uuid)
        .order_by(c.function_id.desc())
        .limit(_LAST_STEPS)
        .correlate(tables.runs)
        .subquery("last_steps")
    )
    return select(func.max(last.c.at)).scalar_subquery()


def _apart_ms(
    later: ColumnElement[int], earlier: ColumnElement[int]
) -> ColumnElement[int]:
    """The distance; NULL for a missing or reversed pair."""
    return case((later >= earlier, later - earlier))
