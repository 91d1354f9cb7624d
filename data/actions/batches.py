"""Many runs, a short statement after the other; what is lost on the way is reported."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from data.engines.base import BATCH
from data.exceptions import DataError, InvalidRequestError, OutcomeUnknownError

#: Runs in one action: more is a job for a program that asks several times.
MAX_RUNS = 10_000


class Stepped(NamedTuple):
    """What an engine did to some runs; runs it left alone are in neither."""

    #: by run id what was done to it
    done: Mapping[str, str]
    #: by run id why it was not done
    refused: Mapping[str, str]


#: Something that an engine does to some runs.
Step = Callable[[Sequence[str]], Stepped]


class Reached(NamedTuple):
    """How far an action came."""

    #: by run id what was done to it
    done: dict[str, str]
    #: by run id why the database did not take it
    refused: dict[str, str]
    #: by run id why nobody can tell, or why it was not tried: the database was lost
    lost: dict[str, str]

    @property
    def reasons(self) -> dict[str, str]:
        """By run id why it was not reached, in the order in which it was tried."""
        return self.refused | self.lost


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
    refused: dict[str, str] = {}
    for at in range(0, len(run_ids), BATCH):
        batch = run_ids[at : at + BATCH]
        try:
            result = step(batch)
        except DataError as error:
            done |= _found(batch, look_again, error, anything_done=bool(done))
            if not done:
                raise
            lost = [id_ for id_ in run_ids[at:] if id_ not in done]
            return Reached(done, refused, dict.fromkeys(lost, str(error)))
        done |= result.done
        refused |= result.refused
    return Reached(done, refused, {})


def _found(
    batch: Sequence[str], look_again: Step, error: DataError, *, anything_done: bool
) -> Mapping[str, str]:
    """What a step did that raised ``error``: nothing, unless its commit was lost."""
    if not isinstance(error, OutcomeUnknownError):
        return {}
    try:
        return look_again(batch).done
    except DataError:
        if anything_done:
            return {}
        message = f"{error} Whether it was done is unknown: look again."
        raise OutcomeUnknownError(message) from error
