"""The last day of a source, aggregated by the database from its rollups.

The day ends with the present hour, as every chart does, and is made of whole hours: a tile
says what the rows of a chart over 24 hours add up to.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, case, func, select

from data.clock import DAY_MS, HOUR_MS
from data.db import Database
from data.model import JobState, Recent
from data.rules.weeks import week_end
from data.store.tables import rollup_hour
from data.store.trends import TrendLog

_HOURS: Final = 24
#: Whole days before today.
_DAYS: Final = 7

_c: Final = rollup_hour.c


class _Hour(NamedTuple):
    succeeded: int = 0
    failed: int = 0
    duration_ms: int = 0
    wait_ms: int = 0


def recent_of(
    database: Database,
    trends: TrendLog,
    source: str,
    now_ms: int,
    *,
    complete: bool,
) -> Recent | None:
    """The figures at ``now_ms``, zeros where nothing is stored; None before any read.

    ``complete`` tells that all that is to be kept is read; with two whole weeks nothing
    is missing here, though older days may be.
    """
    until = week_end(now_ms)
    since = until - DAY_MS
    known_since = trends.known_since(source)
    if known_since is None:
        return None
    hours = _hours(database, source, since)
    rates_from = trends.rates_from(source)
    weeks = trends.weeks(source, until) if trends.counts_weeks(source, until) else None
    today = now_ms - now_ms % DAY_MS
    first = today - _DAYS * DAY_MS
    stalled = trends.stalled_by_day(source, first, today + DAY_MS)
    return Recent(
        since=since,
        as_of=now_ms,
        succeeded=sum(hour.succeeded for hour in hours),
        failed=sum(hour.failed for hour in hours),
        weeks=weeks,
        failed_by_job=_failed_by_job(database, source, since),
        known_since=known_since,
        rated_by_hour=_rated(trends, source, since, hours, rates_from),
        rates_from=rates_from,
        succeeded_by_hour=tuple(hour.succeeded for hour in hours),
        failed_by_hour=tuple(hour.failed for hour in hours),
        running_by_hour=tuple(hour.duration_ms / HOUR_MS for hour in hours),
        pending_by_hour=tuple(hour.wait_ms / HOUR_MS for hour in hours),
        stalled_by_day=tuple(
            stalled.get(day, 0) for day in range(first, today + DAY_MS, DAY_MS)
        ),
        complete=complete or weeks is not None,
    )


def _hours(database: Database, source: str, since: int) -> list[_Hour]:
    """24 hours from ``since`` on, oldest first."""
    statement = (
        select(
            _c.hour,
            _runs_that(JobState.SUCCEEDED),
            _runs_that(JobState.FAILED),
            func.sum(_c.duration_ms),
            func.sum(_c.wait_ms),
        )
        .where(_c.source == source, _c.hour >= since)
        .where(_c.hour < since + _HOURS * HOUR_MS)
        .group_by(_c.hour)
    )
    found = {
        hour: _Hour(*(int(figure) for figure in figures))
        for hour, *figures in database.fetch(statement)
    }
    return [found.get(since + n * HOUR_MS, _Hour()) for n in range(_HOURS)]


def _rated(
    trends: TrendLog,
    source: str,
    since: int,
    hours: Sequence[_Hour],
    rates_from: int | None,
) -> tuple[tuple[int, int], ...]:
    """(succeeded, failed) of the hours that rates are made of."""
    if rates_from is None:
        return tuple((hour.succeeded, hour.failed) for hour in hours)
    judged = trends.judged(source, since, since + DAY_MS, HOUR_MS)
    good, bad = (judged.get(s, {}) for s in (JobState.SUCCEEDED, JobState.FAILED))
    starts = range(since, since + DAY_MS, HOUR_MS)
    return tuple((good.get(at, 0), bad.get(at, 0)) for at in starts)


def _runs_that(state: JobState) -> ColumnElement[int]:
    return func.sum(case((_c.status == state.value, _c.runs), else_=0))


def _failed_by_job(database: Database, source: str, since: int) -> dict[str, int]:
    """Failed runs by job type."""
    statement = (
        select(_c.job_name, func.sum(_c.runs))
        .where(_c.source == source, _c.hour >= since)
        .where(_c.hour < since + _HOURS * HOUR_MS)
        .where(_c.status == JobState.FAILED.value, _c.runs > 0)
        .group_by(_c.job_name)
    )
    return {name: int(runs) for name, runs in database.fetch(statement)}
