"""Incidents that are over: stalled runs, alerts that fired; and what to compare with.

The thirty days that later incidents are compared with are kept once and never again:
what is compared must not move, though old episodes are forgotten.
"""

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import func, select

from data.clock import DAY_MS
from data.db import Database
from data.store.alert_tables import alert_episode
from data.store.tables import baseline, rollup_state
from data.store.trends import TrendLog
from data.store.upserts import insert_into

#: How long the time is that later ones are compared with.
BASELINE_MS: Final = 30 * DAY_MS
_b: Final = baseline.c
_e: Final = alert_episode.c
#: Stalled runs that nobody watched: how long nobody knew is not known.
_AFTERWARDS: Final = "durations"


class Ended(NamedTuple):
    """An incident that is over."""

    #: "stalled run" or "alert"
    kind: str
    label: str
    started_at: int
    #: None when it was found afterwards
    detected_at: int | None
    resolved_at: int

    @property
    def resolve_ms(self) -> int:
        """How long it lasted."""
        return max(0, self.resolved_at - self.started_at)

    @property
    def detect_ms(self) -> int | None:
        """How long nobody knew."""
        if self.detected_at is None:
            return None
        return max(0, self.detected_at - self.started_at)


class Baseline(NamedTuple):
    """How long the incidents took that ended in the first thirty days, in ms."""

    since: int
    until: int
    resolve_ms: Sequence[int]


class IncidentLog:
    """The incidents of all sources; ``source`` "" means all of them."""

    def __init__(self, database: Database, trends: TrendLog) -> None:
        self._db = database
        self._trends = trends

    def ended(self, source: str, since: int, until: int) -> list[Ended]:
        """What was over in the span, in that order; alerts belong to every source."""
        stalled = [
            Ended(
                "stalled run",
                one.label,
                one.started_at,
                None if one.origin == _AFTERWARDS else one.detected_at,
                one.resolved_at,
            )
            for one in self._trends.incidents(source, since, until)
        ]
        columns = _e.title, _e.active_at, _e.fired_at, _e.resolved_at
        over = select(*columns).where(_e.resolved_at >= since, _e.resolved_at < until)
        alerts = [Ended("alert", *row) for row in self._db.fetch(over)]
        return sorted([*stalled, *alerts], key=lambda one: (one.resolved_at, one.label))

    def baseline(self, source: str) -> Baseline | None:
        """What later incidents are compared with; None while there is nothing yet."""
        wanted = select(_b.since, _b.until, _b.resolve_ms).where(_b.source == source)
        rows = self._db.fetch(wanted)
        if not rows:
            return None
        since, until, kept = rows[0]
        return Baseline(since, until, json.loads(kept))

    def keep_baseline(self, source: str, now_ms: int) -> bool:
        """Keep the first thirty days once they are over; whether they are kept now."""
        if self.baseline(source) is not None:
            return True
        first = self._trends.known_since(source)
        if first is None or self._trends.progress(source) is not None:
            return False
        until = first + BASELINE_MS
        if until > now_ms or self._episodes_from(source) > first + DAY_MS:
            return False
        took = [one.resolve_ms for one in self.ended(source, first, until)]
        row = {"since": first, "until": until, "resolve_ms": json.dumps(took)}
        insert = insert_into(baseline, self._db.dialect).values(source=source, **row)
        with self._db.writing() as connection:
            connection.execute(insert.on_conflict_do_nothing())
        return True

    def _episodes_from(self, source: str) -> int:
        """Since when stalled runs are known that nobody watched."""
        newest = select(func.max(rollup_state.c.episodes_from)).where(
            self._trends.is_there(source)
        )
        return int(self._db.fetch(newest)[0][0] or 0)
