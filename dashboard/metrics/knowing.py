"""What the store told last: asked at most every few seconds, and not waited for long."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from threading import Lock
from typing import Final, NamedTuple

from dashboard.deps import Deps
from data.clock import now_ms
from data.exceptions import DataError
from data.rules.alerts import Standing
from data.store.tallies import Tally

#: What is younger is not asked for again, in milliseconds.
_FRESH_MS: Final = 5_000
_WAIT_S: Final = 2.0
#: How events that were not kept are called, by the tracker's word for them.
_DROPPED: Final = {"only counted": "queue", "lost": "store", "failed": "unreadable"}
_SINK_DROPPED: Final = {"no room": "sink queue", "lost": "sink"}
DROP_REASONS: Final = (*_DROPPED.values(), *_SINK_DROPPED.values())


class Known(NamedTuple):
    """What the store told."""

    at: int
    tally: Tally
    standings: Sequence[Standing]


class Knowing:
    """The store's numbers for /metrics; a store that is away holds nobody up."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._thread = ThreadPoolExecutor(1, "metrics")
        self._lock = Lock()
        self._asked: Future[Known] | None = None
        self._last: Known | None = None
        #: events that were not kept, as far as the store knows of them
        self._told: Counter[str] = Counter()

    def last(self) -> tuple[Known | None, bool]:
        """What was told last (None: nothing yet), and whether that is of now."""
        now = now_ms(self._deps.clock)
        with self._lock:
            known = self._last
            if known and abs(now - known.at) < _FRESH_MS:
                return known, True
            if self._asked is None or self._asked.done():
                self._asked = self._thread.submit(self._ask, now)
            asked = self._asked
        try:
            self._last = asked.result(_WAIT_S)
        except (DataError, NotYetError):
            return self._last, False
        return self._last, True

    def _ask(self, now: int) -> Known:
        self._tell_dropped()
        store = self._deps.store
        return Known(now, store.tallies.read(now), store.alerts.standings())

    def _tell_dropped(self) -> None:
        """Add to the store what this process has not kept since it said so last."""
        dropped = Counter(dict(self._dropped()))
        more = dropped - self._told
        if more:
            sums = {("dropped", reason): times for reason, times in more.items()}
            self._deps.store.tallies.add(sums)
            self._told = dropped

    def _dropped(self) -> Iterator[tuple[str, int]]:
        tracker = self._deps.tracker
        if tracker is None:
            return
        yield from _named(tracker.intake.totals, _DROPPED)
        sinks: Counter[str] = Counter()
        for sink in tracker.sinks:
            sinks.update(sink.totals)
        yield from _named(sinks, _SINK_DROPPED)


def _named(
    totals: Mapping[str, int], names: Mapping[str, str]
) -> Iterator[tuple[str, int]]:
    for word, name in names.items():
        yield name, totals.get(word, 0)
