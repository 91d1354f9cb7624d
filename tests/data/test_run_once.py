"""A request whose answer is lost: asked again it starts no run a second time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from data.actions import Actions, Retried
from data.clock import HOUR_MS
from data.db import Database
from data.engines.dbos import DbosEngine
from data.engines.native import NativeEngine
from data.exceptions import (
    DataError,
    InvalidRequestError,
    OutcomeUnknownError,
    SourceUnavailableError,
)
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table
from tests.flows import Flows

ONCE = "a-number-of-this-request"
LOST = "flows: the database cannot be reached."
#: What a run is made again by, and the state of the old one.
WAYS = {"fork": "ERROR", "resume": "CANCELLED", "enqueue": "SUCCESS"}


@dataclass
class House:
    flows: Flows
    engine: DbosEngine
    actions: Actions
    store: Store

    def retry(
        self, *run_ids: str, way: str = "fork", once: str | None = ONCE
    ) -> Retried:
        params = '{"n": 1}' if way == "enqueue" else None
        return self.actions.retry(
            "flows", run_ids, actor="ann", once=once, params=params
        )

    def start(self, params: str = "{}") -> str:
        return self.actions.enqueue("flows", "flow", params, actor="ann", once=ONCE)

    def waiting(self) -> set[str]:
        """The runs that DBOS will run."""
        return {job.run_id for job in self.engine.open_runs().jobs}

    def outcomes(self) -> dict[str, str]:
        return {row.run_id: row.outcome for row in self.store.audit.batch(ONCE)}

    def break_at(
        self, way: str, call: int, *, after: bool, error: DataError | None = None
    ) -> None:
        """That call of the engine's client fails, before or after it was done."""
        real: Callable[..., str] = getattr(self.engine._control, way)
        calls = 0

        def broken(*values: Any, **more: Any) -> str:
            nonlocal calls
            calls += 1
            if calls != call:
                return real(*values, **more)
            if after:
                real(*values, **more)
            raise error or SourceUnavailableError(LOST)

        setattr(self.engine._control, way, broken)


def source(name: str, engine: Any, dialect: str, clock: FakeClock) -> Source:
    reader = SnapshotReader(
        name, engine, limits=StallLimits(), clock=clock, poll_every_ms=2_000
    )
    return Source(name=name, label=name, engine=engine, dialect=dialect, reader=reader)


@pytest.fixture
def house(flows_url: str, own_store_url: str, clock: FakeClock) -> Iterator[House]:
    store = open_store(own_store_url)
    flows = Flows(flows_url)
    database = Database(flows_url, name="flows")
    engine = DbosEngine(database)
    actions = Actions(
        {"flows": source("flows", engine, database.dialect, clock)},
        store,
        limits=StallLimits(),
        clock=clock,
        changed=lambda _name: None,
    )
    yield House(flows, engine, actions, store)
    engine.close()
    flows.owner.dispose()
    store.close()


def add(house: House, way: str, runs: int = 5) -> list[str]:
    return [house.flows.done(f"run{at}", WAYS[way]) for at in range(runs)]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_runs_that_were_started_before_a_failure_are_told_and_the_rest_done_later(
    house: House, way: str, *, after: bool
) -> None:
    ids = add(house, way)
    house.break_at(way, 4, after=after)

    first = house.retry(*ids, way=way)
    second = house.retry(*ids, way=way)
    third = house.retry(*ids, way=way)

    done = 4 if after else 3
    assert [*first.started] == ids[:done]
    assert first.not_reached == ids[done:]
    assert [*second.started] == ids
    assert second == third
    assert first.started.items() <= second.started.items()
    assert house.waiting() == set(second.started.values())
    assert len(house.waiting()) == 5
    assert set(house.outcomes().values()) == {"started a run"}


@pytest.mark.one_database
@pytest.mark.parametrize("way", WAYS)
def test_what_was_not_reached_can_be_asked_for_by_itself(
    house: House, way: str
) -> None:
    ids = add(house, way)
    house.break_at(way, 4, after=True)

    first = house.retry(*ids, way=way)
    house.retry(*first.not_reached, way=way, once=None)

    assert len(house.waiting()) == 5


