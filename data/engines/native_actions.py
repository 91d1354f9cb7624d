"""Which actions the job table takes as it is, and why not the others.

From the catalogue alone: no lock is taken and no row is looked at. ``native_trial`` tries
the statements themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import (
    Boolean,
    Connection,
    Table,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.exc import DBAPIError

from data.engines.native_columns import TableFacts
from data.engines.native_types import Verbatim
from data.engines.rights import grant, may, why_no_numbers
from data.model import JobState

CLEAN_UP: Final = "clean_up"
CANCEL: Final = "cancel"
ENQUEUE: Final = "enqueue"
RETRY: Final = "retry"
ACTIONS: Final = (CLEAN_UP, CANCEL, ENQUEUE, RETRY)
#: What each is called.
ACTION_NAMES: Final = {
    CLEAN_UP: "Clean-up",
    CANCEL: "Cancel",
    ENQUEUE: "Run job",
    RETRY: "Retry",
}
#: The words that each action writes.
_WRITES: Final = {
    CLEAN_UP: JobState.FAILED,
    CANCEL: JobState.CANCELLED,
    ENQUEUE: JobState.PENDING,
    RETRY: JobState.PENDING,
}
_UPDATED: Final = {
    CLEAN_UP: ("status", "finished_at", "error_type", "error", "cancel_requested_at"),
    CANCEL: ("status", "finished_at", "cancel_requested_at"),
}
_INSERTED: Final = {
    ENQUEUE: ("job_name", "status", "params", "enqueued_at"),
    RETRY: (
        *("job_name", "queue", "status", "params", "attempt", "max_attempts"),
        "enqueued_at",
    ),
}
#: Columns that a new run is given, and those that it is given when it must be.
_GIVEN: Final = frozenset(
    {"job_name", "queue", "status", "params", "attempt", "max_attempts", "enqueued_at"}
)
#: A retry writes these anew: they tell two runs apart.
_NEW: Final = frozenset({"id", "status", "enqueued_at", "attempt"})
_INTEGERS: Final = ("int2", "int4", "int8", "numeric")


class Copies(NamedTuple):
    """Columns of one's own, and what becomes of them when a run is retried."""

    #: copied with the run
    copied: tuple[str, ...] = ()
    #: given a new value by the database
    left_out: tuple[str, ...] = ()
    #: why no run can be retried, "" when they can
    reason: str = ""


def reasons_of(
    connection: Connection, table: Table, facts: TableFacts
) -> dict[str, str]:
    """By action why the table does not take it; what is not named is possible."""
    reasons = dict.fromkeys(ACTIONS, _reason_for_all(connection, table, facts))
    for action in (CLEAN_UP, CANCEL):
        reasons[action] = reasons[action] or _reason_for_update(table, facts, action)
    for action in (ENQUEUE, RETRY):
        reasons[action] = reasons[action] or _reason_for_insert(
            connection, table, facts, action
        )
    reasons[ENQUEUE] = reasons[ENQUEUE] or _unknown_columns(table, facts)
    reasons[RETRY] = reasons[RETRY] or copies_of(table, facts).reason
    for action, state in _WRITES.items():
        reasons[action] = reasons[action] or _reason_for_word(
            connection, table, facts, state.value
        )
    return {action: reason for action, reason in reasons.items() if reason}


def copies_of(table: Table, facts: TableFacts) -> Copies:
    """What becomes of the columns that the contract does not know."""
    if not facts.columns:
        return Copies()
    own = [name for name in facts.columns if name not in _contract(table)]
    left_out = {
        name
        for name in own
        if facts.columns[name].computed or facts.columns[name].is_fresh
    }
    for unique in facts.unique:
        if _NEW.intersection(unique) or left_out.intersection(unique):
            continue
        free = [name for name in unique if name in own and _has_default(facts, name)]
        if not free:
            names = ", ".join(unique)
            reason = (
                f"A retry would repeat {names}, which {table.fullname} keeps unique."
            )
            return Copies(reason=reason)
        left_out.add(free[-1])
    needed = [
        name
        for name in facts.columns
        if name in _contract(table) - _GIVEN - {"id"} and facts.columns[name].required
    ]
    reason = _must_be_given(table, needed) if needed else ""
    return Copies(
        tuple(name for name in own if name not in left_out),
        tuple(name for name in own if name in left_out),
        reason,
    )


def _contract(table: Table) -> frozenset[str]:
    return frozenset(table.c.keys())


def _has_default(facts: TableFacts, name: str) -> bool:
    return not facts.columns[name].required


