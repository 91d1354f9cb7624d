"""The whole program of duties, while several programs write as they like.

Transactions stay open for minutes, are rolled back, rows are edited and deleted, clocks
differ, the process that leads dies in the middle of its writes. Time is a clock that
every writer moves on; the same seeds give every writer the same intentions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Lock, Semaphore, Thread
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, insert, select, update

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from data.db import Database
from data.engines.native import NativeEngine
from data.model import HourCell
from data.monitor import Duties, pace
from data.monitor.duties import LEASE_MS
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store, rollups
from data.store.cells import SEALED_AFTER_MS, hour_of
from data.store.rollups import LEAST_KEPT_MS
from tests.conftest import FakeClock
from tests.data.store.runs import JOBS, by_day, stored_cells, stored_days
from tests.databases import new_database
from tests.factories import NOW, JobTable, job_table

WRITERS = 4
STEPS = 100
HISTORY = 2_000
HISTORY_MS = 9 * DAY_MS
STATUSES = ("SUCCEEDED", "SUCCEEDED", "FAILED", "CANCELLED")
#: An audit reads so much at once here.
AUDITED_MS = 6 * HOUR_MS
#: Steps of the audit until it has been everywhere.
A_ROTATION = (LEAST_KEPT_MS + 2 * DAY_MS) // AUDITED_MS
#: Of a hundred statements that write to the store so many kill the process.
CRASHES = 1
#: Deeds of all writers during one step of the duties.
DEEDS = 8


class CrashError(BaseException):
    """The process is gone, whatever it was doing."""


class SharedClock(FakeClock):
    """A clock that several threads move on."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()

    def advance_ms(self, by_ms: int) -> None:
        with self._lock:
            super().advance_ms(by_ms)


