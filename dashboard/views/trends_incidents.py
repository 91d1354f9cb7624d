"""How long incidents last, and until somebody knows; which errors are most common."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean, median
from typing import Final, NamedTuple

from dashboard.figures.incidents import (
    error_types_figure,
    incidents_figure,
    time_line,
)
from dashboard.figures.template import GREEN, GREY, Limit, layout
from dashboard.format import count, growth, shorten, took
from dashboard.views.trends import (
    Column,
    Kind,
    Question,
    Trend,
    joined,
)
from data.rules.metrics import (
    ENOUGH_INCIDENTS,
    RESOLUTION_TARGET,
    Resolution,
    Verdict,
    resolution,
)
from data.rules.number_text import dates
from data.store.incidents import Baseline, Ended

#: The most error actions that are drawn.
_MOST: Final = 8
#: What an error without an action is counted under.
NO_ACTION: Final = "no action"
_LABEL: Final = 60
_COLUMNS: Final = (
    Column("at", "Over (UTC)", Kind.INSTANT),
    Column("incident", "Incident", Kind.TEXT),
    Column("kind", "Kind", Kind.TEXT),
    Column("resolve_ms", "Time to resolve", Kind.DURATION),
    Column("detect_ms", "Time to detect", Kind.DURATION),
)
_TYPE_COLUMNS: Final = (
    Column("action", "Action", Kind.TEXT),
    Column("errors", "Errors", Kind.COUNT),
    Column("sessions", "Sessions", Kind.COUNT),
    Column("recent", "Compared: now", Kind.COUNT),
    Column("week_before", "Compared: a week before", Kind.COUNT),
)


class ErrorType(NamedTuple):
    """Tracked errors of one action: in the range, and in the two weeks up to its end."""

    action: str
    events: int
    sessions: int
    week: int
    week_before: int


def incidents_trend(
    question: Question, incidents: Sequence[Ended], baseline: Baseline | None
) -> Trend:
    """Mean times to resolve and to detect, beside the baseline and half of it.

    Of one job type without these: the baseline is of all of them.
    """
    steps = question.span.steps
    resolve, detect = _by_step(question, incidents)
    lines = [
        time_line(
            name,
            [_mean(found.get(at)) for at in steps],
            [_words(name, found.get(at)) for at in steps],
        )
        for name, found in (("resolve", resolve), ("detect", detect))
    ]
    took_ms = [one.resolve_ms for one in incidents]
    judged = resolution(took_ms, baseline.resolve_ms if baseline else [])
    return Trend(
        words=_incident_words(incidents),
        columns=_COLUMNS,
        rows=[
            (one.resolved_at, one.label, one.kind, one.resolve_ms, one.detect_ms)
            for one in incidents
        ],
        figure=incidents_figure(question.frame(), steps, lines, _limits(baseline)),
        step_ms=1,
        note="" if question.job else _verdict_words(judged, len(took_ms), baseline),
        empty="" if incidents else "No incident ended in this range.",
    )


def error_types_trend(question: Question, types: Sequence[ErrorType]) -> Trend:
    """The most common actions of tracked errors."""
    shown = types[:_MOST]
    words = [_type_words(one) for one in shown]
    total = sum(one.events for one in types)
    revision = question.frame().revision
    return Trend(
        words=f"{count(total)} tracked errors" if total else "",
        columns=_TYPE_COLUMNS,
        rows=[tuple(one) for one in types],
        figure=error_types_figure(
            [one.action for one in shown],
            [one.events for one in shown],
            words,
            revision,
        )
        if total
        else {"data": [], "layout": layout(question.frame(), legend=False)},
        note=_types_note(question),
        empty="" if total else "No error was tracked in this range.",
    )


def _by_step(
    question: Question, incidents: Sequence[Ended]
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    resolve: dict[int, list[int]] = defaultdict(list)
    detect: dict[int, list[int]] = defaultdict(list)
    for one in incidents:
        step = one.resolved_at // question.span.step_ms * question.span.step_ms
        resolve[step].append(one.resolve_ms)
        if one.detect_ms is not None:
            detect[step].append(one.detect_ms)
    return resolve, detect


def _mean(values: Sequence[int] | None) -> float | None:
    return fmean(values) if values else None


def _words(name: str, values: Sequence[int] | None) -> str:
    return f"time to {name} {took(_mean(values))} (n={len(values or ())})"


def _limits(baseline: Baseline | None) -> list[Limit]:
    if baseline is None or not baseline.resolve_ms:
        return []
    mean = fmean(baseline.resolve_ms)
    return [
        Limit(mean, "baseline", GREY),
        Limit(
            mean * (1 + RESOLUTION_TARGET),
            f"target {_percent(RESOLUTION_TARGET)}",
            GREEN,
            below=True,
        ),
    ]


def _incident_words(incidents: Sequence[Ended]) -> str:
    if not incidents:
        return ""
    resolve = [one.resolve_ms for one in incidents]
    detect = [one.detect_ms for one in incidents if one.detect_ms is not None]
    return joined(
        f"MTTR {took(fmean(resolve))} (median {took(median(resolve))}, n={len(resolve)})",
        f"MTTD {took(fmean(detect))}" if detect else "",
    )


def _verdict_words(judged: Resolution, n: int, baseline: Baseline | None) -> str:
    if judged.change is None or judged.low is None or judged.high is None:
        if n < ENOUGH_INCIDENTS:
            return f"Not enough incidents (n={n}) to compare with the baseline."
        if baseline is None:
            return "No baseline yet: the first 30 days that are known will be it."
        known = len(baseline.resolve_ms)
        return f"Not enough incidents (n={known}) in the baseline to compare with."
    said = {
        Verdict.REACHED: "the target is reached",
        Verdict.MISSED: "the target is not reached",
        Verdict.OPEN: "too close to the target to tell",
    }[judged.verdict]
    interval = f"{_percent(judged.low)} to {_percent(judged.high)}"
    return f"{_percent(judged.change)} against the baseline ({interval}, 95 %): {said}."


def _percent(change: float) -> str:
    return f"{'−' if change < 0 else '+'}{abs(change):.0%}"


def _type_words(one: ErrorType) -> str:
    change = growth(one.week, one.week_before) if one.week_before else ""
    return joined(count(one.events), change if change[:1] in "+−" else "")


def _types_note(question: Question) -> str:
    job = f" of {shorten(question.job, _LABEL)}" if question.job else ""
    week = question.span.newest_week()
    now, before = (dates(one.since, one.until) for one in (week, week.week_before()))
    return f"Errors that were tracked{job}, of all sources. Change: {now} vs {before}."
