"""Which actions are offered on a native table: by settings, catalogue, and trial."""

from collections.abc import Iterator, Mapping
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
from data.engines.native_guards import Guards, guards_of, new_ids
from data.engines.native_trial import RolledBackError, Trial, copy_in_memory
from data.engines.rights import why_not_written, why_server_is_not_written
from data.exceptions import DataError

#: When runs are begun that are tried and never kept: 2020-01-01.
_TRIED_AT_MS: Final = 1_577_836_800_000
#: A trial waits for nobody, and nobody waits for it.
_AT_ONCE: Final = "SET LOCAL lock_timeout = 1; SET LOCAL statement_timeout = 500"

_NO_GUARDS: Final = Guards("", takes_ids=False)


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
        #: the schema, or the guards, that were tried and refused nothing
        self._tried: object = None
        #: what the last trial said that met no lock, and of which guards
        self._last: tuple[str, Mapping[str, str]] = ("", {})
        self._reasons: Mapping[str, str] = {}
        self._guards = _NO_GUARDS

    def look(self, connection: Connection, shape: Shape) -> None:
        """Find out which actions the catalogue takes away, and what a trial may tell."""
        self._reasons = self._found(connection, shape)
        self._guards = _NO_GUARDS
        if self._db.dialect != "sqlite":
            self._guards = guards_of(connection, shape.table)

    def server(self, shape: Shape) -> Capabilities:
        """Which actions there are, and why the others are missing.

        What the server itself and the guards of the table refuse is asked here, when
        ``look`` has given its connection back: a pooler may have one only.
        """
        reasons = self._reasons
        if len(reasons) < len(ACTIONS):
            if reason := why_server_is_not_written(self._db):
                return _capabilities(dict.fromkeys(ACTIONS, reason), Copies())
            reasons = {**self._try_on_server(shape), **reasons}
        return _capabilities(reasons, shape.copies)

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

    def _found(self, connection: Connection, shape: Shape) -> Mapping[str, str]:
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

    def _try_on_server(self, shape: Shape) -> Mapping[str, str]:
        """What triggers, rules and policies refuse, in the driver's words.

        Asked once as long as all of them stay as they are and let everything pass. A
        trial that meets a lock tells nothing, and is repeated at the next look.
        """
        guards = self._guards
        if not guards.version or self._tried == guards.version:
            return {}
        if (trial := self._trial_at_once(guards, shape)) is not None:
            self._last = guards.version, refused_by(trial)
            if trial.tried.issuperset(ACTIONS) and not trial.failed:
                self._tried = guards.version
        return self._last[1] if self._last[0] == guards.version else {}

    def _trial_at_once(self, guards: Guards, shape: Shape) -> Trial | None:
        """None when something was locked, slow or lost."""
        trial = None
        with suppress(RolledBackError, DataError), self._db.writing() as connection:
            connection.exec_driver_sql(_AT_ONCE)
            ids = new_ids(shape.facts.columns["id"].kind) if guards.takes_ids else None
            made = self._trial(connection, shape, is_copy=False, ids=ids)
            made.run()
            trial = made
            raise RolledBackError
        return None if trial is None or trial.is_unsure else trial

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

    def _trial(
        self,
        connection: Connection,
        shape: Shape,
        *,
        is_copy: bool,
        ids: Iterator[int] | None = None,
    ) -> Trial:
        return Trial(
            connection,
            shape.table,
            name=self._db.name,
            at_ms=_TRIED_AT_MS,
            required=shape.required,
            own=shape.copies.copied,
            is_copy=is_copy,
            new_ids=ids,
        )


def refused_by(trial: Trial) -> dict[str, str]:
    """By action why no run takes it; a new run tells of a retry that was not tried."""
    refused = dict(trial.failed)
    if RETRY not in trial.tried and ENQUEUE in refused:
        refused[RETRY] = refused[ENQUEUE]
    return refused


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
