"""What every engine can be asked.

An engine reads the tables of one job system through one ``Database`` and acts on
them in the ways that system sanctions. It knows nothing of viewers, limits or
the store. Every method may raise the errors of ``data.exceptions``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, TypeVar

from data.clock import Clock
from data.model import (
    Failure,
    HourCell,
    Job,
    OpenRuns,
    RunDetails,
    RunFilter,
    RunPage,
)

#: Runs changed by one call, and one statement: short enough never to hold up a writer.
BATCH: Final = 500

_T = TypeVar("_T")
#: A trigger, a rule or a view swallowed a run that was to be made.
NOT_KEPT: Final = "The database took the new run, but it cannot be found in the table."
#: Somebody else's transaction holds the row: it is passed over.
LOCKED: Final = "The row is locked by another transaction."
#: A trigger or a rule swallowed a change, or took it back.
IGNORED: Final = (
    "The database took the statement, but the row did not change: "
    "a trigger or a rule of the table ignores it."
)
#: Nothing was refused.
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The items in their order, at most ``BATCH`` at a time."""
    return (items[at : at + BATCH] for at in range(0, len(items), BATCH))


class Remedy(StrEnum):
    """What a clean-up does to a stalled run."""

    #: marks it as FAILED and asks its worker to stop; can be undone
    MARK_FAILED = "mark as failed"
    #: cancels it, as its engine knows no other way; cannot be undone
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What may be done to runs of this source, with this user's rights."""

    #: stalled runs can be cleaned up
    clean_up: bool = False
    remedy: Remedy = Remedy.MARK_FAILED
    #: runs can be started
    enqueue: bool = False
    #: waiting runs can be called off, running ones asked to stop
    cancel: bool = False
    #: the clean-up is one compare-and-set: nothing is overwritten
    guarded: bool = False
    #: what was started with a key is found again by it, and never started twice
    idempotent: bool = False
    #: finished runs can be run again
    retry: bool = False
    #: why actions are missing, a sentence for the page; "" when none is missing
    reason: str = ""
    #: by the name of a missing action its own reason, where there are several
    reasons: Mapping[str, str] = field(default_factory=dict)
    #: columns of the table's own that a new run does not take over from the old one
    not_copied: tuple[str, ...] = ()

    def why_not(self, action: str) -> str:
        """Why this action is missing; "" when it is possible."""
        return "" if getattr(self, action) else self.reasons.get(action, self.reason)


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


class Written(NamedTuple):
    """What a write did, read from the table after it."""

    #: by run id: when the run finished as its row says now, None when it is not finished
    done: Mapping[str, int | None]
    #: by run id: why the database did not take the change, a sentence
    refused: Mapping[str, str] = _NONE


class Cancelled(NamedTuple):
    """What a cancel did, in run ids."""

    #: waited, and will not be run
    cancelled: list[str]
    #: runs, and was asked to stop
    asked: list[str]
    #: by run id: why the database did not take the change, a sentence
    refused: Mapping[str, str] = _NONE


class Restarted(NamedTuple):
    """What "Retry" did."""

    #: by the id of the old run that of the new one
    started: Mapping[str, str]
    #: by the id of the old run: why no new one was made, a sentence
    refused: Mapping[str, str] = _NONE


class Finding(NamedTuple):
    """Something about a source that somebody should mend."""

    message: str
    #: the command that helps
    mend: str


