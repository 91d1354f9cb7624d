"""Finished and stalled runs over time, as metrics of the trends page."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from dashboard.figures.runs import (
    durations_figure,
    rates_figure,
    stalled_figure,
    throughput_figure,
)
from dashboard.figures.template import GREY, RED, Limit, Line
from dashboard.format import UNKNOWN, count, percent, shorten, took
from dashboard.views.trends import (
    AT,
    Column,
    Kind,
    Question,
    Trend,
    joined,
)
from dashboard.views.trends_range import Span, moment_words
from data.clock import DAY_MS, HOUR_MS, WEEK_MS
from data.model import JobState, Weeks
from data.rules.metrics import error_rate
from data.rules.number_text import rate_a_day, things
from data.rules.stall_frequency import DayLimit, mean_a_day
from data.rules.weeks import ended_change, rate_change, with_dates

#: Finished runs by status and start of the step.
Totals = Mapping[JobState, Mapping[int, int]]

ENDED: Final = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
NOTHING: Final = "Nothing finished in this range."
#: With fewer failed runs the numbers stand beside a change.
_FEW: Final = 10
_NAME: Final = 40
_ALERT: Final = "alert limit"
_RATE_COLUMNS: Final = (
    AT,
    Column("error_rate", "Error rate", Kind.SHARE),
    Column("failed", "Failed", Kind.COUNT),
    Column("judged", "Succeeded or failed", Kind.COUNT),
    Column("week_before", "A week before", Kind.SHARE),
)
_STALLED_COLUMNS: Final = (
    AT,
    Column("stalled", "Stalled", Kind.COUNT),
    Column("watched", "Seen while it happened", Kind.COUNT),
    Column("afterwards", "Found afterwards", Kind.COUNT),
)
_DURATION_COLUMNS: Final = (
    AT,
    Column("job", "Job", Kind.TEXT),
    Column("runs", "Runs", Kind.COUNT),
    Column("p50_ms", "p50", Kind.ABOUT),
    Column("p95_ms", "p95", Kind.ABOUT),
    Column("p99_ms", "p99", Kind.ABOUT),
)


class Durations(NamedTuple):
    """Run times of one job type: runs, then percentiles in ms."""

    runs: int
    p50: float
    p95: float
    p99: float


def error_rate_trend(
    question: Question,
    totals: Totals,
    weeks: Weeks,
    times: float,
) -> Trend:
    """FAILED / (SUCCEEDED + FAILED), with the same time one week before.

    ``totals`` begin a week before the range. The alert's limit is so many ``times`` the
    rate of the older of the two ``weeks``.
    """
    steps = question.span.steps
    rates = [_rate(totals, [at]) for at in steps]
    ghost = [_rate(totals, [at - WEEK_MS]) for at in steps]
    before = weeks.rate_before
    found = [] if not before else [Limit(before * times, _ALERT)]
    lines = [
        Line(
            "a week before", GREY, ghost, [f"{percent(r)} before" for r in ghost], "dot"
        ),
        Line("error rate", RED, rates, [_rate_words(totals, at) for at in steps]),
    ]
    if not any(rate is not None for rate in ghost):
        del lines[0]
    rows = [
        (at, rate, _sum(totals, [at], JobState.FAILED), _judged(totals, [at]), before)
        for at, rate, before in zip(steps, rates, ghost, strict=True)
    ]
    is_empty = all(rate is None for rate in rates)
    return Trend(
        words="" if is_empty else _error_rate_words(_rate(totals, steps), weeks),
        columns=_RATE_COLUMNS,
        rows=rows,
        figure=rates_figure(question.frame(), steps, lines, found),
        step_ms=question.span.step_ms,
        empty=NOTHING if is_empty else "",
    )


def _error_rate_words(rate: float | None, weeks: Weeks) -> str:
    change = with_dates(rate_change(weeks), weeks)
    failed = weeks.failed, weeks.failed_before
    few = f", {failed[0]} and {failed[1]} failed" if min(failed) < _FEW else ""
    return joined(percent(rate), change and change + few)


def losing_words(losing: Mapping[str, int], since: int) -> str:
    """Of sources whose rows are deleted early: why rates are missing; "" for no reason.

    ``losing`` says since when the runs of each are counted as they end.
    """
    late = {name: at for name, at in losing.items() if at > since}
    if not late:
        return ""
    names = ", ".join(shorten(name, _NAME) for name in sorted(late))
    return (
        f"Rows of finished runs are deleted early ({names}): what ended before"
        f" {moment_words(max(late.values()), HOUR_MS)} (UTC) gives no rate."
    )


def throughput_trend(question: Question, totals: Totals, weeks: Weeks) -> Trend:
    """Finished runs by how they ended; ``totals`` are those of the range."""
    steps = question.span.steps
    runs = {state: [_sum(totals, [at], state) for at in steps] for state in ENDED}
    rows = [(at, *(runs[state][n] for state in ENDED)) for n, at in enumerate(steps)]
    total = sum(map(sum, runs.values()))
    words = {
        state: [f"{count(n)} {state.lower()}" for n in numbers]
        for state, numbers in runs.items()
    }
    return Trend(
        words=_throughput_words(question.span, totals, total, weeks),
        columns=(AT, *(Column(s.lower(), s.capitalize(), Kind.COUNT) for s in ENDED)),
        rows=rows,
        figure=throughput_figure(question.frame(), steps, runs, words),
        step_ms=question.span.step_ms,
        empty="" if total else NOTHING,
    )


def _throughput_words(span: Span, totals: Totals, total: int, weeks: Weeks) -> str:
    if not total:
        return ""
    ended = {at: sum(_sum(totals, [at], state) for state in ENDED) for at in span.steps}
    first = next((at for at, runs in ended.items() if runs), span.since)
    a_day = f"{count(round(_a_day(ended, span, first)))} a day"
    is_long = span.over - first > DAY_MS
    change = with_dates(ended_change(weeks), weeks)
    return joined(things(total, "run"), a_day * is_long, change)


def stalled_trend(
    question: Question,
    watched: Mapping[int, int],
    afterwards: Mapping[int, int],
    limit: DayLimit,
    known_since: int | None,
) -> Trend:
    """Stalled runs by UTC day; above ``limit`` the alert fires.

    Nothing is known of the time before ``known_since``.
    """
    span = question.span.by_days()
    seen, found = (
        [days.get(at, 0) for at in span.steps] for days in (watched, afterwards)
    )
    totals = [one + other for one, other in zip(seen, found, strict=True)]
    by_day = dict(zip(span.steps, totals, strict=True))
    first = max(span.since, known_since or span.since)
    often = rate_a_day(mean_a_day(by_day, first, span.over))
    today = f"{totals[-1]} today" if span.over < span.until and totals[-1] else ""
    line = Limit(limit.value, _ALERT) if limit.enough else None
    notes = [_limit_note(limit)] if limit.note else []
    if any(found):
        notes.append(
            "Lighter: found afterwards, from how long runs took, and not while it happened."
        )
    return Trend(
        words=joined(often, today, f"limit {line.value:g} a day" if line else ""),
        columns=_STALLED_COLUMNS,
        rows=[*zip(span.steps, totals, seen, found, strict=True)],
        figure=stalled_figure(question.frame(span), span.steps, seen, found, line),
        step_ms=DAY_MS,
        note=" ".join(notes),
        empty="" if any(totals) else "No run was stalled in this range.",
    )


def _limit_note(limit: DayLimit) -> str:
    if limit.enough:
        return f"The limit is {limit.value:g}: {limit.note}."
    return f"No alert yet: {limit.note}."


def _a_day(numbers: Mapping[int, int], span: Span, first: int) -> float:
    """The mean of a day since ``first``; what is not over counts when nothing else does."""
    days = (span.over - first) / DAY_MS
    if days <= 0:
        return sum(numbers.values())
    return sum(n for at, n in numbers.items() if first <= at < span.over) / days


def duration_trend(
    question: Question,
    steps: Mapping[int, Durations],
    whole: Durations | None,
    job: str,
) -> Trend:
    """Run time of one job type; ``job`` is it, the busiest one when none was chosen."""
    at = question.span.steps
    found = [steps.get(start) for start in at]
    values = [[one and one[n] for one in found] for n in (1, 2, 3)]
    words = [
        [f"{name} ~{took(value)}" for value in numbers]
        for name, numbers in zip(("p50", "p95", "p99"), values, strict=True)
    ]
    rows = [
        (start, job, *(one or (0, None, None, None)))
        for start, one in zip(at, found, strict=True)
    ]
    name = shorten(job, _NAME) if job else ""
    busiest = "" if question.job or not job else "the busiest"
    said = (
        [f"{key} ~{took(getattr(whole, key))}" for key in ("p50", "p95", "p99")]
        if whole
        else []
    )
    return Trend(
        words=joined(*said, ", ".join(filter(None, [name, busiest]))),
        columns=_DURATION_COLUMNS,
        rows=rows,
        figure=durations_figure(question.frame(), at, values, words),
        step_ms=question.span.step_ms,
        note="Runs that succeeded; percentiles are within 4.8 %." if whole else "",
        empty="" if whole else _no_durations(job),
    )


def _no_durations(job: str) -> str:
    return (
        f"No run of {shorten(job, _NAME)} succeeded in this range." if job else NOTHING
    )


def _rate_words(totals: Totals, at: int) -> str:
    failed, judged = _sum(totals, [at], JobState.FAILED), _judged(totals, [at])
    rate = percent(failed / judged) if judged else UNKNOWN
    return f"{rate}: {count(failed)} of {count(judged)}"


def _rate(totals: Totals, steps: Sequence[int]) -> float | None:
    return error_rate(
        _sum(totals, steps, JobState.SUCCEEDED), _sum(totals, steps, JobState.FAILED)
    )


def _judged(totals: Totals, steps: Sequence[int]) -> int:
    return sum(_sum(totals, steps, s) for s in (JobState.SUCCEEDED, JobState.FAILED))


def _sum(totals: Totals, steps: Sequence[int], state: JobState) -> int:
    found = totals.get(state, {})
    return sum(found.get(at, 0) for at in steps)
