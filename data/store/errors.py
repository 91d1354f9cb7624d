"""Tracked errors: every event once, their groups, and how often they came.

Writing is one short transaction a batch. Lists and charts read the counts by hour and
day, so that they cost the same whatever number of events is kept.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    func,
    select,
    update,
)
from sqlalchemy.orm import aliased

from data.clock import DAY_MS, HOUR_MS
from data.db import Database
from data.exceptions import UnknownErrorGroupError
from data.model import ErrorEvent, GroupStatus
from data.store.error_counts import counts_by, counts_of, dimensions, of_source
from data.store.error_intake import Written, take_in
from data.store.error_pruning import prune
from data.store.error_records import ErrorFilter, Group, KeptEvent, StruckRun
from data.store.error_tables import (
    error_day,
    error_event,
    error_group,
    error_met,
    error_run,
    error_scan,
)
from data.store.texts import storable, storable_key
from data.store.upserts import insert_into

#: The events of a group are counted to here for those who step through them.
COUNTED_TO: Final = 1_000
#: What is kept of events; of what is older only the counts.
MOST_EVENTS: Final = 1_000_000
_CHUNK: Final = 200

_g: Final = error_group.c
_e: Final = error_event.c


class ErrorLog:
    """The tracked errors of all sources."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ---- writing ----

    def write(
        self, events: Sequence[ErrorEvent], counted: Iterable[ErrorEvent] = ()
    ) -> Written:
        """Keep events that are not known yet; of those in ``counted`` the count only."""
        with self._db.writing() as connection:
            return take_in(connection, self._db.dialect, events, counted)

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
        self,
        filter_: ErrorFilter,
        *,
        after: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> list[Group]:
        """Groups with events in the range, most frequent first.

        ``after`` is (events, fingerprint) of the last one that is known.
        """
        root = func.coalesce(_g.merged_into, _g.fingerprint)
        counts = counts_of(filter_)
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
            .limit(limit),
            filter_,
        )
        if after is not None:
            events, fingerprint = after
            is_later = (found.c.events == events) & (_g.fingerprint > fingerprint)
            statement = statement.where((found.c.events < events) | is_later)
        with self._db.reading() as connection:
            groups = _to_groups(connection, connection.execute(statement).all())
            if filter_.source:
                return _of_source(connection, groups, filter_.source)
            return groups

    def group(self, fingerprint: str, *, since: int = 0, source: str = "") -> Group:
        """The group that a fingerprint belongs to. Raises UnknownErrorGroupError."""
        with self._db.reading() as connection:
            root = connection.execute(
                select(func.coalesce(_g.merged_into, _g.fingerprint)).where(
                    _g.fingerprint == storable(fingerprint)
                )
            ).scalar()
            if root is None:
                raise UnknownErrorGroupError(fingerprint)
            counts = counts_of(ErrorFilter(since=since, source=source))
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
            groups = _to_groups(connection, [row])
            return (_of_source(connection, groups, source) if source else groups)[0]

    def events(
        self,
        members: Collection[str],
        *,
        since: int = 0,
        until: int = 0,
        before: tuple[int, int] | None = None,
        source: str = "",
        limit: int = 1,
    ) -> list[KeptEvent]:
        """Events of these fingerprints, or of all, newest first.

        ``before`` is the (at, id) of an event: only older ones. ``source`` leaves out
        those of others.
        """
        statement = select(error_event).order_by(_e.at.desc(), _e.id.desc())
        statement = statement.where(*_of_members(members, source))
        if since:
            statement = statement.where(_e.at >= since)
        if until:
            statement = statement.where(_e.at < until)
        if before is not None:
            statement = statement.where(_is_before(*before))
        return [KeptEvent(*row) for row in self._db.fetch(statement.limit(limit))]

    def newer_event(
        self, members: Collection[str], after: tuple[int, int], *, source: str = ""
    ) -> KeptEvent | None:
        """The event that came next after the one of this (at, id)."""
        at, id_ = after
        statement = (
            select(error_event)
            .where(*_of_members(members, source))
            .where((_e.at > at) | ((_e.at == at) & (_e.id > id_)))
            .order_by(_e.at, _e.id)
            .limit(1)
        )
        rows = self._db.fetch(statement)
        return KeptEvent(*rows[0]) if rows else None

    def position(
        self, members: Collection[str], event: KeptEvent, *, source: str = ""
    ) -> tuple[int, int]:
        """Which of how many kept events this is, newest first, to ``COUNTED_TO``."""
        own = select(_e.id).where(*_of_members(members, source))
        newer = own.where(
            (_e.at > event.at) | ((_e.at == event.at) & (_e.id > event.id))
        )
        with self._db.reading() as connection:
            return _counted(connection, newer) + 1, _counted(connection, own)

    def runs(
        self,
        members: Collection[str],
        *,
        limit: int,
        again: bool = True,
        since: int = 0,
        source: str = "",
        job_name: str = "",
    ) -> list[StruckRun]:
        """Runs that these errors struck since then, newest first.

        ``again`` False leaves out those that were run again since.
        """
        c = error_run.c
        statement = (
            select(c.source, c.run_id, c.job_name, c.last_at, c.retried_at)
            .where(c.fingerprint.in_(map(storable, members)))
            .order_by(c.last_at.desc(), c.run_id)
            .limit(limit)
        )
        if since:
            statement = statement.where(c.last_at >= since)
        if source:
            statement = statement.where(of_source(error_run, source))
        if job_name:
            statement = statement.where(c.job_name == storable_key(job_name))
        if not again:
            statement = statement.where(c.retried_at.is_(None))
        rows = {tuple(row[:2]): StruckRun(*row) for row in self._db.fetch(statement)}
        return [*rows.values()]

    def series(
        self, filter_: ErrorFilter, step_ms: int, fingerprints: Collection[str]
    ) -> dict[str, dict[int, int]]:
        """Events by group and step: ``{fingerprint: {start of the step: events}}``."""
        table, at = counts_by(step_ms)
        c = table.c
        start = (at - at % step_ms) if step_ms not in (HOUR_MS, DAY_MS) else at
        root = func.coalesce(_g.merged_into, _g.fingerprint)
        members = select(_g.fingerprint).where(root.in_(fingerprints))
        statement = (
            select(root, start, func.sum(c.events))
            .join(error_group, _g.fingerprint == c.fingerprint)
            .where(c.fingerprint.in_(members), at >= filter_.since // step_ms * step_ms)
            .where(*dimensions(table, filter_))
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
        table, at = counts_by(step_ms)
        statement = (
            select(at, table.c.action, func.sum(table.c.events))
            .where(
                at >= filter_.since // step_ms * step_ms, *dimensions(table, filter_)
            )
            .group_by(at, table.c.action)
            .order_by(at, table.c.action)
        )
        if filter_.until:
            statement = statement.where(at < filter_.until)
        return [(int(s), a, int(n)) for s, a, n in self._db.fetch(statement)]

    def words(self, since: int, source: str = "") -> dict[str, list[str]]:
        """The actions, components and job types that occur in the range."""
        c = error_day.c
        day = since // DAY_MS * DAY_MS
        found: dict[str, list[str]] = {}
        for column in (c.action, c.component, c.job_name):
            statement = (
                select(column).where(c.day >= day, column != "").distinct().limit(200)
            )
            if source:
                statement = statement.where(of_source(error_day, source))
            rows = self._db.fetch(statement)
            found[column.name] = sorted(word for (word,) in rows)
        return found

    def met_by(
        self, since: int, until: int, job: str = "", source: str = ""
    ) -> dict[str, int]:
        """By action, how many people or tabs met one of its groups in the range."""
        m = error_met.c
        statement = (
            select(_g.action, func.count(m.visitor.distinct()))
            .join(error_met, m.fingerprint == _g.fingerprint)
            .where(m.hour > since - HOUR_MS, m.hour < until)
            .where(m.last_at >= since, m.first_at < until)
            .group_by(_g.action)
        )
        if job:
            statement = statement.where(_g.job_name == storable_key(job))
        if source:
            statement = statement.where(of_source(error_met, source))
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
        statement = statement.where(*dimensions(error_event, filter_))
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

    def prune(
        self,
        before_ms: int,
        *,
        groups_before_ms: int | None = None,
        most: int = MOST_EVENTS,
    ) -> int:
        """Forget what came before then, and above ``most`` events the oldest.

        Groups without events are kept back to ``groups_before_ms``; None: to the same.
        Returns how many events were forgotten.
        """
        oldest = before_ms if groups_before_ms is None else groups_before_ms
        return prune(self._db, before_ms, oldest, most)


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
    others = others.where(_g.merged_into.in_(merged), ~_g.retired)
    others = others.order_by(_g.fingerprint)
    for root, *part in connection.execute(others):
        merged[root].append(part)
    return [_to_group(row, merged[row[0]]) for row in rows]


def _of_source(
    connection: Connection, groups: Sequence[Group], source: str
) -> list[Group]:
    """The groups with the people and runs of one source only."""
    names = [one for group in groups for one in (group.fingerprint, *group.merged)]
    found: list[dict[str, int]] = []
    for table, what in (
        (error_met, error_met.c.visitor),
        (error_run, error_run.c.run_id),
    ):
        mine = table.c.fingerprint.in_(names), of_source(table, source)
        root = func.coalesce(_g.merged_into, _g.fingerprint)
        statement = (
            select(root, func.count(what.distinct()))
            .join(error_group, _g.fingerprint == table.c.fingerprint)
            .where(*mine)
            .group_by(root)
        )
        found.append({one: int(n) for one, n in connection.execute(statement)})
    people, runs = found
    return [
        one._replace(
            visitors=people.get(one.fingerprint, 0), runs=runs.get(one.fingerprint, 0)
        )
        for one in groups
    ]


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


def _group_columns() -> list[ColumnElement[Any]]:
    return [_g[name] for name in Group._fields if name in _g]


def _require(found: object, fingerprint: str) -> None:
    if not found:
        raise UnknownErrorGroupError(fingerprint)


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


def _of_members(members: Collection[str], source: str) -> list[ColumnElement[bool]]:
    """Is it an event of these fingerprints, or of any; and of this source, or of none?"""
    wanted = [_e.fingerprint.in_(map(storable, members))] if members else []
    return wanted + ([of_source(error_event, source)] if source else [])


def _is_before(at: int, id_: int) -> ColumnElement[bool]:
    return (_e.at < at) | ((_e.at == at) & (_e.id < id_))


def _counted(connection: Connection, rows: Select[Any]) -> int:
    some = rows.limit(COUNTED_TO + 1).subquery()
    found = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return int(found)
