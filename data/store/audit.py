"""Who did what to which run, and what came of it.

A row is written before the action (outcome ``started``) and concluded once after it;
rows are never concluded twice, and deleted by age only. One that stays ``started`` tells that the
process or the database was lost on the way.
"""

import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, bindparam, delete, insert, or_, select, update

from data.bulk import execute_many
from data.db import Database
from data.exceptions import DataError, nothing_done
from data.store.tables import audit
from data.store.texts import storable

log = logging.getLogger(__name__)

#: The outcome of a row whose action has not been concluded.
STARTED: Final = "started"
_TOKEN_BYTES: Final = 18

_c: Final = audit.c
_CONCLUDE: Final = (
    update(audit)
    .where(_c.id == bindparam("entry"), _c.outcome == STARTED)
    .values(outcome=bindparam("what"), after=bindparam("left"))
)


class AuditEntry(NamedTuple):
    """What is about to be done to one run."""

    run_id: str
    job_name: str
    #: the run's values that the action changes, or rests on, as they were
    before: Mapping[str, object]
    #: why, in words; may be empty
    detail: str


class AuditRow(NamedTuple):
    """One action on one run."""

    id: int
    at: int
    actor: str
    source: str
    action: str
    run_id: str
    job_name: str
    batch: str
    before: dict[str, Any]
    #: what the action wrote, {} when nothing
    after: dict[str, Any]
    outcome: str
    detail: str
    #: the batch that this one undoes
    undo_of: str | None


class AuditFilter(NamedTuple):
    """Which rows are asked for; every condition that is not "" must hold."""

    actor: str = ""
    action: str = ""
    source: str = ""
    outcome: str = ""
    #: part of run id, new run id, job name or detail, whatever the case
    text: str = ""


class AuditLog:
    """The audit of all sources."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def open_batch(
        self,
        actor: str,
        source: str,
        action: str,
        entries: Sequence[AuditEntry],
        at_ms: int,
        *,
        undo_of: str | None = None,
        token: str | None = None,
    ) -> str:
        """Note what is about to be done; call it before doing it.

        Returns the batch's token, which nobody can guess, or ``token`` when whoever
        asks brought one. ``undo_of`` is the token of the batch that this one undoes.
        Raises DataError when it cannot be noted, which says that nothing was done.
        """
        batch = token or secrets.token_urlsafe(_TOKEN_BYTES)
        shared = {
            "at": at_ms,
            "actor": storable(actor),
            "source": source,
            "action": action,
            "batch": batch,
            "after": "{}",
            "outcome": STARTED,
            "undo_of": undo_of,
        }
        rows = [{**shared, **_to_values(entry)} for entry in entries]
        if rows:
            try:
                with self._db.writing() as connection:
                    execute_many(connection, insert(audit), rows)
            except DataError as error:
                raise nothing_done(error) from error
        return batch

    def conclude(
        self, batch: str, outcomes: Mapping[str, tuple[str, Mapping[str, object]]]
    ) -> None:
        """Note what came of it: by run id the outcome, and what the run became.

        Rows that were concluded before stay as they are. What was done is done: a store
        that fails now leaves the rows as started, and one line in the log.
        """
        try:
            self._conclude(batch, outcomes)
        except DataError as error:
            log.warning("what came of an action was not noted: %s", error)

    def _conclude(
        self, batch: str, outcomes: Mapping[str, tuple[str, Mapping[str, object]]]
    ) -> None:
        by_run = {storable(run_id): outcome for run_id, outcome in outcomes.items()}
        started = select(_c.id, _c.run_id).where(
            _c.batch == batch, _c.outcome == STARTED
        )
        with self._db.writing() as connection:
            rows = [
                {
                    "entry": id_,
                    "what": by_run[run_id][0],
                    "left": _json(by_run[run_id][1]),
                }
                for id_, run_id in connection.execute(started)
                if run_id in by_run
            ]
            if rows:
                execute_many(connection, _CONCLUDE, rows)

    def batch(self, token: str) -> list[AuditRow]:
        """The rows of one batch in the order of its entries; empty when unknown."""
        statement = select(audit).where(_c.batch == storable(token)).order_by(_c.id)
        return [_to_row(row) for row in self._db.fetch(statement)]

    def page(
        self, filter_: AuditFilter, *, after: int | None = None, limit: int = 50
    ) -> list[AuditRow]:
        """At most ``limit`` rows, newest first, older than row ``after``."""
        wanted = [
            column == storable(value)
            for column, value in (
                (_c.actor, filter_.actor),
                (_c.action, filter_.action),
                (_c.outcome, filter_.outcome),
            )
            if value
        ]
        if filter_.source:  # what concerns no source is shown with each
            wanted.append(_c.source.in_((storable(filter_.source), "")))
        if filter_.text:
            part = storable(filter_.text)
            texts = (_c.run_id, _c.job_name, _c.detail, _c.after)
            wanted.append(or_(*(x.icontains(part, autoescape=True) for x in texts)))
        if after is not None:
            wanted.append(_c.id < after)
        statement = select(audit).where(*wanted).order_by(_c.id.desc()).limit(limit)
        return [_to_row(row) for row in self._db.fetch(statement)]

    def prune(self, before_ms: int) -> int:
        """Forget what was done before then; how many rows."""
        with self._db.writing() as connection:
            return connection.execute(delete(audit).where(_c.at < before_ms)).rowcount

    def undone_runs(self, token: str, *, but_for: Sequence[str]) -> set[str]:
        """The runs of this batch that an undo dealt with.

        An undo that was never concluded, or ended as one of ``but_for``, may be tried again.
        """
        statement = select(_c.run_id).where(
            _c.undo_of == storable(token), _c.outcome.not_in([STARTED, *but_for])
        )
        return {row[0] for row in self._db.fetch(statement)}


def _to_values(entry: AuditEntry) -> dict[str, str]:
    return {
        "run_id": storable(entry.run_id),
        "job_name": storable(entry.job_name),
        "before": _json(entry.before),
        "detail": storable(entry.detail),
    }


def _to_row(row: Row[*tuple[Any, ...]]) -> AuditRow:
    found = AuditRow(*row)
    return found._replace(before=json.loads(row.before), after=json.loads(row.after))


def _json(values: Mapping[str, object]) -> str:
    """ASCII, so that whatever a text holds is escaped and can be stored."""
    return json.dumps(dict(values))
