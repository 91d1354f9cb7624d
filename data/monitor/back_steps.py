"""Reads of the past of one source in small steps, between which it rests.

The past is read beside the present: a slice of it at a time, each purpose in its turn,
so that nothing else has to wait until all of it is in. What was read in the source is
followed by a rest of all purposes together.
"""

import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Final, NamedTuple

from data.monitor.failures import Failures
from data.monitor.pace import Pace

_LONGEST_REST_S: Final = 120.0


class BackStep(NamedTuple):
    """Something that goes back in time step by step."""

    #: what for
    name: str
    #: does one step; True when there are more
    do: Callable[[], bool]
    #: after a step the next one of it waits for this many times what the step took
    rest: float


class BackSteps:
    """Goes on with steps of ``source`` where their rests are over."""

    def __init__(self, pace: Pace, source: str = "") -> None:
        """``pace`` has timed what the steps read."""
        self._pace = pace
        self._rests_until: dict[str, float] = {}
        self._failures: dict[str, Failures] = {}
        self._source = source

    def go_on(
        self,
        steps: Sequence[BackStep],
        stop: Event,
        *,
        for_s: float,
        may_go_on: Callable[[], bool],
    ) -> None:
        """Do steps by turns for about this long, or until nothing is left.

        Ends early on ``stop``, or when ``may_go_on`` says so after a step.
        """
        end = time.monotonic() + for_s
        left = list(steps)
        while left:
            step = min(left, key=self._rests)
            now = time.monotonic()
            begin = max(now, self._rests(step), self._pace.rests_until)
            if begin >= end or stop.wait(begin - now):
                return
            if not self._do(step):
                left.remove(step)
            if not may_go_on():
                return

    def _do(self, step: BackStep) -> bool:
        """One step; one that fails ends for now, and rests for longer each time."""
        title = f"{step.name} of {self._source}"
        failures = self._failures.setdefault(step.name, Failures(title))
        started = time.monotonic()
        more = False
        try:
            more = step.do()
        except Exception as error:  # noqa: BLE001 - others go on
            failures.note(error)
        else:
            failures.clear()
        self._pace.rest()
        ended = time.monotonic()
        rest_s = min((ended - started) * step.rest, _LONGEST_REST_S)
        self._rests_until[step.name] = ended + max(rest_s, failures.pause_s)
        return more

    def _rests(self, step: BackStep) -> float:
        return self._rests_until.get(step.name, 0.0)
