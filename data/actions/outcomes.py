"""What an action did, told in lists of run ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    #: still stalled: the database was lost before their turn came
    not_reached: list[str] = field(default_factory=list)
    #: undoes exactly this clean-up; None when nothing can be undone
    undo_token: str | None = None
    #: until when it can be undone, epoch ms
    undo_until: int | None = None


@dataclass(frozen=True, kw_only=True)
class Undone:
    """What an undo did."""

    #: RUNNING again, as before the clean-up
    restored: list[str]
    #: somebody changed them since; left as they are
    changed_since: list[str]


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
    #: the database was lost before their turn came
    not_reached: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Retried:
    """What "Run again" did."""

    #: by old run id the id of the new run
    started: Mapping[str, str] = field(default_factory=dict)
    #: not finished yet: nothing was started
    not_finished: list[str] = field(default_factory=list)
    #: no such run is there
    unknown: list[str] = field(default_factory=list)
    #: the database was lost before their turn came, or in the middle of it
    not_reached: list[str] = field(default_factory=list)
