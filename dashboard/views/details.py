"""One run with everything that is known of it, as plain values."""

import re
from collections.abc import Sequence
from typing import Final, TypedDict

from dashboard.format import duration, limit, shorten, shorten_name
from dashboard.theme import TONES
from dashboard.views.active import NAME_LENGTH
from dashboard.views.cleanup import logs_link
from dashboard.views.instants import odd_values, ran_ms, sane
from dashboard.views.signs import CLAUSE, MOMENT
from data.model import OPEN, Job, JobState, RunDetails, Step, Verdict
from data.rules import exact_json
from data.rules.number_text import things

_FRAME: Final = re.compile(r'  File ".*", line \d+')
#: Where code lies that comes from elsewhere.
_LIBRARIES: Final = ("site-packages", "dist-packages", "/lib/python", "<frozen ")
#: Longer params and results are shown as they are stored.
_PRETTY_LENGTH = 20_000


class Moment(TypedDict):
    """One instant of a run."""

    words: str
    at: int | None
    #: what is there instead of an instant, "" for one
    odd: str


class Stretch(TypedDict):
    """A part of the timeline: what it was spent with, and its share of the whole."""

    words: str
    tone: str
    percent: float


class Mark(TypedDict):
    """An instant on the timeline, as its share of the whole."""

    words: str
    percent: float


class StepView(TypedDict):
    """A part of the run that its engine remembers, to scale with the others."""

    name: str
    #: how long it took, "" when that is not known
    took: str
    failed: bool
    #: where its bar begins and how long it is, as shares of the whole
    left: float
    width: float


class Neighbour(TypedDict):
    """One of the job's last runs."""

    id: str
    words: str
    tone: str


class Frame(TypedDict):
    """A part of an error's text; all parts in a row are the text."""

    #: where it is, "" for what is outside of frames
    head: str
    text: str
    #: folded at first: code that nobody here wrote
    folded: bool


class DetailsView(TypedDict):
    """What the dialog shows."""

    title: str
    run_id: str
    status: str
    tone: str
    #: (name, value) in reading order
    facts: list[tuple[str, str]]
    moments: list[Moment]
    timeline: list[Stretch]
    marks: list[Mark]
    #: why it counts as stalled, "" when it does not
    verdict: str
    #: when it was asked to stop and still runs
    asked_at: int | None
    params: str
    result: str
    error: list[Frame]
    #: which texts are in a format that is never opened, in words
    binary: str
    steps: list[StepView]
    #: which texts were cut, in words
    cut: str
    logs: str
    neighbours: list[Neighbour]
    can_cancel: bool
    can_retry: bool


def details_view(
    details: RunDetails,
    verdict: Verdict | None,
    latest: Sequence[Job],
    *,
    logs_url: str,
    now_ms: int,
) -> DetailsView:
    """One run; ``latest`` are the last finished runs of its job type, newest first."""
    job = details.job
    known = {"run_id": job.run_id, "job_name": job.job_name, "worker": job.worker or ""}
    return DetailsView(
        title=shorten_name(job.job_name, NAME_LENGTH),
        run_id=job.run_id,
        status=status_words(job, verdict),
        tone="warn" if verdict else TONES[job.state],
        facts=_facts(details, latest),
        moments=_moments(job),
        timeline=_timeline(job, now_ms),
        marks=_marks(job, now_ms),
        verdict=verdict_words(verdict),
        asked_at=job.cancel_requested_at if job.state is JobState.RUNNING else None,
        params=pretty(details.params),
        result=pretty(details.result),
        error=frames_of(details.error or ""),
        binary=_binary_words(details),
        steps=_steps(details, now_ms),
        cut=_cut_words(details),
        logs=logs_link(logs_url, known),
        neighbours=[_neighbour(one) for one in reversed(latest)],
        can_cancel=job.state in OPEN,
        can_retry=job.state not in OPEN,
    )


def frames_of(text: str) -> list[Frame]:
    """An error's text by the frames of a Python traceback; one part without any."""
    parts: list[Frame] = []
    for line in text.splitlines(keepends=True):
        if _FRAME.match(line):
            folded = any(place in line for place in _LIBRARIES)
            parts.append(Frame(head=line, text="", folded=folded))
        elif parts and (not parts[-1]["head"] or line.startswith("    ")):
            parts[-1]["text"] += line
        else:
            parts.append(Frame(head="", text=line, folded=False))
    return parts


