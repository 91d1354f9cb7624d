"""What the store forgets, and what it keeps."""

from data.clock import DAY_MS
from data.model import Evidence, Liveness, StallRule, StallState, Verdict
from data.store import Store
from data.store.audit import AuditEntry
from tests.data.store.episodes import episodes_of

NOW = 1_800_000_000_000
RETENTION = 90 * DAY_MS
VERDICT = Verdict(
    StallState.OVERDUE,
    StallRule.DEFAULT_LIMIT,
    1_800_000,
    1_900_000,
    Evidence(NOW - 100 * DAY_MS, None, Liveness.NONE, None),
)


def act(store: Store, at_ms: int) -> str:
    entry = AuditEntry("7", "report", {"status": "RUNNING"}, "")
    return store.audit.open_batch("ada", "jobs", "clean up", [entry], at_ms)


def test_audit_rows_older_than_the_retention_are_forgotten(store: Store) -> None:
    old = act(store, NOW - RETENTION - 1)
    kept = act(store, NOW - RETENTION)

    store.prune(NOW, RETENTION)

    assert store.audit.batch(old) == []
    assert len(store.audit.batch(kept)) == 1


def test_episodes_are_forgotten_by_their_end_and_open_ones_stay(store: Store) -> None:
    long_ago = NOW - RETENTION - DAY_MS
    store.episodes.record("jobs", {"1": VERDICT, "2": VERDICT}, {}, long_ago)
    store.episodes.close("jobs", {"1": "succeeded"}, long_ago)
    store.rollups.refresh("jobs", lambda _since, _until: [], NOW)

    store.prune(NOW, RETENTION)

    assert episodes_of(store, "jobs") == 1
    assert [episode.run_id for episode in store.episodes.open("jobs")] == ["2"]
