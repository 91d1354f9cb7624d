"""Starting runs: a new one, and finished ones again."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from data.actions.batches import in_batches, once_each
from data.actions.clean_up import jobs_by_id
from data.actions.outcomes import Retried
from data.exceptions import (
    DataError,
    InvalidRequestError,
    OutcomeUnknownError,
    UnknownJobError,
)
from data.model import OPEN
from data.rules.params import checked_params
from data.snapshot import Source
from data.store import Store
from data.store.audit import AuditEntry, AuditLog, AuditRow

ENQUEUE: Final = "enqueue"
RETRY: Final = "run again"
_STARTED: Final = "started a run"
_NOT_STARTED: Final = "not finished"
_LONGEST_NAME: Final = 500
#: Characters of a run's params that the audit keeps.
_AUDITED_PARAMS: Final = 2_000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_ONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")


def checked_once(once: str | None) -> str | None:
    """The number of a request, which must be hard to guess; None is none."""
    if once is None or _ONCE.fullmatch(once):
        return once
    message = '"once" is 16 to 64 letters, digits, - or _.'
    raise InvalidRequestError(message)


def checked_name(name: str, what: str) -> str:
    """A job name or queue as it may be stored."""
    if not name.strip() or len(name) > _LONGEST_NAME or _CONTROL.search(name):
        message = f"The {what} has 1 to {_LONGEST_NAME} characters, no line breaks."
        raise InvalidRequestError(message)
    return name


def known_jobs(place: Source, store: Store) -> list[str]:
    """The job types of runs that are open, or ended in the days that rollups cover."""
    waiting = {job.job_name for job in place.reader.latest.jobs}
    return sorted(waiting.union(store.rollups.job_names(place.name)))


def require_known(place: Source, job_name: str, store: Store) -> None:
    """Raise UnknownJobError when this source has never seen such a job."""
    if job_name in known_jobs(place, store):
        return
    if not place.engine.latest(job_name, limit=1):
        message = f"{place.label} has never seen a job named {job_name!r}."
        raise UnknownJobError(message)


def enqueue(
    place: Source,
    job_name: str,
    params: str,
    audit: AuditLog,
    *,
    queue: str | None,
    run_at_ms: int | None,
    actor: str,
    now_ms: int,
    once: str | None,
) -> str:
    """Write down what is about to be started, start it, write down its id.

    The same ``once`` again starts nothing: it gives the id of the first time.
    """
    text = checked_params(params)
    if once and (rows := _first_time(audit, once, ENQUEUE)):
        return str(rows[0].after["run_id"])
    entry = AuditEntry("", job_name, {}, f"params: {text[:_AUDITED_PARAMS]}")
    token = audit.open_batch(actor, place.name, ENQUEUE, [entry], now_ms, token=once)
    try:
        run_id = place.engine.enqueue(
            job_name, text, queue=queue, run_at_ms=run_at_ms, at_ms=now_ms
        )
    except OutcomeUnknownError as error:
        message = f"{error} Whether the run was started is unknown: look again."
        raise OutcomeUnknownError(message) from error
    except DataError:
        audit.conclude(token, {"": ("failed", {})})
        raise
    after = {"run_id": run_id, "queue": queue, "run_at": run_at_ms}
    audit.conclude(token, {"": (_STARTED, after)})
    return run_id


def retry(
    place: Source,
    run_ids: Sequence[str],
    audit: AuditLog,
    *,
    params: str | None,
    actor: str,
    now_ms: int,
    once: str | None,
) -> Retried:
    """Write down what is about to be run again, do it, write down the new ids."""
    asked_for = once_each(run_ids)
    text = None if params is None else checked_params(params)
    detail = "" if text is None else f"params: {text[:_AUDITED_PARAMS]}"
    if once and (rows := _first_time(audit, once, RETRY)):
        return _told_again(rows, asked_for)
    jobs = jobs_by_id(place, asked_for)
    over = [id_ for id_ in asked_for if id_ in jobs and jobs[id_].state not in OPEN]
    entries = [
        AuditEntry(id_, jobs[id_].job_name, {"status": jobs[id_].status_word}, detail)
        for id_ in over
    ]
    token = audit.open_batch(actor, place.name, RETRY, entries, now_ms, token=once)

    def step(ids: Sequence[str]) -> Mapping[str, str]:
        return place.engine.enqueue_again(ids, at_ms=now_ms, params=text)

    started, left = in_batches(over, step, _nobody_knows)
    lost = set(left)
    dealt_with = lost.union(started)
    audit.conclude(
        token,
        {
            id_: (_STARTED, {"run_id": started[id_]})
            if id_ in started
            else (_NOT_STARTED, {})
            for id_ in over
            if id_ not in lost
        },
    )
    return Retried(
        started={id_: started[id_] for id_ in asked_for if id_ in started},
        not_finished=[
            id_ for id_ in asked_for if id_ in jobs and id_ not in dealt_with
        ],
        unknown=[id_ for id_ in asked_for if id_ not in jobs],
        not_reached=left,
    )


def _nobody_knows(_ids: Sequence[str]) -> Mapping[str, str]:
    """A run that was started cannot be told from one that somebody else started."""
    message = "the answer was lost."
    raise OutcomeUnknownError(message)


def _first_time(audit: AuditLog, once: str, action: str) -> list[AuditRow]:
    """The rows of the same request, when it was made before.

    Raises InvalidRequestError for a number that something else was done with, and
    OutcomeUnknownError when nobody knows what came of it.
    """
    rows = audit.batch(once)
    if any(row.action != action for row in rows):
        message = '"once" was used for another action.'
        raise InvalidRequestError(message)
    if any(row.outcome == "started" for row in rows):
        message = "This was asked before, and what came of it is unknown: look again."
        raise OutcomeUnknownError(message)
    return [row for row in rows if row.outcome != "failed"]


def _told_again(rows: Sequence[AuditRow], asked_for: Sequence[str]) -> Retried:
    known = {row.run_id for row in rows}
    started = {row.run_id: str(row.after["run_id"]) for row in rows if row.after}
    return Retried(
        started=started,
        not_finished=[row.run_id for row in rows if not row.after],
        unknown=[id_ for id_ in asked_for if id_ not in known],
    )
