"""Gives stored errors the groups that the present version of the fingerprint makes.

Some events at a time, each time in one transaction: what is moved and what is not is in
the rows themselves, so that whoever leads next goes on where the last one was ended.
Counts, people and runs move with their events; the rest, of events that are not kept
any more, goes to the part with most events. What people decided stays: a part begins as
resolved or ignored as the whole was, and is merged where the whole was merged.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, case, delete, func, select, update

from data.db import Database
from data.model import ErrorEvent
from data.rules.grouping import (
    VERSION,
    Frame,
    codes_of,
    fingerprint,
    fingerprint_without_place,
    title_of,
)
from data.store.alert_tables import alert_episode, alert_silence, alert_state
from data.store.error_intake import decisions_before, note_parts, upsert_groups
from data.store.error_sums import Cell, add_counts, cells_of, note_struck, note_titles
from data.store.error_tables import (
    error_day,
    error_event,
    error_group,
    error_hour,
    error_met,
    error_regrouped,
    error_regrouping,
    error_run,
    error_title,
    error_visitor,
)
from data.store.upserts import insert_into

#: Events that are moved in one transaction.
AT_ONCE: Final = 250
#: Fingerprints of this version are not less than this, those of older ones are.
_PRESENT: Final = f"{VERSION}:"
_g: Final = error_group.c
_e: Final = error_event.c
_p: Final = error_regrouped.c
_s: Final = error_regrouping.c
_EVENT: Final = [column for column in error_event.c if column.name != "id"]


class Regrouping:
    """Regroups what is stored under older fingerprints."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def step(self) -> bool:
        """Move some events, or end one older group; True while more is to be done."""
        with self._db.writing() as connection:
            if not self._claim(connection):
                return False
            old = _next_group(connection)
            if old is None:
                _finish(connection)
                return False
            moved = self._move(connection, *old)
            if not moved:
                self._retire(connection, *old)
            done = update(error_regrouping).where(_s.version == VERSION)
            connection.execute(done.values(done=_s.done + moved))
            return True

    def progress(self) -> float | None:
        """How much of the stored events is regrouped, 0 to 1; None when all is done."""
        wanted = select(_s.total, _s.done, _s.finished).where(_s.version == VERSION)
        rows = self._db.fetch(wanted)
        if not rows or rows[0][2]:
            return None
        total, done, _ = rows[0]
        return min(done / total, 1.0) if total else 0.0

    def _claim(self, connection: Connection) -> bool:
        """Is there anything to do? Counts it at first; nobody else moves meanwhile."""
        mine = select(_s.finished).where(_s.version == VERSION).with_for_update()
        finished = connection.execute(mine).scalar()
        if finished is not None:
            return not finished
        older = select(func.count()).where(_e.fingerprint < _PRESENT)
        row = {
            "version": VERSION,
            "total": connection.execute(older).scalar_one(),
            "done": 0,
            "finished": False,
        }
        insert = insert_into(error_regrouping, self._db.dialect)
        connection.execute(insert.on_conflict_do_nothing(), row)
        return True

    def _move(self, connection: Connection, old: str, _root: str | None) -> int:
        """Some events of the group to their new ones; how many rows."""
        wanted = select(_e.id, *_EVENT).where(_e.fingerprint == old)
        rows = connection.execute(wanted.order_by(_e.at.desc()).limit(AT_ONCE)).all()
        if not rows:
            return 0
        events = _regrouped(rows, _parts_by_codes(connection, old))
        dialect = self._db.dialect
        for row, event in zip(rows, events, strict=True):
            new = {"fingerprint": event.fingerprint}
            connection.execute(update(error_event).where(_e.id == row.id).values(new))
        decided = decisions_before(connection, dialect, events)
        upsert_groups(connection, dialect, events, decided)
        note_titles(connection, dialect, events)
        note_struck(connection, dialect, events)
        _note_retried(connection, old, events)
        self._move_counts(connection, old, events)
        parts = {(old, event.fingerprint): event for event in events}
        moved = Counter((old, event.fingerprint) for event in events)
        note_parts(connection, dialect, parts, moved)
        return len(rows)

    def _move_counts(
        self, connection: Connection, old: str, events: Sequence[ErrorEvent]
    ) -> None:
        """As much of the old counts as these events were, and as is there."""
        for table, cells in cells_of(events).items():
            left = _cells(connection, table, old, {key[1] for key in cells})
            taken: Counter[Cell] = Counter()
            moved: Counter[Cell] = Counter()
            for (new, *about, source), times in sorted(cells.items()):
                before = (old, *about, "")
                some = min(times, left.get(before, 0) - taken[before])
                taken[before] += some
                moved[(new, *about, source)] += some
            add_counts(connection, self._db.dialect, {table: +moved})
            add_counts(connection, self._db.dialect, {table: _negative(taken)})

    def _retire(self, connection: Connection, old: str, root: str | None) -> None:
        """All events of the group are moved: what is left of it follows them."""
        parts = _parts(connection, old) or [(_same(old), "")]
        primary = parts[0][0]
        # in one order, so that nobody deadlocks
        names = [old, *(part for part, _ in parts)]
        held = (
            select(_g.fingerprint)
            .where(_g.fingerprint.in_(names))
            .order_by(_g.fingerprint)
        )
        connection.execute(held.with_for_update()).all()
        self._hand_over(connection, old, primary)
        target = _merge_parts(connection, parts, root)
        mine = update(error_group).where(_g.fingerprint == old)
        connection.execute(mine.values(merged_into=target or primary, retired=True))
        into_it = (_g.merged_into == old) & (_g.fingerprint >= _PRESENT)
        connection.execute(
            update(error_group).where(into_it).values(merged_into=target or primary)
        )
        _rename_alerts(connection, old, primary)

    def _hand_over(self, connection: Connection, old: str, new: str) -> None:
        """The group's rest: counts, people and runs whose events are not kept."""
        dialect = self._db.dialect
        columns = [column for column in error_group.c if column.name != "fingerprint"]
        whole = select(*columns).where(_g.fingerprint == old)
        row = connection.execute(whole).mappings().one()
        fresh = {**row, "fingerprint": new, "merged_into": None}
        made = insert_into(error_group, dialect).values(
            {**fresh, "visitors": 0, "runs": 0}
        )
        connection.execute(made.on_conflict_do_nothing())
        for table in (error_hour, error_day):
            cells = _cells(connection, table, old, None)
            more = {(new, *key[1:]): times for key, times in cells.items() if times > 0}
            add_counts(connection, dialect, {table: more})
            connection.execute(delete(table).where(table.c.fingerprint == old))
        for table in (error_visitor, error_run):
            _move_struck(connection, dialect, table, old, new)
        for table in (error_met, error_title):
            connection.execute(delete(table).where(table.c.fingerprint == old))
        _set_seen(connection, old, new)


