"""Takes a batch of tracked errors in: every event once, its group, its counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, Insert, Table, case, func, select, update
from sqlalchemy.orm import aliased

from data.clock import DAY_MS, HOUR_MS
from data.model import ErrorEvent, GroupStatus
from data.store.error_tables import (
    error_day,
    error_event,
    error_group,
    error_hour,
    error_run,
    error_visitor,
)
from data.store.sums import add_sums
from data.store.tallies import errors_of
from data.store.texts import storable, storable_key
from data.store.upserts import insert_into

_CHUNK: Final = 200

_g: Final = error_group.c
_e: Final = error_event.c
_EVENT_COLUMNS: Final = [column for column in error_event.c if column.name != "id"]


class Written(NamedTuple):
    """What became of a batch."""

    #: ids of events that were not known before
    new: set[str]
    #: groups that came back after they were resolved
    regressed: set[str]


def take_in(
    connection: Connection,
    dialect: str,
    events: Sequence[ErrorEvent],
    counted: Iterable[ErrorEvent],
) -> Written:
    """Keep events that are not known yet; of those in ``counted`` the count only."""
    new: set[str] = set()
    for at in range(0, len(events), _CHUNK):
        new |= _insert(connection, dialect, events[at : at + _CHUNK])
    once = {event.event_id: event for event in events if event.event_id in new}
    fresh = [*once.values(), *counted]
    regressed = _upsert_groups(connection, dialect, fresh)
    _count(connection, dialect, fresh)
    _note_struck(connection, dialect, fresh)
    add_sums(connection, dialect, errors_of(fresh))
    return Written(new, regressed)


def _insert(
    connection: Connection, dialect: str, events: Sequence[ErrorEvent]
) -> set[str]:
    rows = {event.event_id: _to_values(event) for event in events}
    insert = insert_into(error_event, dialect)
    once = insert.on_conflict_do_nothing(index_elements=[_e.event_id])
    found = connection.execute(once.returning(_e.event_id), [*rows.values()])
    return {id_ for (id_,) in found}


def _upsert_groups(
    connection: Connection, dialect: str, events: Sequence[ErrorEvent]
) -> set[str]:
    """Make or move on the groups; those that came back after being resolved."""
    spans: dict[str, tuple[int, ErrorEvent]] = {}
    for event in events:
        first, last = spans.get(event.fingerprint, (event.at, event))
        spans[event.fingerprint] = (
            min(first, event.at),
            max(last, event, key=lambda one: one.at),
        )
    if not spans:
        return set()
    # in one order, so that nobody deadlocks
    rows = [_new_group(*spans[fingerprint]) for fingerprint in sorted(spans)]
    connection.execute(_upsert_group(dialect), rows)
    return _regressed(connection, {one: last.at for one, (_, last) in spans.items()})


def _upsert_group(dialect: str) -> Insert:
    insert = insert_into(error_group, dialect)
    new = insert.excluded
    is_newer = new.last_seen >= _g.last_seen
    moved = {
        name: case((is_newer, new[name]), else_=_g[name])
        for name in ("last_seen", "origin", "action", "component", "job_name")
    }
    moved["first_seen"] = case(
        (new.first_seen < _g.first_seen, new.first_seen), else_=_g.first_seen
    )
    return insert.on_conflict_do_update(index_elements=[_g.fingerprint], set_=moved)


def _count(connection: Connection, dialect: str, events: Sequence[ErrorEvent]) -> None:
    for table, span, length in (
        (error_hour, "hour", HOUR_MS),
        (error_day, "day", DAY_MS),
    ):
        cells: Counter[tuple[Any, ...]] = Counter()
        for event in events:
            at = event.at // length * length
            cells[event.fingerprint, at, *_about(event).values()] += event.times
        names = ["fingerprint", span, "origin", "action", "component", "job_name"]
        rows = [
            dict(zip([*names, "events"], [*key, cells[key]], strict=True))
            for key in sorted(cells)
        ]
        insert = insert_into(table, dialect)
        more = {"events": table.c.events + insert.excluded.events}
        upsert = insert.on_conflict_do_update(index_elements=names, set_=more)
        if rows:
            connection.execute(upsert, rows)


def _note_struck(
    connection: Connection, dialect: str, events: Sequence[ErrorEvent]
) -> None:
    visitors: dict[tuple[str, ...], dict[str, object]] = {
        (event.fingerprint, storable_key(event.visitor)): {"last_at": event.at}
        for event in events
        if event.visitor
    }
    runs: dict[tuple[str, ...], dict[str, object]] = {
        (event.fingerprint, event.source, storable_key(event.run_id)): {
            "last_at": event.at,
            "job_name": storable_key(event.job_name),
        }
        for event in events
        if event.run_id
    }
    _note_each(connection, dialect, error_visitor, _g.visitors, visitors)
    _note_each(connection, dialect, error_run, _g.runs, runs)


def _note_each(
    connection: Connection,
    dialect: str,
    table: Table,
    counter: Column[int],
    struck: Mapping[tuple[str, ...], Mapping[str, object]],
) -> None:
    """Note whom or what errors struck: new ones are counted, others moved on."""
    if not struck:
        return
    names = [column.name for column in table.primary_key.columns]
    rows = [
        {**dict(zip(names, key, strict=True)), **struck[key]} for key in sorted(struck)
    ]
    keys = [table.c[name] for name in names]
    insert = insert_into(table, dialect)
    new = insert.on_conflict_do_nothing(index_elements=names).returning(*keys)
    added = {tuple(row) for row in connection.execute(new, rows)}
    for fingerprint, number in sorted(Counter(key[0] for key in added).items()):
        connection.execute(
            update(error_group)
            .where(_g.fingerprint == fingerprint)
            .values({counter.name: counter + number})
        )
    known = [row for row in rows if tuple(row[name] for name in names) not in added]
    if known:
        newer = {name: insert.excluded[name] for name in next(iter(struck.values()))}
        move = insert.on_conflict_do_update(index_elements=names, set_=newer)
        connection.execute(move, known)


def _new_group(first_seen: int, last: ErrorEvent) -> dict[str, object]:
    return {
        "fingerprint": last.fingerprint,
        "first_seen": first_seen,
        "last_seen": last.at,
        "status": GroupStatus.OPEN.value,
        "status_at": 0,
        "status_by": "",
        "visitors": 0,
        "runs": 0,
        **_about(last),
        "title": storable(last.title),
        "type": storable(last.type),
    }


def _regressed(connection: Connection, last_at: Mapping[str, int]) -> set[str]:
    """Resolved groups of these fingerprints that came back since; marked as such."""
    root = aliased(error_group)
    resolved = (
        select(_g.fingerprint, root.c.fingerprint, root.c.status_at)
        .join(root, root.c.fingerprint == func.coalesce(_g.merged_into, _g.fingerprint))
        .where(_g.fingerprint.in_(last_at), root.c.status == GroupStatus.RESOLVED.value)
    )
    found: dict[str, int] = {}
    for fingerprint, group, since in connection.execute(resolved):
        if last_at[fingerprint] > since:
            found[group] = max(found.get(group, 0), last_at[fingerprint])
    for group, at in found.items():
        connection.execute(
            update(error_group)
            .where(_g.fingerprint == group)
            .values(status=GroupStatus.REGRESSED.value, status_at=at, status_by="")
        )
    return found.keys() | set()


def _to_values(event: ErrorEvent) -> dict[str, object]:
    return {
        **{column.name: getattr(event, column.name) for column in _EVENT_COLUMNS},
        **_about(event),
        "type": storable(event.type),
        "message": storable(event.message),
        "run_id": storable_key(event.run_id),
        "body": storable(event.body),
    }


def _about(event: ErrorEvent) -> dict[str, str]:
    """What an event is counted by."""
    return {
        "origin": event.origin,
        "action": storable_key(event.action),
        "component": storable_key(event.component),
        "job_name": storable_key(event.job_name),
    }
