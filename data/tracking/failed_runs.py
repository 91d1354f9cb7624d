"""Failed runs of a source, read as they come and once backwards to the retention.

Read by the index of failed runs, a page at a time. A span is read again a little later,
because rows are committed late: what is known by then is known by its event id.
"""

from typing import Final

from data.clock import DAY_MS, MINUTE_MS
from data.engines.base import JobEngine
from data.model import JobState, RunFilter
from data.store.errors import ErrorLog
from data.tracking.events import from_failure
from data.tracking.tracker import Tracker

#: How late a row may be committed, and how far clocks may differ.
OVERLAP_MS: Final = 5 * MINUTE_MS
_PAGE: Final = 200
_FAILED: Final = frozenset({JobState.FAILED})


class FailedRuns:
    """The reader of failed runs; one process at a time uses it."""

    def __init__(self, errors: ErrorLog, tracker: Tracker, *, kept_ms: int) -> None:
        self._errors = errors
        self._tracker = tracker
        self._kept_ms = kept_ms
        #: of each source, runs of the overlap that were read before
        self._known: dict[str, set[tuple[str, int | None]]] = {}

    def follow(self, source: str, engine: JobEngine, now_ms: int) -> None:
        """Track the runs that failed since the last call. Raises DataError."""
        scanned = self._errors.scanned(source)
        until, read_from = scanned or (now_ms, now_ms)
        since = min(until, now_ms) - OVERLAP_MS
        known = self._known.get(source, set())
        span = (since, now_ms + OVERLAP_MS)
        seen = self._read(source, engine, span, known, now_ms)
        self._known[source] = seen
        if scanned is None or seen - known or now_ms - until >= MINUTE_MS:
            # what is behind the first look is the business of step_back
            self._errors.note_scanned(source, now_ms, min(read_from, since))

    def step_back(self, source: str, engine: JobEngine, now_ms: int) -> bool:
        """Read one older day, newest first; True when there are more."""
        scanned = self._errors.scanned(source)
        if scanned is None:
            return True
        until, read_from = scanned
        oldest = now_ms - self._kept_ms
        if read_from <= oldest:
            return False
        since = max(read_from - DAY_MS, oldest)
        self._read(source, engine, (since, read_from), set(), now_ms)
        self._errors.note_scanned(source, until, since)
        return since > oldest

    def _read(
        self,
        source: str,
        engine: JobEngine,
        span: tuple[int, int],
        known: set[tuple[str, int | None]],
        now_ms: int,
    ) -> set[tuple[str, int | None]]:
        """Track failed runs that ended in the span; which ones there are."""
        wanted = RunFilter(states=_FAILED, since_ms=span[0], until_ms=span[1])
        seen: set[tuple[str, int | None]] = set()
        after: str | None = None
        while True:
            page = engine.page(wanted, after=after, limit=_PAGE)
            seen.update((job.run_id, job.finished_at) for job in page.jobs)
            new = [
                job.run_id
                for job in page.jobs
                if (job.run_id, job.finished_at) not in known
            ]
            failures = engine.failures(new) if new else []
            self._tracker.keep(
                [
                    from_failure(source, failure, now_ms=now_ms)
                    for failure in failures
                    if failure.job.state is JobState.FAILED
                ]
            )
            if page.next is None:
                return seen
            after = page.next
