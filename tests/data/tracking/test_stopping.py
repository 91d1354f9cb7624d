"""One deadline for the whole stop, whatever waits and whatever hangs."""

import time
from dataclasses import replace
from threading import Event

from data.clock import to_ms
from data.model import ErrorEvent
from data.store.errors import ErrorLog
from data.tracking.events import About, from_words
from data.tracking.sinks import STOP_WITHIN_S, GuardedSink
from data.tracking.tracker import Tracker
from tests.conftest import WEDNESDAY, FakeClock
from tests.factories import until

EVENT = from_words(
    "upstream timed out", About(), now_ms=to_ms(WEDNESDAY), level="error"
)


class Slow:
    """Takes its time for each event, and does not take it; "dead" while it is held."""

    name = "slow"

    def __init__(self) -> None:
        self.tried, self.go = 0, Event()

    def send(self, _event: ErrorEvent) -> None:
        self.tried += 1
        self.go.wait(60)
        raise TimeoutError

    def close(self) -> None:
        """Nothing is open."""


def offered(sink: Slow, events: int) -> GuardedSink:
    guarded = GuardedSink(sink)
    guarded.start()
    for number in range(events):
        guarded.offer(replace(EVENT, event_id=f"{number:032x}"))
    until(lambda: sink.tried)
    return guarded


def test_a_dead_sink_is_tried_once_more_and_not_once_for_each_event() -> None:
    sink = Slow()
    guarded = offered(sink, 200)
    sink.go.set()

    guarded.stop()

    assert sink.tried <= 2
    assert guarded.totals["lost"] == 200


def test_a_sink_that_hangs_is_left_behind_at_the_deadline() -> None:
    sink = Slow()
    guarded = offered(sink, 8)
    began = time.monotonic()

    guarded.stop(began + 0.5)

    assert time.monotonic() - began < STOP_WITHIN_S
    assert guarded.totals["lost"] == 7
    sink.go.set()


def test_sinks_share_the_deadline_of_the_tracker() -> None:
    sinks = [Slow() for _ in range(8)]
    guarded = [offered(sink, 3) for sink in sinks]
    tracker = Tracker(None, clock=FakeClock(), sinks=guarded)  # type: ignore[arg-type]
    began = time.monotonic()

    tracker.stop(began + 0.5)

    assert time.monotonic() - began < STOP_WITHIN_S
    for sink in sinks:
        sink.go.set()


def test_a_store_that_hangs_is_left_behind_at_the_deadline() -> None:
    go = Event()

    class Hanging:
        def write(self, *_events: object) -> None:
            go.wait(60)

    errors: ErrorLog = Hanging()  # type: ignore[assignment]
    tracker = Tracker(errors, clock=FakeClock())
    tracker.start()
    tracker.intake.put(EVENT)
    until(lambda: not tracker.intake.size)
    began = time.monotonic()

    tracker.stop(began + 0.5)

    assert time.monotonic() - began < STOP_WITHIN_S
    go.set()
