"""What an action did, in lists of run ids."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

#: What the audit says of a run that was locked or refused.
NOT_REACHED: Final = "not reached"
#: What it says of an action that left the job table as it was: it may be done now.
FAILED: Final = "failed"


def not_reached(
    reasons: Mapping[str, str],
) -> dict[str, tuple[str, Mapping[str, object]]]:
    """Outcomes for the audit of runs that the database did not take, with the reason."""
    return {id_: (NOT_REACHED, {"reason": why}) for id_, why in reasons.items()}


def failed(
    run_ids: Iterable[str], error: Exception
) -> dict[str, tuple[str, Mapping[str, object]]]:
    """Outcomes for the audit of what was surely not done, with the reason."""
    return {id_: (FAILED, {"reason": str(error)}) for id_ in run_ids}


@dataclass(frozen=True, kw_only=True)
class CleanUp:
    """What a clean-up did."""

    #: are stalled no more
    cleaned: list[str] = field(default_factory=list)
    #: of these, those whose engine knows cancel only; the others are marked as failed
    cancelled: list[str] = field(default_factory=list)
    #: ended, or gone, before they could be marked
    finished_meanwhile: list[str] = field(default_factory=list)
    #: running again: a newer heartbeat, another start, or within the limit
    came_back: list[str] = field(default_factory=list)
    #: still stalled: locked, refused, or the database was lost before their turn came
    not_reached: list[str] = field(default_factory=list)
    #: by run id of those not reached: why, a sentence
    reasons: Mapping[str, str] = field(default_factory=dict)
    #: undoes exactly this clean-up; None when nothing can be undone
    undo_token: str | None = None
    #: until when it can be undone, epoch ms
    undo_until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What an undo did."""

    #: RUNNING again, as before the clean-up
    restored: list[str] = field(default_factory=list)
    #: somebody changed them since; left as they are
    changed_since: list[str] = field(default_factory=list)
    #: locked, refused, or their database was out of reach: the same token tries again
    not_reached: list[str] = field(default_factory=list)
    #: by run id of those not reached: why, a sentence
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """What a cancel did."""

    #: waited, and will not be run
    cancelled: list[str] = field(default_factory=list)
    #: runs, and was asked to stop; whether it does is up to its worker
    asked: list[str] = field(default_factory=list)
    #: had ended before
    finished_meanwhile: list[str] = field(default_factory=list)
    #: no such run is there
    unknown: list[str] = field(default_factory=list)
    #: locked, refused, or the database was lost before their turn came
    not_reached: list[str] = field(default_factory=list)
    #: by run id of those not reached: why, a sentence
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Retried:
    """What "Run again" did."""

    #: by old run id the id of the new run
    started: Mapping[str, str] = field(default_factory=dict)
    #: not finished yet: nothing was started
    not_finished: list[str] = field(default_factory=list)
    #: no such run is there
    unknown: list[str] = field(default_factory=list)
    #: locked, refused, or the database was lost before or in the middle of it
    not_reached: list[str] = field(default_factory=list)
    #: by run id of those not reached: why, a sentence
    reasons: Mapping[str, str] = field(default_factory=dict)
