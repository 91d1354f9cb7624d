"""One step of the demo worker: what it does at one instant.

The pace: bursts of new runs, about two in ten seconds; up to eight at work, begun one
by one so that some wait visibly. A step returns the next state and keeps none, so
that a step whose transaction failed can simply be tried again.
"""

from random import Random
from typing import Final, NamedTuple

from data.clock import MINUTE_MS, SECOND_MS
from data.demo.catalog import BY_NAME, CATALOG, WEIGHTS, params_of
from data.demo.error_shapes import shapes_of
from data.demo.finished_runs import HEARTBEAT_MS
from data.demo.open_runs import SLOW_WORKER
from data.demo.orders import End, Orders
from data.demo.plan import Deed, Held, deed_of, plan_of
from data.demo.tracebacks import traceback_of
from data.model import JobState

#: Runs at work: below the first, new ones start at once; the second is never passed.
FEWEST: Final = 3
MOST: Final = 8
#: The worker enqueues nothing while so many wait.
MOST_PENDING: Final = 10
_MOST_SCHEDULED: Final = 6
#: No run hangs while so many are RUNNING that the worker does not hold: a demo that
#: runs for days shows a handful of stalled runs, not hundreds.
MOST_SILENT: Final = 6
_BETWEEN_TAKES_MS: Final = 2 * SECOND_MS
_BETWEEN_BURSTS_MS: Final = (8 * SECOND_MS, 24 * SECOND_MS)
_BURST: Final = 5
_DUE_IN_MS: Final = (MINUTE_MS, 10 * MINUTE_MS)


class State(NamedTuple):
    """What the worker remembers between two steps."""

    held: tuple[Held, ...] = ()
    #: when it last started a run, epoch ms
    taken_at: int = 0
    #: when it enqueues next, epoch ms
    burst_at: int = 0


def step(orders: Orders, state: State, *, now_ms: int, rng: Random) -> State:
    """Do what is due at ``now_ms``; the state to hand to the next step.

    Must run in one write transaction of the caller's.
    """
    orders.promote(now_ms)
    orders.beat_for(SLOW_WORKER, now_ms, every_ms=HEARTBEAT_MS)
    state = state._replace(held=_tended(orders, state.held, now_ms, rng))
    state = _enqueued(orders, state, now_ms, rng)
    return _taken(orders, state, now_ms, rng)


def hand_back(orders: Orders, state: State) -> State:
    """Let go of every run, so that it waits again; the last step."""
    for held in state.held:
        orders.hand_back(held)
    return State()


def _tended(
    orders: Orders, all_held: tuple[Held, ...], now_ms: int, rng: Random
) -> tuple[Held, ...]:
    asked = orders.asked_to_stop()
    tended = (
        _done(
            orders,
            held,
            deed_of(held, now_ms=now_ms, asked_to_stop=held.run_id in asked),
            now_ms,
            rng,
        )
        for held in all_held
    )
    return tuple(held for held in tended if held is not None)


def _done(
    orders: Orders, held: Held, deed: Deed, now_ms: int, rng: Random
) -> Held | None:
    """Do it; the run as it is held from now on, None when it is not any more."""
    if deed is Deed.WAIT:
        return held
    if deed is Deed.BEAT:
        beaten = orders.beat(held, now_ms)
        return held._replace(beat_at=now_ms) if beaten else None
    if deed is not Deed.ABANDON:
        orders.end(held, _end(held, deed, rng), now_ms)
    return None


def _end(held: Held, deed: Deed, rng: Random) -> End:
    if deed is Deed.SUCCEED:
        return End(JobState.SUCCEEDED, result=f'{{"items": {rng.randrange(256)}}}')
    if deed is Deed.CANCEL:
        return End(JobState.CANCELLED)
    job = BY_NAME.get(held.job_name)
    shape = rng.choice(shapes_of(job.families if job else ()))
    error = traceback_of(shape, held.job_name, rng.getrandbits(64))
    return End(JobState.FAILED, error_type=shape.error_type, error=error)


def _enqueued(orders: Orders, state: State, now_ms: int, rng: Random) -> State:
    counts = orders.counts()
    room = MOST_PENDING - counts.get(JobState.PENDING, 0)
    idle = len(state.held) + counts.get(JobState.PENDING, 0) < FEWEST
    if room <= 0 or (now_ms < state.burst_at and not idle):
        return state
    for job in rng.choices(CATALOG, WEIGHTS, k=min(rng.randint(1, _BURST), room)):
        orders.enqueue(job, params_of(job, rng.getrandbits(32)), now_ms)
    if counts.get(JobState.SCHEDULED, 0) < _MOST_SCHEDULED:
        job = rng.choice(CATALOG)
        due_at = now_ms + rng.randint(*_DUE_IN_MS)
        orders.enqueue(job, params_of(job, rng.getrandbits(32)), now_ms, due_at=due_at)
    return state._replace(burst_at=now_ms + rng.randint(*_BETWEEN_BURSTS_MS))


def _taken(orders: Orders, state: State, now_ms: int, rng: Random) -> State:
    rested = now_ms - state.taken_at >= _BETWEEN_TAKES_MS
    busy = len(state.held)
    if busy >= MOST or (busy >= FEWEST and not rested):
        return state
    taken = orders.take(now_ms)
    if taken is None:
        return state
    silent = orders.counts().get(JobState.RUNNING, 0) - busy - 1
    plan = plan_of(taken[1], rng, may_hang=silent < MOST_SILENT)
    held = Held(*taken, started_at=now_ms, beat_at=now_ms, plan=plan)
    return state._replace(held=(*state.held, held), taken_at=now_ms)
