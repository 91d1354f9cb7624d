"""One read of a source serves every viewer.

Viewers ask ``current()``; only when the last read is older than the poll interval
does the process read, once, whoever asks. A failed read keeps the last rows and
says since when and why.
"""

import logging
import time
from collections import deque
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from data.clock import MINUTE_MS, Clock, now_ms
from data.deadlines import Call, bounded
from data.engines.base import Finding, JobEngine
from data.exceptions import (
    DataError,
    SourceSilentError,
    SourceTooSlowError,
    SourceUnavailableError,
)
from data.model import Judgement, OpenRuns, Recent, Snapshot, Trouble
from data.rules.scrub import describe_error
from data.rules.stalls import StallLimits, judge

log = logging.getLogger(__name__)

#: A source spends at most 1/20 of its time on our reads, however slow they are.
_REST_PER_READ: Final = 20
_LONGEST_REST_MS: Final = MINUTE_MS / 2
#: A source rests when so many reads in a row were slow.
_READS_REMEMBERED: Final = 3
#: The rest after reads that fail as nobody foresaw doubles so often at most.
_MOST_DOUBLINGS: Final = 10
#: How often schema, rights and indexes are looked at again.
_CHECK_EVERY_MS: Final = MINUTE_MS
#: A read that takes longer is an error of its source, whatever its driver waits for.
READ_LIMIT_S: Final = 6.0


class SnapshotReader:
    """Reads and judges one source; safe to ask from any thread.

    ``limits`` None switches stall detection off, and its cost.
    """

    def __init__(
        self,
        source: str,
        engine: JobEngine,
        *,
        limits: StallLimits | None,
        clock: Clock,
        poll_every_ms: int,
    ) -> None:
        self.engine = engine
        self._limits = limits
        self._clock = clock
        self._poll_every_ms = poll_every_ms
        self._reading = Lock()
        self._asked_at: int | None = None
        self._read_costs_ms = deque([0.0] * _READS_REMEMBERED, maxlen=_READS_REMEMBERED)
        self._checked_at: int | None = None
        #: reads in a row that failed as nobody foresaw
        self._faults = 0
        self._findings: list[Finding] = []
        self._recent: Recent | None = None
        self._latest = Snapshot(source=source, seq=0, read_at=None)
        #: how often the source was read so far, failed reads included
        self.reads = 0

    @property
    def latest(self) -> Snapshot:
        """The last snapshot, however old; never reads."""
        return self._latest

    @property
    def findings(self) -> list[Finding]:
        """What the last look at schema, rights and indexes found."""
        return self._findings

    def note_recent(self, recent: Recent | None) -> None:
        """Figures of the last day, for the snapshots from now on."""
        self._recent = recent

    def current(self) -> Snapshot:
        """The last snapshot, read anew when it is older than the poll interval.

        While somebody else reads, the snapshot before is given.
        """
        first = self._latest.seq == 0
        wait_s = READ_LIMIT_S if first else 0
        if self.due() and self._reading.acquire(timeout=wait_s):
            try:
                if self.due():
                    self._read()
            finally:
                self._reading.release()
        return self._latest

    def refresh(self) -> Snapshot:
        """Read now: something is known to have changed.

        While another read hangs, the snapshot before is given.
        """
        wait_s = 0 if self._latest.trouble else READ_LIMIT_S
        if self._reading.acquire(timeout=wait_s):
            try:
                self._read()
            finally:
                self._reading.release()
        return self._latest

    def due(self) -> bool:
        """Is the last read older than the poll interval?"""
        return self.age_ms() >= self.every_ms

    def age_ms(self) -> float:
        """Time since the last attempt to read; infinite before the first."""
        if self._asked_at is None:
            return float("inf")
        age_ms = now_ms(self._clock) - self._asked_at
        return age_ms if age_ms >= 0 else float("inf")  # the clock was set back

    @property
    def every_ms(self) -> float:
        """How often the source is read at present."""
        return max(self._poll_every_ms, self.rest_ms)

    @property
    def rest_ms(self) -> float:
        """How long the source is left alone after a read.

        Slow reads come less often, and so do reads that failed as nobody foresaw.
        """
        # a slow read may be this machine's doing: the best of the last ones counts
        slow_ms = min(self._read_costs_ms) * _REST_PER_READ
        fault_ms = self._poll_every_ms * 2**self._faults if self._faults else 0
        return min(max(slow_ms, fault_ms), _LONGEST_REST_MS)

    def _read(self) -> None:
        """Whatever goes wrong is an error of the source, and known to everyone."""
        before = self._latest
        now = now_ms(self._clock)
        self.reads += 1
        try:
            with bounded(READ_LIMIT_S, self._note_overdue):
                read = self._new_snapshot(before, now)
        except Exception as error:  # noqa: BLE001 - one source must not hold up others
            read = _failed(self._latest, error, now)
            self._checked_at = None
        self._latest = replace(read, seq=self._latest.seq + 1)
        self._note_fault(self._latest)
        self._asked_at = now
        _log_change(before, self._latest)

    def _note_overdue(self, _call: Call) -> None:
        """Tell of a read that hangs while it does: it may never come back."""
        before = self._latest
        message = f"{before.source}: the database did not answer in time."
        error = SourceSilentError(message)
        self._latest = _failed(before, error, now_ms(self._clock))
        _log_change(before, self._latest)

    def _note_fault(self, read: Snapshot) -> None:
        """Count the reads in a row that failed as nobody foresaw."""
        is_fault = read.trouble is not None and read.trouble.cause is not None
        self._faults = min(self._faults + 1, _MOST_DOUBLINGS) if is_fault else 0

    def _new_snapshot(self, before: Snapshot, now: int) -> Snapshot:
        self._check(now)
        jobs, counts = self._timed_read()
        judgement = Judgement({}, {})
        if self._limits:
            judgement = judge(jobs, now_ms=now, limits=self._limits)
        able = self.engine.capabilities
        return Snapshot(
            source=before.source,
            seq=before.seq + 1,
            read_at=now,
            jobs=tuple(jobs),
            counts=counts,
            judgement=judgement,
            judged=self._limits is not None,
            recent=self._recent,
            read_only_reason=able.why_not("clean_up"),
            no_start_reason=able.why_not("enqueue"),
            every_ms=round(self.every_ms),
        )

    def _timed_read(self) -> OpenRuns:
        """What is open; remembers what it cost the source, also in vain."""
        started = time.monotonic()
        cost_ms = 0.0
        try:
            runs = self.engine.open_runs()
            cost_ms = (time.monotonic() - started) * 1000
        except SourceTooSlowError:
            cost_ms = (time.monotonic() - started) * 1000
            raise
        finally:
            self._read_costs_ms.append(cost_ms)
        return runs

    def _check(self, now: int) -> None:
        last = self._checked_at
        if last is None or not 0 <= now - last < _CHECK_EVERY_MS:
            self._findings = self.engine.check()
            self._checked_at = now


