"""What moved a metric: a point beside the same time one week before."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from dashboard.format import count, percent, shorten, took
from dashboard.trends.metrics import METRICS, busiest
from dashboard.views.trends import Question, joined
from dashboard.views.trends_cause import (
    CauseView,
    LineView,
    LinkView,
    PartsView,
    Runs,
    alerts_link,
    errors_link,
    parts_view,
)
from dashboard.views.trends_incidents import NO_ACTION
from dashboard.views.trends_range import Span, step_words
from dashboard.views.trends_runs import losing_words
from data.all_sources import ALL
from data.clock import DAY_MS
from data.exceptions import InvalidRequestError
from data.model import JobState
from data.rules.metrics import rate_parts
from data.store import Store
from data.store.error_records import ErrorFilter

_JOBS: Final = "Job types"
_WORKERS: Final = "Workers"
_NOBODY: Final = "(worker not known)"
_GROUPS: Final = "Errors of failed runs"
_BEFORE: Final = "a week before"
_MOST: Final = 8
_LONGEST: Final = 80
_GROUPS_READ: Final = 200


def cause_of(
    store: Store, metric: str, key: object, question: Question, now: int
) -> CauseView:
    """What is behind one point: ``key`` is the start of its step, or an action.

    Raises InvalidRequestError when it is no point of that chart.
    """
    if metric == "error-types" and isinstance(key, str):
        return _action(store, key, question, now)
    if metric not in _CAUSES or not isinstance(key, int) or isinstance(key, bool):
        message = "This is no point of a chart."
        raise InvalidRequestError(message)
    span = question.span.by_days() if metric == "stalled" else question.span
    if not span.since <= key < span.until:
        message = "This point is outside the range that is shown."
        raise InvalidRequestError(message)
    step = span.step(key)
    words, parts, links = _CAUSES[metric](store, question._replace(span=step))
    if metric in _OF_ERRORS:
        age = now - step.since
        links = [
            *links,
            errors_link("Errors", age, **_OF_ERRORS[metric], job=question.job),
        ]
    open_ = "" if step.until <= step.over else ", not over yet"
    when = f"{step_words(step.since, step.step_ms)} UTC{open_}"
    title = f"{METRICS[metric].title}, {when}"
    return CauseView(title=title, words=words, parts=parts, links=links)


_Cause = tuple[str, list[PartsView], list[LinkView]]
#: a job type or worker, what became of the runs, how many
_Ended = tuple[str, JobState, int]


def _error_rate(store: Store, question: Question) -> _Cause:
    spans = _two(question.span)
    now, before = (_judged_by(_by_job(store, question, one)) for one in spans)
    losing = store.trends.losing(question.source)
    if why := losing_words(losing, spans[0].since):
        return why, [], [_runs(question).link("Failed runs", "FAILED")]
    if losing_words(losing, spans[1].since):
        before = {}
    groups = [_groups(store, one, origin="job", job_name=question.job) for one in spans]
    workers = [_judged_by(_by_worker(store, question, one)) for one in spans]
    parts = [
        parts_view(_JOBS, rate_parts(now), rate_parts(before), points=True),
        parts_view(_GROUPS, *groups),
        *_of_workers(*map(rate_parts, workers), points=True),
    ]
    runs = _runs(question)
    links = [runs.link("Failed runs", "FAILED"), runs.link("All runs")]
    return joined(_rate(now), f"{_BEFORE} {_rate(before)}"), parts, links


def _throughput(store: Store, question: Question) -> _Cause:
    spans = _two(question.span)
    now, before = (_finished_by(_by_job(store, question, one)) for one in spans)
    workers = [_finished_by(_by_worker(store, question, one)) for one in spans]
    words = f"{count(sum(now.values()))} runs"
    earlier = f"{_BEFORE} {count(sum(before.values()))}"
    parts = [
        parts_view(_JOBS, now, before, more_is_bad=False),
        *_of_workers(*workers, more_is_bad=False),
    ]
    return joined(words, earlier), parts, [_runs(question).link("These runs")]


def _stalled(store: Store, question: Question) -> _Cause:
    jobs: list[Counter[str]] = []
    outcomes: list[Counter[str]] = []
    for span in _two(question.span):
        by_job: Counter[str] = Counter()
        by_outcome: Counter[str] = Counter()
        for one in store.trends.stalled(
            question.source, span.since, span.until, question.job
        ):
            by_job[one.job_name] += one.episodes
            by_outcome[one.outcome.replace("_", " ") or "goes on"] += one.episodes
        jobs.append(by_job)
        outcomes.append(by_outcome)
    parts = [
        parts_view(_JOBS, jobs[0], jobs[1]),
        parts_view("How they ended", outcomes[0], outcomes[1]),
    ]
    words = [count(sum(one.values())) for one in jobs]
    links = [_runs(question).link("Runs that ended that day")]
    return joined(f"{words[0]} stalled", f"{_BEFORE} {words[1]}"), parts, links


def _duration(store: Store, question: Question) -> _Cause:
    job = question.job or busiest(store, question)
    words = []
    for span in _two(question.span):
        found = store.trends.overall(
            question.source, span.since, span.until, span.step_ms, job
        )
        words.append(
            f"p50 ~{took(found.p50)}, p95 ~{took(found.p95)}, p99 ~{took(found.p99)}"
            f" of {count(found.runs)} runs"
            if found
            else "no runs"
        )
    links = [_runs(question._replace(job=job)).link("These runs", "SUCCEEDED")]
    return joined(words[0], f"{_BEFORE} {words[1]}"), [], links


def _viewers(store: Store, question: Question) -> _Cause:
    words = []
    for span in _two(question.span):
        viewers, lost = store.viewing.users(span.since, span.until)
        words.append(f"{lost} of {count(viewers)} viewers lost the live connection")
    return joined(words[0], f"{_BEFORE} {words[1]}"), [], []


def _incidents(store: Store, question: Question) -> _Cause:
    span = question.span
    found = store.incidents.ended(question.source, span.since, span.until)
    lines = [
        LineView(
            name=shorten(f"{one.kind}: {one.label}", _LONGEST),
            words=f"over after {took(one.resolve_ms)}"
            + ("" if one.detect_ms is None else f", known after {took(one.detect_ms)}"),
            bad=False,
        )
        for one in sorted(found, key=lambda one: -one.resolve_ms)[:_MOST]
    ]
    parts = [PartsView(title="The longest", lines=lines)] if lines else []
    return f"{count(len(found))} ended", parts, [alerts_link()]


def _action(store: Store, action: str, question: Question, now: int) -> CauseView:
    week = question.span.newest_week()
    asked = "" if action == NO_ACTION else action
    groups = [
        _groups(store, one, action=asked, job_name=question.job)
        for one in (week, week.week_before())
    ]
    sums = [count(round(sum(one.values()))) for one in groups]
    age = now - question.span.since
    return CauseView(
        title=f"Errors of {shorten(action, _LONGEST)}, week over week",
        words=joined(f"{sums[0]} errors", f"{_BEFORE} {sums[1]}"),
        parts=[parts_view("Error groups", groups[0], groups[1])],
        links=[errors_link("These errors", age, action=asked, job=question.job)],
    )


def _two(span: Span) -> tuple[Span, Span]:
    return span, span.week_before()


def _runs(question: Question) -> Runs:
    span = question.span
    return Runs(question.source or ALL, question.job, span.since, span.until)


def _rate(judged: Mapping[str, tuple[int, int]]) -> str:
    failed = sum(bad for _, bad in judged.values())
    runs = failed + sum(good for good, _ in judged.values())
    if not runs:
        return "no runs"
    return f"{percent(failed / runs)} ({count(failed)} of {count(runs)})"


def _by_job(store: Store, question: Question, span: Span) -> list[_Ended]:
    read = store.trends.days if span.step_ms >= DAY_MS else store.trends.hours
    found = read(question.source, span.since, span.until, question.job)
    return [(one.job_name, one.status, one.runs) for one in found]


def _by_worker(store: Store, question: Question, span: Span) -> list[_Ended]:
    found = store.trends.workers(
        question.source, span.since, span.until, span.step_ms, question.job
    )
    return [(name or _NOBODY, state, runs) for name, state, runs in found]


def _of_workers(
    now: Mapping[str, float], before: Mapping[str, float], **more: bool
) -> list[PartsView]:
    """Nothing where no worker is known."""
    if {*now, *before} <= {_NOBODY}:
        return []
    return [parts_view(_WORKERS, now, before, **more)]


def _judged_by(runs: Iterable[_Ended]) -> dict[str, tuple[int, int]]:
    """By name how many succeeded and failed."""
    good: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for name, state, number in runs:
        if state is JobState.FAILED:
            bad[name] += number
        elif state is JobState.SUCCEEDED:
            good[name] += number
    return {name: (good[name], bad[name]) for name in {*good, *bad}}


def _finished_by(runs: Iterable[_Ended]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, _, number in runs:
        found[name] += number
    return found


def _groups(store: Store, span: Span, **more: str) -> dict[str, float]:
    asked = ErrorFilter(since=span.since, until=span.until, **more)  # type: ignore[arg-type]  # texts
    found: dict[str, float] = {}
    for one in store.errors.groups(asked, limit=_GROUPS_READ):
        found[one.title] = found.get(one.title, 0) + one.events
    return found


_CAUSES: Final[Mapping[str, Callable[[Store, Question], _Cause]]] = {
    "error-rate": _error_rate,
    "throughput": _throughput,
    "stalled": _stalled,
    "duration": _duration,
    "disconnects": _viewers,
    "uptime": _viewers,
    "mttr": _incidents,
}
#: Which errors a chart's points lead to.
_OF_ERRORS: Final[Mapping[str, Mapping[str, str]]] = {
    "error-rate": {"origin": "job"},
    "disconnects": {"action": "liveLink"},
    "uptime": {"origin": "browser"},
}
