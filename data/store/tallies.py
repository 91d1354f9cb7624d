"""What /metrics tells of the store: numbers that every process answers alike.

Counters only grow, although rows are forgotten: what ended long ago is added to sums
once, and what came later is counted each time.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, select, update

from data.clock import MINUTE_MS
from data.db import Database
from data.model import ErrorEvent, StallState
from data.store.alert_tables import alert_episode
from data.store.error_tables import error_group
from data.store.sums import Sums, add_sums, read_sums
from data.store.tables import stall_episode
from data.store.texts import storable_key
from data.store.upserts import insert_into
from data.store.viewing_tables import heard, viewer_session, viewing_total

#: A tab that told something within this is being looked at.
PRESENT_MS: Final = 2 * MINUTE_MS
#: Upper ends of the buckets of how long incidents took, in seconds; the last one is open.
RESOLVED_S: Final = (60, 300, 900, 1_800, 3_600, 14_400, 43_200, 86_400)
#: Job types that are counted by name, first come; all others are one.
JOB_TYPES: Final = 50
OTHER: Final = "other"
#: What an error may be about (contract.md); all else is "other".
ACTIONS: Final = frozenset(
    {
        *("loadActiveJobs", "loadJobHistory", "enqueueJob", "cancelJob"),
        *("cleanupStalledJobs", "loadJobDetails", "retryJob", "runJob"),
        *("liveLink", "renderPage", "monitor"),
        *("loadErrors", "loadTrends", "loadAlerts"),
    }
)
_e: Final = stall_episode.c
_a: Final = alert_episode.c
_s: Final = viewing_total.c
_WATCHED: Final = _e.origin == "watched"
#: To here, epoch ms, what ended is in the sums.
_FOLDED: Final = "folded"
_EPISODES: Final = "episodes"


class Tally(NamedTuple):
    """What the store knows, at one instant."""

    sums: Sums
    #: tabs that are being looked at
    sessions: int
    #: when each thing was heard of last, epoch ms
    heard: dict[str, int]
    #: groups of errors by status
    groups: dict[str, int]


class Tallies:
    """Counts over all tables of the store."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def read(self, now_ms: int) -> Tally:
        """Everything, as of now."""
        root = error_group.c.merged_into.is_(None)
        status = error_group.c.status
        groups = select(status, func.count()).where(root).group_by(status)
        present = select(func.count()).select_from(viewer_session)
        present = present.where(viewer_session.c.last_at > now_ms - PRESENT_MS)
        with self._db.reading() as connection:
            sums = Counter(read_sums(connection))
            since = sums.pop((_FOLDED, ""), 0)
            more = _ended(connection, _since(_e.ended_at, since), since)
            sums.update(_capped(sums, more))
            return Tally(
                dict(sums),
                connection.execute(present).scalar_one(),
                dict(connection.execute(select(heard.c.name, heard.c.at)).all()),
                dict(connection.execute(groups).all()),
            )

    def add(self, more: Mapping[tuple[str, str], int]) -> None:
        """Add to sums over all time."""
        with self._db.writing() as connection:
            add_sums(connection, self._db.dialect, more)

    def fold(self, until_ms: int) -> None:
        """Add what ended before then to the sums, so that its rows may be forgotten."""
        with self._db.writing() as connection:
            since = self._claim(connection)
            if until_ms <= since:
                return
            over = (_e.ended_at >= since) & (_e.ended_at < until_ms)
            more = _ended(connection, over, since, until_ms)
            sums = _capped(read_sums(connection), more)
            add_sums(connection, self._db.dialect, sums)
            moved = update(viewing_total).where(_s.name == _FOLDED)
            connection.execute(moved.values(value=until_ms))

    def _claim(self, connection: Connection) -> int:
        """To where it was folded; nobody else folds until this is committed."""
        first = insert_into(viewing_total, self._db.dialect)
        row = {"name": _FOLDED, "label": "", "value": 0}
        connection.execute(first.on_conflict_do_nothing(), row)
        mine = select(_s.value).where(_s.name == _FOLDED).with_for_update()
        return int(connection.execute(mine).scalar_one())


def errors_of(events: Iterable[ErrorEvent]) -> Sums:
    """How often errors happened: by origin, level and action in few words."""
    found: Counter[tuple[str, str]] = Counter()
    for event in events:
        action = event.action if event.action in ACTIONS else "other"
        found["errors", f"{event.origin} {event.level} {action}"] += event.times
    return dict(found)


def _since(ended_at: ColumnElement[int | None], since: int) -> ColumnElement[bool]:
    return ended_at.is_(None) | (ended_at >= since)


def _ended(
    connection: Connection,
    episodes: ColumnElement[bool],
    since: int,
    until: int | None = None,
) -> Sums:
    """Stalled episodes by state and job type, how they ended, how long all took.

    Job types come in the order in which they were first stalled.
    """
    found: Counter[tuple[str, str]] = Counter()
    kinds = _e.state, _e.job_name, func.coalesce(_e.outcome, "")
    counted = select(*kinds, func.count()).where(_WATCHED, episodes).group_by(*kinds)
    counted = counted.order_by(func.min(_e.id))
    for state, job_name, outcome, times in connection.execute(counted):
        found[_EPISODES, storable_key(f"{state} {job_name}")] += times
        if outcome:
            found["outcomes", outcome] += times
    found.update(_resolved(connection, episodes, since, until))
    return dict(found)


def _capped(known: Mapping[tuple[str, str], int], more: Sums) -> Sums:
    """``more``, with ``OTHER`` for job types that came when all places were taken."""
    places = {_job_of(label) for name, label in known if name == _EPISODES}
    found: Counter[tuple[str, str]] = Counter()
    for (name, label), times in more.items():
        kept = label
        if name == _EPISODES:
            state, job_name = label.split(" ", 1)
            if len(places) < JOB_TYPES:
                places.add(job_name)
            kept = label if job_name in places else f"{state} {OTHER}"
        found[name, kept] += times
    return dict(found)


def _job_of(label: str) -> str:
    return label.split(" ", 1)[1]


def _resolved(
    connection: Connection,
    episodes: ColumnElement[bool],
    since: int,
    until: int | None,
) -> Counter[tuple[str, str]]:
    """How long incidents took that are over: stalled runs, and alerts that fired."""
    overdue_at = _e.run_started_at + _e.limit_ms
    began = case(
        (_e.state == StallState.OVERDUE.value, overdue_at), else_=_e.first_seen_at
    )
    stalled = select(_e.ended_at - began).where(
        _WATCHED, episodes, _e.ended_at.is_not(None)
    )
    alerts = select(_a.resolved_at - _a.active_at).where(_a.resolved_at >= since)
    if until is not None:
        alerts = alerts.where(_a.resolved_at < until)
    found: Counter[tuple[str, str]] = Counter()
    for statement in (stalled, alerts):
        for (took,) in connection.execute(statement):
            found["resolved", _bucket(max(took, 0))] += 1
            found["resolved", "sum_ms"] += max(took, 0)
    return found


def _bucket(took_ms: int) -> str:
    """The bucket that a duration falls into, as it is called among the sums."""
    at = bisect_left(RESOLVED_S, took_ms / 1000)
    return f"le={RESOLVED_S[at]}" if at < len(RESOLVED_S) else "le=+Inf"


def cumulative(
    sums: Mapping[tuple[str, str], int], name: str, ends: Iterable[int]
) -> list[int]:
    """How many values were at most so large, for each end, and for all of them."""
    labels = [*(f"le={end}" for end in ends), "le=+Inf"]
    return [*accumulate(sums.get((name, label), 0) for label in labels)]
