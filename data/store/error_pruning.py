"""Forgets tracked errors: some events at a time, then their counts and groups.

Groups may be kept for longer than their events: what was seen before is not new.
"""

from typing import Final

from sqlalchemy import Connection, Table, delete, func, select, update
from sqlalchemy.orm import aliased

from data.clock import HOUR_MS
from data.db import Database
from data.store.error_tables import (
    error_day,
    error_event,
    error_group,
    error_hour,
    error_met,
    error_regrouped,
    error_run,
    error_title,
    error_visitor,
)

_CHUNK: Final = 200
_PRUNED_AT_ONCE: Final = 20_000

_g: Final = error_group.c
_e: Final = error_event.c


def prune(database: Database, before_ms: int, groups_before_ms: int, most: int) -> int:
    """Forget what came before then, and above ``most`` events the oldest.

    Groups, with what people decided, are forgotten before ``groups_before_ms``.
    Returns how many events were forgotten.
    """
    forgotten = 0
    while pruned := _prune_events(database, before_ms, most):
        forgotten += pruned
    with database.writing() as connection:
        for table, column in (
            (error_hour, error_hour.c.hour),
            (error_day, error_day.c.day),
        ):
            connection.execute(delete(table).where(column < before_ms))
        part = aliased(error_group)
        # one that others were merged into lives as long as they do
        alive = select(part.c.merged_into).where(
            part.c.merged_into.is_not(None), part.c.last_seen >= groups_before_ms
        )
        connection.execute(
            delete(error_group).where(
                _g.last_seen < groups_before_ms, _g.fingerprint.not_in(alive)
            )
        )
        met = error_met.c
        connection.execute(delete(error_met).where(met.hour < before_ms - HOUR_MS))
        for own in (error_title.c.fingerprint, error_regrouped.c.old):
            gone = own.not_in(select(_g.fingerprint))
            connection.execute(delete(own.table).where(gone))
        for table, counter in ((error_visitor, "visitors"), (error_run, "runs")):
            _recount(connection, table, counter, before_ms)
    return forgotten


def _prune_events(database: Database, before_ms: int, most: int) -> int:
    """Some at a time: whoever writes waits no longer than a batch takes."""
    with database.writing() as connection:
        old = select(_e.id).where(_e.at < before_ms).limit(_PRUNED_AT_ONCE)
        ids = connection.execute(old).scalars().all()
        if not ids:
            newest = select(_e.id).order_by(_e.id.desc()).offset(most).limit(1)
            last = connection.execute(newest).scalar()
            if last is None:
                return 0
            oldest = select(_e.id).where(_e.id <= last).order_by(_e.id)
            ids = connection.execute(oldest.limit(_PRUNED_AT_ONCE)).scalars().all()
        for at in range(0, len(ids), _CHUNK):
            gone = delete(error_event).where(_e.id.in_(ids[at : at + _CHUNK]))
            connection.execute(gone)
        return len(ids)


def _recount(connection: Connection, table: Table, counter: str, before: int) -> None:
    """Forget whom or what errors struck before then, and count the rest again."""
    c = table.c
    touched = select(c.fingerprint).where(c.last_at < before)
    groups = sorted({*connection.execute(touched).scalars()})
    connection.execute(delete(table).where(c.last_at < before))
    left = (
        select(func.count())
        .select_from(table)
        .where(c.fingerprint == _g.fingerprint)
        .scalar_subquery()
    )
    for at in range(0, len(groups), _CHUNK):
        some = _g.fingerprint.in_(groups[at : at + _CHUNK])
        connection.execute(update(error_group).where(some).values({counter: left}))
