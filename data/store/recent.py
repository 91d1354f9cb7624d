"""The last day of a source, aggregated by the database from its rollups."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, select

from data.clock import DAY_MS, HOUR_MS, WEEK_MS
from data.model import JobState, Recent
from data.store.cells import hour_of
from data.store.tables import rollup_hour, stall_episode

#: The 24 whole hours before the present one, and the present one.
_HOURS: Final = 25
_DAYS: Final = 7

_c: Final = rollup_hour.c


class _Hour(NamedTuple):
    succeeded: int = 0
    failed: int = 0
    duration_ms: int = 0
    wait_ms: int = 0


def recent_of(
    connection: Connection,
    source: str,
    now_ms: int,
    *,
    backfilled_from: int,
    complete: bool,
) -> Recent:
    """The figures of the last day at ``now_ms``, zeros where nothing is stored.

    ``backfilled_from`` tells whether the day one week before is in: then nothing is
    missing here, though older days may be.
    """
    since = hour_of(now_ms) - DAY_MS
    passed = now_ms % HOUR_MS / HOUR_MS
    hours = _hours(connection, source, since)
    succeeded_before, failed_before = None, None
    is_week_in = backfilled_from <= since - WEEK_MS
    if is_week_in:
        before = _hours(connection, source, since - WEEK_MS)
        succeeded_before = _day_before([hour.succeeded for hour in before], passed)
        failed_before = _day_before([hour.failed for hour in before], passed)
    succeeded = tuple(hour.succeeded for hour in hours)
    failed = tuple(hour.failed for hour in hours)
    return Recent(
        since=since,
        as_of=now_ms,
        succeeded=_day(succeeded, passed),
        failed=_day(failed, passed),
        succeeded_before=succeeded_before,
        failed_before=failed_before,
        top_failing=_top_failing(connection, source, since),
        succeeded_by_hour=succeeded,
        failed_by_hour=failed,
        running_by_hour=tuple(hour.duration_ms / HOUR_MS for hour in hours),
        pending_by_hour=tuple(hour.wait_ms / HOUR_MS for hour in hours),
        stalled_by_day=_stalled_by_day(connection, source, now_ms),
        complete=complete or is_week_in,
    )


def _hours(connection: Connection, source: str, since: int) -> list[_Hour]:
    """25 hours from ``since`` on, oldest first."""
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
        for hour, *figures in connection.execute(statement)
    }
    return [found.get(since + n * HOUR_MS, _Hour()) for n in range(_HOURS)]


def _runs_that(state: JobState) -> ColumnElement[int]:
    return func.sum(case((_c.status == state.value, _c.runs), else_=0))


def _day(runs: Sequence[int], passed: float) -> int:
    """The last 24 hours of 25: of the first one the part that has not ``passed``."""
    return round(runs[0] * (1 - passed) + sum(runs[1:]))


def _day_before(runs: Sequence[int], passed: float) -> float:
    """The same day a week ago, whose last hour is known whole."""
    return runs[0] * (1 - passed) + sum(runs[1:-1]) + runs[-1] * passed


def _top_failing(connection: Connection, source: str, since: int) -> str | None:
    """The job type with most failures; of several the first by name."""
    statement = (
        select(_c.job_name)
        .where(_c.source == source, _c.hour >= since)
        .where(_c.hour < since + _HOURS * HOUR_MS)
        .where(_c.status == JobState.FAILED.value, _c.runs > 0)
        .group_by(_c.job_name)
        .order_by(func.sum(_c.runs).desc(), _c.job_name)
        .limit(1)
    )
    return connection.execute(statement).scalar()


def _stalled_by_day(
    connection: Connection, source: str, now_ms: int
) -> tuple[int, ...]:
    """Episodes first seen in each of the last seven spans of 24 h, oldest first.

    What a faster clock saw later than ``now_ms`` counts as seen now.
    """
    seen_at = stall_episode.c.first_seen_at
    days_ago = ((now_ms - seen_at) // DAY_MS).label("days_ago")
    statement = (
        select(days_ago, func.count())
        .where(stall_episode.c.source == source, seen_at > now_ms - _DAYS * DAY_MS)
        .group_by(days_ago)
    )
    counts = [0] * _DAYS
    for days, runs in connection.execute(statement):
        counts[_DAYS - 1 - max(days, 0)] += runs
    return tuple(counts)