@dataclass
class World:
    table: JobTable
    source: Source
    store: Store
    clock: SharedClock
    duties: list[Duties] = field(default_factory=list)
    #: how many deeds the writers may do before the duties have to go on
    pace: Semaphore = field(default_factory=lambda: Semaphore(0))
    #: hours of which rows were deleted, or moved to another hour or job type
    left: set[int] = field(default_factory=set)

    def start_duties(self) -> None:
        """A new process: it knows nothing of the one before."""
        self.duties.append(
            Duties(
                {"orders": self.source},
                self.store,
                clock=self.clock,
                holder=f"process-{len(self.duties)}",
                retention_ms=DAY_MS,
                limits=StallLimits(),
            )
        )

    def true_cells(self) -> set[HourCell]:
        """A full recomputation of what is kept."""
        oldest = self.clock.now_ms - 8 * DAY_MS
        return set(
            self.source.engine.finished_cells(
                oldest - oldest % DAY_MS, self.clock.now_ms + DAY_MS
            )
        )


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)]
)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Source and store on the same kind of database."""
    monkeypatch.setattr(rollups, "_AUDITED_MS", AUDITED_MS)
    url = request.getfixturevalue(f"{request.param}_url")
    if request.param == "sqlite":
        yield from _world(url, f"sqlite:///{tmp_path / 'store.db'}")
        return
    server = request.getfixturevalue("postgresql_server")
    numbers = request.getfixturevalue("database_numbers")
    with new_database(server, numbers) as store_url:
        yield from _world(url, store_url)


def _world(url: str, store_url: str) -> Iterator[World]:
    clock = SharedClock()
    store = open_store(store_url, retention_ms=DAY_MS)
    engine = NativeEngine(Database(url, name="orders"))
    with job_table(url) as table:
        if table.dialect == "sqlite":
            with table.owner.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        reader = SnapshotReader(
            "orders", engine, limits=None, clock=clock, poll_every_ms=1_000
        )
        source = Source(
            name="orders",
            label="Orders",
            engine=engine,
            dialect=table.dialect,
            reader=reader,
        )
        dice = Random(99)
        table.add(
            *[
                row(dice, NOW - dice.randrange(HISTORY_MS - HOUR_MS))
                for _ in range(HISTORY)
            ]
        )
        yield World(table, source, store, clock)
        engine.close()
    store.close()


def row(dice: Random, ended_at: int) -> dict[str, Any]:
    """A finished run; some ended before they began, some never began."""
    ran_ms = dice.choice([None, -5, 0, 1, dice.randrange(40 * MINUTE_MS)])
    started_at = None if ran_ms is None else ended_at - ran_ms
    return {
        "job_name": dice.choice(JOBS),
        "status": dice.choice(STATUSES),
        "enqueued_at": (started_at or ended_at) - dice.randrange(-10, MINUTE_MS),
        "started_at": started_at,
        "finished_at": ended_at,
    }


class Writer:
    """A program that writes the job table, by a clock of its own."""

    def __init__(self, world: World, seed: int) -> None:
        self._table = world.table
        self._clock = world.clock
        self._pace = world.pace
        self._left = world.left
        self._dice = Random(seed)
        self._skew_ms = self._dice.randrange(-2 * MINUTE_MS, 2 * MINUTE_MS)
        self._open: list[Connection] = []
        self._deeds: list[Callable[[], object]] = [
            self._insert,
            self._insert_and_wait,
            self._edit,
            self._move,
            self._delete,
        ]

    def work(self) -> None:
        for _ in range(STEPS):
            assert self._pace.acquire(timeout=60)
            self._clock.advance_ms(self._dice.randrange(SECOND_MS))
            if self._dice.random() < 0.02:
                self._clock.advance_ms(-self._dice.randrange(5 * MINUTE_MS))
            self._dice.choice(self._deeds)()
        while self._open:
            self._end()

    def _insert(self) -> None:
        with self._table.owner.begin() as connection:
            connection.execute(insert(self._table.table), self._rows())

    def _insert_and_wait(self) -> None:
        """Commit, or not, when others have long gone on."""
        connection = self._table.owner.connect()
        connection.execute(insert(self._table.table), self._rows())
        self._open.append(connection)
        if self._table.dialect == "sqlite":  # where nobody else can write meanwhile
            self._clock.advance_ms(self._dice.randrange(10 * MINUTE_MS))
            self._end()
        elif len(self._open) > 2:
            self._end()

    def _end(self) -> None:
        connection = self._open.pop(0)
        if self._dice.random() < 0.7:
            connection.commit()
        else:
            connection.rollback()
        connection.close()

    def _edit(self) -> None:
        changes = row(self._dice, 0)
        self._change(status=changes["status"], job_name=changes["job_name"])

    def _move(self) -> None:
        now = self._clock.now_ms
        ended_at = now - self._dice.choice([0, 10 * MINUTE_MS, DAY_MS, 5 * DAY_MS])
        self._change(**row(self._dice, ended_at))

    def _change(self, **values: Any) -> None:
        if (run_id := self._some_id()) is not None:
            of_it = self._table.table.c.id == run_id
            with self._table.owner.begin() as connection:
                self._leave(connection, run_id)
                connection.execute(
                    update(self._table.table).where(of_it).values(values)
                )

    def _delete(self) -> None:
        if (run_id := self._some_id()) is not None:
            with self._table.owner.begin() as connection:
                of_it = self._table.table.c.id == run_id
                self._leave(connection, run_id)
                connection.execute(delete(self._table.table).where(of_it))

    def _leave(self, connection: Connection, run_id: int) -> None:
        """A row may vanish from its hour."""
        c = self._table.table.c
        ended = select(c.finished_at).where(c.id == run_id).with_for_update()
        for finished_at in connection.scalars(ended):
            self._left.add(hour_of(finished_at))

    def _some_id(self) -> int | None:
        """A young run as a rule, which half of the changes in place are about."""
        c = self._table.table.c
        order = c.id.desc() if self._dice.random() < 0.5 else c.id
        ids = select(c.id).order_by(order).offset(self._dice.randrange(200)).limit(1)
        with self._table.owner.connect() as connection:
            return connection.execute(ids).scalar()

    def _rows(self) -> list[dict[str, Any]]:
        now = self._clock.now_ms + self._skew_ms
        late = self._dice.choice([0, 0, MINUTE_MS, 3 * HOUR_MS])
        runs = self._dice.randrange(1, 4)
        return [
            row(self._dice, now - self._dice.randrange(late + 1)) for _ in range(runs)
        ]


def run_duties(world: World, are_over: Event) -> int:
    """Two processes and their successors; how many died."""
    dice, deaths = Random(7), 0
    engine = world.store.database._writing

    def crash(_connection: object, _cursor: object, *_rest: object) -> None:
        if dice.random() < CRASHES / 100:
            raise CrashError

    event.listen(engine, "before_cursor_execute", crash)
    world.start_duties()
    world.start_duties()
    while not are_over.is_set():
        duties = world.duties[-1 - (dice.random() < 0.2)]
        try:
            duties.step(Event())
        except CrashError:
            deaths += 1
            world.start_duties()
        # between two steps, so that a lease that was just taken does not end at once
        world.clock.advance_ms(dice.randrange(4 * MINUTE_MS))
        world.pace.release(DEEDS)
    event.remove(engine, "before_cursor_execute", crash)
    return deaths


def audit_everything(world: World) -> None:
    """One process leads at last, until the audit has been everywhere."""
    world.start_duties()
    world.clock.advance_ms(LEASE_MS)
    for _ in range(A_ROTATION):
        world.clock.advance_ms(10 * SECOND_MS)
        world.duties[-1].step(Event())
    assert world.duties[-1].leading
    assert world.store.trends.progress("orders") is None


def slots(cells: set[HourCell]) -> dict[tuple[int, str], set[HourCell]]:
    found: dict[tuple[int, str], set[HourCell]] = {}
    for cell in cells:
        found.setdefault((cell.hour, cell.job_name), set()).add(cell)
    return found


def runs(cells: set[HourCell]) -> int:
    return sum(cell.runs for cell in cells)


def test_every_cell_ends_like_a_full_recomputation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "REST", 0)  # as often as it can, on a busy machine too
    are_over, failed, deaths = Event(), [], []

    def work(seed: int) -> None:
        try:
            Writer(world, seed).work()
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    writers = [
        Thread(target=work, args=(seed,), daemon=True) for seed in range(WRITERS)
    ]
    leading = Thread(
        target=lambda: deaths.append(run_duties(world, are_over)), daemon=True
    )
    for thread in (leading, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    are_over.set()
    leading.join()
    assert failed == []
    assert deaths != [0]
    assert world.store.rollups.generation("orders") > 10

    audit_everything(world)

    stored, true = slots(stored_cells(world.store, "orders")), slots(world.true_cells())
    assert len(true) > 100
    oldest = min(hour for hour, _ in true)
    kept = {slot for slot in stored.keys() | true.keys() if slot[0] >= oldest}
    # an hour that rows were taken from keeps what was counted
    taken_from = {slot for slot in kept if slot[0] in world.left}
    for slot in kept - taken_from:
        assert stored.get(slot, set()) == true.get(slot, set()), slot
    for slot in taken_from:
        assert runs(stored.get(slot, set())) >= runs(true.get(slot, set())), slot
    assert len(kept - taken_from) > 50
    hours = stored_cells(world.store, "orders")
    oldest = min(cell.hour for cell in hours)
    days = stored_days(world.store, "orders", oldest - oldest % DAY_MS)
    assert days == by_day(hours)


def test_nothing_of_the_sealed_past_is_lost_when_the_source_is_pruned(
    world: World,
) -> None:
    world.start_duties()
    world.duties[-1].step(Event())
    while world.store.trends.progress("orders") is not None:
        world.duties[-1].step(Event())
    before = stored_cells(world.store, "orders")
    days = stored_days(world.store, "orders")
    table = world.table.table
    until = world.clock.now_ms - SEALED_AFTER_MS - HOUR_MS

    def prune() -> None:
        while True:
            old = select(table.c.id).where(table.c.finished_at < until).limit(50)
            with world.table.owner.begin() as connection:
                gone = delete(table).where(table.c.id.in_(old.scalar_subquery()))
                if not connection.execute(gone).rowcount:
                    return

    pruning = Thread(target=prune, daemon=True)
    pruning.start()
    while pruning.is_alive():
        world.clock.advance_ms(10 * SECOND_MS)
        world.duties[-1].step(Event())
    pruning.join()
    audit_everything(world)

    assert min(cell.hour for cell in world.true_cells()) >= hour_of(until)
    assert stored_cells(world.store, "orders") == before
    assert stored_days(world.store, "orders") == days
