"""The watch reads at once what changed; the duties are done once, by one process."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Event

import pytest
from sqlalchemy import text

from data.clock import DAY_MS, HOUR_MS, SECOND_MS, Clock, to_ms, utc_now
from data.db import Database
from data.engines.native import NativeEngine
from data.exceptions import SourceTooSlowError
from data.model import HourCell, JobState, Snapshot
from data.monitor import Duties, Monitor, SourceWatch, pace
from data.monitor.duties import LEASE_MS
from data.monitor.parts import in_parts
from data.monitor.watch import READ_GAP_MS
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.tables import stall_episode
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table, make_run, until

pytestmark = pytest.mark.one_database

POLL_MS = 60_000
#: A process that leads at an instant it is told, and then hangs.
_LEAD = """
import sys
from data.store import open_store
store = open_store(sys.argv[1])
led = store.leases.acquire("source orders", "theirs", int(sys.argv[2]), 30_000)
print("leads", led, flush=True)
sys.stdin.read()
"""


@dataclass
class House:
    table: JobTable
    source: Source
    store: Store
    clock: FakeClock
    told: list[Snapshot]

    def watch(self, *, probing: bool = True) -> SourceWatch:
        return SourceWatch(
            self.source, clock=self.clock, publish=[self.told.append], probing=probing
        )

    def duties(self, holder: str = "me", limits: StallLimits | None = None) -> Duties:
        return Duties(
            {"orders": self.source},
            self.store,
            clock=self.clock,
            holder=holder,
            limits=limits,
        )

    def episodes(self) -> dict[str, str | None]:
        rows = self.store.database.fetch(stall_episode.select())
        return {row.run_id: row.outcome for row in rows}


@pytest.fixture
def house(
    database_url: str,
    own_store_url: str,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    """What is due is done, however long the machine took for what was before."""
    monkeypatch.setattr(pace, "REST", 0)
    store = open_store(own_store_url, retention_ms=DAY_MS)
    with job_table(database_url) as table:
        source = _source(table, clock)
        yield House(table, source, store, clock, [])
        source.engine.close()
    store.close()


def _source(table: JobTable, clock: Clock) -> Source:
    engine = NativeEngine(Database(table.url, name="orders"))
    reader = SnapshotReader(
        "orders", engine, limits=StallLimits(), clock=clock, poll_every_ms=POLL_MS
    )
    return Source(
        name="orders",
        label="Orders",
        engine=engine,
        dialect=table.dialect,
        reader=reader,
    )


def read_fast(house: House) -> None:
    """No rest after the reads, so that the tests tell the gap alone."""
    house.source.reader._read_cost_ms = 0.0


# the watch


def test_the_first_step_reads_and_tells(house: House) -> None:
    house.watch().step()

    assert [read.seq for read in house.told] == [1]


def test_a_change_is_read_and_told_at_the_next_step(house: House) -> None:
    watch = house.watch()
    watch.step()
    for n in range(2, 6):
        house.clock.advance_ms(READ_GAP_MS)
        read_fast(house)
        house.table.add(make_run())
        watch.step()
        assert house.told[-1].seq == n
        assert len(house.told[-1].jobs) == n - 1


def test_a_source_that_does_not_change_is_read_at_the_poll_interval_only(
    sqlite_url: str, house: House
) -> None:
    if house.table.dialect == "postgresql":
        pytest.skip("anybody in the cluster may move PostgreSQL's mark")
    watch = house.watch()
    watch.step()
    for _ in range(20):
        house.clock.advance_ms(1_000)
        read_fast(house)
        watch.step()
    assert house.source.reader.reads == 1

    house.clock.advance_ms(POLL_MS - 20_000)
    watch.step()
    assert house.source.reader.reads == 2


def test_a_change_waits_for_the_gap_and_is_not_forgotten(house: House) -> None:
    watch = house.watch()
    watch.step()
    house.table.add(make_run())
    house.clock.advance_ms(READ_GAP_MS - 1)
    read_fast(house)
    watch.step()
    watch.step()
    assert len(house.told) == 1

    house.clock.advance_ms(1)
    watch.step()
    assert [len(read.jobs) for read in house.told] == [0, 1]


def test_the_second_of_a_pair_is_told_as_soon_as_the_first(house: House) -> None:
    watch = house.watch()
    watch.step()
    for _ in range(2):
        house.table.add(make_run())
        house.clock.advance_ms(1_000)
        read_fast(house)
        watch.step()

    assert [len(read.jobs) for read in house.told] == [0, 1, 2]


def test_without_the_probe_only_the_poll_reads(house: House) -> None:
    watch = house.watch(probing=False)
    watch.step()
    house.table.add(make_run())
    house.clock.advance_ms(POLL_MS - 1)
    watch.step()
    assert len(house.told) == 1

    house.clock.advance_ms(1)
    watch.step()
    assert len(house.told[-1].jobs) == 1


def test_what_a_viewer_made_the_reader_read_is_told_too(house: House) -> None:
    watch = house.watch()
    watch.step()
    house.source.reader.refresh()
    house.source.reader.refresh()
    watch.step()
    watch.step()

    assert [read.seq for read in house.told] == [1, 3]


def test_an_action_is_told_at_once(house: House) -> None:
    watch = house.watch()
    watch.step()
    house.table.add(make_run())
    watch.look_now()

    assert [len(read.jobs) for read in house.told] == [0, 1]


def test_every_snapshot_is_told_once_and_in_order_whoever_looks(house: House) -> None:
    watch = house.watch()
    start = Barrier(8)

    def look(_n: int) -> None:
        start.wait()
        for _ in range(25):
            watch.look_now()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(8)))

    seqs = [read.seq for read in house.told]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] == 200


def test_a_source_that_is_away_is_told_and_the_watch_goes_on(
    sqlite_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    table = JobTable(sqlite_url)
    told: list[Snapshot] = []
    source = _source(table, clock)
    watch = SourceWatch(source, clock=clock, publish=[told.append], probing=True)
    watch.step()
    assert told[0].trouble

    table.create().add(make_run())
    clock.advance_ms(POLL_MS)
    watch.step()
    assert told[-1].trouble is None
    assert len(told[-1].jobs) == 1
    source.engine.close()
    table.close()


# the duties


def test_of_two_processes_one_leads_until_its_lease_ends(house: House) -> None:
    house.source.reader.refresh()
    mine, yours = house.duties("me"), house.duties("you")
    never = Event()
    mine.step(never)
    yours.step(never)
    assert (mine.leading, yours.leading) == (True, False)

    house.clock.advance_ms(LEASE_MS - 1)
    yours.step(never)
    assert not yours.leading
    house.clock.advance_ms(1)
    yours.step(never)
    mine.step(never)
    assert (mine.leading, yours.leading) == (False, True)


def test_a_process_that_ends_lets_the_other_lead_at_once(house: House) -> None:
    house.source.reader.refresh()
    mine, yours = house.duties("me"), house.duties("you")
    mine.step(Event())
    mine.give_up()
    yours.step(Event())

    assert (mine.leading, yours.leading) == (False, True)


def test_when_the_leading_process_is_killed_another_takes_over_within_30_s(
    house: House, own_store_url: str
) -> None:
    house.source.reader.refresh()
    url, now = own_store_url, str(house.clock.now_ms)
    leader = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _LEAD, url, now],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert leader.stdout is not None
    assert leader.stdout.readline() == "leads True\n"
    duties = house.duties()
    duties.step(Event())
    assert not duties.leading
    leader.kill()
    leader.communicate()

    house.clock.advance_ms(LEASE_MS - 1)
    duties.step(Event())
    assert not duties.leading
    house.clock.advance_ms(1)
    duties.step(Event())

    assert duties.leading
    assert LEASE_MS <= 30_000
    assert house.store.trends.known_since("orders") is not None


def test_past_overdue_runs_are_found_beside_all_else_when_stalls_are_judged(
    house: House,
) -> None:
    [run_id] = house.table.add(
        finished_run(finished_at=NOW - HOUR_MS, started_at=NOW - 3 * HOUR_MS)
    )
    house.source.reader.refresh()
    unjudged = house.duties()
    unjudged.step(Event())
    assert house.episodes() == {}
    unjudged.give_up()

    judging = house.duties(limits=StallLimits())
    until(lambda: (judging.step(Event()), house.episodes())[1])

    assert house.episodes() == {run_id: "succeeded"}


def test_an_episode_is_recorded_when_first_seen_and_closed_with_its_outcome(
    house: House,
) -> None:
    done, failed, resumed, gone, still = house.table.add(
        *[make_run() for _ in range(5)]
    )
    duties = house.duties()
    duties.step(Event())
    duties.note(house.source.reader.refresh())
    assert house.episodes() == dict.fromkeys((done, failed, resumed, gone, still))

    house.table.change(done, status="SUCCEEDED", finished_at=NOW)
    house.table.change(failed, status="FAILED", finished_at=NOW)
    house.table.change(resumed, started_at=NOW)
    house.table.execute("DELETE FROM job_runs WHERE id = :id", id=int(gone))
    house.clock.advance_ms(20 * SECOND_MS)
    duties.note(house.source.reader.refresh())

    assert house.episodes() == {
        done: "succeeded",
        failed: "failed",
        resumed: "resumed",
        gone: "gone",
        still: None,
    }
    rows = house.store.database.fetch(
        text("SELECT DISTINCT first_seen_at, ended_at FROM stall_episode")
    )
    assert {*map(tuple, rows)} == {(NOW, NOW + 20 * SECOND_MS), (NOW, None)}


def test_who_does_not_lead_records_nothing(house: House) -> None:
    house.table.add(make_run())
    house.duties("me").step(Event())
    other = house.duties("you")
    other.step(Event())
    other.note(house.source.reader.refresh())

    assert house.episodes() == {}


def test_who_leads_later_closes_what_the_one_before_left_open(house: House) -> None:
    [run_id] = house.table.add(make_run())
    mine, yours = house.duties("me"), house.duties("you")
    mine.step(Event())
    mine.note(house.source.reader.refresh())
    mine.give_up()
    house.table.change(run_id, status="CANCELLED", finished_at=NOW)
    yours.step(Event())
    yours.note(house.source.reader.refresh())

    assert house.episodes() == {run_id: "cancelled"}


def test_a_source_that_is_away_ends_no_episode(house: House) -> None:
    [run_id] = house.table.add(make_run())
    duties = house.duties()
    duties.step(Event())
    duties.note(house.source.reader.refresh())
    house.table.execute("ALTER TABLE job_runs RENAME TO away")
    duties.note(house.source.reader.refresh())
    assert house.source.reader.latest.trouble

    assert house.episodes() == {run_id: None}


def test_rollups_follow_the_source(house: House) -> None:
    house.table.add(finished_run(), finished_run(status="FAILED"))
    reader = house.source.reader
    reader.refresh()
    duties = house.duties()
    duties.step(Event())
    recent = reader.refresh().recent
    assert recent
    assert (recent.succeeded, recent.failed) == (1, 1)

    house.table.add(finished_run(), finished_run())
    house.clock.advance_ms(4_999)
    duties.step(Event())
    house.clock.advance_ms(1)
    duties.step(Event())
    recent = reader.refresh().recent

    assert recent
    assert (recent.succeeded, recent.failed) == (3, 1)


def test_the_rollups_are_filled_to_the_retention(house: House) -> None:
    house.source.reader.refresh()
    duties = house.duties()

    def is_complete() -> bool:
        duties.step(Event())
        recent = house.store.rollups.recent("orders", house.clock.now_ms)
        return recent is not None and recent.complete

    until(is_complete)


def test_who_does_not_lead_shows_what_the_leader_rolled_up(house: House) -> None:
    house.table.add(finished_run())
    house.source.reader.refresh()
    house.duties("me").step(Event())
    house.source.reader.note_recent(None)
    house.duties("you").step(Event())

    recent = house.source.reader.refresh().recent
    assert recent
    assert recent.succeeded == 1


def test_the_back_fill_ends_when_the_process_ends(house: House) -> None:
    house.source.reader.refresh()
    stopped = Event()
    stopped.set()
    house.duties().step(stopped)

    recent = house.store.rollups.recent("orders", house.clock.now_ms)
    assert recent
    assert not recent.complete


# the real thing


@contextmanager
def running(house: House, publish: Callable[[Snapshot], object]) -> Iterator[Monitor]:
    """A monitor in threads of its own, on the real clock."""
    source = _source(house.table, utc_now)
    monitor = Monitor(
        {"orders": source}, house.store, clock=utc_now, holder="me", publish=publish
    )
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.stop()
        source.engine.close()


def test_start_and_stop_leave_no_thread_behind(house: House) -> None:
    before = set(threading.enumerate())
    with running(house, house.told.append) as monitor:
        monitor.start()
        names = {each.name for each in set(threading.enumerate()) - before}
        assert names - {"connecting", "deadlines"} == {  # those come and go
            "watch orders",
            "duties orders",
            "stalls orders",
            "prune",
            "late duties",
        }
        until(lambda: house.told and monitor.duties.leading)

        house.table.add(make_run())
        until(lambda: house.told[-1].jobs)

    assert set(threading.enumerate()) - before == set()
    assert not monitor.duties.leading
    now = to_ms(utc_now())
    for name in ("source orders", "prune"):
        assert house.store.leases.acquire(name, "you", now, LEASE_MS)


def test_a_step_that_fails_is_logged_and_the_thread_goes_on(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[Snapshot] = []

    def publish(read: Snapshot) -> None:
        calls.append(read)
        if len(calls) == 1:
            raise ZeroDivisionError

    with running(house, publish):
        until(lambda: calls)
        house.table.add(make_run())
        until(lambda: calls[-1].jobs)

    assert caplog.messages == [
        "passing on snapshots of orders failed; it is tried again"
    ]


def test_a_source_too_slow_for_a_day_is_read_in_parts_down_to_an_hour() -> None:
    spans: list[tuple[int, int]] = []

    def read(since_ms: int, until_ms: int) -> list[HourCell]:
        if until_ms - since_ms > 5 * HOUR_MS:
            message = "too slow"
            raise SourceTooSlowError(message)
        spans.append((since_ms, until_ms))
        return [HourCell(since_ms, "report", JobState.SUCCEEDED, 1, 0, 0)]

    cells = in_parts(read)(0, 24 * HOUR_MS)

    assert [cell.hour for cell in cells] == [since for since, _ in spans]
    assert spans[0][0] == 0
    assert spans[-1][1] == 24 * HOUR_MS
    assert all(end == begin for (_, end), (begin, _) in pairwise(spans))


def test_a_source_too_slow_for_an_hour_is_too_slow() -> None:
    def read(since_ms: int, until_ms: int) -> list[HourCell]:
        message = "too slow"
        raise SourceTooSlowError(message)

    with pytest.raises(SourceTooSlowError):
        in_parts(read)(0, 24 * HOUR_MS)
