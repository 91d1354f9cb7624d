"""Duties delay one another in nothing: a lease, a thread and a deadline for each."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from data.clock import DAY_MS, HOUR_MS, SECOND_MS, utc_now
from data.db import Database
from data.engines.native import NativeEngine
from data.exceptions import SourceUnavailableError
from data.model import HourCell, JobState
from data.monitor import Duties, Monitor
from data.monitor.back_steps import BackStep, BackSteps
from data.monitor.baselines import Baselines
from data.monitor.duty import DEADLINE_S, Duty
from data.monitor.pace import Pace
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.tables import stall_episode
from tests.conftest import FakeClock
from tests.factories import NOW, finished_run, job_table, make_run, until

NEVER = Event()


@pytest.fixture
def store(own_store_url: str) -> Iterator[Store]:
    made = open_store(own_store_url, retention_ms=DAY_MS)
    yield made
    made.close()


@contextmanager
def sources(directory: Path, *names: str) -> Iterator[dict[str, Source]]:
    """Each with one run that is stalled, and one that failed just now."""
    made: dict[str, Source] = {}
    for name in names:
        url = f"sqlite:///{directory / name}.db"
        with job_table(url) as table:
            table.add(make_run(), finished_run(status="FAILED"))
        engine = NativeEngine(Database(url, name=name))
        reader = SnapshotReader(
            name,
            engine,
            limits=StallLimits(),
            clock=FakeClock(),
            poll_every_ms=2_000,
        )
        made[name] = Source(
            name=name, label=name, engine=engine, dialect="sqlite", reader=reader
        )
    yield made
    for source in made.values():
        source.engine.close()


class Hanging:
    """A chore that does not end until it is let go."""

    name = "hanging"
    every_ms = SECOND_MS

    def __init__(self) -> None:
        self.began, self.go = Event(), Event()

    def do(self, now_ms: int) -> None:
        self.began.set()
        self.go.wait(60)


class Counting:
    """A chore that counts how often it was done."""

    name = "counting"
    every_ms = 0

    def __init__(self) -> None:
        self.times = 0

    def do(self, now_ms: int) -> None:
        self.times += 1


class Failing:
    """A chore that fails as nobody foresaw, until it is mended."""

    name = "failing"

    def __init__(self, every_ms: int) -> None:
        self.every_ms = every_ms
        self.times = 0
        self.is_mended = False

    def do(self, now_ms: int) -> None:
        self.times += 1
        if not self.is_mended:
            raise ZeroDivisionError


# servers that share a store


def test_two_servers_with_different_sources_look_after_both(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    with sources(tmp_path, "orders", "billing") as made:
        servers = [
            Duties({name: source}, store, clock=clock, holder=name)
            for name, source in made.items()
        ]
        for source, server in zip(made.values(), servers, strict=True):
            source.reader.refresh()
            server.step(NEVER)
            server.note(source.reader.refresh())

        failed = {
            name: found.failed
            for name, source in made.items()
            if (found := source.reader.latest.recent)
        }
        rows = store.database.fetch(stall_episode.select())

    assert failed == {"orders": 1, "billing": 1}
    assert {row.source for row in rows} == {"orders", "billing"}


def test_a_chore_is_done_by_one_of_them(store: Store, clock: FakeClock) -> None:
    mine, yours = Counting(), Counting()
    servers = [
        Duties({}, store, clock=clock, holder=str(n), chores=[chore])
        for n, chore in enumerate((mine, yours))
    ]
    for server in servers:
        server.step(NEVER)

    assert (mine.times, yours.times) == (1, 0)


def test_baselines_are_kept_of_sources_that_others_look_after(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.rollups.refresh("billing", lambda _since, _until: [], clock.now_ms)
    asked: list[str] = []
    monkeypatch.setattr(
        type(store.incidents),
        "keep_baseline",
        lambda _log, source, _now: bool(asked.append(source)),
    )

    Baselines(store).do(clock.now_ms)

    assert sorted(asked) == ["", "billing"]


# threads


@contextmanager
def running(monitor: Monitor) -> Iterator[Monitor]:
    monitor.start()
    yield monitor
    monitor.stop()


def test_a_chore_that_hangs_delays_no_other_and_no_stop(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.monitor.DUTY_EVERY_S", 0.1)
    hanging, counting = Hanging(), Counting()
    with sources(tmp_path, "orders") as made:
        monitor = Monitor(
            made,
            store,
            clock=utc_now,
            holder="me",
            publish=lambda _: None,
            chores=[hanging, counting],
        )
        with running(monitor):
            until(hanging.began.is_set)
            before = counting.times
            until(lambda: counting.times > before)
            until(lambda: store.rollups.sources() == ["orders"])
            began = time.monotonic()
            monitor.stop()
            took_s = time.monotonic() - began
            assert store.leases.acquire("counting", "you", NOW, SECOND_MS)
        hanging.go.set()
        until(lambda: "hanging" not in {each.name for each in threading.enumerate()})

    assert took_s < 10


def test_a_source_that_hangs_delays_no_other(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go = Event(), Event()

    def hang(_since_ms: int, _until_ms: int) -> list[HourCell]:
        began.set()
        go.wait(60)
        return []

    with sources(tmp_path, "orders", "billing") as made:
        monkeypatch.setattr(made["orders"].engine, "finished_cells", hang)
        monitor = Monitor(
            made, store, clock=utc_now, holder="me", publish=lambda _: None
        )
        with running(monitor):
            until(began.is_set)
            until(lambda: store.rollups.sources() == ["billing"])
            go.set()


# each duty


def test_a_duty_that_fails_is_told_once_and_tried_again_soon(
    store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What is due once an hour and fails does not wait for an hour."""
    failing = Failing(HOUR_MS)
    duties = Duties({}, store, clock=clock, holder="me", chores=[failing])
    for _ in range(60):
        duties.step(NEVER)
        clock.advance_ms(2 * SECOND_MS)
    tried = failing.times
    assert 5 <= tried <= 12
    assert [record.levelname for record in caplog.records] == ["ERROR"]

    failing.is_mended = True
    for _ in range(60):
        duties.step(NEVER)
        clock.advance_ms(2 * SECOND_MS)

    assert failing.times == tried + 1


