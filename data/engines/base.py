"""What every engine can be asked.

An engine reads the tables of one job system through one ``Database`` and acts on
them in the ways that system sanctions. It knows nothing of viewers, limits or
the store. Every method may raise the errors of ``data.exceptions``.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from data.model import HourCell, Job, OpenRuns


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What may be done to runs of this source, with this user's rights."""

    #: runs can be marked as failed, and that can be undone
    clean_up: bool = False
    #: the clean-up is one compare-and-set: nothing is overwritten
    guarded: bool = False
    #: runs may send heartbeats
    heartbeats: bool = False
    #: why actions are missing, a sentence for the page; "" when none is missing
    reason: str = ""


class Seen(NamedTuple):
    """A run as the person saw it who acts on it: the guard of a clean-up."""

    run_id: str
    started_at: int
    heartbeat_at: int | None
    #: the heartbeat was evidence (lost or never sent): a newer one saves the run
    guard_heartbeat: bool


class Marked(NamedTuple):
    """A run as a clean-up left it, and what undo puts back."""

    run_id: str
    started_at: int
    #: the instant the clean-up wrote
    finished_at: int
    cancel_requested_at_before: int | None


class Finding(NamedTuple):
    """Something about a source that somebody should mend."""

    message: str
    #: the command that helps
    mend: str


class JobEngine(Protocol):
    """One job system in one database."""

    @property
    def capabilities(self) -> Capabilities:
        """What may be done here; known after the first successful ``check``."""

    def check(self) -> list[Finding]:
        """Look at tables, columns, indexes and rights.

        Returns findings that slow things down or take actions away, worst first.
        Raises SchemaMismatchError or AccessDeniedError when nothing can be read.
        """

    def probe(self) -> object:
        """A cheap value that differs when the tables may have changed since the last call."""

    def open_runs(self) -> OpenRuns:
        """Everything that is not finished, in one read transaction, by index only."""

    def runs(self, run_ids: Collection[str]) -> list[Job]:
        """The runs with these ids, in no order; unknown ids are left out."""

    def finished_cells(self, since_ms: int, until_ms: int) -> list[HourCell]:
        """Finished runs with ``since_ms <= finished_at < until_ms``, by hour, type, status."""

    def mark_stalled(
        self, seen: Sequence[Seen], *, reason: str, at_ms: int
    ) -> list[str]:
        """Mark these runs as failed with ``reason``, where they still are as seen.

        Returns the ids that were really marked. An engine that is not ``guarded``
        checks, acts and reads again.
        """

    def unmark_stalled(self, marked: Sequence[Marked]) -> list[str]:
        """Put runs back that ``mark_stalled`` marked, where nobody touched them since.

        Returns the ids that were really put back.
        """

    def close(self) -> None:
        """Give the connections back."""
