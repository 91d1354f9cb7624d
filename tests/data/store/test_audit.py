"""The audit says what was about to be done, and what came of it."""

from data.store import Store
from data.store.audit import AuditEntry, AuditRow
from tests.conftest import FakeClock

BEFORE = {"status": "RUNNING", "started_at": 1_000, "heartbeat_at": None}
AFTER = {"status": "FAILED", "finished_at": 2_000}


def entries(*run_ids: str) -> list[AuditEntry]:
    return [AuditEntry(run_id, "send-mail", BEFORE, "too long") for run_id in run_ids]


def test_the_intent_is_there_before_anything_is_done(
    store: Store, clock: FakeClock
) -> None:
    token = store.audit.open_batch(
        "ann", "orders", "clean up", entries("1"), clock.now_ms
    )

    [row] = store.audit.batch(token)
    assert row == AuditRow(
        id=row.id,
        at=clock.now_ms,
        actor="ann",
        source="orders",
        action="clean up",
        run_id="1",
        job_name="send-mail",
        batch=token,
        before=BEFORE,
        after={},
        outcome="started",
        detail="too long",
        undo_of=None,
    )


def test_a_batch_is_concluded_run_by_run_in_the_order_of_its_entries(
    store: Store, clock: FakeClock
) -> None:
    token = store.audit.open_batch(
        "ann", "orders", "clean up", entries("3", "1", "2"), clock.now_ms
    )

    store.audit.conclude(
        token, {"1": ("left alone", {}), "3": ("cleaned", AFTER), "9": ("cleaned", {})}
    )

    assert [
        (row.run_id, row.outcome, row.after) for row in store.audit.batch(token)
    ] == [
        ("3", "cleaned", AFTER),
        ("1", "left alone", {}),
        ("2", "started", {}),
    ]


def test_a_row_is_concluded_once(store: Store, clock: FakeClock) -> None:
    token = store.audit.open_batch(
        "ann", "orders", "clean up", entries("1"), clock.now_ms
    )

    store.audit.conclude(token, {"1": ("cleaned", AFTER)})
    store.audit.conclude(token, {"1": ("left alone", {})})

    assert [row.outcome for row in store.audit.batch(token)] == ["cleaned"]


def test_batches_are_apart_and_their_tokens_long(
    store: Store, clock: FakeClock
) -> None:
    tokens = [
        store.audit.open_batch("ann", "orders", "clean up", entries("1"), clock.now_ms)
        for _ in range(2)
    ]

    store.audit.conclude(tokens[0], {"1": ("cleaned", AFTER)})

    assert [row.outcome for row in store.audit.batch(tokens[1])] == ["started"]
    assert tokens[0] != tokens[1]
    assert min(map(len, tokens)) >= 24


def undone(store: Store, token: str) -> set[str]:
    return store.audit.undone_runs(token, but_for=["not reached"])


def test_an_unknown_token_has_no_rows(store: Store) -> None:
    for token in ("", "unknown", "nul\0", "half \ud83d", "x" * 10_000):
        assert store.audit.batch(token) == []
        assert not undone(store, token)


def test_a_batch_is_undone_when_the_undo_was_concluded(
    store: Store, clock: FakeClock
) -> None:
    token = store.audit.open_batch(
        "ann", "orders", "clean up", entries("1"), clock.now_ms
    )
    store.audit.conclude(token, {"1": ("cleaned", AFTER)})
    lost = store.audit.open_batch(
        "ann", "orders", "undo", entries("1"), clock.now_ms, undo_of=token
    )
    assert not undone(store, token)

    undo = store.audit.open_batch(
        "ben", "orders", "undo", entries("1"), clock.now_ms, undo_of=token
    )
    store.audit.conclude(undo, {"1": ("restored", BEFORE)})

    assert undone(store, token) == {"1"}
    assert not undone(store, undo)
    assert [row.outcome for row in store.audit.batch(lost)] == ["started"]
    assert [row.undo_of for row in store.audit.batch(undo)] == [token]


def test_texts_that_no_database_takes_are_kept_as_far_as_they_can_be(
    store: Store, clock: FakeClock
) -> None:
    odd = "a\0b\ud83d <script> 🦉"
    token = store.audit.open_batch(
        odd,
        "orders",
        "clean up",
        [AuditEntry(odd, odd * 3_000, {"worker": odd}, odd)],
        clock.now_ms,
    )
    store.audit.conclude(token, {odd: ("cleaned", {"worker": odd})})

    [row] = store.audit.batch(token)
    shown = "a\ufffdb\ufffd <script> 🦉"
    assert (row.actor, row.run_id, row.detail) == (shown,) * 3
    assert (row.before, row.after) == ({"worker": odd}, {"worker": odd})
    assert row.outcome == "cleaned"


def test_a_batch_of_thousands_is_written_and_concluded(
    store: Store, clock: FakeClock
) -> None:
    run_ids = [str(n) for n in range(5_000)]
    token = store.audit.open_batch(
        "ann", "orders", "clean up", entries(*run_ids), clock.now_ms
    )

    store.audit.conclude(token, dict.fromkeys(run_ids, ("cleaned", AFTER)))

    rows = store.audit.batch(token)
    assert [row.run_id for row in rows] == run_ids
    assert {row.outcome for row in rows} == {"cleaned"}


def test_a_batch_of_nothing_has_a_token_and_no_rows(
    store: Store, clock: FakeClock
) -> None:
    token = store.audit.open_batch("ann", "orders", "clean up", [], clock.now_ms)

    store.audit.conclude(token, {})

    assert store.audit.batch(token) == []