def usual_words(latest: Sequence[Job]) -> str:
    """How long the last runs took: the middle one, and the one that 95 % stay below."""
    took = sorted(ran for job in latest if (ran := ran_ms(job)) is not None)
    if not took:
        return "not known yet"
    p50, p95 = (took[min(len(took) - 1, len(took) * p // 100)] for p in (50, 95))
    said = f"last {things(len(took), 'run')}" if len(took) > 1 else "last run"
    return f"{duration(p50)}, 95 % below {duration(p95)} ({said})"


def pretty(text: str | None) -> str:
    """JSON with a line for each value, which stay as they were written.

    What is long or no JSON stays as it is.
    """
    if text is None or len(text) > _PRETTY_LENGTH:
        return text or ""
    try:
        return exact_json.reindent(text)
    except (ValueError, RecursionError):
        return text


def status_words(job: Job, verdict: Verdict | None = None) -> str:
    """Its state in a word; a run that counts as stalled says so."""
    if verdict is not None:
        return "Stalled"
    is_known = job.state is not JobState.OTHER
    return job.state.value.capitalize() if is_known else shorten(job.status_word, 40)


def _facts(details: RunDetails, latest: Sequence[Job]) -> list[tuple[str, str]]:
    job = details.job
    attempts = odd_values(job).get("attempt", str(job.attempt))
    if details.max_attempts is not None:
        attempts += f" of {details.max_attempts}"
    facts = [
        ("Run", job.run_id),
        ("Queue", shorten(job.queue or "—", NAME_LENGTH)),
        ("Worker", shorten(job.worker or "—", NAME_LENGTH)),
        ("Attempt", attempts),
        ("Usually takes", usual_words(latest)),
    ]
    if details.error_type:
        facts.append(("Error type", shorten(details.error_type, NAME_LENGTH)))
    return facts


def _moments(job: Job) -> list[Moment]:
    odd = odd_values(job)
    words = {
        "enqueued_at": "Enqueued",
        "scheduled_at": "Scheduled for",
        "started_at": "Started",
        "heartbeat_at": MOMENT[job.sign],
        "cancel_requested_at": "Cancel requested",
        "finished_at": "Finished",
    }
    known = [
        Moment(words=said, at=at, odd="")
        for name, said in words.items()
        if name not in odd and (at := getattr(job, name)) is not None
    ]
    known.sort(key=lambda moment: moment["at"] or 0)
    return [
        *known,
        *(
            Moment(words=words[name], at=None, odd=text)
            for name, text in odd.items()
            if name in words
        ),
    ]


def _timeline(job: Job, now_ms: int) -> list[Stretch]:
    """Waiting and running, to scale; empty when the instants contradict each other."""
    span = _span(job, now_ms)
    if span is None:
        return []
    (began, end), started = span, sane(job.started_at)
    start = min(max(began, started), end) if started is not None else end
    waited = (start - began) * 100 / (end - began)
    stretches = [
        Stretch(
            words=f"waited {duration(start - began)}", tone="quiet", percent=waited
        ),
        Stretch(
            words=f"ran {duration(end - start)}",
            tone=TONES[job.state],
            percent=100 - waited,
        ),
    ]
    return [stretch for stretch in stretches if stretch["percent"] > 0]


def _marks(job: Job, now_ms: int) -> list[Mark]:
    """Where on the timeline it was scheduled for, and sent its last heartbeat."""
    span = _span(job, now_ms)
    if span is None:
        return []
    began, end = span
    sign = MOMENT[job.sign].lower()
    named = (("scheduled", job.scheduled_at), (sign, job.heartbeat_at))
    return [
        Mark(words=words, percent=(at - began) * 100 / (end - began))
        for words, at in named
        if at is not None and began <= at <= end
    ]


def _span(job: Job, now_ms: int) -> tuple[int, int] | None:
    """From its first instant to its end, or until now; None when that is no time."""
    enqueued, ended = sane(job.enqueued_at), sane(job.finished_at)
    began = enqueued if enqueued is not None else sane(job.started_at)
    end = ended if ended is not None else now_ms
    return (began, end) if began is not None and end > began else None


def verdict_words(verdict: Verdict | None) -> str:
    """Why it counts as stalled, "" when it does not."""
    if verdict is None:
        return ""
    beat = CLAUSE[verdict.evidence.sign][verdict.evidence.liveness]
    ran = f"Stalled ({verdict.state.value}): running for {duration(verdict.elapsed_ms)}"
    return f"{ran}, limit {limit(verdict.limit_ms)} ({verdict.rule.value}); {beat}."


def _cut_words(details: RunDetails) -> str:
    if not details.cut:
        return ""
    return f"Only the beginning is shown of: {', '.join(sorted(details.cut))}."


def _binary_words(details: RunDetails) -> str:
    if not details.binary:
        return ""
    names = ", ".join(sorted(details.binary)).capitalize()
    return f"{names}: binary, not shown."


def _steps(details: RunDetails, now_ms: int) -> list[StepView]:
    """To the scale of the run's own time; a step without instants has no bar."""
    job = details.job
    starts = [step.started_at for step in details.steps if step.started_at is not None]
    started = sane(job.started_at)
    began = min([*starts, *([started] if started else [])], default=0)
    end = max(sane(job.finished_at) or now_ms, began + 1)
    return [_step(step, began, end) for step in details.steps]


def _step(step: Step, began: int, end: int) -> StepView:
    name = shorten(step.name, NAME_LENGTH)
    if step.started_at is None or step.finished_at is None:
        return StepView(name=name, took="", failed=step.failed, left=0, width=0)
    took = max(0, step.finished_at - step.started_at)
    left = min(100.0, max(0.0, (step.started_at - began) * 100 / (end - began)))
    return StepView(
        name=name,
        took=duration(took),
        failed=step.failed,
        left=left,
        width=min(100 - left, took * 100 / (end - began)),
    )


def _neighbour(job: Job) -> Neighbour:
    return Neighbour(
        id=job.run_id,
        words=f"run {job.run_id}: {status_words(job)}",
        tone=TONES[job.state],
    )
