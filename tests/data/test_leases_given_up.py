"""A lease is given up by a process that cannot do the work, and by one that stops."""

from collections.abc import Callable, Iterator
from threading import Event

import pytest

from data.clock import DAY_MS, SECOND_MS
from data.db import Database
from data.engines.native import NativeEngine
from data.exceptions import SourceUnavailableError
from data.monitor import Duties
from data.monitor.leading import LEASE_MS, Leadership
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.lease import Leases
from tests.conftest import FakeClock
from tests.factories import finished_run, job_table

NEVER = Event()


@pytest.fixture
def store(own_store_url: str) -> Iterator[Store]:
    made = open_store(own_store_url, retention_ms=DAY_MS)
    yield made
    made.close()


@pytest.fixture
def hosts(sqlite_url: str, clock: FakeClock) -> Iterator[list[Source]]:
    """The same source as two hosts reach it."""
    with job_table(sqlite_url) as table:
        table.add(finished_run(status="FAILED"))
        made = [_source(sqlite_url, clock) for _ in range(2)]
        yield made
        for each in made:
            each.engine.close()


def _source(url: str, clock: FakeClock) -> Source:
    engine = NativeEngine(Database(url, name="orders"))
    reader = SnapshotReader(
        "orders", engine, limits=StallLimits(), clock=clock, poll_every_ms=2_000
    )
    reader.refresh()
    return Source(
        name="orders", label="orders", engine=engine, dialect="sqlite", reader=reader
    )


def lose_the_way(source: Source, patch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> object:
        message = "orders: cannot be reached."
        raise SourceUnavailableError(message)

    patch.setattr(source.engine, "open_runs", fail)
    assert source.reader.refresh().trouble


def store_fails(*_arguments: object) -> None:
    message = "store: cannot be reached."
    raise SourceUnavailableError(message)


def test_a_host_that_cannot_reach_a_source_lets_another_look_after_it(
    store: Store,
    hosts: list[Source],
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, yours = (
        Duties({"orders": source}, store, clock=clock, holder=str(n))
        for n, source in enumerate(hosts)
    )
    mine.step(NEVER)
    assert mine.leading
    with monkeypatch.context() as patch:
        lose_the_way(hosts[0], patch)
        mine.step(NEVER)
        yours.step(NEVER)
        clock.advance_ms(LEASE_MS - 1)
        mine.step(NEVER)
        yours.step(NEVER)
        assert (mine.leading, yours.leading) == (False, True)

    yours.give_up()
    hosts[0].reader.refresh()
    mine.step(NEVER)
    assert mine.leading


def test_it_does_so_though_the_store_fails_too(
    store: Store,
    hosts: list[Source],
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    duties = Duties({"orders": hosts[0]}, store, clock=clock, holder="me")
    duties.step(NEVER)
    lose_the_way(hosts[0], monkeypatch)
    monkeypatch.setattr(Leases, "release", store_fails)
    duties.of_sources["orders"].step(NEVER)

    assert not duties.leading


def test_nothing_of_a_source_in_trouble_is_late(
    store: Store,
    hosts: list[Source],
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    duties = Duties({"orders": hosts[0]}, store, clock=clock, holder="me")
    lose_the_way(hosts[0], monkeypatch)
    seconds = [0.0]
    monkeypatch.setattr("data.monitor.duty.time.monotonic", lambda: seconds[0])
    for duty in duties.all:
        duty.begin()
    of_source = duties.of_sources["orders"]
    for _ in range(10):
        seconds[0] += 60
        clock.advance_ms(60 * SECOND_MS)
        of_source.record_stalls(NEVER)
        of_source.step(NEVER)

    assert [duty.lag_s for duty in of_source.duties] == [0] * len(of_source.duties)


# the end of a process


def test_what_is_left_behind_takes_no_lease_after_the_end(
    store: Store, hosts: list[Source], clock: FakeClock
) -> None:
    mine, yours = (
        Duties({"orders": source}, store, clock=clock, holder=str(n))
        for n, source in enumerate(hosts)
    )
    mine.step(NEVER)
    mine.give_up()
    mine.step(NEVER)
    yours.step(NEVER)

    assert (mine.leading, yours.leading) == (False, True)


def test_a_lease_that_is_taken_while_the_process_ends_is_given_back(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leadership = Leadership(store.leases, "alerts", holder="me", clock=clock)
    acquire: Callable[..., bool] = Leases.acquire

    def slowly(*arguments: object) -> bool:
        got = acquire(*arguments)
        leadership.end()
        leadership.release()
        return got

    with monkeypatch.context() as patch:
        patch.setattr(Leases, "acquire", slowly)
        assert not leadership.keep()

    assert store.leases.acquire("alerts", "you", clock.now_ms, LEASE_MS)


def test_a_store_that_fails_at_the_end_keeps_no_lease_open(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    duties = Duties({}, store, clock=clock, holder="me")
    duties.step(NEVER)
    with monkeypatch.context() as patch:
        patch.setattr(Leases, "release", store_fails)
        with pytest.raises(SourceUnavailableError):
            duties.give_up()
    duties.step(NEVER)
    clock.advance_ms(LEASE_MS)
    duties.step(NEVER)

    assert store.leases.acquire("prune", "you", clock.now_ms, LEASE_MS)
