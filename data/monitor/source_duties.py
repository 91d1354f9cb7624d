"""What one process does for all about one source: rollups, failed runs, the past."""

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Final, NamedTuple

from data.clock import SECOND_MS, Clock, now_ms
from data.monitor.back_steps import BackStep, BackSteps
from data.monitor.duty import Duty
from data.monitor.leading import Leadership, LedDuties
from data.monitor.pace import REST, Pace
from data.monitor.parts import in_parts
from data.monitor.past_episodes import LongRuns, PastEpisodes
from data.monitor.stalls import StallRecorder
from data.snapshot import Source
from data.store import Store
from data.tracking.failed_runs import FailedRuns, FailureReads

#: The rollups follow the source this closely.
_REFRESH_EVERY_MS: Final = 5 * SECOND_MS
_AUDIT_EVERY_MS: Final = 10 * SECOND_MS
_RECORD_EVERY_MS: Final = SECOND_MS // 2
#: A slow source rests for up to two minutes after a read.
_DEADLINE_S: Final = 150.0
#: So long the past is read before the present is looked after again.
_BACK_SLICE_S: Final = 4.0
#: After a step of the import this process and the store have so many times its length
#: for others; the source rests for what was read in it.
_REST_PER_FILL: Final = 0.5
#: A read of a day may take minutes in parts, and nobody waits for the past.
_LONGEST_REST_OF_THE_PAST_S: Final = 3_600.0
#: Reads of the past that take so long get a twentieth of the source's time. Shorter ones
#: get more of it: they are no burden, and a fast source's history is there in a minute.
_SLOW_FROM_S: Final = 0.2


class Readers(NamedTuple):
    """Who reads beside the rollups; None: that is not wanted."""

    failed_runs: FailedRuns | None = None
    #: finds stalled runs that nobody watched
    past: PastEpisodes | None = None


class SourceDuties:
    """The duties about one source, behind a lease of their own.

    ``step`` is called by one thread, ``record_stalls`` by another.
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        leadership: Leadership,
        clock: Clock,
        readers: Readers,
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._readers = readers
        engine = source.engine
        past = Pace(
            full_from_s=_SLOW_FROM_S, longest_rest_s=_LONGEST_REST_OF_THE_PAST_S
        )
        self._back_steps = BackSteps(past, source.name)
        self._read_past = in_parts(past.timed(engine.finished_cells))
        self._past_failures = FailureReads(
            past.timed(engine.page), past.timed(engine.failures)
        )
        self._long_runs = LongRuns(past.timed(engine.long_runs))
        self._pace = Pace()
        self._read = in_parts(self._pace.timed(engine.finished_cells))
        self._failures = FailureReads(
            self._pace.timed(engine.page), self._pace.timed(engine.failures)
        )
        self.stalls = StallRecorder(source, store)
        self._figures = self._duty("figures", self._note_recent, _REFRESH_EVERY_MS)
        self._record = self._duty(
            "stalled runs", self.stalls.record_offered, _RECORD_EVERY_MS
        )
        led = self._led_duties()
        self._led = LedDuties(leadership, led)
        self.leadership = leadership
        self.duties = [*led, self._figures, self._record]

    def step(self, stop: Event) -> None:
        """Do what is due of the present, then read some of the past until ``stop``."""
        now = now_ms(self._clock)
        if self._is_in_trouble:  # told by its reader; others may reach the source
            self._led.stand_back()
            self._figures.run(now)
            self._record.rest()
            return
        leads = self._led.lead(now)
        if leads and not self._pace.is_resting:
            self._led.run(now)
            self._pace.rest()
        self._figures.run(now)
        if leads:
            self._go_back(now, stop)

    @property
    def _is_in_trouble(self) -> bool:
        return self._source.reader.latest.trouble is not None

    def record_stalls(self, _stop: Event) -> None:
        """Record the stalled runs of the snapshots that were offered."""
        if self.leadership.held:
            self._record.run(now_ms(self._clock))
            return
        self.stalls.forget()
        if self.leadership.is_elsewhere:
            self._record.rest()

    def _led_duties(self) -> list[Duty]:
        duties = [
            self._duty("rollups", self._refresh, _REFRESH_EVERY_MS),
            self._duty("audit of rollups", self._audit, _AUDIT_EVERY_MS),
        ]
        if self._readers.failed_runs:
            duties.append(self._duty("failed runs", self._follow, _REFRESH_EVERY_MS))
        return duties

    def _duty(self, name: str, do: Callable[[int], object], every_ms: int) -> Duty:
        return Duty(
            name,
            do,
            every_ms=every_ms,
            source=self._source.name,
            deadline_s=_DEADLINE_S,
        )

    def _refresh(self, now: int) -> None:
        self._store.rollups.refresh(self._source.name, self._read, now)

    def _audit(self, now: int) -> None:
        self._store.rollups.audit_step(self._source.name, self._read, now)

    def _follow(self, now: int) -> None:
        if self._readers.failed_runs:
            name = self._source.name
            self._readers.failed_runs.follow(name, self._failures, now)

    def _note_recent(self, now: int) -> None:
        """Every process shows what the one that leads has rolled up."""
        recent = self._store.rollups.recent(self._source.name, now)
        self._source.reader.note_recent(recent)

    def _go_back(self, now: int, stop: Event) -> None:
        """Read the past for a while."""
        name = self._source.name
        steps = [
            BackStep("import of rollups", partial(self._fill, now), _REST_PER_FILL)
        ]
        if self._readers.failed_runs:
            failed = self._readers.failed_runs
            back = partial(failed.step_back, name, self._past_failures, now)
            steps.append(BackStep("import of failed runs", back, REST))
        if self._readers.past:
            back = partial(self._readers.past.step_back, name, self._long_runs, now)
            steps.append(BackStep("past stalled runs", back, REST))
        self._back_steps.go_on(
            steps, stop, for_s=_BACK_SLICE_S, may_go_on=lambda: self._may_lead(now)
        )

    def _may_lead(self, now: int) -> bool:
        return not self._is_in_trouble and self._led.lead(now)

    def _fill(self, now: int) -> bool:
        name = self._source.name
        more = self._store.rollups.backfill_step(name, self._read_past, now)
        if more:
            self._note_recent(now)
        return more