def _next_group(connection: Connection) -> tuple[str, str | None] | None:
    """The next older group and what it is merged into: those on their own first."""
    waiting = (
        select(_g.fingerprint, _g.merged_into)
        .where(_g.fingerprint < _PRESENT, ~_g.retired)
        .order_by(_g.merged_into.is_not(None), _g.fingerprint)
        .limit(1)
    )
    row = connection.execute(waiting).first()
    return (row[0], row[1]) if row else None


def _finish(connection: Connection) -> None:
    done = update(error_regrouping).where(_s.version == VERSION)
    connection.execute(done.values(finished=True))


def _regrouped(rows: Sequence[Any], parts: Mapping[str, str]) -> list[ErrorEvent]:
    """The events as they are tracked today.

    Those without frames go where those with frames and the same codes are: into one of
    ``parts``, or into what these rows themselves begin.
    """
    frames = [_frames_of(row.body) for row in rows]
    begun = Counter(
        (_codes(row), fingerprint(row.type, row.message, found))
        for row, found in zip(rows, frames, strict=True)
        if found is not None
    )
    known = {codes: new for (codes, new), _ in reversed(begun.most_common())}
    known.update(parts)
    return [
        _as_today(row, _fingerprint_of(row, found, known))
        for row, found in zip(rows, frames, strict=True)
    ]


def _as_today(row: Any, new: str) -> ErrorEvent:
    values = {column.name: getattr(row, column.name) for column in _EVENT}
    values["before"] = row.fingerprint
    values["fingerprint"] = new
    return ErrorEvent(**values, title=title_of(row.type, row.message))


def _fingerprint_of(
    row: Any, frames: Sequence[Frame] | None, known: Mapping[str, str]
) -> str:
    if frames is not None:
        return fingerprint(row.type, row.message, frames)
    same = known.get(_codes(row))
    return same or fingerprint_without_place(row.fingerprint, row.message)


def _codes(row: Any) -> str:
    """The codes that its message names, as a part is noted with them."""
    return " ".join(codes_of(row.message))


def _frames_of(body: str) -> list[Frame] | None:
    """The frames that an event was kept with; None where they were left out."""
    try:
        found = json.loads(body)["exception"]["frames"]
        return [Frame(**{name: one[name] for name in Frame._fields}) for one in found]
    except (ValueError, KeyError, TypeError):
        return None


def _parts(connection: Connection, old: str) -> list[tuple[str, str]]:
    """What a group was divided into, and the codes of each; most events first."""
    found = select(_p.new, _p.codes).where(_p.old == old)
    rows = connection.execute(found.order_by(_p.events.desc(), _p.new))
    return [*rows]


def _parts_by_codes(connection: Connection, old: str) -> dict[str, str]:
    return {codes: new for new, codes in reversed(_parts(connection, old))}


