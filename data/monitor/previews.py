"""What a rule would have done in the last 30 days: the same judgement, step by step."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.model import GroupStatus, JobState
from data.monitor.deciding import terms_of
from data.monitor.measures import (
    BURN_SPANS,
    Readings,
    label_of,
    minute_series,
    run_series,
    stall_series,
    stalled_runs,
    viewer_series,
)
from data.monitor.stall_limit import RULE as STALLS
from data.monitor.stall_limit import stall_limit
from data.rules.alarms import Rule, checked, rule_of
from data.rules.alerts import Reading, Standing, Terms, step
from data.rules.judging import (
    Limits,
    NewGroup,
    at_ease,
    judge_burn,
    judge_disconnects,
    judge_error_rate,
    judge_failures,
    judge_new_group,
    judge_stalls,
)
from data.rules.series import QUARTER_MS
from data.snapshot import Source
from data.store import Store
from data.store.signs import (
    StallSpan,
    events_by_hour,
    failures_read_from,
    fresh_groups,
    is_surely_new,
    stalls_of,
    visitors_by_hour,
)

PREVIEW_MS: Final = 30 * DAY_MS
#: How often viewers are judged, and everything else.
_QUICK_MS: Final = 5 * MINUTE_MS

Read = Callable[[int], Readings]


class Preview(NamedTuple):
    """What a rule would have done in the last 30 days."""

    times: int
    #: (fired, resolved or now), oldest first
    spans: list[tuple[int, int]]
    #: (at, value in the rule's unit or None without samples), oldest first
    values: list[tuple[int, float | None]]
    #: what the values are held against; None where there is no one number
    limit: float | None
    unit: str
    #: where the limit comes from, "" where it is simply what is set
    why: str = ""


class _Asked(NamedTuple):
    store: Store
    sources: Mapping[str, Source]
    critical: Collection[str]
    limits: Limits
    now: int

    @property
    def since(self) -> int:
        """The first instant that is judged."""
        return self.now - PREVIEW_MS


def preview(
    store: Store,
    sources: Mapping[str, Source],
    rule: str,
    settings: Mapping[str, object],
    now_ms: int,
    *,
    critical_jobs: Collection[str] = (),
) -> Preview:
    """How often the rule would have fired in the last 30 days with these settings.

    Of rules about an instant that nobody kept (is a source there, does a page tell
    anything) it is what did happen. Raises InvalidRequestError when a setting makes no
    sense.
    """
    limits = checked(rule, settings)
    found = rule_of(rule)
    asked = _Asked(store, sources, critical_jobs, limits, now_ms)
    limit, unit, why = _limit_of(asked, found)
    if rule not in _READERS:
        return Preview(*_as_it_was(asked, rule), [], limit, unit, why)
    every_ms, reader = _READERS[rule]
    instants = range(
        asked.since - asked.since % every_ms + every_ms, now_ms + 1, every_ms
    )
    spans, values = _walk(found, reader(asked), terms_of(limits), instants, now_ms)
    return Preview(len(spans), sorted(spans), values, limit, unit, why)


def _walk(
    rule: Rule, read: Read, terms: Terms, instants: Iterable[int], now_ms: int
) -> tuple[list[tuple[int, int]], list[tuple[int, float | None]]]:
    """(spans of firing of all labels, the highest value of each hour)."""
    standings: dict[str, Standing] = {}
    spans: list[tuple[int, int]] = []
    values: list[tuple[int, float | None]] = []
    for at in instants:
        readings = read(at)
        values.append((at, _highest(readings.values())))
        for label in {*readings, *standings}:
            before = standings.pop(label, Standing(rule.name, label))
            reading = readings.get(label, at_ease(rule.severity))
            after = step(before, reading, terms, at)
            if before.firing and not after.firing:
                spans.append((before.fired_at or at, at))
            if label in readings or after.active_at is not None:
                standings[label] = after
    going_on = [one.fired_at for one in standings.values() if one.firing]
    spans += [(fired_at, now_ms) for fired_at in going_on if fired_at is not None]
    return spans, _by_hour(values)


def _highest(readings: Iterable[Reading]) -> float | None:
    return max((one.value for one in readings if one.value is not None), default=None)


def _by_hour(values: list[tuple[int, float | None]]) -> list[tuple[int, float | None]]:
    """The highest of each hour: as many points as a chart can show."""
    return [
        (hour, max((v for _, v in some if v is not None), default=None))
        for hour, some in groupby(values, key=lambda pair: pair[0] - pair[0] % HOUR_MS)
    ]


def _limit_of(asked: _Asked, rule: Rule) -> tuple[float | None, str, str]:
    """The limit that holds now, its unit, and why."""
    first = rule.thresholds[0]
    if rule.name == STALLS:
        holds = stall_limit(asked.store, asked.now, asked.limits)
        return holds.value, first.unit, holds.note
    if first.unit == "min" and first.name != "silent":
        return None, "", ""
    shown = "events" if "events" in asked.limits else first.name
    unit = next(one.unit for one in rule.thresholds if one.name == shown)
    return asked.limits[shown], unit, ""


def _as_it_was(asked: _Asked, rule: str) -> tuple[int, list[tuple[int, int]]]:
    found = asked.store.alerts.episodes(since=asked.since, limit=1_000, rule=rule)
    spans = [(one.fired_at, one.resolved_at or asked.now) for one in found]
    return len(spans), sorted(spans)


def _disconnects(asked: _Asked) -> Read:
    series = viewer_series(asked.store, asked.since - 2 * QUARTER_MS, asked.now + 1)
    return lambda at: {"": judge_disconnects(series.at(at), asked.limits)}


def _burn(rule: str) -> Callable[[_Asked], Read]:
    long_ms, short_ms = BURN_SPANS[rule]

    def reader(asked: _Asked) -> Read:
        since = asked.since - long_ms - _QUICK_MS
        series = minute_series(asked.store, since, asked.now + 1)
        severity = rule_of(rule).severity
        return lambda at: {
            "": judge_burn(series.at(at, long_ms, short_ms), asked.limits, severity)
        }

    return reader


def _stalls(asked: _Asked) -> Read:
    series = stall_series(asked.store, asked.since)
    return lambda at: {"": judge_stalls(series.at(at), asked.limits)}


def _error_rate(asked: _Asked) -> Read:
    series = run_series(asked.store, asked.since, asked.now)
    return lambda at: {"": judge_error_rate(series.at(at - 1), asked.limits)}


def _new_groups(asked: _Asked) -> Read:
    """Groups as they were when they were new, whatever people made of them since."""
    database, limits = asked.store.database, asked.limits
    groups = {one.fingerprint: one for one in fresh_groups(database, asked.since)}
    events = events_by_hour(database, groups, asked.since)
    people = visitors_by_hour(database, groups, asked.since)
    read_from = failures_read_from(database, asked.sources)
    kept_ms = max(DAY_MS, int(limits["quiet"] * HOUR_MS))

    hours = {name: sorted(events.get(name, {})) for name in groups}

    def read(at: int) -> Readings:
        found: Readings = {}
        last_hour = at - at % HOUR_MS - HOUR_MS
        for name, group in groups.items():
            seen_before = bisect_left(hours[name], at)
            last_seen = hours[name][seen_before - 1] if seen_before else 0
            if at - last_seen > kept_ms:
                continue
            seen = NewGroup(
                group.title,
                GroupStatus.OPEN,
                last_seen,
                people.get(name, {}).get(last_hour, 0),
                events[name].get(last_hour, 0),
                is_surely_new(group, at, read_from),
            )
            found[name] = judge_new_group(seen, limits, at)
        return found

    return read


def _critical_stalls(asked: _Asked) -> Read:
    spans = stalls_of(asked.store.database, asked.critical, asked.since)

    def is_open(span: StallSpan, at: int) -> bool:
        """Did it go on at some time in the hour before?"""
        return span.since <= at and (span.until is None or span.until > at - HOUR_MS)

    def read(at: int) -> Readings:
        return stalled_runs(one for one in spans if is_open(one, at))

    return read


def _critical_failures(asked: _Asked) -> Read:
    failed: dict[tuple[str, str], dict[int, int]] = {}
    for source in asked.sources:
        for job in asked.critical:
            for cell in asked.store.trends.hours(source, asked.since, asked.now, job):
                if cell.status is JobState.FAILED:
                    failed.setdefault((source, job), {})[cell.at] = cell.runs

    def read(at: int) -> Readings:
        last = at - at % HOUR_MS - HOUR_MS
        return {
            label_of(source, job): judge_failures(job, runs, asked.limits)
            for (source, job), hours in failed.items()
            if (runs := hours.get(last, 0) + hours.get(last - HOUR_MS, 0))
        }

    return read


_READERS: Final[Mapping[str, tuple[int, Callable[[_Asked], Read]]]] = {
    "WsDisconnectRate": (_QUICK_MS, _disconnects),
    "StalledFrequency": (HOUR_MS, _stalls),
    "ErrorRateWoW": (HOUR_MS, _error_rate),
    "NewErrorGroup": (HOUR_MS, _new_groups),
    "CriticalStalled": (HOUR_MS, _critical_stalls),
    "CriticalFailed": (HOUR_MS, _critical_failures),
    **{rule: (_QUICK_MS, _burn(rule)) for rule in BURN_SPANS},
}