class Grade(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    #: worth knowing, nothing to do
    NOTE = "note"
    #: something is wrong, and the mend helps
    MEND = "mend"


class Diagnosis(NamedTuple):
    """What ``job-manager doctor`` found out about one thing."""

    #: one word for programs
    what: str
    grade: Grade
    #: a sentence
    message: str
    #: the command that helps, "" when there is none
    mend: str = ""


class Runs(Protocol):
    """Runs to look at, and what may be done to them."""

    @property
    def capabilities(self) -> Capabilities:
        """What may be done here; known after the first successful ``check``."""

    def runs(self, run_ids: Collection[str]) -> list[Job]:
        """The runs with these ids, in no order; unknown ids are left out."""

    def page(
        self, filter_: RunFilter, *, after: str | None = None, limit: int = 50
    ) -> RunPage:
        """At most ``limit`` runs, from ``after`` on: a page's ``next``.

        What no index answers is searched backwards in bounded steps: a page may hold
        few runs, or none, and say how far it looked. A page has a cursor for each of
        its runs, each of bounded length. Raises InvalidRequestError for an ``after``
        that is no page's.
        """

    def count(self, filter_: RunFilter, *, up_to: int) -> int | None:
        """How many runs there are, counted to ``up_to``; None when only a search tells."""

    def details(self, run_id: str) -> RunDetails | None:
        """One run with its long texts; None when there is none of that id."""

    def failures(self, run_ids: Sequence[str]) -> list[Failure]:
        """What these failed runs kept of their errors, in no order; at most ``BATCH`` ids.

        Of a long text the beginning and the end are read. What is kept in a format of
        the engine's own is not opened: its ``error`` is "".
        """


class JobEngine(Runs, Protocol):
    """One job system in one database."""

    def check(self) -> list[Finding]:
        """Look at tables, columns, indexes and rights.

        Returns findings that slow things down or take actions away, worst first.
        Raises SchemaMismatchError or AccessDeniedError when nothing can be read.
        """

    def examine(self, clock: Clock) -> list[Diagnosis]:
        """Everything about tables, plans, rights and clocks that somebody should know.

        ``clock`` is this machine's. Raises what ``check`` raises.
        """

    def probe(self) -> object:
        """A cheap value that differs when the tables may have changed since the last call."""

    def open_runs(self) -> OpenRuns:
        """Everything that is not finished, in one read transaction, by index only."""

    def latest(self, job_name: str, *, limit: int) -> list[Job]:
        """The last finished runs of one job type, newest first."""

    def finished_cells(self, since_ms: int, until_ms: int) -> list[HourCell]:
        """Finished runs with ``since_ms <= finished_at < until_ms``, by hour, type, status."""

    def long_runs(
        self, since_ms: int, until_ms: int, *, longer_than_ms: int, limit: int
    ) -> list[Job]:
        """Of the same runs those that took longer than this, newest first."""

    def mark_stalled(self, seen: Sequence[Seen], *, reason: str, at_ms: int) -> Written:
        """Do the ``remedy`` to these runs, where they still are as seen.

        ``reason`` is kept in the run where it has a place for it. What the rows say
        afterwards is returned; one row that is locked or refused stops no other.
        An engine that is not ``guarded`` checks, acts and reads again.
        """

    def unmark_stalled(self, marked: Sequence[Marked]) -> Written:
        """Put runs back that ``mark_stalled`` marked, where nobody touched them since.

        What the rows say afterwards is returned, as by ``mark_stalled``.
        """

    def enqueue(
        self,
        job_name: str,
        params: str,
        *,
        queue: str | None,
        run_at_ms: int | None,
        at_ms: int,
        idempotency_key: str = "",
    ) -> str:
        """Make a run that waits, until ``run_at_ms`` if that is later; its id.

        ``params`` is the text of a JSON object, ``queue`` None the default one. An
        ``idempotent`` engine makes no second run with the same key. Raises DataError
        when the run is not in the table afterwards.
        """

    def enqueue_again(
        self,
        run_ids: Sequence[str],
        *,
        at_ms: int,
        params: str | None = None,
        idempotency_key: str = "",
    ) -> Restarted:
        """Run each of these again that is finished.

        An engine that lets a cancelled run go on gives the old id. ``params``, the text
        of a JSON object, takes the place of their own. At most ``BATCH`` ids; one
        that is locked or refused stops no other. An ``idempotent`` one makes no second run
        of the same run with the same key; its OutcomeUnknownError may come when some
        are done: ``already_started`` tells which.
        """

    def already_started(
        self, run_ids: Mapping[str, str], idempotency_key: str
    ) -> dict[str, str]:
        """By old id the new one, of runs that were run again with this key.

        ``run_ids`` gives the engine's own word for the state each had before; the id ""
        stands for a run that was ``enqueue``d. Raises OutcomeUnknownError where the
        engine is not ``idempotent``.
        """

    def cancel(self, run_ids: Sequence[str], *, at_ms: int) -> Cancelled:
        """Call off what waits, ask what runs to stop; at most ``BATCH`` ids."""

    def close(self) -> None:
        """Give the connections back."""
