"""What the rules of alerts ask of the store and nobody else does; all bounded."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, true

from data.clock import DAY_MS, HOUR_MS, WEEK_MS
from data.db import Database
from data.model import GroupStatus
from data.store.error_tables import (
    error_group,
    error_hour,
    error_met,
    error_scan,
)
from data.store.tables import rollup_state, stall_episode
from data.store.texts import storable

#: Groups that are looked at, the last ones.
MOST_GROUPS: Final = 500
#: Stalled episodes that are looked at.
MOST_EPISODES: Final = 50_000

_g: Final = error_group.c
_s: Final = stall_episode.c
#: Failed runs must have been read so far back before an error of them counts as new.
_READ_BACK_MS: Final = WEEK_MS


class StallSpan(NamedTuple):
    """One run's time as stalled."""

    source: str
    job_name: str
    since: int
    #: None while it goes on
    until: int | None
    run_id: str


class FreshGroup(NamedTuple):
    """A group of errors that may be new."""

    fingerprint: str
    title: str
    status: GroupStatus
    first_seen: int
    last_seen: int
    #: when it came back, or somebody sorted it; 0 for never
    status_at: int
    #: "browser", "server" or "job"
    origin: str


#: Says of the column of sources which ones count.
Among = Callable[[ColumnElement[str]], ColumnElement[bool]]


def stalled_since(
    database: Database, since: int, among: Among = lambda _source: true()
) -> list[int]:
    """When runs were first seen as stalled, of all sources, newest first."""
    wanted = _s.first_seen_at >= since, among(_s.source)
    statement = select(_s.first_seen_at).where(*wanted)
    newest = statement.order_by(_s.first_seen_at.desc()).limit(MOST_EPISODES)
    rows = database.fetch(newest)
    return [at for (at,) in rows]


def stalled_between(
    database: Database, after: int, until: int, among: Among = lambda _source: true()
) -> int:
    """How many runs of all sources were first seen as stalled in ``(after, until]``."""
    span = _s.first_seen_at > after, _s.first_seen_at <= until, among(_s.source)
    return int(database.fetch(select(func.count()).where(*span))[0][0])


def stalls_of(
    database: Database, job_names: Collection[str], since: int
) -> list[StallSpan]:
    """Stalled runs of these job types that went on after then, oldest first."""
    spans: list[StallSpan] = []
    for is_wanted in (_s.ended_at.is_(None), _s.ended_at > since):
        statement = (
            select(_s.source, _s.job_name, _s.first_seen_at, _s.ended_at, _s.run_id)
            .where(_s.job_name.in_([*map(storable, job_names)]), is_wanted)
            .order_by(_s.ended_at.desc())  # as the index has them
            .limit(MOST_EPISODES)
        )
        spans += [StallSpan(*row) for row in database.fetch(statement)]
    return sorted(spans, key=lambda span: span.since)


def sources_read(database: Database, since: int) -> set[str]:
    """Sources that some process has read since then."""
    c = rollup_state.c
    rows = database.fetch(select(c.source).where(c.refreshed_until >= since))
    return {name for (name,) in rows}


def fresh_groups(
    database: Database, since: int, also: Collection[str] = ()
) -> list[FreshGroup]:
    """Groups first seen, or back, since then, and those of ``also``; newest first."""
    came_back = (_g.status == GroupStatus.REGRESSED.value) & (_g.status_at >= since)
    statement = (
        select(*(_g[name] for name in FreshGroup._fields))
        .where(
            _g.merged_into.is_(None),
            _g.last_seen >= since,
            or_(_g.first_seen >= since, came_back, _g.fingerprint.in_(also)),
        )
        .order_by(_g.last_seen.desc(), _g.fingerprint)
        .limit(MOST_GROUPS)
    )
    found = [FreshGroup(*row) for row in database.fetch(statement)]
    return [group._replace(status=GroupStatus(group.status)) for group in found]


def events_by_hour(
    database: Database, fingerprints: Collection[str], since: int
) -> dict[str, dict[int, int]]:
    """Events of these groups by hour: ``{fingerprint: {start of the hour: events}}``."""
    c = error_hour.c
    wanted = _by_hour(c, c.hour, func.sum(c.events), fingerprints, since)
    return _nested(database.fetch(wanted))


def visitors_by_hour(
    database: Database, fingerprints: Collection[str], since: int
) -> dict[str, dict[int, int]]:
    """People, or tabs, that met these errors, by hour."""
    c = error_met.c
    people = func.count(c.visitor.distinct())
    return _nested(database.fetch(_by_hour(c, c.hour, people, fingerprints, since)))


def visitors_since(
    database: Database, fingerprints: Collection[str], since: int
) -> dict[str, int]:
    """How many people, or tabs, met these errors since then."""
    c = error_met.c
    statement = (
        select(_root().label("root"), func.count(c.visitor.distinct()))
        .join(error_group, _g.fingerprint == c.fingerprint)
        .where(c.hour > since - HOUR_MS, c.last_at >= since)
        .where(_root().in_(fingerprints))
        .group_by("root")
    )
    return {root: int(people) for root, people in database.fetch(statement)}


def failures_read_from(database: Database, sources: Collection[str]) -> int:
    """Failed runs of each of these sources were read back to here."""
    c = error_scan.c
    farthest = select(func.max(c.read_from)).where(c.source.in_(sources))
    return int(database.fetch(farthest)[0][0] or 0)


def is_surely_new(group: FreshGroup, now_ms: int, read_from: int) -> bool:
    """Was it first seen, or did it come back, less than a day ago?

    What failed runs tell is read backwards: it may be older than it seems until then.
    Clocks of browsers may be ahead.
    """
    span = range(now_ms - DAY_MS, now_ms + HOUR_MS)
    if group.status is GroupStatus.REGRESSED and group.status_at in span:
        return True
    read = group.origin != "job" or read_from <= group.first_seen - _READ_BACK_MS
    return group.first_seen in span and read


def _root() -> ColumnElement[str]:
    return func.coalesce(_g.merged_into, _g.fingerprint)


def _by_hour(
    columns: Any,
    hour: ColumnElement[int],
    counted: ColumnElement[int],
    fingerprints: Collection[str],
    since: int,
) -> Select[str, int, int]:
    """By the group that each fingerprint belongs to now."""
    root = _root().label("root")
    members = select(_g.fingerprint).where(_root().in_(fingerprints))
    start = hour.label("start")
    return (
        select(root, start, counted)
        .join(error_group, _g.fingerprint == columns.fingerprint)
        .where(columns.fingerprint.in_(members), hour >= since - since % HOUR_MS)
        .group_by(root, start)
    )


def _nested(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for fingerprint, at, number in rows:
        found.setdefault(fingerprint, {})[int(at)] = int(number)
    return found