@dataclass(frozen=True, kw_only=True)
class Source:
    """One job database as configured."""

    name: str
    #: what people call it
    label: str
    engine: JobEngine
    #: "sqlite" or "postgresql"
    dialect: str
    reader: SnapshotReader


def _failed(before: Snapshot, error: Exception, now: int) -> Snapshot:
    """The last known rows, with why there are no newer ones."""
    foreseen = isinstance(error, DataError)
    trouble = Trouble(
        since=before.trouble.since if before.trouble else now,
        unreachable=isinstance(error, SourceUnavailableError),
        message=str(error) if foreseen else _unforeseen(before.source, error),
        mend=getattr(error, "mend", "") if foreseen else "",
        cause=None if foreseen else error,
    )
    return replace(before, seq=before.seq + 1, trouble=trouble)


def _unforeseen(source: str, error: Exception) -> str:
    return f"{source}: reading failed unexpectedly ({describe_error(error)})."


def _log_change(before: Snapshot, after: Snapshot) -> None:
    """One line when a source goes away, one when it is back; none at each poll."""
    if after.trouble and _is_news(before.trouble, after.trouble):
        log.warning(
            "source %s: %s",
            after.source,
            after.trouble.message,
            exc_info=after.trouble.cause,
        )
    elif before.trouble and not after.trouble:
        log.info("source %s: answers again", after.source)


def _is_news(before: Trouble | None, after: Trouble) -> bool:
    return before is None or type(before.cause) is not type(after.cause)
