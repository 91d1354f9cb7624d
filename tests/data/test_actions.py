"""Clean-up tells the truth, overwrites nobody, and can be undone for ten minutes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from data.actions import UNDO_FOR_MS, Actions, CleanUp, Undone, seen_of
from data.clock import HOUR_MS, MINUTE_MS
from data.db import Database
from data.engines.base import Seen, Written
from data.engines.native import NativeEngine
from data.exceptions import (
    CapabilityMissingError,
    DataError,
    OutcomeUnknownError,
    SourceUnavailableError,
    UndoExpiredError,
    UnknownSourceError,
)
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.tables import audit, stall_episode
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, job_table, make_run

pytestmark = pytest.mark.one_database

LIMITS = StallLimits()


class Seam(Database):
    """Calls ``around`` with the real commit instead of committing."""

    around: Callable[[Callable[[], None]], None] | None = None

    def _commit(self, connection: Connection) -> None:
        if self.around is None:
            super()._commit(connection)
        else:
            self.around(lambda: super(Seam, self)._commit(connection))


class SeamEngine(NativeEngine):
    """Calls ``before_mark`` between the second look and the statement."""

    before_mark: Callable[[], object] | None = None

    def mark_stalled(self, seen: Sequence[Seen], *, reason: str, at_ms: int) -> Written:
        if self.before_mark:
            self.before_mark()
        return super().mark_stalled(seen, reason=reason, at_ms=at_ms)


@dataclass
class House:
    """A source, a store, and the actions between them."""

    table: JobTable
    database: Seam
    engine: SeamEngine
    store: Store
    reader: SnapshotReader
    actions: Actions
    clock: FakeClock
    changed: list[str]

    def stalled(self) -> list[Seen]:
        return seen_of(self.reader.refresh())

    def clean(self, seen: Sequence[Seen] | None = None) -> CleanUp:
        runs = self.stalled() if seen is None else seen
        return self.actions.clean_up("orders", runs, actor="ann")

    def audited(self) -> list[tuple[str, str, str]]:
        """(run id, action, outcome), oldest first."""
        c = audit.c
        rows = self.store.database.fetch(audit.select().order_by(c.id))
        return [(row.run_id, row.action, row.outcome) for row in rows]

    def episodes(self) -> dict[str, str | None]:
        rows = self.store.database.fetch(stall_episode.select())
        return {row.run_id: row.outcome for row in rows}

    def note_episodes(self) -> None:
        verdicts = self.reader.refresh().judgement.verdicts
        self.store.episodes.record("orders", verdicts, {}, self.clock.now_ms)


@pytest.fixture
def house(database_url: str, own_store_url: str, clock: FakeClock) -> Iterator[House]:
    store = open_store(own_store_url)
    with job_table(database_url) as table:
        yield from _open(table, store, clock)
    store.close()


def _open(table: JobTable, store: Store, clock: FakeClock) -> Iterator[House]:
    database = Seam(table.url, name="orders")
    engine = SeamEngine(database)
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
        {"orders": source}, store, limits=LIMITS, clock=clock, changed=changed.append
    )
    yield House(table, database, engine, store, reader, actions, clock, changed)
    engine.close()


# clean-up


def test_stalled_runs_are_marked_and_everything_is_written_down(house: House) -> None:
    ids = house.table.add(make_run(), make_run(heartbeat_at=NOW - HOUR_MS), make_run())
    house.note_episodes()

    result = house.clean()

    assert result == CleanUp(
        cleaned=ids, undo_token=result.undo_token, undo_until=NOW + UNDO_FOR_MS
    )
    assert result.undo_token
    assert house.audited() == [(run_id, "clean up", "cleaned") for run_id in ids]
    assert house.episodes() == dict.fromkeys(ids, "cleaned")
    assert house.changed == ["orders"]
    assert house.stalled() == []
    [row, *_] = house.store.audit.batch(result.undo_token)
    assert row.actor == "ann"
    assert row.before == {
        "status": "RUNNING",
        "started_at": NOW - HOUR_MS,
        "heartbeat_at": None,
        "cancel_requested_at": None,
        "worker": "host:1",
    }
    assert row.after == {"status": "FAILED", "finished_at": NOW}


@pytest.mark.parametrize(
    ("beat", "words"),
    [
        (None, "it never sent a heartbeat"),
        (NOW - HOUR_MS, "its heartbeat was lost"),
        (NOW - 1_000, "its worker still sent heartbeats"),
    ],
)
def test_a_marked_run_says_which_rule_fired_by_whom_and_when(
    house: House, beat: int | None, words: str
) -> None:
    [run_id] = house.table.add(make_run(heartbeat_at=beat))

    house.clean()

    assert house.table.row(run_id)["error"] == (
        "Stalled: it ran for more than 30 min (default limit) without completion and "
        f"{words}. Marked as failed by ann at 2026-03-18 12:34:56 UTC."
    )


@pytest.mark.parametrize("when", ["before the look", "after the look"])
def test_what_changed_meanwhile_is_told_and_left_alone(house: House, when: str) -> None:
    beat = NOW - HOUR_MS
    ended, beating, restarted, requeued, gone, fresh, stuck = house.table.add(
        make_run(),
        make_run(heartbeat_at=beat),
        make_run(),
        make_run(),
        make_run(),
        make_run(heartbeat_at=NOW - 1_000),
        make_run(),
    )
    seen = house.stalled()
    assert len(seen) == 7

    def change() -> None:
        house.engine.before_mark = None
        house.table.change(ended, status="SUCCEEDED", finished_at=NOW)
        house.table.change(beating, fresh, heartbeat_at=NOW)
        house.table.change(restarted, started_at=NOW - HOUR_MS + 1)
        house.table.change(requeued, status="PENDING", started_at=None)
        house.table.execute("DELETE FROM job_runs WHERE id = :id", id=int(gone))

    if when == "before the look":
        change()
    else:
        house.engine.before_mark = change
    result = house.clean(seen)

    # the heartbeat of `fresh` was no evidence: that it still beats saves nobody
    assert result.cleaned == [fresh, stuck]
    assert result.finished_meanwhile == [ended, gone]
    assert result.came_back == [beating, restarted, requeued]
    assert result.not_reached == []
    left = house.table.rows()
    assert left[ended]["status"] == "SUCCEEDED"
    assert left[ended]["error"] is None
    assert {left[run_id]["status"] for run_id in (beating, restarted)} == {"RUNNING"}


def test_two_admins_at_once_are_both_told_the_truth(house: House) -> None:
    ids = house.table.add(*[make_run() for _ in range(3)])
    seen = house.stalled()
    others: list[CleanUp] = []

    def other_admin() -> None:
        house.engine.before_mark = None
        others.append(house.actions.clean_up("orders", seen[:2], actor="bob"))

    house.engine.before_mark = other_admin
    mine = house.clean(seen)

    assert others[0].cleaned == ids[:2]
    assert mine.cleaned == ids[2:]
    assert mine.finished_meanwhile == ids[:2]
    assert "by bob" in house.table.row(ids[0])["error"]
    assert {*house.audited()} == {
        (ids[0], "clean up", "cleaned"),
        (ids[1], "clean up", "cleaned"),
        (ids[2], "clean up", "cleaned"),
        (ids[0], "clean up", "left alone"),
        (ids[1], "clean up", "left alone"),
    }


def test_ids_that_nobody_knows_are_gone_and_ids_named_twice_count_once(
    house: House,
) -> None:
    [run_id] = house.table.add(make_run())
    [seen] = house.stalled()
    strange = [
        seen._replace(run_id=odd)
        for odd in ("987654", "٣", "01", "1' OR '1'='1", "", "9" * 5_000, "\0")
    ]

    result = house.clean([seen, *strange, seen])

    assert result.cleaned == [run_id]
    assert result.finished_meanwhile == [run.run_id for run in strange]


def test_a_guard_that_was_made_up_marks_nothing(house: House) -> None:
    healthy, stalled = house.table.add(make_run(started_at=NOW - MINUTE_MS), make_run())

    result = house.clean(
        [
            Seen(healthy, NOW - MINUTE_MS, None, guard_heartbeat=False),
            Seen(stalled, NOW - 5 * HOUR_MS, None, guard_heartbeat=False),
            Seen(stalled, 10**30, 10**30, guard_heartbeat=True),
        ]
    )

    assert result.cleaned == []
    assert result.came_back == [healthy, stalled]
    assert result.undo_token is None
    assert house.audited() == []


def test_nothing_chosen_is_nothing_done(house: House) -> None:
    house.table.add(make_run())

    assert house.clean([]) == CleanUp()
    assert house.audited() == []


def test_thousands_are_cleaned_and_undone_in_batches(house: House) -> None:
    rows = [make_run(started_at=NOW - HOUR_MS - n) for n in range(1_201)]
    ids = house.table.add(*rows)
    before = house.table.rows()

    result = house.clean()
    undone = house.actions.undo(str(result.undo_token), actor="ann")

    assert {*result.cleaned} == {*undone.restored} == {*ids}
    assert house.table.rows() == before


def test_a_source_that_nobody_configured_is_said_to_be_unknown(house: House) -> None:
    with pytest.raises(UnknownSourceError, match=r"no source 'others'.*orders"):
        house.actions.clean_up("others", [], actor="ann")


def test_without_the_right_there_is_no_clean_up_and_no_undo(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    [run_id] = house.table.add(make_run())
    seen = house.stalled()
    token = house.clean(seen[:1]).undo_token
    monkeypatch.setattr(house.engine._permissions, "_read_only", True)
    house.clock.advance_ms(2 * MINUTE_MS)
    house.reader.refresh()
    before = house.table.row(run_id)

    with pytest.raises(CapabilityMissingError, match="configured as read-only"):
        house.clean(seen)
    with pytest.raises(CapabilityMissingError, match="configured as read-only"):
        house.actions.undo(str(token), actor="ann")

    assert house.table.row(run_id) == before


# undo


def test_undo_puts_back_exactly_what_was_there_once(house: House) -> None:
    ids = house.table.add(
        make_run(), make_run(cancel_requested_at=NOW - MINUTE_MS, progress=0.5)
    )
    before = house.table.rows()
    token = str(house.clean().undo_token)

    assert house.actions.undo(token, actor="bob") == Undone(
        restored=ids, changed_since=[]
    )
    assert house.table.rows() == before
    assert house.audited() == [
        *[(run_id, "clean up", "cleaned") for run_id in ids],
        *[(run_id, "undo", "restored") for run_id in ids],
    ]
    assert house.changed == ["orders", "orders"]
    with pytest.raises(UndoExpiredError, match="undone already"):
        house.actions.undo(token, actor="bob")


def test_undo_leaves_alone_what_changed_since(house: House) -> None:
    ids = house.table.add(make_run(), make_run())
    token = str(house.clean().undo_token)
    house.table.change(ids[0], status="SUCCEEDED", error_type=None)
    before = house.table.row(ids[0])

    undone = house.actions.undo(token, actor="ann")

    assert undone == Undone(restored=[ids[1]], changed_since=[ids[0]])
    assert house.table.row(ids[0]) == before
    assert house.audited()[2:] == [
        (ids[0], "undo", "changed since"),
        (ids[1], "undo", "restored"),
    ]


def test_a_clean_up_can_be_undone_for_exactly_ten_minutes(house: House) -> None:
    house.table.add(make_run(), make_run())
    [first, second] = house.stalled()
    tokens = [str(house.clean([run]).undo_token) for run in (first, second)]

    house.clock.advance_ms(UNDO_FOR_MS)
    assert house.actions.undo(tokens[0], actor="ann").restored == [first.run_id]
    house.clock.advance_ms(1)
    with pytest.raises(UndoExpiredError, match="10 minutes"):
        house.actions.undo(tokens[1], actor="ann")


@pytest.mark.parametrize("token", ["", "nothing", "None", "\0", "x" * 10_000])
def test_a_token_that_was_made_up_undoes_nothing(house: House, token: str) -> None:
    with pytest.raises(UndoExpiredError):
        house.actions.undo(token, actor="ann")


def test_an_undo_cannot_be_undone(house: House) -> None:
    house.table.add(make_run())
    token = str(house.clean().undo_token)
    house.actions.undo(token, actor="ann")
    [(batch,)] = house.store.database.fetch(
        text("SELECT DISTINCT batch FROM audit WHERE action = 'undo'")
    )

    with pytest.raises(UndoExpiredError):
        house.actions.undo(batch, actor="ann")


# the database is lost on the way


def lose(house: House) -> None:
    """The database is gone, with every connection to it."""
    if house.table.dialect == "sqlite":
        path = Path(str(make_url(house.table.url).database))
        path.rename(path.with_suffix(".away"))
    else:
        _allow(house, connections=False)


def bring_back(house: House) -> None:
    if house.table.dialect == "sqlite":
        path = Path(str(make_url(house.table.url).database))
        path.with_suffix(".away").rename(path)
    else:
        _allow(house, connections=True)


def drop_connections(house: House, connection: Any = None) -> None:
    """The database is there, but whoever was connected is so no more."""
    if house.table.dialect == "postgresql":
        _allow(house, connections=True)


def _allow(house: House, *, connections: bool) -> None:
    place = make_url(house.table.url)
    server = create_engine(
        place.set(database="postgres", drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with server.connect() as connection:
        connection.execute(
            text(f"ALTER DATABASE {place.database} ALLOW_CONNECTIONS {connections}")
        )
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = :name"
            ),
            {"name": place.database},
        )
    server.dispose()
    house.table.close()


def test_lost_after_the_commit_but_back_again_tells_what_is_really_there(
    house: House,
) -> None:
    ids = house.table.add(make_run(), make_run())
    house.note_episodes()
    seen = house.stalled()

    def around(commit: Callable[[], None]) -> None:
        commit()
        drop_connections(house)
        raise OutcomeUnknownError

    house.database.around = around
    result = house.clean(seen)

    assert result.cleaned == ids
    assert result.undo_token
    assert house.audited() == [(run_id, "clean up", "cleaned") for run_id in ids]
    assert house.episodes() == dict.fromkeys(ids, "cleaned")


def test_lost_before_the_commit_but_back_again_marks_nothing(house: House) -> None:
    ids = house.table.add(make_run())
    seen = house.stalled()

    def around(commit: Callable[[], None]) -> None:
        drop_connections(house)
        if house.table.dialect == "postgresql":
            commit()
        raise OutcomeUnknownError

    house.database.around = around
    with pytest.raises(DataError):
        house.clean(seen)

    assert house.table.row(ids[0])["status"] == "RUNNING"
    assert house.audited() == [(ids[0], "clean up", "failed")]
    house.database.around = None
    assert house.clean().cleaned == ids


def test_lost_for_good_after_the_commit_is_an_unknown_outcome(house: House) -> None:
    [run_id] = house.table.add(make_run())
    seen = house.stalled()

    def around(commit: Callable[[], None]) -> None:
        commit()
        lose(house)
        raise OutcomeUnknownError

    house.database.around = around
    with pytest.raises(OutcomeUnknownError, match=r"Orders: .* look again"):
        house.clean(seen)

    bring_back(house)
    assert house.table.row(run_id)["status"] == "FAILED"
    assert house.audited() == [(run_id, "clean up", "started")]


def test_lost_after_the_answer_still_tells_what_was_marked(house: House) -> None:
    ended, stuck = house.table.add(make_run(), make_run())
    seen = house.stalled()
    house.table.change(ended, status="SUCCEEDED", finished_at=NOW)

    def around(commit: Callable[[], None]) -> None:
        commit()
        lose(house)

    house.database.around = around
    result = house.clean(seen)

    assert result.cleaned == [stuck]
    assert result.not_reached == [ended]
    assert result.undo_token
    bring_back(house)
    house.database.around = None
    assert house.actions.undo(result.undo_token, actor="ann").restored == [stuck]


def test_lost_between_two_batches_tells_which_were_reached(house: House) -> None:
    ids = house.table.add(*[make_run() for _ in range(600)])
    seen = sorted(house.stalled(), key=lambda run: int(run.run_id))
    commits: list[None] = []

    def around(commit: Callable[[], None]) -> None:
        commits.append(None)
        if len(commits) > 1:
            drop_connections(house)
            raise SourceUnavailableError
        commit()

    house.database.around = around
    result = house.clean(seen)

    assert result.cleaned == ids[:500]
    assert {*result.not_reached} == {*ids[500:]}
    assert {outcome for _, _, outcome in house.audited()} == {"cleaned", "not reached"}


def test_lost_before_anything_is_said_to_be_out_of_reach(house: House) -> None:
    house.table.add(make_run())
    seen = house.stalled()
    lose(house)

    with pytest.raises(SourceUnavailableError):
        house.clean(seen)

    assert house.audited() == []
    bring_back(house)
    assert len(house.clean(seen).cleaned) == 1


def test_an_undo_that_was_lost_can_be_tried_again(house: House) -> None:
    ids = house.table.add(make_run())
    token = str(house.clean().undo_token)
    lose(house)
    with pytest.raises(SourceUnavailableError):
        house.actions.undo(token, actor="ann")
    bring_back(house)

    assert house.actions.undo(token, actor="ann").restored == ids
