"""Tracked errors: every event once, their groups, and how often they came.

Writing is one short transaction a batch. Lists and charts read the counts by hour and
day, so that they cost the same whatever number of events is kept.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    Select,
    Subquery,
    Table,
    case,
    delete,
    func,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import aliased

from data.clock import DAY_MS, HOUR_MS
from data.db import Database
from data.exceptions import UnknownErrorGroupError
from data.model import ErrorEvent, GroupStatus
from data.store.error_tables import (
    error_day,
    error_event,
    error_group,
    error_hour,
    error_run,
    error_scan,
    error_visitor,
)
from data.store.sums import add_sums
from data.store.tallies import errors_of
from data.store.texts import storable, storable_key
from data.store.upserts import insert_into

#: The events of a group are counted to here for those who step through them.
COUNTED_TO: Final = 1_000
#: What is kept of events; of what is older only the counts.
MOST_EVENTS: Final = 1_000_000
_CHUNK: Final = 200
_PRUNED_AT_ONCE: Final = 20_000

_g: Final = error_group.c
_e: Final = error_event.c
_EVENT_COLUMNS: Final = [column for column in error_event.c if column.name != "id"]


class Written(NamedTuple):
    """What became of a batch."""

    #: ids of events that were not known before
    new: set[str]
    #: groups that came back after they were resolved
    regressed: set[str]


class ErrorFilter(NamedTuple):
    """Which errors are asked for; every condition that is not "" or 0 must hold."""

    #: events since this instant, epoch ms
    since: int = 0
    until: int = 0
    statuses: frozenset[GroupStatus] = frozenset()
    #: "browser", "server" or "job"
    origin: str = ""
    action: str = ""
    component: str = ""
    job_name: str = ""
    #: part of the title, whatever the case
    text: str = ""


class Group(NamedTuple):
    """Errors that are the same error."""

    fingerprint: str
    title: str
    type: str
    origin: str
    action: str
    component: str
    job_name: str
    first_seen: int
    last_seen: int
    status: GroupStatus
    #: when somebody, or its return, made it so; 0 for never
    status_at: int
    status_by: str
    #: in the asked range
    events: int
    #: distinct people or tabs, and runs, since it was first seen
    visitors: int
    runs: int
    #: fingerprints that were merged into this one
    merged: tuple[str, ...]


class KeptEvent(NamedTuple):
    """One event as it is stored; ``body`` is JSON."""

    id: int
    event_id: str
    fingerprint: str
    at: int
    received_at: int
    level: str
    origin: str
    kind: str
    type: str
    message: str
    action: str
    component: str
    job_name: str
    source: str
    run_id: str
    visitor: str
    times: int
    body: str


class StruckRun(NamedTuple):
    """A run that failed with an error."""

    source: str
    run_id: str
    job_name: str
    last_at: int
    retried_at: int | None


class ErrorLog:
    """The tracked errors of all sources."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ---- writing ----

    def write(
        self, events: Sequence[ErrorEvent], counted: Iterable[ErrorEvent] = ()
    ) -> Written:
        """Keep events that are not known yet; of those in ``counted`` the count only."""
        new: set[str] = set()
        with self._db.writing() as connection:
            for at in range(0, len(events), _CHUNK):
                new |= self._insert(connection, events[at : at + _CHUNK])
            once = {event.event_id: event for event in events if event.event_id in new}
            fresh = [*once.values(), *counted]
            regressed = self._upsert_groups(connection, fresh)
            self._count(connection, fresh)
            self._note_struck(connection, fresh)
            add_sums(connection, self._db.dialect, errors_of(fresh))
        return Written(new, regressed)

    def _insert(self, connection: Connection, events: Sequence[ErrorEvent]) -> set[str]:
        rows = {event.event_id: _to_values(event) for event in events}
        insert = insert_into(error_event, self._db.dialect)
        once = insert.on_conflict_do_nothing(index_elements=[_e.event_id])
        found = connection.execute(once.returning(_e.event_id), [*rows.values()])
        return {id_ for (id_,) in found}

    def _upsert_groups(
        self, connection: Connection, events: Sequence[ErrorEvent]
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
        connection.execute(self._upsert_group(), rows)
        return _regressed(
            connection, {one: last.at for one, (_, last) in spans.items()}
        )

    def _upsert_group(self) -> Insert:
        insert = insert_into(error_group, self._db.dialect)
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

    def _count(self, connection: Connection, events: Sequence[ErrorEvent]) -> None:
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
            insert = insert_into(table, self._db.dialect)
            more = {"events": table.c.events + insert.excluded.events}
            upsert = insert.on_conflict_do_update(index_elements=names, set_=more)
            if rows:
                connection.execute(upsert, rows)

    def _note_struck(
        self, connection: Connection, events: Sequence[ErrorEvent]
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
        self._note_each(connection, error_visitor, _g.visitors, visitors)
        self._note_each(connection, error_run, _g.runs, runs)

    def _note_each(
        self,
        connection: Connection,
        table: Table,
        counter: Column[int],
        struck: Mapping[tuple[str, ...], Mapping[str, object]],
    ) -> None:
        """Note whom or what errors struck: new ones are counted, others moved on."""
        if not struck:
            return
        names = [column.name for column in table.primary_key.columns]
        rows = [
            {**dict(zip(names, key, strict=True)), **struck[key]}
            for key in sorted(struck)
        ]
        keys = [table.c[name] for name in names]
        insert = insert_into(table, self._db.dialect)
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
            newer = {
                name: insert.excluded[name] for name in next(iter(struck.values()))
            }
            move = insert.on_conflict_do_update(index_elements=names, set_=newer)
            connection.execute(move, known)

    # ---- what people do to groups ----

    def set_status(
        self, fingerprint: str, status: GroupStatus, *, by: str, at_ms: int
    ) -> None:
        """Resolve, ignore or open a group again. Raises UnknownErrorGroupError."""
        with self._db.writing() as connection:
            done = connection.execute(
                update(error_group)
                .where(_g.fingerprint == storable(fingerprint))
                .where(_g.merged_into.is_(None))
                .values(status=status, status_at=at_ms, status_by=storable(by))
            )
            _require(done.rowcount, fingerprint)

    def merge(self, into: str, others: Collection[str]) -> None:
        """Make groups, with what was merged into them, part of another one.

        Raises UnknownErrorGroupError.
        """
        moved = [storable(other) for other in others if other != into]
        with self._db.writing() as connection:
            root = select(_g.fingerprint).where(
                _g.fingerprint == storable(into), _g.merged_into.is_(None)
            )
            _require(connection.execute(root).first(), into)
            connection.execute(
                update(error_group)
                .where(_g.fingerprint.in_(moved) | _g.merged_into.in_(moved))
                .values(merged_into=into)
            )

    def split(self, fingerprint: str) -> None:
        """Make a merged fingerprint a group of its own again.

        Raises UnknownErrorGroupError when it is not part of one.
        """
        with self._db.writing() as connection:
            done = connection.execute(
                update(error_group)
                .where(_g.fingerprint == storable(fingerprint))
                .where(_g.merged_into.is_not(None))
                .values(merged_into=None)
            )
            _require(done.rowcount, fingerprint)

    def note_retried(self, source: str, run_ids: Collection[str], at_ms: int) -> None:
        """These runs were run again."""
        ids = [storable_key(run_id) for run_id in run_ids]
        with self._db.writing() as connection:
            for at in range(0, len(ids), _CHUNK):
                connection.execute(
                    update(error_run)
                    .where(error_run.c.source == source)
                    .where(error_run.c.run_id.in_(ids[at : at + _CHUNK]))
                    .values(retried_at=at_ms)
                )

    # ---- reading ----

    def groups(
        self, filter_: ErrorFilter, *, after: int = 0, limit: int = 50
    ) -> list[Group]:
        """Groups with events in the range, most frequent first; ``after`` so many."""
        root = func.coalesce(_g.merged_into, _g.fingerprint)
        counts = _cells(filter_)
        found = (
            select(root.label("root"), func.sum(counts.c.events).label("events"))
            .join(error_group, _g.fingerprint == counts.c.fingerprint)
            .group_by(root)
            .subquery()
        )
        statement = _matching(
            select(*_group_columns(), found.c.events)
            .join(found, found.c.root == _g.fingerprint)
            .order_by(found.c.events.desc(), _g.fingerprint)
            .limit(limit)
            .offset(after),
            filter_,
        )
        with self._db.reading() as connection:
            return _to_groups(connection, connection.execute(statement).all())

    def group(self, fingerprint: str, *, since: int = 0) -> Group:
        """The group that a fingerprint belongs to. Raises UnknownErrorGroupError."""
        with self._db.reading() as connection:
            root = connection.execute(
                select(func.coalesce(_g.merged_into, _g.fingerprint)).where(
                    _g.fingerprint == storable(fingerprint)
                )
            ).scalar()
            if root is None:
                raise UnknownErrorGroupError(fingerprint)
            counts = _cells(ErrorFilter(since=since))
            members = select(_g.fingerprint).where(
                (_g.fingerprint == root) | (_g.merged_into == root)
            )
            events = select(func.coalesce(func.sum(counts.c.events), 0)).where(
                counts.c.fingerprint.in_(members)
            )
            row = connection.execute(
                select(
                    *_group_columns(), events.scalar_subquery().label("events")
                ).where(_g.fingerprint == root)
            ).one()
            return _to_groups(connection, [row])[0]

    def events(
        self,
        members: Collection[str],
        *,
        since: int = 0,
        until: int = 0,
        before: tuple[int, int] | None = None,
        limit: int = 1,
    ) -> list[KeptEvent]:
        """Events of these fingerprints, or of all, newest first.

        ``before`` is the (at, id) of an event: only older ones.
        """
        statement = select(error_event).order_by(_e.at.desc(), _e.id.desc())
        if members:
            statement = statement.where(_e.fingerprint.in_(map(storable, members)))
        if since:
            statement = statement.where(_e.at >= since)
        if until:
            statement = statement.where(_e.at < until)
        if before is not None:
            statement = statement.where(_is_before(*before))
        return [KeptEvent(*row) for row in self._db.fetch(statement.limit(limit))]

    def newer_event(
        self, members: Collection[str], after: tuple[int, int]
    ) -> KeptEvent | None:
        """The event that came next after the one of this (at, id)."""
        at, id_ = after
        statement = (
            select(error_event)
            .where(_e.fingerprint.in_(map(storable, members)))
            .where((_e.at > at) | ((_e.at == at) & (_e.id > id_)))
            .order_by(_e.at, _e.id)
            .limit(1)
        )
        rows = self._db.fetch(statement)
        return KeptEvent(*rows[0]) if rows else None

    def position(self, members: Collection[str], event: KeptEvent) -> tuple[int, int]:
        """Which of how many kept events this is, newest first, to ``COUNTED_TO``."""
        own = select(_e.id).where(_e.fingerprint.in_(map(storable, members)))
        newer = own.where(
            (_e.at > event.at) | ((_e.at == event.at) & (_e.id > event.id))
        )
        with self._db.reading() as connection:
            return _counted(connection, newer) + 1, _counted(connection, own)

    def runs(
        self, members: Collection[str], *, limit: int, again: bool = True
    ) -> list[StruckRun]:
        """Runs that these errors struck, newest first.

        ``again`` False leaves out those that were run again since.
        """
        c = error_run.c
        statement = (
            select(c.source, c.run_id, c.job_name, c.last_at, c.retried_at)
            .where(c.fingerprint.in_(map(storable, members)))
            .order_by(c.last_at.desc(), c.run_id)
            .limit(limit)
        )
        if not again:
            statement = statement.where(c.retried_at.is_(None))
        rows = {tuple(row[:2]): StruckRun(*row) for row in self._db.fetch(statement)}
        return [*rows.values()]

    def series(
        self, filter_: ErrorFilter, step_ms: int, fingerprints: Collection[str]
    ) -> dict[str, dict[int, int]]:
        """Events by group and step: ``{fingerprint: {start of the step: events}}``."""
        table, at = _by(step_ms)
        c = table.c
        start = (at - at % step_ms) if step_ms not in (HOUR_MS, DAY_MS) else at
        root = func.coalesce(_g.merged_into, _g.fingerprint)
        members = select(_g.fingerprint).where(root.in_(fingerprints))
        statement = (
            select(root, start, func.sum(c.events))
            .join(error_group, _g.fingerprint == c.fingerprint)
            .where(c.fingerprint.in_(members), at >= filter_.since // step_ms * step_ms)
            .group_by(root, start)
        )
        found: dict[str, dict[int, int]] = {}
        for fingerprint, when, events in self._db.fetch(statement):
            found.setdefault(fingerprint, {})[int(when)] = int(events)
        return found

    def by_action(
        self, filter_: ErrorFilter, step_ms: int
    ) -> list[tuple[int, str, int]]:
        """(start of the step, action, events) in the range, oldest first."""
        table, at = _by(step_ms)
        statement = (
            select(at, table.c.action, func.sum(table.c.events))
            .where(
                at >= filter_.since // step_ms * step_ms, *_dimensions(table, filter_)
            )
            .group_by(at, table.c.action)
            .order_by(at, table.c.action)
        )
        if filter_.until:
            statement = statement.where(at < filter_.until)
        return [(int(s), a, int(n)) for s, a, n in self._db.fetch(statement)]

    def words(self, since: int) -> dict[str, list[str]]:
        """The actions, components and job types that occur in the range."""
        c = error_day.c
        day = since // DAY_MS * DAY_MS
        found: dict[str, list[str]] = {}
        for column in (c.action, c.component, c.job_name):
            statement = (
                select(column).where(c.day >= day, column != "").distinct().limit(200)
            )
            rows = self._db.fetch(statement)
            found[column.name] = sorted(word for (word,) in rows)
        return found

    def met_by(self, since: int, until: int, job: str = "") -> dict[str, int]:
        """By action, how many people or tabs last met one of its groups in the range."""
        v = error_visitor.c
        statement = (
            select(_g.action, func.count(v.visitor.distinct()))
            .join(error_visitor, v.fingerprint == _g.fingerprint)
            .where(v.last_at >= since, v.last_at < until)
            .group_by(_g.action)
        )
        if job:
            statement = statement.where(_g.job_name == storable_key(job))
        return {action: int(n) for action, n in self._db.fetch(statement)}

    def lines(self, filter_: ErrorFilter) -> Iterator[Sequence[KeptEvent]]:
        """All events of the range, newest first, some at a time."""
        before = None
        while rows := self._filtered(filter_, before):
            yield rows
            before = (rows[-1].at, rows[-1].id)

    def page(
        self, filter_: ErrorFilter, *, before: tuple[int, int] | None, limit: int
    ) -> list[KeptEvent]:
        """At most ``limit`` events, newest first, older than ``before``."""
        return self._filtered(filter_, before, limit)

    def _filtered(
        self,
        filter_: ErrorFilter,
        before: tuple[int, int] | None,
        limit: int = _CHUNK,
    ) -> list[KeptEvent]:
        statement = select(error_event).order_by(_e.at.desc(), _e.id.desc())
        statement = statement.where(*_dimensions(error_event, filter_))
        if filter_.since:
            statement = statement.where(_e.at >= filter_.since)
        if filter_.until:
            statement = statement.where(_e.at < filter_.until)
        if filter_.statuses or filter_.text:
            root = aliased(error_group)
            own = select(_g.fingerprint).join(
                root,
                root.c.fingerprint == func.coalesce(_g.merged_into, _g.fingerprint),
            )
            statement = statement.where(
                _e.fingerprint.in_(own.where(*_of_group(root.c, filter_)))
            )
        if before is not None:
            statement = statement.where(_is_before(*before))
        return [KeptEvent(*row) for row in self._db.fetch(statement.limit(limit))]

    # ---- how far the failed runs of a source were read ----

    def scanned(self, source: str) -> tuple[int, int] | None:
        """(read until, read from); None before the first read."""
        c = error_scan.c
        rows = self._db.fetch(
            select(c.read_until, c.read_from).where(c.source == source)
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def note_scanned(self, source: str, read_until: int, read_from: int) -> None:
        """Failed runs that ended between these instants are known."""
        with self._db.writing() as connection:
            self._upsert_last(
                connection,
                error_scan,
                {"source": source},
                {"read_until": read_until, "read_from": read_from},
            )

    def _upsert_last(
        self,
        connection: Connection,
        table: Table,
        key: Mapping[str, object],
        values: Mapping[str, object],
    ) -> None:
        insert = insert_into(table, self._db.dialect).values(**key, **values)
        connection.execute(
            insert.on_conflict_do_update(index_elements=[*key], set_=values)
        )

    # ---- forgetting ----

    def prune(self, before_ms: int, *, most: int = MOST_EVENTS) -> int:
        """Forget what came before then, and above ``most`` events the oldest.

        Returns how many events were forgotten.
        """
        forgotten = 0
        while pruned := self._prune_events(before_ms, most):
            forgotten += pruned
        with self._db.writing() as connection:
            for table, column in (
                (error_hour, error_hour.c.hour),
                (error_day, error_day.c.day),
            ):
                connection.execute(delete(table).where(column < before_ms))
            part = aliased(error_group)
            # one that others were merged into lives as long as they do
            alive = select(part.c.merged_into).where(
                part.c.merged_into.is_not(None), part.c.last_seen >= before_ms
            )
            connection.execute(
                delete(error_group).where(
                    _g.last_seen < before_ms, _g.fingerprint.not_in(alive)
                )
            )
            for table, counter in ((error_visitor, "visitors"), (error_run, "runs")):
                _recount(connection, table, counter, before_ms)
        return forgotten

    def _prune_events(self, before_ms: int, most: int) -> int:
        """Some at a time: whoever writes waits no longer than a batch takes."""
        with self._db.writing() as connection:
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
    touched = select(c.fingerprint).where(c.last_at < before).distinct()
    groups = connection.execute(touched).scalars().all()
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


def _to_groups(connection: Connection, rows: Sequence[Any]) -> list[Group]:
    """Rows of ``_group_columns`` and events, with what was merged into each."""
    merged: dict[str, list[Any]] = {row[0]: [] for row in rows}
    others = select(
        _g.merged_into,
        _g.fingerprint,
        _g.visitors,
        _g.runs,
        _g.first_seen,
        _g.last_seen,
    )
    others = others.where(_g.merged_into.in_(merged)).order_by(_g.fingerprint)
    for root, *part in connection.execute(others):
        merged[root].append(part)
    return [_to_group(row, merged[row[0]]) for row in rows]


def _to_group(row: Any, parts: Sequence[Any]) -> Group:
    names = [*(column.name for column in _group_columns()), "events"]
    values = dict(zip(names, row, strict=True))
    return Group(
        **{
            **values,
            "status": GroupStatus(values["status"]),
            "events": int(values["events"]),
            "visitors": values["visitors"] + sum(part[1] for part in parts),
            "runs": values["runs"] + sum(part[2] for part in parts),
            "first_seen": min([values["first_seen"], *(part[3] for part in parts)]),
            "last_seen": max([values["last_seen"], *(part[4] for part in parts)]),
            "merged": tuple(part[0] for part in parts),
        }
    )


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


def _group_columns() -> list[ColumnElement[Any]]:
    return [_g[name] for name in Group._fields if name in _g]


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


def _require(found: object, fingerprint: str) -> None:
    if not found:
        raise UnknownErrorGroupError(fingerprint)


def _by(step_ms: int) -> tuple[Table, ColumnElement[int]]:
    """The table of counts that knows steps of this length."""
    if step_ms % DAY_MS == 0:
        return error_day, error_day.c.day
    return error_hour, error_hour.c.hour


def _cells(filter_: ErrorFilter) -> Subquery:
    """Counts of the range, exact to the hour: whole days, and the hours around them."""
    day, hour = error_day.c.day, error_hour.c.hour
    first_day = -(-filter_.since // DAY_MS) * DAY_MS
    first_hour = filter_.since // HOUR_MS * HOUR_MS
    days = _summed(error_day, filter_).where(day >= first_day)
    hours = _summed(error_hour, filter_).where(hour >= first_hour)
    if not filter_.until:
        return union_all(days, hours.where(hour < first_day)).subquery()
    last_day = max(filter_.until // DAY_MS * DAY_MS, first_day)
    around = (hour < first_day) | (hour >= last_day)
    return union_all(
        days.where(day < last_day), hours.where(around, hour < filter_.until)
    ).subquery()


def _summed(table: Table, filter_: ErrorFilter) -> Select[Any]:
    """One row a fingerprint, before anything is joined to it."""
    events = func.sum(table.c.events).label("events")
    wanted = select(table.c.fingerprint, events).where(*_dimensions(table, filter_))
    return wanted.group_by(table.c.fingerprint)


def _dimensions(table: Table, filter_: ErrorFilter) -> list[ColumnElement[bool]]:
    return [
        table.c[name] == storable_key(value)
        for name in ("origin", "action", "component", "job_name")
        if (value := getattr(filter_, name))
    ]


def _matching(
    statement: Select[*tuple[Any, ...]], filter_: ErrorFilter
) -> Select[*tuple[Any, ...]]:
    return statement.where(*_of_group(_g, filter_))


def _of_group(columns: Any, filter_: ErrorFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filter_.statuses:
        found.append(columns.status.in_(filter_.statuses))
    if filter_.text:
        part = storable(filter_.text)
        found.append(columns.title.icontains(part, autoescape=True))
    return found


def _is_before(at: int, id_: int) -> ColumnElement[bool]:
    return (_e.at < at) | ((_e.at == at) & (_e.id < id_))


def _counted(connection: Connection, rows: Select[Any]) -> int:
    some = rows.limit(COUNTED_TO + 1).subquery()
    found = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return int(found)
