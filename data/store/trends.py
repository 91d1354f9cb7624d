"""What the rollups and episodes say over days and weeks: the numbers behind charts.

Everywhere ``source`` "" means all sources and ``job`` "" all job types. A span is made of
whole steps: the one that ``since`` lies in is the first, ``until`` itself is not in it.
Days begin at midnight UTC.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, Table, func, or_, select, true

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from data.db import Database
from data.model import JobState, Weeks
from data.rules.by_worker import decode
from data.rules.histogram import quantiles, stack
from data.rules.stall_frequency import Usual, usual_of, usual_span
from data.rules.weeks import BOTH_MS
from data.store.tables import rollup_day, rollup_hour, rollup_state, stall_episode
from data.store.texts import storable, storable_key

#: What is asked of the lengths of runs.
PARTS: Final = (0.5, 0.95, 0.99)
#: So long after runs ended whose rows were deleted early the source may do so again.
LOSING_MS: Final = 4 * DAY_MS
#: Incidents that are told of at once, the last ones.
INCIDENT_LIMIT: Final = 10_000

#: A source of another program that shares the store has been read so lately.
_ELSEWHERE_MS: Final = 10 * MINUTE_MS
#: A source that others are so far ahead of was renamed or removed.
_GONE_AFTER_MS: Final = DAY_MS
_state: Final = rollup_state.c
_episode: Final = stall_episode.c


class Counts(NamedTuple):
    """Runs that ended in one hour or day."""

    #: start of the hour or day, epoch ms
    at: int
    job_name: str
    status: JobState
    runs: int
    #: summed run times and waits
    duration_ms: int
    wait_ms: int


class Quantiles(NamedTuple):
    """How long the runs took that ended in one step; values are at most 4.8 % off."""

    at: int
    #: "" when these are all types together
    job_name: str
    #: runs whose length is known
    runs: int
    #: milliseconds
    p50: float
    p95: float
    p99: float


class StalledCell(NamedTuple):
    """Stalled episodes that began on one day."""

    #: start of the day
    at: int
    job_name: str
    #: what became of them; "" while they go on
    outcome: str
    #: "watched", or "durations": found afterwards
    origin: str
    episodes: int


class Incident(NamedTuple):
    """Something that went wrong for a while and is over."""

    kind: str
    label: str
    started_at: int
    detected_at: int
    resolved_at: int
    origin: str


class TrendLog:
    """Reads what the rollups hold; everything by primary key, and bounded."""

    def __init__(
        self, database: Database, *, kept_ms: int, sources: Collection[str] = ()
    ) -> None:
        """``sources`` are those of this program; others are known by what they read."""
        self._db = database
        self._kept_ms = kept_ms
        self._sources = frozenset(sources)

    def hours(self, source: str, since: int, until: int, job: str = "") -> list[Counts]:
        """Runs by hour, job type and status, oldest first."""
        return self._counts(rollup_hour, HOUR_MS, source, (since, until), job)

    def days(self, source: str, since: int, until: int, job: str = "") -> list[Counts]:
        """Runs by day, job type and status, oldest first."""
        return self._counts(rollup_day, DAY_MS, source, (since, until), job)

    def judged(
        self, source: str, since: int, until: int, step_ms: int, job: str = ""
    ) -> dict[JobState, dict[int, int]]:
        """As ``totals``, without what was read after rows may have been deleted.

        Error rates are made of these: see ``rates_from``.
        """
        return self._totals(source, (since, until), step_ms, job, trusted=True)

    def rates_from(self, source: str) -> int | None:
        """Since when error rates can be told where finished rows are deleted early.

        None where they are not. Of all sources: since when those of all can be told.
        """
        return max(self.losing(source).values(), default=None)

    def losing(self, source: str) -> dict[str, int]:
        """Sources that delete rows early, and since when their runs are counted."""
        lost = _state.rows_lost_at
        is_losing = (lost > 0) & (lost > _state.refreshed_until - LOSING_MS)
        statement = select(_state.source, _state.counted_from)
        wanted = statement.where(self.is_there(source), is_losing)
        return {name: int(counted) for name, counted in self._db.fetch(wanted)}

    def workers(
        self, source: str, since: int, until: int, step_ms: int, job: str = ""
    ) -> list[tuple[str, JobState, int]]:
        """(worker, status, runs) of a few steps; "" for runs whose worker is not known."""
        table = _table_of(step_ms)
        c = table.c
        statement = select(c.status, c.runs, c.workers).where(
            *self._within(table, step_ms, source, (since, until), job)
        )
        found: dict[JobState, Counter[str]] = defaultdict(Counter)
        for word, runs, workers in self._db.fetch(statement):
            known = decode(workers)
            counted = found[JobState(word)]
            counted.update(known)
            counted[""] += max(0, runs - sum(known.values()))  # two reads of one table
        return [
            (name, state, runs)
            for state, counted in found.items()
            for name, runs in counted.items()
            if runs
        ]

    def totals(
        self, source: str, since: int, until: int, step_ms: int, job: str = ""
    ) -> dict[JobState, dict[int, int]]:
        """Runs by status and start of the step; steps without runs are left out.

        A step is an hour, several, or a day.
        """
        return self._totals(source, (since, until), step_ms, job, trusted=False)

    def _totals(
        self,
        source: str,
        span: tuple[int, int],
        step_ms: int,
        job: str,
        *,
        trusted: bool,
    ) -> dict[JobState, dict[int, int]]:
        table = _table_of(step_ms)
        at = _step_of(table, step_ms).label("at")
        status, runs = table.c.status, func.sum(table.c.runs)
        wanted = self._within(table, step_ms, source, span, job)
        if trusted:
            wanted += self._trusted(table, step_ms, source)
        found: dict[JobState, dict[int, int]] = defaultdict(dict)
        statement = select(status, at, runs).where(*wanted).group_by(status, at)
        for word, start, count in self._db.fetch(statement.order_by(at)):
            found[JobState(word)][start] = int(count)
        return dict(found)

    def weeks(self, source: str, until: int, job: str = "") -> Weeks:
        """The week that ends then beside the one before, as far as that is counted."""
        middle, start = until - WEEK_MS, until - BOTH_MS
        now = self._ended(source, middle, until, job)
        before: Mapping[JobState, int] = {}
        if self.counts_weeks(source, until):
            before = self._ended(source, start, middle, job)
        good, bad, off = JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED
        return Weeks(
            now.get(bad, 0),
            now.get(good, 0) + now.get(bad, 0),
            before.get(bad, 0),
            before.get(good, 0) + before.get(bad, 0),
            until=until,
            cancelled=now.get(off, 0),
            cancelled_before=before.get(off, 0),
        )

    def _ended(
        self, source: str, since: int, until: int, job: str
    ) -> Mapping[JobState, int]:
        """Runs by status: whole days of days, the rest of hours."""
        first, last = -(-since // DAY_MS) * DAY_MS, until // DAY_MS * DAY_MS
        spans = [(rollup_hour, HOUR_MS, since, until)]
        if first < last:
            spans = [
                (rollup_hour, HOUR_MS, since, first),
                (rollup_day, DAY_MS, first, last),
                (rollup_hour, HOUR_MS, last, until),
            ]
        found: Counter[JobState] = Counter()
        for table, step_ms, begin, end in spans:
            if begin < end:
                wanted = self._within(table, step_ms, source, (begin, end), job)
                wanted += self._trusted(table, step_ms, source)
                c = table.c
                sums = select(c.status, func.sum(c.runs)).where(*wanted)
                for word, runs in self._db.fetch(sums.group_by(c.status)):
                    found[JobState(word)] += int(runs)
        return found

    def counts_weeks(self, source: str, until: int) -> bool:
        """Is every run of the two weeks counted, by the hour where no day begins?"""
        start = until - BOTH_MS
        known = self.known_since(source)
        if known is None or max(known, self.rates_from(source) or 0) > start:
            return False
        hours = self.hours_since(source)
        return start % DAY_MS == 0 or (hours is not None and hours <= start)

    def hours_since(self, source: str) -> int | None:
        """Since when every hour is kept, of all sources when all of them are."""
        newest = select(func.max(_state.backfilled_from))
        rows = self._db.fetch(newest.where(self.is_there(source)))
        found: int | None = rows[0][0]
        return found

    def percentiles(
        self,
        source: str,
        since: int,
        until: int,
        step_ms: int,
        job: str = "",
        *,
        status: JobState = JobState.SUCCEEDED,
    ) -> list[Quantiles]:
        """How long runs took, one row a step that had any, oldest first."""
        rows = self._histograms(source, (since, until), step_ms, job, status)
        first = since // step_ms
        places = [at // step_ms - first for at, _ in rows]
        total = stack(places, [one for _, one in rows], max(places, default=-1) + 1)
        found = zip(total.sum(axis=1), quantiles(total, PARTS), strict=True)
        return [
            Quantiles((first + n) * step_ms, job, int(runs), *map(float, values))
            for n, (runs, values) in enumerate(found)
            if runs
        ]

    def overall(
        self, source: str, since: int, until: int, step_ms: int, job: str = ""
    ) -> Quantiles | None:
        """The same for all steps together, of runs that succeeded; None without any."""
        rows = self._histograms(
            source, (since, until), step_ms, job, JobState.SUCCEEDED
        )
        total = stack([0] * len(rows), [one for _, one in rows], 1)
        runs = int(total.sum())
        if not runs:
            return None
        return Quantiles(since, job, runs, *map(float, quantiles(total, PARTS)[0]))

    def _histograms(
        self,
        source: str,
        span: tuple[int, int],
        step_ms: int,
        job: str,
        status: JobState,
    ) -> Sequence[Row[int, bytes]]:
        """Start of the hour or day, and the lengths of its runs."""
        table = _table_of(step_ms)
        wanted = self._within(table, step_ms, source, span, job)
        statement = select(_start(table), table.c.durations)
        return self._db.fetch(statement.where(*wanted, table.c.status == status.value))

    def top_jobs(self, source: str, since: int, until: int, limit: int) -> list[str]:
        """The job types with most runs in these days, most first."""
        c = rollup_day.c
        wanted = self._within(rollup_day, DAY_MS, source, (since, until), "")
        statement = (
            select(c.job_name)
            .where(*wanted)
            .group_by(c.job_name)
            .order_by(func.sum(c.runs).desc(), c.job_name)
            .limit(limit)
        )
        return [name for (name,) in self._db.fetch(statement)]

    def stalled(
        self, source: str, since: int, until: int, job: str = ""
    ) -> list[StalledCell]:
        """Episodes by the day they were first seen on, oldest first."""
        first = since - since % DAY_MS
        seen = _episode.first_seen_at
        day = (seen - seen % DAY_MS).label("day")
        outcome = func.coalesce(_episode.outcome, "").label("outcome")
        kinds = (day, _episode.job_name, outcome, _episode.origin)
        statement = (
            select(*kinds, func.count())
            .where(self._of(_episode.source, source), seen >= first, seen < until)
            .group_by(*kinds)
            .order_by(*kinds)
        )
        if job:
            statement = statement.where(_episode.job_name == storable(job))
        return [StalledCell(*row) for row in self._db.fetch(statement)]

    def stalled_by_day(
        self, source: str, since: int, until: int, job: str = ""
    ) -> dict[int, int]:
        """Episodes by the start of the day (UTC) they were first seen on."""
        found: Counter[int] = Counter()
        for cell in self.stalled(source, since, until, job):
            found[cell.at] += cell.episodes
        return dict(found)

    def usual_stalls(self, now_ms: int) -> Usual:
        """Stalled runs of all sources on the whole days before today that are known."""
        span = usual_span(now_ms, self.known_since(""))
        return usual_of(sum(self.stalled_by_day("", *span).values()), span)

    def incidents(self, source: str, since: int, until: int) -> list[Incident]:
        """Stalled episodes that ended in the span, oldest first; the last ones of many.

        One began when its run was over its limit, and was detected when first seen.
        """
        c = _episode
        statement = (
            select(
                c.job_name,
                c.run_started_at + c.limit_ms,
                c.first_seen_at,
                c.ended_at,
                c.origin,
            )
            .where(self._of(c.source, source), c.ended_at >= since, c.ended_at < until)
            .order_by(c.ended_at.desc(), c.id.desc())
            .limit(INCIDENT_LIMIT)
        )
        rows = reversed(self._db.fetch(statement))
        return [Incident("stalled", *row) for row in rows]

    def known_since(self, source: str) -> int | None:
        """Since when every run of the source is counted; None before the first read.

        Of all sources: since when all of them are.
        """
        known = []
        for name, from_, complete in self._db.fetch(
            select(_state.source, _state.backfilled_from, _state.complete).where(
                self.is_there(source)
            )
        ):
            c = rollup_day.c
            oldest = select(func.min(c.day)).where(c.source == name)
            day = self._db.fetch(oldest)[0][0] if complete else None
            known.append(min(from_, from_ if day is None else day))
        return max(known, default=None)

    def progress(self, source: str) -> float | None:
        """How far the first reading has come, 0 to 1; None when it is through.

        Of all sources: of the one that has most before it.
        """
        statement = select(_state.refreshed_until, _state.backfilled_from).where(
            self.is_there(source), _state.complete.is_(False)
        )
        parts = [
            (until - from_) / self._kept_ms
            for until, from_ in self._db.fetch(statement)
        ]
        return max(0.0, min(1.0, *parts)) if parts else None

    def generation(self) -> int:
        """Differs when anything that is told here has changed since the last call."""
        cells = select(func.coalesce(func.sum(_state.generation), 0)).scalar_subquery()
        newest = select(func.max(_episode.id)).scalar_subquery()
        last = select(func.max(_episode.ended_at)).where(self._of(_episode.source, ""))
        going_on = select(func.count()).where(
            self._of(_episode.source, ""), _episode.ended_at.is_(None)
        )
        marks = select(
            cells, newest, last.scalar_subquery(), going_on.scalar_subquery()
        )
        return hash(tuple(int(mark or 0) for mark in self._db.fetch(marks)[0]))

    def _counts(
        self, table: Table, step_ms: int, source: str, span: tuple[int, int], job: str
    ) -> list[Counts]:
        c, start = table.c, _start(table)
        wanted = self._within(table, step_ms, source, span, job)
        kinds = (start, c.job_name, c.status)
        sums = (c.runs, c.duration_ms, c.wait_ms)
        statement: Select[Any] = select(*kinds, *sums).where(*wanted).order_by(*kinds)
        if not source:
            statement = select(*kinds, *map(func.sum, sums)).where(*wanted)
            statement = statement.group_by(*kinds).order_by(*kinds)
        return [
            Counts(at, name, JobState(word), *map(int, figures))
            for at, name, word, *figures in self._db.fetch(statement)
        ]

    def _within(
        self, table: Table, step_ms: int, source: str, span: tuple[int, int], job: str
    ) -> list[ColumnElement[bool]]:
        since, until = span
        start = _start(table)
        wanted = [
            self._of(table.c.source, source),
            start >= since - since % step_ms,
            start < until,
        ]
        if job:
            wanted.append(table.c.job_name == storable_key(job))
        return wanted

    def _trusted(
        self, table: Table, step_ms: int, source: str
    ) -> list[ColumnElement[bool]]:
        """Whole steps that were counted as runs ended, of sources that lose rows."""
        return [
            or_(
                table.c.source != name,
                _start(table) >= -(-counted // step_ms) * step_ms,
            )
            for name, counted in self.losing(source).items()
        ]

    def _of(self, column: ColumnElement[str], source: str) -> ColumnElement[bool]:
        """Is it of this source? All of them by name, because keys begin with it."""
        if source:
            return column == source
        names = select(_state.source)
        return column.in_(names.where(self.is_there("")) if self._sources else names)

    def is_not_gone(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """Is it of a source of this program, or of one that another reads?"""
        if not self._sources:
            return true()
        elsewhere = select(_state.source).where(self.is_there(""))
        return or_(column.in_(sorted(self._sources)), column.in_(elsewhere))

    def is_there(self, source: str) -> ColumnElement[bool]:
        """Of the state of each source: is it this one, or of all one that is still read?

        One that was renamed or removed is not read any more: others are far ahead of it.
        """
        if source:
            return _state.source == source
        newest = select(func.max(_state.refreshed_until)).scalar_subquery()
        if not self._sources:
            return _state.refreshed_until >= newest - _GONE_AFTER_MS
        elsewhere = _state.refreshed_until >= newest - _ELSEWHERE_MS
        return or_(_state.source.in_(sorted(self._sources)), elsewhere)


def _table_of(step_ms: int) -> Table:
    return rollup_hour if step_ms < DAY_MS else rollup_day


def _start(table: Table) -> ColumnElement[int]:
    return table.c.hour if table is rollup_hour else table.c.day


def _step_of(table: Table, step_ms: int) -> ColumnElement[int]:
    start = _start(table)
    return start - start % step_ms