def test_a_prune_that_failed_is_tried_again_within_a_minute(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def prune(_store: Store, now_ms: int, retention_ms: int) -> dict[str, int]:
        tried.append(now_ms)
        if len(tried) == 1:
            message = "store: the database is busy."
            raise SourceUnavailableError(message)
        return {}

    monkeypatch.setattr(Store, "prune", prune)
    duties = Duties({}, store, clock=clock, holder="me")
    for _ in range(60):
        duties.step(NEVER)
        clock.advance_ms(SECOND_MS)

    assert len(tried) == 2


def test_a_duty_of_a_source_that_fails_keeps_no_other_from_being_done(
    store: Store, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(type(store.rollups), "audit_step", fail)
    with sources(tmp_path, "orders") as made:
        made["orders"].reader.refresh()
        duties = Duties(made, store, clock=clock, holder="me")
        duties.step(NEVER)
        duties.note(made["orders"].reader.refresh())
        late = {duty.name for duty in duties.all if duty.lag_s > 0}

        recent = made["orders"].reader.latest.recent

    assert recent
    assert recent.failed == 1
    assert "rollups" not in late


def test_a_duty_that_hangs_is_told_once_it_is_past_its_deadline(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("data.monitor.duty.time.monotonic", lambda: seconds[0])
    duty = Duty("alerts", lambda _now: None, every_ms=30 * SECOND_MS)
    duty.run(0)
    seconds[0] = 30.0
    assert duty.lag_s == 0

    seconds[0] = 30.0 + DEADLINE_S
    duty.tell_if_late()
    assert not caplog.messages
    seconds[0] += 1.0
    duty.tell_if_late()
    duty.tell_if_late()
    assert duty.lag_s == DEADLINE_S + 1
    assert caplog.messages == ["alerts: not done for 31 s after it was due"]

    duty.run(60 * SECOND_MS)
    assert duty.lag_s == 0


def test_a_duty_that_somebody_else_does_is_not_late(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("data.monitor.duty.time.monotonic", lambda: seconds[0])
    mine, yours = (
        Duties({}, store, clock=clock, holder=name) for name in ("me", "you")
    )
    mine.step(NEVER)
    seconds[0] = 2 * HOUR_MS / SECOND_MS
    yours.step(NEVER)

    assert [duty.lag_s for duty in mine.all] == [HOUR_MS / SECOND_MS]
    assert [duty.lag_s for duty in yours.all] == [0]


# the pace


def test_a_source_rests_twenty_times_as_long_as_it_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("data.monitor.pace.time.monotonic", lambda: seconds[0])
    pace = Pace()

    def read(took_s: float) -> str:
        seconds[0] += took_s
        return "read"

    timed = pace.timed(read)
    assert timed(0.25) == "read"
    timed(0.25)
    pace.rest()

    seconds[0] += 9.9
    assert pace.is_resting
    seconds[0] += 0.1
    assert not pace.is_resting


def test_rollups_that_cost_half_a_second_are_refreshed_every_ten(
    store: Store, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("data.monitor.pace.time.monotonic", lambda: seconds[0])
    spans: list[tuple[int, int]] = []

    def slow(since_ms: int, until_ms: int) -> list[HourCell]:
        seconds[0] += 0.5
        spans.append((since_ms, until_ms))
        return [HourCell(since_ms, "report", JobState.SUCCEEDED, 1, 0, 0)]

    with sources(tmp_path, "orders") as made:
        source = made["orders"]
        source.reader.refresh()
        monkeypatch.setattr(source.engine, "finished_cells", slow)
        duties = Duties(made, store, clock=clock, holder="me").of_sources["orders"]
        monkeypatch.setattr(duties, "_go_back", lambda _now, _stop: None)
        began = seconds[0]
        for _ in range(600):
            duties.step(NEVER)
            clock.advance_ms(SECOND_MS)
            seconds[0] += 1.0
        spent_s = 0.5 * len(spans)

    assert spent_s / (seconds[0] - began) <= 1 / 20
    assert len(spans) >= 50


class Passing(Event):
    """Nothing stops; whoever waits lets time pass at once, and work takes no time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.now_s = 0.0
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self.pass_s(timeout or 0.0)
        return False

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds
        self._clock.advance_ms(round(seconds * SECOND_MS))


@pytest.mark.parametrize(
    ("of_a_day_s", "days", "share", "within_s"),
    [
        (0.03, 15, 1 / 4, 20),
        (0.2, 15, 1 / 20, 100),
        *(
            pytest.param(*case, marks=pytest.mark.exhaustive)
            for case in (
                (0.002, 90, 1 / 2, 5),
                (0.03, 90, 1 / 4, 20),
                (0.1, 90, 1 / 11, 120),
                (0.2, 90, 1 / 20, 500),
                (7.0, 20, 1 / 20, 4_000),
            )
        ),
    ],
)
def test_the_import_of_a_slow_source_takes_a_twentieth_of_its_time(
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    of_a_day_s: float,
    days: int,
    share: float,
    within_s: float,
) -> None:
    """At first, and after more than a day away; that of a fast source is there soon."""
    passing = Passing(clock)
    monkeypatch.setattr("data.monitor.pace.time.monotonic", lambda: passing.now_s)
    spent: list[float] = []

    def read(since_ms: int, until_ms: int) -> list[HourCell]:
        spent.append(of_a_day_s * (until_ms - since_ms) / DAY_MS)
        passing.pass_s(spent[-1])
        return [HourCell(since_ms, "report", JobState.SUCCEEDED, 1, 0, 0)]

    store = open_store(f"sqlite:///{tmp_path / 'store.db'}", retention_ms=days * DAY_MS)
    with sources(tmp_path, "orders") as made, closing(store):
        source = made["orders"]
        source.reader.refresh()
        monkeypatch.setattr(source.engine, "finished_cells", read)
        duties = Duties(made, store, clock=clock, holder="me").of_sources["orders"]
        for _ in range(2):
            spent.clear()
            began = passing.now_s
            while not spent or store.trends.progress("orders") is not None:
                passing.pass_s(1.0)
                duties.step(passing)
            took_s = passing.now_s - began
            past = [one for one in spent if one > of_a_day_s / 2]
            assert len(past) >= days - 1
            assert sum(past[:-1]) <= took_s * share
            # the newest hours are read beside it, and rest for themselves
            assert sum(spent[:-1]) <= took_s * (share + 1 / 20) + spent[0]
            assert took_s <= within_s
            clock.advance_ms(3 * DAY_MS)


def test_what_reads_the_past_shares_one_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that go back in turn read no more of the time than one."""
    seconds = [0.0]
    monkeypatch.setattr("data.monitor.pace.time.monotonic", lambda: seconds[0])
    pace, done = Pace(), list[str]()
    steps = BackSteps(pace, "orders")

    def spend(name: str, read_s: float) -> bool:
        def read() -> None:
            seconds[0] += read_s

        pace.timed(read)()
        done.append(name)
        return True

    both = [
        BackStep(name, partial(spend, name, 0.5), 0.5) for name in ("cells", "failures")
    ]
    for _ in range(2_000):
        steps.go_on(both, NEVER, for_s=0.01, may_go_on=lambda: True)
        seconds[0] += 0.1

    assert 0.5 * len(done) / seconds[0] <= 1 / 20
    assert done[:4] == ["cells", "failures"] * 2


def test_a_step_into_the_past_that_fails_waits_longer_each_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("data.monitor.back_steps.time.monotonic", lambda: seconds[0])
    tried: list[float] = []

    def fail() -> bool:
        tried.append(seconds[0])
        raise ZeroDivisionError

    steps = BackSteps(Pace(), "orders")
    for _ in range(100):
        steps.go_on(
            [BackStep("import of rollups", fail, 0.5)],
            NEVER,
            for_s=0.1,
            may_go_on=lambda: True,
        )
        seconds[0] += 1.0

    assert tried == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 61.0, 91.0]
    assert len(caplog.records) == 1


def test_stalled_runs_are_recorded_by_a_thread_of_their_own(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    """The watch hands over what it saw and does not wait for the store."""
    with sources(tmp_path, "orders") as made:
        source = made["orders"]
        source.reader.refresh()
        duties = Duties(made, store, clock=clock, holder="me").of_sources["orders"]
        duties.step(NEVER)
        duties.stalls.offer(source.reader.refresh())
        assert not store.database.fetch(stall_episode.select())

        duties.record_stalls(NEVER)

        assert len(store.database.fetch(stall_episode.select())) == 1
