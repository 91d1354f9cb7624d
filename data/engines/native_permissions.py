"""Which actions are offered on a native table: by settings, catalogue, and trial."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table

from data.db import Database
from data.engines.base import Capabilities, Diagnosis, Grade
from data.engines.native_actions import (
    ACTION_NAMES,
    ACTIONS,
    CANCEL,
    CLEAN_UP,
    ENQUEUE,
    RETRY,
    Copies,
    joined_reasons,
    reasons_of,
)
from data.engines.native_columns import TableFacts
from data.engines.native_trial import RolledBackError, Trial, copy_in_memory
from data.engines.rights import why_not_written, why_server_is_not_written

#: When runs are begun that are tried and never kept: 2020-01-01.
_TRIED_AT_MS: Final = 1_577_836_800_000


class Shape(NamedTuple):
    """The table as it was found, and as it is spoken to."""

    facts: TableFacts
    table: Table
    copies: Copies

    @property
    def required(self) -> list[str]:
        """Columns that a new run must be given."""
        return [name for name, fact in self.facts.columns.items() if fact.required]


class Permissions:
    """Finds out what may be done to the runs of one table."""

    def __init__(self, database: Database, contract: Table, *, read_only: bool) -> None:
        self._db = database
        self._contract = contract
        self._read_only = read_only
        #: the schema that was tried in memory, and refused nothing
        self._tried: object = None

    def look(self, connection: Connection, shape: Shape) -> Capabilities:
        """Which actions there are, and why the others are missing."""
        reasons = self._reasons(connection, shape)
        return _capabilities(reasons, shape.copies)

    def server(self, able: Capabilities) -> Capabilities:
        """The same, unless the server takes no writes."""
        if not any(getattr(able, action) for action in ACTIONS):
            return able
        reason = why_server_is_not_written(self._db)
        if not reason:
            return able
        return _capabilities(dict.fromkeys(ACTIONS, reason), Copies())

    def examine(self, able: Capabilities, shape: Shape) -> list[Diagnosis]:
        """The same as sentences, with the statements tried and rolled back."""
        tried, failed = self._try(able, shape)
        found = [
            Diagnosis("rights", Grade.MEND, f"{ACTION_NAMES[action]}: {reason}")
            for action, reason in failed.items()
            if getattr(able, action)
        ]
        if able.reason:
            found.append(Diagnosis("rights", Grade.NOTE, able.reason))
        if not found:
            found.append(Diagnosis("rights", Grade.OK, _all_possible(tried)))
        if able.not_copied:
            names = ", ".join(able.not_copied)
            message = f"A retry does not copy {names}: the new run gets new values."
            found.append(Diagnosis("columns", Grade.NOTE, message))
        return found

    def _reasons(self, connection: Connection, shape: Shape) -> Mapping[str, str]:
        reason = why_not_written(self._db.path, read_only=self._read_only)
        if reason:
            return dict.fromkeys(ACTIONS, reason)
        reasons = reasons_of(connection, self._contract, shape.facts)
        if self._db.dialect == "sqlite":
            return {**self._try_in_memory(connection, shape), **reasons}
        return reasons

    def _try_in_memory(self, connection: Connection, shape: Shape) -> Mapping[str, str]:
        """What a copy of the schema refuses.

        Asked again when the schema has changed, and as long as it refuses anything:
        that may be for the rows.
        """
        version = connection.exec_driver_sql("PRAGMA schema_version").scalar()
        if self._tried != version:
            with copy_in_memory(connection) as copy:
                trial = self._trial(copy, shape, is_copy=True)
                trial.run()
            if trial.failed:
                return trial.failed
            self._tried = version
        return {}

    def _try(
        self, able: Capabilities, shape: Shape
    ) -> tuple[set[str], Mapping[str, str]]:
        """Actions whose statements were tried, and why some do not work."""
        if not any(getattr(able, action) for action in ACTIONS):
            return set(), {}
        if self._db.dialect == "sqlite":
            with self._db.reading() as connection, copy_in_memory(connection) as copy:
                trial = self._trial(copy, shape, is_copy=True)
                trial.run()
            return trial.tried, trial.failed
        with suppress(RolledBackError), self._db.writing() as connection:
            trial = self._trial(connection, shape, is_copy=False)
            trial.run()
            raise RolledBackError
        return trial.tried, trial.failed

    def _trial(self, connection: Connection, shape: Shape, *, is_copy: bool) -> Trial:
        return Trial(
            connection,
            shape.table,
            name=self._db.name,
            at_ms=_TRIED_AT_MS,
            required=shape.required,
            own=shape.copies.copied,
            is_copy=is_copy,
        )


def _capabilities(reasons: Mapping[str, str], copies: Copies) -> Capabilities:
    differ = len({*reasons.values()}) > 1
    return Capabilities(
        clean_up=CLEAN_UP not in reasons,
        cancel=CANCEL not in reasons,
        enqueue=ENQUEUE not in reasons,
        retry=RETRY not in reasons,
        guarded=len(reasons) < len(ACTIONS),
        reason=joined_reasons(reasons),
        reasons=dict(reasons) if differ else {},
        not_copied=() if RETRY in reasons else copies.left_out,
    )


def _all_possible(tried: set[str]) -> str:
    missing = [ACTION_NAMES[action] for action in ACTIONS if action not in tried]
    if not missing:
        return "Every action is possible: each was tried, and rolled back."
    return (
        f"Every action is possible; not tried for want of a run: {', '.join(missing)}."
    )
