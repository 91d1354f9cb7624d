"""What programs may do: start, cancel, run again, clean up, undo."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import Final

from fastapi import APIRouter

from dashboard.api.errors import RESPONSES
from dashboard.api.models import (
    CancelAsked,
    CancelledAnswer,
    CleanedAnswer,
    CleanUpAsked,
    RetriedAnswer,
    RetryAsked,
    StartAsked,
    Started,
    UndoAsked,
    UndoneAnswer,
)
from dashboard.auth import require
from dashboard.deps import Action, Deps
from data.actions import seen_of, ticked_of
from data.all_sources import AllEngine
from data.engines.base import JobEngine
from data.exceptions import InvalidParamsError
from data.model import FINISHED
from data.rules import exact_json

_NOT_STALLED: Final = "It is not stalled."
_NOT_THERE: Final = "There is no run of this id."


def register(router: APIRouter, deps: Deps) -> None:
    """Attach the routes that change something; each checks the right to."""

    @router.post("/runs", status_code=201, responses=RESPONSES)
    def start(asked: StartAsked) -> Started:
        """Start a run of a job that the source knows."""
        run_id = deps.actions.enqueue(
            asked.source,
            asked.job_name,
            _as_text(asked.params),
            queue=asked.queue,
            run_at_ms=asked.run_at,
            actor=require(deps.viewer(), Action.ENQUEUE),
            once=asked.once,
        )
        return Started(run_id=run_id)

    @router.post("/runs/cancel", responses=RESPONSES)
    def cancel(asked: CancelAsked) -> CancelledAnswer:
        """Call off what waits, ask what runs to stop."""
        actor = require(deps.viewer(), Action.CANCEL)
        done = deps.actions.cancel(asked.source, asked.run_ids, actor=actor)
        return CancelledAnswer(**asdict(done))

    @router.post("/runs/retry", responses=RESPONSES)
    def retry(asked: RetryAsked) -> RetriedAnswer:
        """Run finished runs again as new runs, with the same params or with these."""
        actor = require(deps.viewer(), Action.RETRY)
        done = deps.actions.retry(
            asked.source,
            asked.run_ids,
            params=None if asked.params is None else _as_text(asked.params),
            actor=actor,
            once=asked.once,
        )
        return RetriedAnswer(**asdict(done))

    @router.post("/stalled/cleanup", responses=RESPONSES)
    def clean_up(asked: CleanUpAsked) -> CleanedAnswer:
        """Mark stalled runs as failed, where they still are.

        Without ``run_ids`` those that the page would tick: not what is still alive.
        """
        actor = require(deps.viewer(), Action.CLEAN_UP)
        snapshot = deps.place(asked.source).reader.refresh()
        chosen = ticked_of(snapshot)
        if asked.run_ids is not None:
            wanted = set(asked.run_ids)
            chosen = [run for run in seen_of(snapshot) if run.run_id in wanted]
        # before anything is done, or what was done could not be told
        finished, reasons = _others(
            deps.place(asked.source).engine,
            [*dict.fromkeys(asked.run_ids or ())],
            {run.run_id for run in chosen},
        )
        done = deps.actions.clean_up(asked.source, chosen, actor=actor)
        told = replace(
            done,
            finished_meanwhile=[*done.finished_meanwhile, *finished],
            not_reached=[*done.not_reached, *reasons],
            reasons={**done.reasons, **reasons},
        )
        return CleanedAnswer(**asdict(told))

    @router.post("/undo", responses=RESPONSES)
    def undo(asked: UndoAsked) -> UndoneAnswer:
        """Put back what a clean-up marked, where nobody touched it since."""
        actor = require(deps.viewer(), Action.UNDO)
        return UndoneAnswer(**asdict(deps.actions.undo(asked.undo_token, actor=actor)))


def _others(
    engine: JobEngine | AllEngine, asked: Sequence[str], chosen: Collection[str]
) -> tuple[list[str], dict[str, str]]:
    """Of the runs that are asked for and not chosen those that are over, and why not the rest."""
    others = [id_ for id_ in asked if id_ not in chosen]
    if not others:
        return [], {}
    is_over = {job.run_id: job.state in FINISHED for job in engine.runs(others)}
    reasons = {
        id_: _NOT_STALLED if id_ in is_over else _NOT_THERE
        for id_ in others
        if not is_over.get(id_)
    }
    return [id_ for id_ in others if is_over.get(id_)], reasons


def _as_text(params: dict[str, object]) -> str:
    try:
        return exact_json.dumps(params)
    except RecursionError:
        message = "The params are nested too deep."
        raise InvalidParamsError(message) from None
