"""Failed runs of a source, read as they come and once backwards to the retention.

Read by the index of failed runs, a few pages at a time: a span that holds more is gone
on with in the next step, newest first. A span is read again a little later, because rows
are committed late: what is known by then is known by its event id.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from data.clock import DAY_MS, MINUTE_MS
from data.exceptions import InvalidRequestError
from data.model import Failure, JobState, RunFilter, RunPage
from data.store.errors import ErrorLog
from data.tracking.events import from_failure
from data.tracking.tracker import Tracker

#: How late a row may be committed, and how far clocks may differ.
OVERLAP_MS: Final = 5 * MINUTE_MS
_PAGE: Final = 200
#: A step reads and writes so many pages at most: about two seconds.
PAGES_PER_STEP: Final = 5
_FAILED: Final = frozenset({JobState.FAILED})

#: A run that failed, and when.
Ended = tuple[str, int | None]


class FailureSource(Protocol):
    """Where failed runs are read: an engine."""

    @property
    def page(self) -> Callable[..., RunPage]:
        """As ``Runs.page``."""

    @property
    def failures(self) -> Callable[[Sequence[str]], list[Failure]]:
        """As ``JobEngine.failures``."""


class FailureReads(NamedTuple):
    """The two reads of an engine that are needed."""

    page: Callable[..., RunPage]
    failures: Callable[[Sequence[str]], list[Failure]]


@dataclass
class _Walk:
    """How far a span has been read, newest first."""

    since: int
    until: int
    began_at: int
    #: runs of it that were read before
    known: set[Ended] = field(default_factory=set)
    seen: set[Ended] = field(default_factory=set)
    after: str | None = None
    is_done: bool = False


class FailedRuns:
    """The reader of failed runs; of each source one thread and process at a time."""

    def __init__(self, errors: ErrorLog, tracker: Tracker, *, kept_ms: int) -> None:
        self._errors = errors
        self._tracker = tracker
        self._kept_ms = kept_ms
        #: of each source, runs of the overlap that were read before
        self._known: dict[str, set[Ended]] = {}
        #: of each source, spans that are being read
        self._news: dict[str, _Walk] = {}
        self._past: dict[str, _Walk] = {}

    def follow(self, source: str, engine: FailureSource, now_ms: int) -> bool:
        """Track the runs that failed since the last call; True when there are more.

        Raises DataError.
        """
        scanned = self._errors.scanned(source)
        until, read_from = scanned or (now_ms, now_ms)
        walk = self._news.get(source)
        if walk is None or until > walk.began_at:  # others went on meanwhile
            since = min(until, now_ms) - OVERLAP_MS
            known = self._known.get(source, set())
            walk = _Walk(since, now_ms + OVERLAP_MS, now_ms, known)
            self._news[source] = walk
        self._go_on(self._news, source, engine, now_ms)
        if not walk.is_done:
            return True
        del self._news[source]
        self._known[source] = walk.seen
        began = walk.began_at
        if scanned is None or walk.seen - walk.known or began - until >= MINUTE_MS:
            # what is behind the first look is the business of step_back
            self._errors.note_scanned(source, began, min(read_from, walk.since))
        return False

    def step_back(self, source: str, engine: FailureSource, now_ms: int) -> bool:
        """Read some of an older day, newest first; True when there are more."""
        scanned = self._errors.scanned(source)
        if scanned is None:
            return True
        until, read_from = scanned
        oldest = now_ms - self._kept_ms
        if read_from <= oldest:
            return False
        walk = self._past.get(source)
        if walk is None or walk.until != read_from:
            since = max(read_from - DAY_MS, oldest)
            walk = self._past[source] = _Walk(since, read_from, now_ms)
        self._go_on(self._past, source, engine, now_ms)
        if not walk.is_done:
            return True
        del self._past[source]
        self._errors.note_scanned(source, until, walk.since)
        return walk.since > oldest

    def _go_on(
        self,
        walks: dict[str, _Walk],
        source: str,
        engine: FailureSource,
        now_ms: int,
    ) -> None:
        """Read on in the walk of ``source``; one whose cursor is dead starts anew."""
        try:
            self._read_pages(source, engine, walks[source], now_ms)
        except InvalidRequestError:
            del walks[source]
            raise

    def _read_pages(
        self, source: str, engine: FailureSource, walk: _Walk, now_ms: int
    ) -> None:
        """Track failed runs of the next pages of the span."""
        wanted = RunFilter(states=_FAILED, since_ms=walk.since, until_ms=walk.until)
        for _ in range(PAGES_PER_STEP):
            page = engine.page(wanted, after=walk.after, limit=_PAGE)
            ended = [(job.run_id, job.finished_at) for job in page.jobs]
            new = [run[0] for run in ended if run not in walk.known]
            failures = engine.failures(new) if new else []
            self._tracker.keep(
                [
                    from_failure(source, failure, now_ms=now_ms)
                    for failure in failures
                    if failure.job.state is JobState.FAILED
                ]
            )
            walk.seen |= {run for run in ended if _is_late(run, walk.began_at)}
            walk.after = page.next
            if page.next is None:
                walk.is_done = True
                return


def _is_late(run: Ended, now_ms: int) -> bool:
    """Is it met again when the next span is read? Others need not be remembered."""
    _, at = run
    return at is None or at >= now_ms - OVERLAP_MS - MINUTE_MS
