"""What tracked errors add up to: counts, titles, whom and what they struck."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, case, delete, select, update

from data.clock import DAY_MS, HOUR_MS
from data.model import ErrorEvent
from data.rules.commonest import commonest, tallied
from data.store.error_tables import (
    error_day,
    error_group,
    error_hour,
    error_met,
    error_run,
    error_title,
    error_visitor,
)
from data.store.texts import storable, storable_key
from data.store.upserts import insert_into

#: Fingerprint, start of the span, origin, action, component, job type, source.
Cell = tuple[Any, ...]
_SPANS: Final = ((error_hour, HOUR_MS), (error_day, DAY_MS))
_g: Final = error_group.c


def cells_of(events: Iterable[ErrorEvent]) -> dict[Table, Counter[Cell]]:
    """How often errors happened, by hour and by day and by what they were about."""
    found: dict[Table, Counter[Cell]] = {table: Counter() for table, _ in _SPANS}
    for event in events:
        own = tuple(about(event).values())
        for table, length in _SPANS:
            at = event.at // length * length
            found[table][event.fingerprint, at, *own] += event.times
    return found


def add_counts(
    connection: Connection, dialect: str, counts: Mapping[Table, Mapping[Cell, int]]
) -> None:
    """Add to the counts by hour and by day."""
    for table, cells in counts.items():
        names = [column.name for column in table.primary_key.columns]
        rows = [
            dict(zip([*names, "events"], [*key, cells[key]], strict=True))
            for key in sorted(cells)
        ]
        insert = insert_into(table, dialect)
        more = {"events": table.c.events + insert.excluded.events}
        upsert = insert.on_conflict_do_update(index_elements=names, set_=more)
        if rows:
            connection.execute(upsert, rows)


def note_titles(
    connection: Connection, dialect: str, events: Sequence[ErrorEvent]
) -> None:
    """Count what errors are called; a group is called what most of its errors are."""
    more: dict[str, Counter[str]] = {}
    for event in events:
        more.setdefault(event.fingerprint, Counter())[storable(event.title)] += (
            event.times
        )
    t = error_title.c
    known: dict[str, dict[str, int]] = {fingerprint: {} for fingerprint in more}
    for fingerprint, title, times in connection.execute(
        select(t.fingerprint, t.title, t.events).where(t.fingerprint.in_(more))
    ):
        known[fingerprint][title] = times
    titles = select(_g.fingerprint, _g.title).where(_g.fingerprint.in_(more))
    for fingerprint, title in sorted(connection.execute(titles)):
        before = known[fingerprint]
        after = tallied(before, more[fingerprint])
        _replace_titles(connection, dialect, fingerprint, before, after)
        if (name := commonest(after, title)) != title:
            mine = update(error_group).where(_g.fingerprint == fingerprint)
            connection.execute(mine.values(title=name))


def _replace_titles(
    connection: Connection,
    dialect: str,
    fingerprint: str,
    before: Mapping[str, int],
    after: Mapping[str, int],
) -> None:
    t = error_title.c
    if gone := before.keys() - after.keys():
        connection.execute(
            delete(error_title).where(t.fingerprint == fingerprint, t.title.in_(gone))
        )
    rows = [
        {"fingerprint": fingerprint, "title": title, "events": times}
        for title, times in sorted(after.items())
        if before.get(title) != times
    ]
    insert = insert_into(error_title, dialect)
    keys, new = [t.fingerprint, t.title], {"events": insert.excluded.events}
    connection.execute(
        insert.on_conflict_do_update(index_elements=keys, set_=new), rows
    )


def note_struck(
    connection: Connection, dialect: str, events: Sequence[ErrorEvent]
) -> None:
    """Note who met these errors, and which runs they struck."""
    ordered = sorted(events, key=lambda event: event.at)
    visitors: dict[tuple[str, ...], dict[str, object]] = {
        (event.fingerprint, storable_key(event.visitor)): {"last_at": event.at}
        for event in ordered
        if event.visitor
    }
    runs: dict[tuple[str, ...], dict[str, object]] = {
        (event.fingerprint, event.source, storable_key(event.run_id)): {
            "last_at": event.at,
            "job_name": storable_key(event.job_name),
        }
        for event in ordered
        if event.run_id
    }
    _note_each(connection, dialect, error_visitor, _g.visitors, visitors)
    _note_met(connection, dialect, events)
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
        is_newer = insert.excluded.last_at > table.c.last_at
        move = insert.on_conflict_do_update(
            index_elements=names, set_=newer, where=is_newer
        )
        connection.execute(move, known)


def _note_met(
    connection: Connection, dialect: str, events: Sequence[ErrorEvent]
) -> None:
    """Note who met which error in which hour."""
    met: dict[tuple[str, int, str, str], tuple[int, int]] = {}
    for event in events:
        if not event.visitor:
            continue
        hour = event.at // HOUR_MS * HOUR_MS
        source, visitor = storable_key(event.source), storable_key(event.visitor)
        key = event.fingerprint, hour, source, visitor
        first, last = met.get(key, (event.at, event.at))
        met[key] = min(first, event.at), max(last, event.at)
    names = [column.name for column in error_met.primary_key.columns]
    rows = [
        dict(zip([*names, "first_at", "last_at"], [*key, *met[key]], strict=True))
        for key in sorted(met)
    ]
    insert = insert_into(error_met, dialect)
    new, old = insert.excluded, error_met.c
    wider = {
        "first_at": case(
            (new.first_at < old.first_at, new.first_at), else_=old.first_at
        ),
        "last_at": case((new.last_at > old.last_at, new.last_at), else_=old.last_at),
    }
    if rows:
        connection.execute(
            insert.on_conflict_do_update(index_elements=names, set_=wider), rows
        )


def about(event: ErrorEvent) -> dict[str, str]:
    """What an event is counted by."""
    return {
        "origin": event.origin,
        "action": storable_key(event.action),
        "component": storable_key(event.component),
        "job_name": storable_key(event.job_name),
        "source": storable_key(event.source),
    }
