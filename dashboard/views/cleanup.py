"""The clean-up dialog: evidence before the click, the truth after."""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict
from urllib.parse import quote

from dashboard.format import count, duration, limit, shorten, shorten_name
from dashboard.views.active import LISTED_NAME, NAME_LENGTH, WHOLE_NAME
from dashboard.views.bulk import not_reached_parts
from dashboard.views.signs import EVIDENCE, age_of
from data.actions import CleanUp, Undone
from data.engines.base import Remedy, Seen
from data.model import Job, Snapshot, Verdict
from data.rules.stalls import is_alive


class CandidateView(TypedDict):
    """One stalled run with its evidence."""

    run_id: str
    job: str
    #: of the job, whole
    name: str
    run: str
    #: "1h 12m, limit 30m (default limit)"
    elapsed: str
    #: what the heartbeat says, and since when (None: it never sent one)
    heartbeat: str
    heartbeat_at: int | None
    #: how that age is told: "ago" or "duration"
    heartbeat_as: str
    #: True when the worker still sends heartbeats: slow, perhaps not stuck
    alive: bool
    worker: str
    #: link to the run's logs, "" without
    logs: str


def candidates_view(snapshot: Snapshot, logs_url: str) -> list[CandidateView]:
    """The stalled runs of a snapshot, those most over their limit first."""
    verdicts = snapshot.judgement.verdicts
    stalled = [job for job in snapshot.jobs if job.run_id in verdicts]
    stalled.sort(key=lambda job: verdicts[job.run_id].elapsed_ms, reverse=True)
    return [_candidate(job, verdicts[job.run_id], logs_url) for job in stalled]


def in_two(
    candidates: Sequence[CandidateView],
) -> tuple[list[CandidateView], list[CandidateView]]:
    """Those to be ticked, and those that are slow, not dead; each in its order."""
    ticked = [run for run in candidates if not run["alive"]]
    return ticked, [run for run in candidates if run["alive"]]


def seen_data(seen: Sequence[Seen]) -> list[list[object]]:
    """Guards as plain JSON, to be kept in the page between list and click."""
    return [list(run) for run in seen]


def seen_from(data: object, *chosen: object) -> list[Seen]:
    """The guards of the runs chosen in each list.

    Raises ValueError when the page sent something else.
    """
    lists = [ids for ids in chosen if isinstance(ids, list)]
    if not isinstance(data, list) or len(lists) < len(chosen):
        message = "The list of runs is not readable: open the dialog again."
        raise ValueError(message)
    picked = {str(run_id) for ids in lists for run_id in ids}
    return [run for run in map(_seen_from, data) if run.run_id in picked]


def undoable_from(data: object) -> list[dict[str, object]]:
    """The clean-ups that this tab may undo, newest last; what is not readable is left out."""
    items = data if isinstance(data, list) else []
    return [item for item in items if isinstance(item, dict) and item.get("token")]


#: What a clean-up does, said before the click.
MEANING: Final = {
    Remedy.MARK_FAILED: (
        "Clean-up marks the selected runs as failed and asks their workers to stop. "
        "A run that finished or came back to life meanwhile is left alone. "
        "It can be undone for 10 minutes."
    ),
    Remedy.CANCEL: (
        "Clean-up of DBOS runs is their cancel, which cannot be undone. The code of a "
        "run stops at its next step only, and a long step goes on to its end. DBOS has "
        "no compare-and-set: each run is looked at again, cancelled, and read again, "
        "and what changes in the moment between is not protected."
    ),
}


#: After a click without a dialog, when all that is stalled is alive.
ALL_ALIVE: Final = (
    "Nothing was done: every stalled run still gives signs of life. "
    "It is slow, not dead; open it to cancel it."
)


def outcome_view(result: CleanUp) -> list[tuple[str, str, list[str]]]:
    """(tone, sentence, run ids) of every list that is not empty; the truth in words."""
    marked = [run_id for run_id in result.cleaned if run_id not in result.cancelled]
    parts = [
        ("good", "marked as failed", marked),
        ("good", "cancelled; the code stops at its next step", result.cancelled),
        ("quiet", "finished meanwhile, left alone", result.finished_meanwhile),
        ("busy", "came back, left alone", result.came_back),
        *not_reached_parts(result.not_reached, result.reasons),
    ]
    said = [
        (tone, f"{count(len(ids))} {words}", ids) for tone, words, ids in parts if ids
    ]
    return said or [("quiet", "Nothing was selected, nothing was done.", [])]


def undone_view(result: Undone) -> list[tuple[str, str, list[str]]]:
    """The same for an undo."""
    parts = [
        ("good", "running again, as before the clean-up", result.restored),
        ("quiet", "changed since, left alone", result.changed_since),
        *not_reached_parts(result.not_reached, result.reasons),
    ]
    return [
        (tone, f"{count(len(ids))} {words}", ids) for tone, words, ids in parts if ids
    ]


def logs_link(template: str, values: Mapping[str, str]) -> str:
    """``JOBS_LOGS_URL`` filled in, every value quoted; "" without a template."""
    link = template
    for key, value in values.items():
        link = link.replace("{" + key + "}", quote(value, safe=""))
    return link


def _candidate(job: Job, verdict: Verdict, logs_url: str) -> CandidateView:
    known = verdict.evidence
    rule = f"limit {limit(verdict.limit_ms)} ({verdict.rule.value})"
    link_values = {
        "run_id": job.run_id,
        "job_name": job.job_name,
        "worker": job.worker or "",
    }
    return CandidateView(
        run_id=job.run_id,
        job=shorten_name(job.job_name, LISTED_NAME),
        name=shorten_name(job.job_name, WHOLE_NAME),
        run=shorten(job.run_id, NAME_LENGTH),
        elapsed=f"running for {duration(verdict.elapsed_ms)}, {rule}",
        heartbeat=EVIDENCE[known.sign][known.liveness],
        heartbeat_at=known.heartbeat_at,
        heartbeat_as=age_of(known.sign, known.liveness),
        alive=is_alive(verdict),
        worker=shorten(job.worker or "no worker named", NAME_LENGTH),
        logs=logs_link(logs_url, link_values),
    )


def _seen_from(item: object) -> Seen:
    match item:
        case [str(run_id), int(started), (int() | None) as beat, bool(guard)]:
            return Seen(run_id, started, beat, guard)
    message = "The list of runs is not readable: open the dialog again."
    raise ValueError(message)
