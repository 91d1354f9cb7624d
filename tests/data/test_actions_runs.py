"""Starting, cancelling and running again: once, guarded, written down, told as it is."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection

from data.actions import Actions, Cancelled, Retried
from data.clock import HOUR_MS
from data.db import Database
from data.engines.native import NativeEngine
from data.exceptions import (
    CapabilityMissingError,
    InvalidParamsError,
    InvalidRequestError,
    OutcomeUnknownError,
    SourceUnavailableError,
    UnknownJobError,
    UnknownSourceError,
)
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.audit import AuditFilter
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table, make_run

pytestmark = pytest.mark.one_database

LIMITS = StallLimits()
ONCE = "a-number-of-this-request"


class Seam(Database):
    """Calls ``around`` with the real commit instead of committing."""

    around: Callable[[Callable[[], None]], None] | None = None

    def _commit(self, connection: Connection) -> None:
        if self.around is None:
            super()._commit(connection)
        else:
            self.around(lambda: super(Seam, self)._commit(connection))


@dataclass
class House:
    table: JobTable
    database: Seam
    store: Store
    actions: Actions
    changed: list[str]

    def audited(self) -> list[tuple[str, str, str]]:
        """(run id, action, outcome), oldest first."""
        rows = self.store.audit.page(AuditFilter(), limit=10_000)
        return [(row.run_id, row.action, row.outcome) for row in reversed(rows)]

    def enqueue(
        self, job_name: str = "send-mail", params: str = "{}", **more: object
    ) -> str:
        return self.actions.enqueue("orders", job_name, params, actor="ann", **more)  # type: ignore[arg-type]

    def cancel(self, *run_ids: str) -> Cancelled:
        return self.actions.cancel("orders", run_ids, actor="ann")

    def retry(
        self, *run_ids: str, once: str | None = None, params: str | None = None
    ) -> Retried:
        return self.actions.retry(
            "orders", run_ids, params=params, actor="ann", once=once
        )


@pytest.fixture
def house(database_url: str, own_store_url: str, clock: FakeClock) -> Iterator[House]:
    store = open_store(own_store_url)
    with job_table(database_url) as table:
        database = Seam(database_url, name="Orders")
        engine = NativeEngine(database)
        reader = SnapshotReader(
            "orders", engine, limits=LIMITS, clock=clock, poll_every_ms=2_000
        )
        source = Source(
            name="orders",
            label="Orders",
            engine=engine,
            dialect=table.dialect,
            reader=reader,
        )
        changed: list[str] = []
        actions = Actions(
            {"orders": source},
            store,
            limits=LIMITS,
            clock=clock,
            changed=changed.append,
        )
        yield House(table, database, store, actions, changed)
        engine.close()
    store.close()


def know_the_rights(house: House) -> None:
    """To look whether the server takes writes is a transaction of its own."""
    house.actions._sources["orders"].reader.current()


def lose_the_answer(house: House) -> None:
    """The commit arrives, its answer does not."""

    def around(commit: Callable[[], None]) -> None:
        commit()
        house.database.around = None
        message = "Orders: the database was lost before it answered."
        raise OutcomeUnknownError(message)

    know_the_rights(house)
    house.database.around = around


def lose_before_commit(house: House, *, batch: int = 1) -> None:
    """The database is lost in the middle of the batch of that number."""
    seen = 0

    def around(commit: Callable[[], None]) -> None:
        nonlocal seen
        seen += 1
        if seen < batch:
            commit()
            return
        message = "Orders: it does not answer."
        raise SourceUnavailableError(message)

    know_the_rights(house)
    house.database.around = around


# starting


def test_a_run_is_started_and_written_down(house: House) -> None:
    house.table.add(finished_run())

    run_id = house.enqueue(params='{"to": "Ann"}', queue="slow")

    row = house.table.row(run_id)
    assert (row["job_name"], row["queue"], row["status"]) == (
        "send-mail",
        "slow",
        "PENDING",
    )
    stored = row["params"]
    assert (json.loads(stored) if isinstance(stored, str) else stored) == {"to": "Ann"}
    assert house.changed == ["orders"]
    [entry] = house.store.audit.page(AuditFilter(action="enqueue"))
    assert (entry.actor, entry.outcome, entry.job_name) == (
        "ann",
        "started a run",
        "send-mail",
    )
    assert entry.after == {"run_id": run_id, "queue": "slow", "run_at": None}
    assert entry.detail == 'params: {"to": "Ann"}'


def test_a_run_for_later_waits_for_its_time(house: House) -> None:
    house.table.add(finished_run())

    run_id = house.enqueue(run_at_ms=NOW + HOUR_MS)

    assert house.table.row(run_id)["status"] == "SCHEDULED"


def test_the_same_request_twice_starts_one_run(house: House) -> None:
    house.table.add(finished_run())

    first = house.enqueue(once=ONCE)
    second = house.enqueue(once=ONCE)

    assert first == second
    assert len(house.table.rows()) == 2


@pytest.mark.parametrize(
    "params", ["[1]", "{", '{"a": NaN1}', "7", '{"a": "\\u0000"}', "[" * 1000]
)
def test_params_that_are_no_object_start_nothing(house: House, params: str) -> None:
    house.table.add(finished_run())

    with pytest.raises(InvalidParamsError):
        house.enqueue(params=params)

    assert len(house.table.rows()) == 1
    assert house.audited() == []


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 501, "\0", "\ud83d"])
def test_a_name_that_is_none_is_refused(house: House, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        house.enqueue(name)


def test_a_job_that_was_never_seen_is_unknown(house: House) -> None:
    house.table.add(finished_run())

    with pytest.raises(UnknownJobError, match="'resize'"):
        house.enqueue("resize")


def test_a_queue_that_is_sql_is_a_name(house: House) -> None:
    house.table.add(finished_run())
    queue = "x'); DROP TABLE job_runs; --"

    assert house.table.row(house.enqueue(queue=queue))["queue"] == queue


def test_a_start_whose_answer_is_lost_is_unknown_and_never_done_twice(
    house: House,
) -> None:
    house.table.add(finished_run())
    lose_the_answer(house)

    with pytest.raises(OutcomeUnknownError, match="look again"):
        house.enqueue(once=ONCE)
    with pytest.raises(OutcomeUnknownError, match="look again"):
        house.enqueue(once=ONCE)

    assert len(house.table.rows()) == 2
    assert house.audited() == [("", "enqueue", "started")]


def test_a_start_that_fails_is_written_down_and_may_be_tried_again(
    house: House,
) -> None:
    house.table.add(finished_run())
    lose_before_commit(house)

    with pytest.raises(SourceUnavailableError):
        house.enqueue(once=ONCE)

    house.database.around = None
    assert house.audited() == [("", "enqueue", "failed")]
    assert house.enqueue(once=ONCE) in house.table.rows()


def test_a_source_that_nobody_configured_is_named(house: House) -> None:
    with pytest.raises(UnknownSourceError, match="orders"):
        house.actions.enqueue("nope", "x", "{}", actor="ann")


def test_a_read_only_source_starts_and_cancels_nothing(
    house: House, clock: FakeClock
) -> None:
    engine = NativeEngine(house.database, read_only=True)
    reader = SnapshotReader(
        "orders", engine, limits=LIMITS, clock=clock, poll_every_ms=1
    )
    source = Source(
        name="orders", label="Orders", engine=engine, dialect="x", reader=reader
    )
    actions = Actions(
        {"orders": source}, house.store, limits=LIMITS, clock=clock, changed=print
    )

    for act in (
        lambda: actions.enqueue("orders", "x", "{}", actor="ann"),
        lambda: actions.cancel("orders", ["1"], actor="ann"),
        lambda: actions.retry("orders", ["1"], actor="ann"),
    ):
        with pytest.raises(CapabilityMissingError, match="read-only"):
            act()


# cancelling


def test_cancel_tells_of_each_run_what_became_of_it(house: House) -> None:
    pending, running, done = house.table.add(
        make_run(status="PENDING", started_at=None), make_run(), finished_run()
    )

    result = house.cancel(running, pending, done, "999", "a/b", running)

    assert result == Cancelled(
        cancelled=[pending],
        asked=[running],
        finished_meanwhile=[done],
        unknown=["999", "a/b"],
    )
    assert sorted(house.audited()) == sorted(
        [(running, "cancel", "asked to stop"), (pending, "cancel", "cancelled")]
    )
    assert house.changed == ["orders"]


def test_a_run_that_ends_between_look_and_cancel_is_left_alone(house: House) -> None:
    [running] = house.table.add(make_run())
    engine_cancel = NativeEngine.cancel

    class Late(NativeEngine):
        def cancel(self, run_ids, *, at_ms):  # type: ignore[no-untyped-def]
            house.table.change(running, status="SUCCEEDED", finished_at=NOW - 5)
            return engine_cancel(self, run_ids, at_ms=at_ms)

    place = house.actions._sources["orders"]
    late = Late(house.database)
    late.check()
    object.__setattr__(place, "engine", late)

    assert house.cancel(running).finished_meanwhile == [running]
    assert house.table.row(running)["status"] == "SUCCEEDED"
    assert house.audited() == [(running, "cancel", "finished meanwhile")]


def test_a_cancel_whose_answer_is_lost_is_looked_up(house: House) -> None:
    [pending] = house.table.add(make_run(status="PENDING", started_at=None))
    lose_the_answer(house)

    assert house.cancel(pending).cancelled == [pending]


def test_no_run_and_too_many_are_refused(house: House) -> None:
    with pytest.raises(InvalidRequestError, match="No run"):
        house.cancel()
    with pytest.raises(InvalidRequestError, match="10,001"):
        house.retry(*map(str, range(10_001)))


# again


def test_finished_runs_run_again_and_others_do_not(house: House) -> None:
    failed, running = house.table.add(
        finished_run(status="FAILED", error="x"), make_run()
    )

    result = house.retry(failed, running, "999")

    assert list(result.started) == [failed]
    assert result.not_finished == [running]
    assert result.unknown == ["999"]
    assert house.table.row(result.started[failed])["status"] == "PENDING"
    assert house.table.row(failed)["status"] == "FAILED"
    [entry] = house.store.audit.page(AuditFilter(action="run again"))
    assert entry.after == {"run_id": result.started[failed]}


def test_other_params_are_checked_used_and_written_down(house: House) -> None:
    [run_id] = house.table.add(finished_run(params={"n": 1}))

    with pytest.raises(InvalidParamsError):
        house.retry(run_id, params="[1]")
    done = house.retry(run_id, params='{"n": 2}')

    details = house.actions._sources["orders"].engine.details(done.started[run_id])
    assert details is not None
    assert json.loads(details.params or "") == {"n": 2}
    [row] = house.store.audit.page(AuditFilter())
    assert (row.action, row.detail) == ("run again", 'params: {"n": 2}')


def test_what_another_process_is_working_on_is_not_done_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.actions._SAME_LIMIT_S", 0.1)
    house.table.add(finished_run())
    leases = house.store.leases
    leases.acquire(f"once {ONCE}", "another process", NOW, 60_000)

    with pytest.raises(OutcomeUnknownError, match="under way: look again"):
        house.enqueue(once=ONCE)

    before = len(house.table.rows())
    leases.release(f"once {ONCE}", "another process")
    run_id = house.enqueue(once=ONCE)
    assert house.enqueue(once=ONCE) == run_id
    assert len(house.table.rows()) == before + 1


def test_a_request_that_is_made_twice_at_once_has_one_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    [run_id] = house.table.add(finished_run())
    leases = house.store.leases
    leases.acquire(f"once {ONCE}", "the first", NOW, 60_000)

    def end_the_first(_pause_s: float) -> None:
        leases.release(f"once {ONCE}", "the first")

    monkeypatch.setattr("data.actions.time.sleep", end_the_first)
    done = house.retry(run_id, once=ONCE)

    assert house.retry(run_id, once=ONCE) == done
    assert len(house.table.rows()) == 2


def test_jobs_are_known_from_open_runs_and_from_rollups(
    house: House, clock: FakeClock
) -> None:
    house.table.add(make_run(job_name="waits"), finished_run(job_name="ended"))
    engine = house.actions._sources["orders"].engine
    house.store.rollups.refresh("orders", engine.finished_cells, NOW)

    assert house.actions.known_jobs("orders") == ["ended", "waits"]


def test_a_double_click_runs_again_once(house: House) -> None:
    ids = house.table.add(finished_run(), finished_run())

    first = house.retry(*ids, once=ONCE)

    assert house.retry(*ids, once=ONCE).started == first.started
    assert len(house.table.rows()) == 4


def test_a_number_of_another_action_is_refused(house: House) -> None:
    [run_id] = house.table.add(finished_run())
    house.enqueue(once=ONCE)

    with pytest.raises(InvalidRequestError, match="another action"):
        house.retry(run_id, once=ONCE)
    with pytest.raises(InvalidRequestError, match="16 to 64"):
        house.retry(run_id, once="1")


def test_what_was_not_reached_is_told(house: House) -> None:
    ids = house.table.add(*(finished_run() for _ in range(1_200)))
    lose_before_commit(house, batch=2)

    result = house.retry(*ids)

    assert list(result.started) == ids[:500]
    assert result.not_reached == ids[500:]
    outcomes = {outcome for _, _, outcome in house.audited()}
    assert outcomes == {"started a run", "not reached"}


def test_a_retry_whose_answer_is_lost_is_unknown(house: House) -> None:
    [run_id] = house.table.add(finished_run())
    lose_the_answer(house)

    with pytest.raises(OutcomeUnknownError, match="look again"):
        house.retry(run_id)