def _reason_for_all(connection: Connection, table: Table, facts: TableFacts) -> str:
    id_ = facts.columns["id"]
    is_number = (
        id_.kind in _INTEGERS
        if connection.dialect.name == "postgresql"
        else "int" in id_.kind or facts.is_view
    )
    if not is_number:
        return f"{table.fullname}.id is no integer: its runs can only be looked at."
    if not (facts.takes_update or facts.takes_insert):
        return _read_only_view(table, facts)
    if not may(connection, table, "UPDATE"):
        command = grant(connection, table, "UPDATE")
        return f"This database user may only read. What helps: {command}"
    return ""


def _read_only_view(table: Table, facts: TableFacts) -> str:
    kind = "view" if facts.is_view else "table"
    return (
        f"{table.fullname} is a {kind} that the database does not write to: "
        "it can only be read. Fix: an INSTEAD OF UPDATE trigger, or the address of "
        "the table behind it."
    )


def _reason_for_update(table: Table, facts: TableFacts, action: str) -> str:
    if not facts.takes_update:
        return _read_only_view(table, facts)
    fixed = [name for name in _UPDATED[action] if not facts.columns[name].updatable]
    if facts.is_view and fixed and not facts.updates_by_trigger:
        return _fixed_columns(table, fixed)
    computed = [name for name in _UPDATED[action] if facts.columns[name].computed]
    if computed:
        return f"{table.fullname}.{', '.join(computed)} is computed by the database."
    return ""


def _fixed_columns(table: Table, names: Sequence[str]) -> str:
    return f"{table.fullname} is a view whose {', '.join(names)} cannot be written."


def _reason_for_insert(
    connection: Connection, table: Table, facts: TableFacts, action: str
) -> str:
    if not facts.takes_insert:
        return f"{table.fullname} is a view that takes no new runs."
    if facts.is_view and connection.dialect.name == "sqlite":
        return f"{table.fullname} is a view, which does not tell the id of a new run."
    if not may(connection, table, "INSERT"):
        command = grant(connection, table, "INSERT")
        return f"This database user may start no runs. What helps: {command}"
    fixed = [name for name in _INSERTED[action] if not facts.columns[name].updatable]
    if facts.is_view and fixed and not facts.inserts_by_trigger:
        return _fixed_columns(table, fixed)
    id_ = facts.columns["id"]
    if id_.required and not facts.inserts_by_trigger:
        return f"{table.fullname}.id has no default: a new run would have no id."
    return why_no_numbers(connection, table, _INSERTED[action])


def _unknown_columns(table: Table, facts: TableFacts) -> str:
    """Columns that a new run must be given, and nobody knows what."""
    if facts.inserts_by_trigger:
        return ""
    needed = [
        name
        for name, column in facts.columns.items()
        if column.required and name not in _GIVEN | {"id"}
    ]
    return _must_be_given(table, needed) if needed else ""


def _must_be_given(table: Table, names: Sequence[str]) -> str:
    words = ", ".join(names)
    verb = "has no default" if len(names) == 1 else "have no default"
    return (
        f"{table.fullname}.{words} {verb} and may not be null: "
        "Job Manager does not know what a new run is to hold there."
    )


def _reason_for_word(
    connection: Connection, table: Table, facts: TableFacts, word: str
) -> str:
    status = facts.columns["status"]
    place = f"{table.fullname}.status"
    if status.labels:
        lacks = word not in status.labels
        return (
            f"{place} is of type {status.base}, which has no {word}." if lacks else ""
        )
    if connection.dialect.name != "postgresql":
        return ""
    if _holds(connection, status.type, [], word):
        checks = facts.status_checks
        if _holds(connection, status.type, checks, word):
            return ""
        return f"A CHECK of {table.fullname} takes no status {word}."
    return f"{place} is of type {status.type}, which takes no {word}."


def _holds(
    connection: Connection, type_: str, checks: Iterable[str], word: str
) -> bool:
    """Does the type take the word, and do these conditions over ``status`` hold?

    A condition that cannot be asked alone is taken to hold.
    """
    value = select(cast(literal(word, Text()), Verbatim(type_)).label("status"))
    status = value.subquery("job_runs").c.status
    conditions = [
        func.coalesce(literal_column(f"({check})", Boolean()), true())
        for check in checks
    ]
    asked = select(and_(cast(status, Text()) == word, *conditions)).select_from(
        status.table
    )
    connection.exec_driver_sql("SAVEPOINT word")
    try:
        holds = bool(connection.scalar(asked))
    except DBAPIError:
        holds = bool(conditions)
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT word")
    connection.exec_driver_sql("RELEASE SAVEPOINT word")
    return holds


def joined_reasons(reasons: Mapping[str, str]) -> str:
    """Each reason once, in the order of the actions."""
    return " ".join(dict.fromkeys(reasons[a] for a in ACTIONS if a in reasons))
