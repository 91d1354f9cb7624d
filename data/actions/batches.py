"""Many runs, a short statement after the other; what is lost on the way is told."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from data.engines.base import BATCH
from data.exceptions import DataError, InvalidRequestError, OutcomeUnknownError

#: Runs in one action: more is a job for a program that asks several times.
MAX_RUNS = 10_000

#: What an engine did to some runs, by run id; runs it left alone are not in it.
Step = Callable[[Sequence[str]], Mapping[str, str]]


class Reached(NamedTuple):
    """How far an action came."""

    #: by run id what was done to it
    done: dict[str, str]
    #: of these nobody can tell: the database was lost
    left: list[str]


def once_each(run_ids: Sequence[str]) -> list[str]:
    """The ids without repeats; InvalidRequestError when there are none or too many."""
    unique = list(dict.fromkeys(run_ids))
    if not unique:
        message = "No run was named."
        raise InvalidRequestError(message)
    if len(unique) > MAX_RUNS:
        message = (
            f"{len(unique):,} runs are too many for one action: at most {MAX_RUNS:,}."
        )
        raise InvalidRequestError(message)
    return unique


def in_batches(run_ids: Sequence[str], step: Step, look_again: Step) -> Reached:
    """Do ``step`` to all; when the database is lost, say how far it came.

    ``look_again`` tells what a step did whose answer was lost. Raises the database's
    error when nothing was done, OutcomeUnknownError when nobody knows.
    """
    done: dict[str, str] = {}
    for at in range(0, len(run_ids), BATCH):
        batch = run_ids[at : at + BATCH]
        try:
            done |= step(batch)
        except DataError as error:
            done |= _found(batch, look_again, error, anything_done=bool(done))
            if not done:
                raise
            return Reached(done, [id_ for id_ in run_ids[at:] if id_ not in done])
    return Reached(done, [])


def _found(
    batch: Sequence[str], look_again: Step, error: DataError, *, anything_done: bool
) -> Mapping[str, str]:
    """What a step did that raised ``error``: nothing, unless its commit was lost."""
    if not isinstance(error, OutcomeUnknownError):
        return {}
    try:
        return look_again(batch)
    except DataError:
        if anything_done:
            return {}
        message = f"{error} Whether it was done is unknown: look again."
        raise OutcomeUnknownError(message) from error
