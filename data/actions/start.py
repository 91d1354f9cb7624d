"""Starting runs: a new one, and finished ones again."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from data.actions.batches import Reached, Stepped, in_batches, once_each
from data.actions.clean_up import jobs_by_id
from data.actions.idempotency import (
    Earlier,
    earlier,
    require_repeatable,
)
from data.actions.outcomes import Retried, failed, not_reached
from data.exceptions import (
    DataError,
    InvalidRequestError,
    OutcomeUnknownError,
    UnknownJobError,
)
from data.model import OPEN, Job
from data.rules.params import checked_params
from data.snapshot import Source
from data.store import Store
from data.store.audit import AuditEntry, AuditLog

ENQUEUE: Final = "enqueue"
RETRY: Final = "run again"
_STARTED: Final = "started a run"
_NOT_STARTED: Final = "not finished"
_LONGEST_NAME: Final = 500
#: Characters of a run's params that the audit keeps.
_AUDITED_PARAMS: Final = 2_000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


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
    entry = AuditEntry("", job_name, {}, _detail_of(text))
    before = earlier(
        audit,
        once,
        action=ENQUEUE,
        source=place.name,
        about=(job_name, entry.detail),
    )
    if before.started:
        return before.started[""]
    require_repeatable(before, is_idempotent=place.engine.capabilities.idempotent)
    new = [] if before.unknown else [entry]
    token = audit.open_batch(actor, place.name, ENQUEUE, new, now_ms, token=once)
    run_id = _found(place, token) if before.unknown else ""
    if not run_id:
        try:
            run_id = place.engine.enqueue(
                job_name,
                text,
                queue=queue,
                run_at_ms=run_at_ms,
                at_ms=now_ms,
                idempotency_key=token,
            )
        except DataError as error:
            run_id = _after_error(place, audit, token, error)
    after = {"run_id": run_id, "queue": queue, "run_at": run_at_ms}
    audit.conclude(token, {"": (_STARTED, after)})
    return run_id


def _found(place: Source, token: str) -> str:
    """The run that was started with this key; "" when there is none."""
    return place.engine.already_started({"": ""}, token).get("", "")


def _after_error(place: Source, audit: AuditLog, token: str, error: DataError) -> str:
    """The run that was started although its answer was lost.

    Raises ``error`` when there is none, OutcomeUnknownError when nobody knows.
    """
    is_idempotent = place.engine.capabilities.idempotent
    if is_idempotent or isinstance(error, OutcomeUnknownError):
        try:
            run_id = _found(place, token)
        except DataError:
            message = f"{error} Whether the run was started is unknown: look again."
            raise OutcomeUnknownError(message) from error
        if run_id:
            return run_id
    audit.conclude(token, failed([""], error))
    raise error


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
    """Write down what is about to be run again, do it, write down the new ids.

    The same ``once`` again does the rest: what was started before is told again.
    """
    asked_for = once_each(run_ids)
    text = None if params is None else checked_params(params)
    before = earlier(audit, once, action=RETRY, source=place.name)
    require_repeatable(before, is_idempotent=place.engine.capabilities.idempotent)
    jobs = jobs_by_id(place, before.left(asked_for))
    found = _found_again(place, before, asked_for, once)
    over = [
        id_
        for id_, job in jobs.items()
        if id_ not in found and (job.state not in OPEN or id_ in before.unknown)
    ]
    detail = "" if text is None else _detail_of(text)
    entries = _entries(jobs, [id_ for id_ in over if id_ not in before.unknown], detail)
    token = audit.open_batch(actor, place.name, RETRY, entries, now_ms, token=once)
    reached = _restart(
        place,
        {id_: jobs[id_] for id_ in over},
        audit,
        token,
        params=text,
        now_ms=now_ms,
    )
    started = {**found, **reached.done}
    reasons = reached.reasons
    dealt_with = {*started, *reasons}
    audit.conclude(
        token,
        {id_: (_STARTED, {"run_id": new}) for id_, new in started.items()}
        | {id_: (_NOT_STARTED, {}) for id_ in over if id_ not in dealt_with},
    )
    started = {**before.started, **started}
    there = {*jobs, *before.not_started}
    return Retried(
        started={id_: started[id_] for id_ in asked_for if id_ in started},
        not_finished=[
            id_
            for id_ in asked_for
            if id_ in there and id_ not in started and id_ not in reasons
        ],
        unknown=[id_ for id_ in asked_for if id_ not in {*there, *started}],
        not_reached=[id_ for id_ in asked_for if id_ in reasons],
        reasons=reasons,
    )


def _restart(
    place: Source,
    jobs: Mapping[str, Job],
    audit: AuditLog,
    token: str,
    *,
    params: str | None,
    now_ms: int,
) -> Reached:
    """By run id the new ones, why others were refused, and what was not reached.

    What surely was not started is written down as such: the same request may do it.
    """
    uncertain: set[str] = set()

    def step(ids: Sequence[str]) -> Stepped:
        uncertain.update(ids)
        try:
            done = place.engine.enqueue_again(
                ids, at_ms=now_ms, params=params, idempotency_key=token
            )
        except OutcomeUnknownError:
            raise
        except DataError:
            uncertain.difference_update(ids)
            raise
        uncertain.difference_update(ids)
        return Stepped(*done)

    def look_again(ids: Sequence[str]) -> Stepped:
        words = {id_: jobs[id_].status_word for id_ in ids}
        found = place.engine.already_started(words, token)
        uncertain.difference_update(ids)
        return Stepped(found, {})

    try:
        reached = in_batches([*jobs], step, look_again)
    except DataError as error:
        audit.conclude(token, failed(jobs.keys() - uncertain, error))
        raise
    audit.conclude(token, not_reached(reached.not_done))
    return reached


def _found_again(
    place: Source, before: Earlier, asked_for: Sequence[str], once: str | None
) -> Mapping[str, str]:
    """Of runs of which nobody knew what became of them: the new ones that are there."""
    unknown = {id_: before.unknown[id_] for id_ in asked_for if id_ in before.unknown}
    if not unknown or once is None:
        return {}
    return place.engine.already_started(unknown, once)


def _entries(
    jobs: Mapping[str, Job], run_ids: Sequence[str], detail: str
) -> list[AuditEntry]:
    return [
        AuditEntry(id_, jobs[id_].job_name, {"status": jobs[id_].status_word}, detail)
        for id_ in run_ids
    ]


def _detail_of(params: str) -> str:
    return f"params: {params[:_AUDITED_PARAMS]}"
