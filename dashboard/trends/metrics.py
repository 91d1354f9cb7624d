"""Every metric of the trends page, out of the store."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from dashboard.views.trends import Question, Trend
from dashboard.views.trends_incidents import (
    NO_ACTION,
    ErrorType,
    error_types_trend,
    incidents_trend,
)
from dashboard.views.trends_range import Span
from dashboard.views.trends_runs import (
    Durations,
    duration_trend,
    error_rate_trend,
    losing_words,
    stalled_trend,
    throughput_trend,
)
from dashboard.views.trends_viewers import (
    Minutes,
    added,
    disconnects_trend,
    minutes_by,
    uptime_trend,
)
from data.clock import DAY_MS, HOUR_MS, WEEK_MS
from data.monitor.stall_limit import stall_limit
from data.rules.alarms import checked
from data.store import Store
from data.store.error_records import ErrorFilter
from data.store.trends import Quantiles
from data.store.viewing import USER_SLOT_MS

#: The time that the budget of uptime is for.
_MONTH_MS: Final = 30 * DAY_MS


class Metric(NamedTuple):
    """One chart."""

    title: str
    read: Callable[[Store, Question], Trend]


def limit_of(store: Store, rule: str) -> float:
    """The limit above which this alert fires, as it is set now."""
    return checked(rule, store.alerts.settings().get(rule, {}))["fire"]


def _error_rate(store: Store, question: Question) -> Trend:
    _, source, job = question
    span = question.span
    totals = store.trends.judged(
        source, span.since - WEEK_MS, span.until, span.step_ms, job
    )
    weeks = store.trends.weeks(source, span.week_end, job)
    times = limit_of(store, "ErrorRateWoW")
    trend = error_rate_trend(question, totals, weeks, times)
    lost = losing_words(store.trends.losing(source), span.since)
    return trend._replace(note=lost, empty=trend.empty and (lost or trend.empty))


def _throughput(store: Store, question: Question) -> Trend:
    span, source, job = question
    return throughput_trend(
        question,
        store.trends.totals(source, span.since, span.until, span.step_ms, job),
        store.trends.weeks(source, span.week_end, job),
    )


def _stalled(store: Store, question: Question) -> Trend:
    span = question.span.by_days()
    watched: Counter[int] = Counter()
    afterwards: Counter[int] = Counter()
    for cell in store.trends.stalled(
        question.source, span.since, span.until, question.job
    ):
        found = afterwards if cell.origin == "durations" else watched
        found[cell.at] += cell.episodes
    return stalled_trend(
        question,
        watched,
        afterwards,
        stall_limit(store, question.span.now),
        store.trends.known_since(question.source),
    )


def _duration(store: Store, question: Question) -> Trend:
    span, source, chosen = question
    job = chosen or busiest(store, question)
    if not job:
        return duration_trend(question, {}, None, job)
    found = store.trends.percentiles(source, span.since, span.until, span.step_ms, job)
    whole = store.trends.overall(source, span.since, span.until, span.step_ms, job)
    steps = {one.at: _durations(one) for one in found}
    return duration_trend(question, steps, whole and _durations(whole), job)


def busiest(store: Store, question: Question) -> str:
    """The job type with most runs, "" without any."""
    span = question.span
    found = store.trends.top_jobs(question.source, span.since, span.until, 1)
    return next(iter(found), "")


def _durations(found: Quantiles) -> Durations:
    return Durations(found.runs, found.p50, found.p95, found.p99)


def _disconnects(store: Store, question: Question) -> Trend:
    span = question.span
    return disconnects_trend(
        question,
        store.viewing.users_by(span.since, span.until, USER_SLOT_MS),
        store.viewing.users(span.since, span.until),
        limit_of(store, "WsDisconnectRate") / 100,
    )


def _uptime(store: Store, question: Question) -> Trend:
    span = question.span
    month = span.until - _MONTH_MS
    slots = [
        (one.slot, Minutes(one.minutes, one.good_minutes))
        for one in store.viewing.slots(min(span.since, month), span.until)
    ]
    return uptime_trend(
        question,
        minutes_by((slot for slot in slots if slot[0] >= span.since), span.step_ms),
        added([minutes for at, minutes in slots if at >= month]),
    )


def _mttr(store: Store, question: Question) -> Trend:
    span, source, job = question
    found = store.incidents.ended(source, span.since, span.until)
    if job:
        return incidents_trend(
            question, [one for one in found if one.label == job], None
        )
    return incidents_trend(question, found, store.incidents.baseline(source))


def _error_types(store: Store, question: Question) -> Trend:
    span, _, job = question
    week = span.newest_week()
    found, now, before = (
        by_action(store, one, job) for one in (span, week, week.week_before())
    )
    sessions = store.errors.met_by(span.since, span.until, job)
    types = [
        ErrorType(
            action or NO_ACTION,
            events,
            sessions.get(action, 0),
            now[action],
            before[action],
        )
        for action, events in found.most_common()
    ]
    return error_types_trend(question, types)


def _hour_or_day(span: Span) -> int:
    return DAY_MS if span.step_ms >= DAY_MS else HOUR_MS


def by_action(store: Store, span: Span, job: str) -> Counter[str]:
    """Tracked errors of the span by action."""
    found: Counter[str] = Counter()
    asked = ErrorFilter(since=span.since, until=span.until, job_name=job)
    for _, action, events in store.errors.by_action(asked, _hour_or_day(span)):
        found[action] += events
    return found


#: Every metric by its name in URLs.
METRICS: Final[Mapping[str, Metric]] = {
    "error-rate": Metric("Error rate", _error_rate),
    "stalled": Metric("Stalled jobs", _stalled),
    "duration": Metric("Run time", _duration),
    "disconnects": Metric("Viewers who lost the live connection", _disconnects),
    "throughput": Metric("Throughput", _throughput),
    "uptime": Metric("Perceived uptime", _uptime),
    "mttr": Metric("Incidents", _mttr),
    "error-types": Metric("Most common errors by action", _error_types),
}
