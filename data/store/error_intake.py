"""Takes a batch of tracked errors in: every event once, its group, its counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import (
    Connection,
    Insert,
    case,
    func,
    select,
    update,
)
from sqlalchemy.orm import aliased

from data.model import ErrorEvent, GroupStatus
from data.rules.grouping import VERSION, codes_of
from data.store.error_sums import (
    about,
    add_counts,
    cells_of,
    note_struck,
    note_titles,
)
from data.store.error_tables import (
    error_event,
    error_group,
    error_regrouped,
    error_regrouping,
)
from data.store.sums import add_sums
from data.store.tallies import errors_of
from data.store.texts import storable, storable_key
from data.store.upserts import insert_into

_CHUNK: Final = 200

_g: Final = error_group.c
_e: Final = error_event.c
_EVENT_COLUMNS: Final = [column for column in error_event.c if column.name != "id"]


class Decision(NamedTuple):
    """What people made of a group."""

    status: str
    status_at: int
    status_by: str
    first_seen: int


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
    decided = decisions_before(connection, dialect, fresh)
    last_at = upsert_groups(connection, dialect, fresh, decided)
    note_titles(connection, dialect, fresh)
    add_counts(connection, dialect, cells_of(fresh))
    note_struck(connection, dialect, fresh)
    add_sums(connection, dialect, errors_of(fresh))
    return Written(new, _regressed(connection, last_at))


def _insert(
    connection: Connection, dialect: str, events: Sequence[ErrorEvent]
) -> set[str]:
    rows = {event.event_id: _to_values(event) for event in events}
    insert = insert_into(error_event, dialect)
    once = insert.on_conflict_do_nothing(index_elements=[_e.event_id])
    found = connection.execute(once.returning(_e.event_id), [*rows.values()])
    return {id_ for (id_,) in found}


def upsert_groups(
    connection: Connection,
    dialect: str,
    events: Sequence[ErrorEvent],
    decided: Mapping[str, Decision],
) -> dict[str, int]:
    """Make or move on the groups; when each was last seen.

    ``decided`` is what people had made of those that an older group was divided into.
    """
    spans: dict[str, tuple[int, ErrorEvent]] = {}
    for event in events:
        first, last = spans.get(event.fingerprint, (event.at, event))
        spans[event.fingerprint] = (
            min(first, event.at),
            max(last, event, key=lambda one: one.at),
        )
    # in one order, so that nobody deadlocks
    rows = [
        _new_group(*spans[fingerprint], decided.get(fingerprint))
        for fingerprint in sorted(spans)
    ]
    if rows:
        connection.execute(_upsert_group(dialect), rows)
    return {one: last.at for one, (_, last) in spans.items()}


def decisions_before(
    connection: Connection, dialect: str, events: Sequence[ErrorEvent]
) -> dict[str, Decision]:
    """What people made of the older groups of these events that still wait.

    By the new fingerprint, which is noted as a part of the older one.
    """
    befores = {event.before for event in events if event.before}
    if not befores or not is_regrouping(connection):
        return {}
    root = aliased(error_group)
    known = (
        select(
            _g.fingerprint,
            root.c.status,
            root.c.status_at,
            root.c.status_by,
            _g.first_seen,
        )
        .join(root, root.c.fingerprint == func.coalesce(_g.merged_into, _g.fingerprint))
        .where(_g.fingerprint.in_(befores), ~_g.retired)
    )
    old = {name: Decision(*rest) for name, *rest in connection.execute(known)}
    parts = {
        (event.before, event.fingerprint): event
        for event in events
        if event.before in old
    }
    note_parts(connection, dialect, parts, Counter())
    return {event.fingerprint: old[event.before] for event in parts.values()}


def note_parts(
    connection: Connection,
    dialect: str,
    parts: Mapping[tuple[str, str], ErrorEvent],
    moved: Mapping[tuple[str, str], int],
) -> None:
    """Note that older groups have these parts, and how many events each was given."""
    rows = [
        {
            "old": old,
            "new": new,
            "codes": " ".join(codes_of(parts[old, new].message)),
            "events": moved.get((old, new), 0),
        }
        for old, new in sorted(parts)
    ]
    insert = insert_into(error_regrouped, dialect)
    more = {"events": error_regrouped.c.events + insert.excluded.events}
    keys = [error_regrouped.c.old, error_regrouped.c.new]
    if rows:
        connection.execute(
            insert.on_conflict_do_update(index_elements=keys, set_=more), rows
        )


def is_regrouping(connection: Connection) -> bool:
    """Do stored events wait to be regrouped, or may some wait?"""
    c = error_regrouping.c
    done = select(c.finished).where(c.version == VERSION)
    return not connection.execute(done).scalar()


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


def _new_group(
    first_seen: int, last: ErrorEvent, decided: Decision | None
) -> dict[str, object]:
    known = decided or Decision(GroupStatus.OPEN.value, 0, "", first_seen)
    return {
        "fingerprint": last.fingerprint,
        "first_seen": min(first_seen, known.first_seen),
        "last_seen": last.at,
        "status": known.status,
        "status_at": known.status_at,
        "status_by": known.status_by,
        "visitors": 0,
        "runs": 0,
        **{name: value for name, value in about(last).items() if name != "source"},
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
        **about(event),
        "type": storable(event.type),
        "message": storable(event.message),
        "run_id": storable_key(event.run_id),
        "body": storable(event.body),
    }
