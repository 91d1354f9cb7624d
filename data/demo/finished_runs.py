"""The finished runs of the demo's history: by chance, but the same for the same now.

Everything that can be drawn beforehand is: a job type's deck holds a thousand
durations and outcomes, and one random number a run picks from it.
"""

from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple

from data.clock import DAY_MS, MINUTE_MS, SECOND_MS
from data.demo.catalog import CATALOG, WEIGHTS, JobType, params_of
from data.demo.error_shapes import Shape, shapes_of
from data.demo.rhythm import WEEK_HOURS, Hour
from data.demo.tracebacks import traceback_of
from data.model import JobState

#: How often a worker beats: the last heartbeat is the last multiple before the end.
HEARTBEAT_MS: Final = 5 * SECOND_MS
#: One row of INSERT.
FinishedRun = tuple[str | int | float | None, ...]
INSERT: Final = """
INSERT INTO job_runs (job_name, queue, status, params, result, error_type, error,
  attempt, max_attempts, progress, worker, enqueued_at, started_at, heartbeat_at,
  finished_at, cancel_requested_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

#: Cards in a deck: ten random bits pick one.
_DECK: Final = 1 << 10
_CANCELLED_SHARE: Final = 0.003
#: More fails on the last day, so that its tile differs from the week before.
_LATELY: Final = 1.18
#: One run in so many takes longer than the usual limit, and ends all the same.
_OVERRUN: Final = 12_343
_LIMIT_MS: Final = 30 * MINUTE_MS
#: By how much at most; somebody has looked after them since the middle of the history.
_LONGEST_MS: Final = 100 * MINUTE_MS
_LONGEST_LATELY_MS: Final = 32 * MINUTE_MS
_IMPROVED_MS: Final = 45 * DAY_MS
_WORKERS: Final = tuple(f"worker-{number}" for number in (1, 1, 2, 2, 3, 3, 4, 5))
_ATTEMPTS: Final = (1,) * 29 + (2, 2, 3)


class Deck(NamedTuple):
    """What the runs of one job type are dealt from."""

    job: JobType
    #: ms, log-normal
    durations: list[int]
    #: ms between enqueued and started
    waits: list[int]
    outcomes: list[str]
    #: the outcomes of the last day
    outcomes_lately: list[str]
    shapes: list[Shape]


def deck_of(job: JobType, rng: Random) -> Deck:
    """A fresh deck for ``job``."""
    return Deck(
        job,
        [
            round(job.median_s * 1000 * rng.lognormvariate(0, job.sigma))
            for _ in range(_DECK)
        ],
        [round(4_000 * rng.lognormvariate(0, 0.9)) for _ in range(_DECK)],
        _outcomes(job.failing / 100, rng),
        _outcomes(job.failing / 100 * _LATELY, rng),
        shapes_of(job.families),
    )


def runs_of(
    hours: list[Hour], *, now_ms: int, rng: Random
) -> Iterator[list[FinishedRun]]:
    """The runs that ended in each of ``hours``, in the order they ended."""
    decks = [deck_of(job, rng) for job in CATALOG]
    weights = _weights_by_hour()
    for hour in hours:
        ends = sorted(rng.choices(range(hour.since_ms, hour.until_ms), k=hour.runs))
        dealt = rng.choices(decks, cum_weights=weights[hour.of_week], k=hour.runs)
        lately = hour.until_ms > now_ms - DAY_MS
        improved = hour.until_ms > now_ms - _IMPROVED_MS
        longest_ms = _LONGEST_LATELY_MS if improved else _LONGEST_MS
        yield [
            _run(deck, end, rng.getrandbits(64), lately=lately, longest_ms=longest_ms)
            for deck, end in zip(dealt, ends, strict=True)
        ]


def week_load() -> list[float]:
    """Relative load by hour of the week, all job types together."""
    return [weights[-1] for weights in _weights_by_hour()]


def _run(
    deck: Deck, finished_at: int, bits: int, *, lately: bool, longest_ms: int
) -> FinishedRun:
    job = deck.job
    duration = deck.durations[bits & 1023]
    if bits % _OVERRUN == 0:
        duration = _LIMIT_MS + MINUTE_MS + (bits >> 12) % longest_ms
    started_at = finished_at - duration
    status = (deck.outcomes_lately if lately else deck.outcomes)[bits >> 10 & 1023]
    succeeded = status == JobState.SUCCEEDED
    shape = deck.shapes[(bits >> 40) % len(deck.shapes)]
    failed = status == JobState.FAILED
    return (
        job.name,
        job.queue,
        status,
        params_of(job, bits >> 20),
        f'{{"items": {bits >> 30 & 255}}}' if succeeded else None,
        shape.error_type if failed else None,
        traceback_of(shape, job.name, bits) if failed else None,
        _ATTEMPTS[bits >> 50 & 31] if failed else 1,
        3,
        1.0 if succeeded else (bits >> 56) / 256,
        _WORKERS[bits >> 48 & 7],
        started_at - deck.waits[bits >> 24 & 1023],
        started_at,
        finished_at - duration % HEARTBEAT_MS,
        finished_at,
        None if succeeded or failed else finished_at - duration % HEARTBEAT_MS,
    )


def _outcomes(failing: float, rng: Random) -> list[str]:
    cards = [JobState.SUCCEEDED.value] * _DECK
    failed = round(failing * _DECK)
    cancelled = round(_CANCELLED_SHARE * _DECK)
    cards[:failed] = [JobState.FAILED.value] * failed
    cards[failed : failed + cancelled] = [JobState.CANCELLED.value] * cancelled
    rng.shuffle(cards)
    return cards


def _weights_by_hour() -> list[list[float]]:
    """For each hour of the week, the cumulated weights of all job types."""
    loads = [job.rhythm.week() for job in CATALOG]
    return [
        list(
            accumulate(
                weight * load[hour] for weight, load in zip(WEIGHTS, loads, strict=True)
            )
        )
        for hour in range(WEEK_HOURS)
    ]
