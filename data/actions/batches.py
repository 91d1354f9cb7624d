"""Many runs, a short statement after the other; what is lost on the way is reported."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from data.engines.base import BATCH
from data.exceptions import (
    DataError,
    InvalidRequestError,
    OutcomeUnknownError,
    SourceUnavailableError,
)

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
    #: of those the runs of which nobody can tell
    unknown: frozenset[str]

    @property
    def not_done(self) -> dict[str, str]:
        """By run id why it was surely not done."""
        return {id_: x for id_, x in self.reasons.items() if id_ not in self.unknown}

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
    error when nothing was done, OutcomeUnknownError only when nobody knows.
    """
    done: dict[str, str] = {}
    refused: dict[str, str] = {}
    for at in range(0, len(run_ids), BATCH):
        batch = run_ids[at : at + BATCH]
        try:
            result = step(batch)
        except DataError as error:
            found = _found(batch, look_again, error, anything_done=bool(done))
            done |= found or {}
            if not done:
                raise _known(error) from error
            lost = [id_ for id_ in run_ids[at:] if id_ not in done]
            unknown = frozenset(batch if found is None else ())
            return Reached(done, refused, dict.fromkeys(lost, str(error)), unknown)
        done |= result.done
        refused |= result.refused
    return Reached(done, refused, {}, frozenset())


def _found(
    batch: Sequence[str], look_again: Step, error: DataError, *, anything_done: bool
) -> Mapping[str, str] | None:
    """What a step did that raised ``error``: nothing, unless its commit was lost.

    None: nobody can tell, and something was done before.
    """
    if not isinstance(error, OutcomeUnknownError):
        return {}
    try:
        return look_again(batch).done
    except DataError:
        if anything_done:
            return None
        message = f"{error} Whether it was done is unknown: look again."
        raise OutcomeUnknownError(message) from error


def _known(error: DataError) -> DataError:
    """``error`` of a step of which is known by now that it did nothing."""
    is_unknown = isinstance(error, OutcomeUnknownError)
    return SourceUnavailableError(str(error)) if is_unknown else error