def _same(old: str) -> str:
    """The new fingerprint of errors without a code."""
    return fingerprint_without_place(old, "")


def _cells(
    connection: Connection, table: Table, old: str, spans: Iterable[int] | None
) -> dict[Cell, int]:
    """The counts of a group, of some hours or days, or of all."""
    keys = list(table.primary_key.columns)
    wanted = select(*keys, table.c.events).where(table.c.fingerprint == old)
    if spans is not None:
        wanted = wanted.where(keys[1].in_(spans))
    return {tuple(row[:-1]): row[-1] for row in connection.execute(wanted)}


def _negative(cells: Mapping[Cell, int]) -> dict[Cell, int]:
    return {key: -times for key, times in cells.items() if times}


def _note_retried(
    connection: Connection, old: str, events: Sequence[ErrorEvent]
) -> None:
    """Runs that were run again since stay so."""
    c = error_run.c
    ids = {event.run_id for event in events if event.run_id}
    again = select(c.source, c.run_id, c.retried_at).where(
        c.fingerprint == old, c.run_id.in_(ids), c.retried_at.is_not(None)
    )
    new = {event.fingerprint for event in events}
    for source, run_id, at in connection.execute(again).all():
        mine = (c.fingerprint.in_(new)) & (c.source == source) & (c.run_id == run_id)
        connection.execute(update(error_run).where(mine).values(retried_at=at))


def _move_struck(
    connection: Connection, dialect: str, table: Table, old: str, new: str
) -> None:
    """People or runs of the old group that no part knows yet; then all are counted."""
    c = table.c
    keys = (column.name for column in table.primary_key.columns)
    own = [name for name in keys if name != "fingerprint"]
    parts = select(_p.new).where(_p.old == old)
    other = table.alias()
    known = (
        select(other.c.fingerprint)
        .where(other.c.fingerprint.in_(parts))
        .where(*(other.c[name] == c[name] for name in own))
        .exists()
    )
    rest = [column.name for column in c if column.name != "fingerprint"]
    left = connection.execute(
        select(*(c[name] for name in rest)).where(c.fingerprint == old, ~known)
    ).mappings()
    rows = [{**row, "fingerprint": new} for row in left]
    if rows:
        connection.execute(insert_into(table, dialect).on_conflict_do_nothing(), rows)
    connection.execute(delete(table).where(c.fingerprint == old))
    counter = "visitors" if table is error_visitor else "runs"
    number = (
        select(func.count())
        .select_from(table)
        .where(c.fingerprint == _g.fingerprint)
        .scalar_subquery()
    )
    mine = update(error_group).where(_g.fingerprint == new)
    connection.execute(mine.values({counter: number}))


def _set_seen(connection: Connection, old: str, new: str) -> None:
    """The first and last sight of the whole belong to a part: to ``new`` where to none."""
    parts = select(_p.new).where(_p.old == old)
    seen = select(_g.first_seen, _g.last_seen)
    first, last = connection.execute(seen.where(_g.fingerprint == old)).one()
    spans = connection.execute(
        select(_e.fingerprint, func.min(_e.at))
        .where(_e.fingerprint.in_(parts))
        .group_by(_e.fingerprint)
    )
    earliest = dict([*spans])
    if min(earliest.values(), default=last + 1) > first:
        earliest[new] = first
    for part, at in sorted(earliest.items()):
        mine = update(error_group).where(_g.fingerprint == part)
        later = case((_g.last_seen < last, last), else_=_g.last_seen)
        connection.execute(
            mine.values(first_seen=at, last_seen=later if part == new else _g.last_seen)
        )


def _merge_parts(
    connection: Connection, parts: Sequence[tuple[str, str]], root: str | None
) -> str | None:
    """Merge the parts of a merged group as the whole was; where its largest one went."""
    if root is None:
        return None
    whole = select(_g.merged_into).where(_g.fingerprint == root, _g.retired)
    otherwise = connection.execute(whole).scalar() or root
    by_codes = _parts_by_codes(connection, root)
    targets = [by_codes.get(codes, otherwise) for _, codes in parts]
    for (part, _codes), target in zip(parts, targets, strict=True):
        if part != target:
            moved = (_g.fingerprint == part) | (_g.merged_into == part)
            connection.execute(
                update(error_group).where(moved).values(merged_into=target)
            )
    return targets[0]


def _rename_alerts(connection: Connection, old: str, new: str) -> None:
    """An alert of the old group goes on as one of the new one."""
    s = alert_state.c
    taken = select(s.label).where(s.rule == "NewErrorGroup", s.label == new)
    if connection.execute(taken).first() is None:
        mine = update(alert_state).where(s.rule == "NewErrorGroup", s.label == old)
        connection.execute(mine.values(label=new))
    for table in (alert_episode, alert_silence):
        named = table.c.rule == "NewErrorGroup", table.c.label == old
        connection.execute(update(table).where(*named).values(label=new))
