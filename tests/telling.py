"""A program that has seen a bit of everything: something to tell of each metric."""

from app import Composed
from data.clock import HOUR_MS, MINUTE_MS
from data.model import ErrorEvent, Evidence, Liveness, StallRule, StallState, Verdict
from data.rules.viewing import Counters, Spread, Told
from tests.factories import NOW

COUNTERS = Counters(
    good_s=50,
    stale_s=6,
    disconnected_s=4,
    minutes=1,
    good_minutes=0,
    faults={"1006": 1, "silent": 2},
    attempts=3,
    reconnects=Spread((0, 0, 1, 0, 0, 0, 0, 1), 404_000),
    ages=Spread((40, 10, 10, 0, 0, 0, 0, 0), 70_000),
)


def fill(place: Composed) -> None:
    """A tab that told of itself, an error of each kind, a stalled run that is over."""
    store = place.deps.store
    store.viewing.hear("page", NOW)
    store.viewing.tell(Told("a" * 16, "v1", 1, COUNTERS), NOW)
    store.errors.write([error("1", "error"), error("2", "warning")])
    started_at = NOW - 2 * HOUR_MS
    evidence = Evidence(started_at, None, Liveness.NONE, "host:1")
    state, rule = StallState.OVERDUE, StallRule.DEFAULT_LIMIT
    verdict = Verdict(state, rule, 30 * MINUTE_MS, 2 * HOUR_MS, evidence)
    store.episodes.record("jobs", {"1": verdict}, {"1": "etl"}, NOW - HOUR_MS)
    store.episodes.close("jobs", {"1": "cleaned"}, NOW)
    place.deps.snapshot("jobs")


def error(event_id: str, level: str) -> ErrorEvent:
    return ErrorEvent(
        event_id=event_id * 32,
        fingerprint=f"v1:{event_id}",
        title="no",
        at=NOW,
        received_at=NOW,
        level=level,
        origin="browser",
        kind="manual",
        type="TypeError",
        message="user ann@example.org",
        action="cancelJob",
    )
