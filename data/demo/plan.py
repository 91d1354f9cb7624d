"""What becomes of a run the demo worker holds: drawn once, judged at each step."""

import math
from enum import Enum, auto
from random import Random
from typing import Final, NamedTuple

from data.clock import SECOND_MS
from data.demo.catalog import BY_NAME, CATALOG, STUBBORN
from data.demo.finished_runs import HEARTBEAT_MS

#: Runs are made this long at least and at most, so that a visitor sees them end.
SHORTEST_MS: Final = 5 * SECOND_MS
LONGEST_MS: Final = 120 * SECOND_MS
#: One run in so many hangs.
_HANGING: Final = 150


class Ending(Enum):
    """How a run ends when nobody interferes."""

    SUCCEEDS = auto()
    FAILS = auto()
    #: falls silent and never ends
    HANGS = auto()


class Plan(NamedTuple):
    """How long a run takes, in ms, and how it ends then."""

    duration_ms: int
    ending: Ending


class Held(NamedTuple):
    """A run the worker holds."""

    run_id: int
    job_name: str
    started_at: int
    beat_at: int
    plan: Plan

    def progress(self, now_ms: int) -> float:
        """How far it is at ``now_ms``, 0 to 0.99."""
        part = (now_ms - self.started_at) / self.plan.duration_ms
        return round(min(max(part, 0.0), 0.99), 2)


class Deed(Enum):
    """What the worker does with a run it holds."""

    WAIT = auto()
    BEAT = auto()
    SUCCEED = auto()
    FAIL = auto()
    CANCEL = auto()
    #: forget it without a word: it hangs
    ABANDON = auto()


_AT_THE_END: Final = {
    Ending.SUCCEEDS: Deed.SUCCEED,
    Ending.FAILS: Deed.FAIL,
    Ending.HANGS: Deed.ABANDON,
}


def plan_of(job_name: str, rng: Random, *, may_hang: bool = True) -> Plan:
    """Draw a plan for a run of ``job_name``; an unknown type gets any type's."""
    job = BY_NAME.get(job_name) or rng.choice(CATALOG)
    seconds = job.median_s * math.exp(rng.gauss(0, job.sigma))
    duration_ms = round(min(max(seconds * SECOND_MS, SHORTEST_MS), LONGEST_MS))
    if rng.randrange(_HANGING) == 0 and may_hang:
        return Plan(duration_ms, Ending.HANGS)
    failing = rng.random() * 100 < job.failing
    return Plan(duration_ms, Ending.FAILS if failing else Ending.SUCCEEDS)


def deed_of(held: Held, *, now_ms: int, asked_to_stop: bool) -> Deed:
    """What is to be done with ``held`` at ``now_ms``."""
    if asked_to_stop and held.job_name != STUBBORN:
        return Deed.CANCEL
    if now_ms - held.started_at >= held.plan.duration_ms:
        return _AT_THE_END[held.plan.ending]
    return Deed.BEAT if now_ms - held.beat_at >= HEARTBEAT_MS else Deed.WAIT