@pytest.mark.one_database
@pytest.mark.parametrize("way", WAYS)
def test_when_nobody_can_look_it_is_unknown_and_done_once_when_asked_again(
    house: House, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add(house, way)
    house.break_at(way, 3, after=True)

    def blind(*_values: object) -> dict[str, str]:
        raise SourceUnavailableError(LOST)

    with monkeypatch.context() as patch:
        patch.setattr(house.engine, "already_started", blind)
        with pytest.raises(OutcomeUnknownError, match="look again"):
            house.retry(*ids, way=way)
    assert set(house.outcomes().values()) == {"started"}

    assert [*house.retry(*ids, way=way).started] == ids
    assert len(house.waiting()) == 5


@pytest.mark.one_database
def test_a_run_that_was_resumed_and_ended_again_is_not_forked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    [run_id] = add(house, "resume", 1)
    house.break_at("resume", 1, after=True)

    def blind(*_values: object) -> dict[str, str]:
        raise SourceUnavailableError(LOST)

    with monkeypatch.context() as patch:
        patch.setattr(house.engine, "already_started", blind)
        with pytest.raises(OutcomeUnknownError):
            house.retry(run_id)
    house.flows.execute(
        f"UPDATE {house.flows.prefix}workflow_status SET status = 'SUCCESS',"  # noqa: S608
        " completed_at = :now",
        now=NOW,
    )

    assert house.retry(run_id).started == {run_id: run_id}
    assert house.waiting() == set()


@pytest.mark.one_database
def test_a_run_that_dbos_refuses_stops_no_other(house: House) -> None:
    ids = add(house, "fork", 3)
    house.break_at("fork", 2, after=False, error=InvalidRequestError("DBOS refused."))

    done = house.retry(*ids)

    assert [*done.started] == [ids[0], ids[2]]
    assert done.not_reached == [ids[1]]
    assert house.outcomes()[ids[1]] == "not reached"
    assert [*house.retry(*ids).started] == ids


@pytest.mark.one_database
def test_when_dbos_refuses_the_only_run_its_words_are_told(house: House) -> None:
    [run_id] = add(house, "fork", 1)
    house.break_at("fork", 1, after=False, error=InvalidRequestError("DBOS refused."))

    done = house.retry(run_id)

    assert (done.started, done.not_reached) == ({}, [run_id])
    assert "DBOS refused" in done.reasons[run_id]


@pytest.mark.parametrize("after", [False, True])
def test_a_start_is_done_once_whatever_became_of_its_answer(
    house: House, *, after: bool
) -> None:
    house.flows.done("known")
    house.break_at("enqueue", 1, after=after)

    if after:  # it is looked for and found
        first = house.start()
    else:
        with pytest.raises(SourceUnavailableError):
            house.start()
        first = house.start()

    assert house.start() == first
    assert house.waiting() == {first}
    assert house.outcomes() == {"": "started a run"}


@pytest.mark.one_database
def test_a_start_that_nobody_could_look_for_is_found_when_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.flows.done("known")
    house.break_at("enqueue", 1, after=True)

    def blind(*_values: object) -> dict[str, str]:
        raise SourceUnavailableError(LOST)

    with monkeypatch.context() as patch:
        patch.setattr(house.engine, "already_started", blind)
        with pytest.raises(OutcomeUnknownError, match="look again"):
            house.start()

    assert house.waiting() == {house.start()}


@pytest.mark.one_database
def test_a_request_waits_for_none_with_another_number(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.actions._SAME_LIMIT_S", 0.1)
    house.flows.done("known")
    real = house.engine._control.enqueue
    meanwhile: list[object] = []

    def ask(once: str) -> object:
        try:
            return house.actions.enqueue("flows", "flow", "{}", actor="bob", once=once)
        except OutcomeUnknownError as error:
            return str(error)

    def slow(*values: Any, **more: Any) -> str:
        monkeypatch.setattr(house.engine._control, "enqueue", real)
        pool = ThreadPoolExecutor(2)
        asked = [pool.submit(ask, once) for once in (ONCE, "another-number-of-bob")]
        pool.shutdown(wait=False)
        meanwhile.extend(one.result(60) for one in asked)
        return real(*values, **more)

    monkeypatch.setattr(house.engine._control, "enqueue", slow)
    first = house.start()

    assert meanwhile[0] == "This was asked a moment ago and is under way: look again."
    assert house.waiting() == {first, meanwhile[1]}


@pytest.mark.one_database
def test_a_number_stands_for_one_request(house: House) -> None:
    house.flows.done("known")
    house.start()

    with pytest.raises(InvalidRequestError, match="another request"):
        house.start('{"other": 1}')
    with pytest.raises(InvalidRequestError, match="another action"):
        house.retry("known")


@pytest.mark.one_database
def test_runs_that_were_not_over_are_told_so_again(house: House) -> None:
    [over] = add(house, "fork", 1)
    house.flows.add("runs")

    first = house.retry(over, "runs", "nobody")

    assert house.retry(over, "runs", "nobody") == first
    assert (first.not_finished, first.unknown) == (["runs"], ["nobody"])


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        yield made


def test_the_native_table_does_the_rest_when_asked_again(
    table: JobTable,
    own_store_url: str,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = open_store(own_store_url)
    ids = table.add(*(finished_run(finished_at=NOW - HOUR_MS) for _ in range(1_100)))
    engine = NativeEngine(Database(table.url, name="orders"))
    actions = Actions(
        {"orders": source("orders", engine, "sqlite", clock)},
        store,
        limits=StallLimits(),
        clock=clock,
        changed=lambda _name: None,
    )
    real = engine.enqueue_again
    calls = 0

    def broken(run_ids: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise SourceUnavailableError(LOST)
        return real(run_ids, **more)

    monkeypatch.setattr(engine, "enqueue_again", broken)

    first = actions.retry("orders", ids, actor="ann", once=ONCE)
    second = actions.retry("orders", ids, actor="ann", once=ONCE)

    assert len(first.started) == 500
    assert first.not_reached == ids[500:]
    assert [*second.started] == ids
    assert len(table.rows()) == 2_200
    engine.close()
    store.close()
