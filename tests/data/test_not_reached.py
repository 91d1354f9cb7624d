"""What one run or one source refuses is reported with the reason, and stops no other."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import make_url

from data.actions import Actions, CleanUp, seen_of
from data.all_sources import ALL, AllSources, all_of
from data.clock import MINUTE_MS
from data.db import Database
from data.engines.base import Marked, Written
from data.engines.native import NativeEngine
from data.exceptions import (
    DataError,
    OutcomeUnknownError,
    SourceUnavailableError,
    UndoExpiredError,
)
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.audit import AuditFilter, AuditRow
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table, make_run

LIMITS = StallLimits()
ON_HOLD = "run 2 is on hold"


class Shop(NamedTuple):
    """Two sources, a store, and the actions between them."""

    first: JobTable
    second: JobTable
    all: AllSources
    actions: Actions
    store: Store
    clock: FakeClock

    def clean(self, source: str) -> CleanUp:
        place = self.all if source == ALL else self.all.engine._sources[source]
        seen = seen_of(place.reader.refresh())
        return self.actions.clean_up(source, seen, actor="ann")

    def audited(self, action: str) -> dict[str, AuditRow]:
        rows = self.store.audit.page(AuditFilter(action=action), limit=50)
        return {row.run_id: row for row in reversed(rows)}


@pytest.fixture
def shop(tmp_path: Path, clock: FakeClock) -> Iterator[Shop]:
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("first", "second")]
    with job_table(urls[0]) as first, job_table(urls[1]) as second:
        sources = {
            name: _source(name, table.url, clock)
            for name, table in (("first", first), ("second", second))
        }
        store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
        actions = Actions(
            sources, store, limits=LIMITS, clock=clock, changed=lambda _name: None
        )
        yield Shop(first, second, all_of(sources), actions, store, clock)
        for source in sources.values():
            source.engine.close()
        store.close()


def _source(name: str, url: str, clock: FakeClock) -> Source:
    engine = NativeEngine(Database(url, name=name))
    reader = SnapshotReader(
        name, engine, limits=LIMITS, clock=clock, poll_every_ms=2_000
    )
    return Source(name=name, label=name, engine=engine, dialect="sqlite", reader=reader)


def refuse(table: JobTable, event: str, condition: str) -> None:
    with table.owner.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER no BEFORE {event} ON job_runs WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{ON_HOLD}'); END"
        )


def busy(table: JobTable) -> closing[sqlite3.Connection]:
    """Somebody writes to it, until this is closed."""
    path = str(make_url(table.url).database)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return closing(connection)


def test_a_clean_up_names_the_run_that_was_refused_and_so_does_the_audit(
    shop: Shop,
) -> None:
    shop.first.add(make_run(), make_run(), make_run())
    refuse(shop.first, "UPDATE", "NEW.id = 2")

    done = shop.clean("first")

    assert (done.cleaned, done.not_reached) == (["1", "3"], ["2"])
    assert (done.came_back, done.finished_meanwhile) == ([], [])
    assert ON_HOLD in done.reasons["2"]
    rows = shop.audited("clean up")
    assert {id_: row.outcome for id_, row in rows.items()} == {
        "1": "cleaned",
        "2": "not reached",
        "3": "cleaned",
    }
    assert ON_HOLD in rows["2"].after["reason"]


def test_a_clean_up_that_is_refused_as_a_whole_can_not_be_undone(shop: Shop) -> None:
    shop.first.add(make_run(id=41), make_run(id=42))
    refuse(shop.first, "UPDATE", "NEW.id IN (41, 42)")

    done = shop.clean("first")

    assert (done.cleaned, done.not_reached) == ([], ["41", "42"])
    assert done.undo_token is None


def test_a_cancel_names_the_run_that_was_refused_and_so_does_the_audit(
    shop: Shop,
) -> None:
    ids = shop.first.add(*[make_run(status="PENDING", started_at=None)] * 3)
    refuse(shop.first, "UPDATE", "NEW.id = 2")

    done = shop.actions.cancel("first", ids, actor="ann")

    assert (done.cancelled, done.not_reached) == (["1", "3"], ["2"])
    assert done.finished_meanwhile == []
    assert ON_HOLD in done.reasons["2"]
    assert shop.audited("cancel")["2"].outcome == "not reached"


def test_a_retry_names_the_run_that_was_refused_and_twice_says_the_same(
    shop: Shop,
) -> None:
    ids = shop.first.add(*[finished_run(queue=f"q{n}") for n in (1, 2, 3)])
    refuse(shop.first, "INSERT", "NEW.queue = 'q2'")

    done = shop.actions.retry("first", ids, actor="ann", once="0123456789abcdef")
    again = shop.actions.retry("first", ids, actor="ann", once="0123456789abcdef")

    assert (set(done.started), done.not_reached) == ({"1", "3"}, ["2"])
    assert (again.started, again.not_reached) == (done.started, ["2"])
    assert ON_HOLD in again.reasons["2"]
    assert shop.audited("run again")["2"].outcome == "not reached"


def test_an_undo_that_a_run_refuses_can_be_tried_again_for_that_run(shop: Shop) -> None:
    shop.first.add(make_run(), make_run())
    token = str(shop.clean("first").undo_token)
    refuse(shop.first, "UPDATE", "NEW.id = 2")

    first = shop.actions.undo(token, actor="ann")
    shop.first.execute("DROP TRIGGER no")
    second = shop.actions.undo(token, actor="ann")

    assert (first.restored, first.not_reached) == (["1"], ["2"])
    assert (second.restored, second.not_reached) == (["2"], [])
    with pytest.raises(UndoExpiredError):
        shop.actions.undo(token, actor="ann")


def test_an_undo_over_several_sources_does_what_it_can_and_the_rest_later(
    shop: Shop,
) -> None:
    shop.first.add(make_run())
    shop.second.add(make_run())
    done = shop.clean(ALL)
    token = str(done.undo_token)
    with busy(shop.second):
        first = shop.actions.undo(token, actor="ann")
        with pytest.raises(SourceUnavailableError, match="busy"):
            shop.actions.undo(token, actor="ann")

    second = shop.actions.undo(token, actor="ann")

    assert (first.restored, first.not_reached) == (["first/1"], ["second/1"])
    assert "busy" in first.reasons["second/1"]
    assert (second.restored, second.not_reached) == (["second/1"], [])
    assert shop.first.row("1")["status"] == shop.second.row("1")["status"] == "RUNNING"
    with pytest.raises(UndoExpiredError):
        shop.actions.undo(token, actor="ann")


def test_the_order_of_the_sources_does_not_matter_to_an_undo(shop: Shop) -> None:
    shop.first.add(make_run())
    shop.second.add(make_run())
    token = str(shop.clean(ALL).undo_token)
    with busy(shop.first):
        first = shop.actions.undo(token, actor="ann")
    shop.clock.advance_ms(10 * MINUTE_MS + 1)

    assert (first.restored, first.not_reached) == (["second/1"], ["first/1"])
    with pytest.raises(UndoExpiredError, match="10 minutes"):
        shop.actions.undo(token, actor="ann")


def test_a_clean_up_of_several_sources_says_why_one_was_not_reached(shop: Shop) -> None:
    shop.first.add(make_run())
    shop.second.add(make_run())
    seen = seen_of(shop.all.reader.refresh())
    with busy(shop.second):
        done = shop.actions.clean_up(ALL, seen, actor="ann")

    assert (done.cleaned, done.not_reached) == (["first/1"], ["second/1"])
    assert "busy" in done.reasons["second/1"]


def test_nothing_chosen_of_several_sources_is_nothing_done(shop: Shop) -> None:
    assert shop.actions.clean_up(ALL, [], actor="ann") == CleanUp()


def fail_all(shop: Shop, action: str) -> None:
    """Try it at a database that takes nothing."""
    is_over = action == "run again"
    [run_id] = shop.first.add(finished_run() if is_over else make_run())
    act = {
        "cancel": lambda: shop.actions.cancel("first", [run_id], actor="ann"),
        "clean up": lambda: shop.clean("first"),
        "undo": lambda: shop.actions.undo(token, actor="ann"),
        "run again": lambda: shop.actions.retry("first", [run_id], actor="ann"),
    }[action]
    token = str(shop.clean("first").undo_token) if action == "undo" else ""
    with busy(shop.first), pytest.raises(DataError):
        act()


@pytest.mark.parametrize("action", ["cancel", "clean up", "undo", "run again"])
def test_an_action_that_failed_is_in_the_audit_with_the_reason(
    shop: Shop, action: str
) -> None:
    fail_all(shop, action)

    [row] = shop.audited(action).values()
    assert row.outcome == "failed"
    assert "busy" in row.after["reason"]


def test_an_undo_that_failed_can_be_tried_again(shop: Shop) -> None:
    fail_all(shop, "undo")
    [cleaned] = shop.audited("clean up").values()

    assert shop.actions.undo(cleaned.batch, actor="ann").restored == ["1"]


def _lose(shop: Shop, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows what came of it: the answer is lost, and the database with it."""

    def lost(*_arguments: object, **_named: object) -> object:
        message = "first: the database was lost."
        raise OutcomeUnknownError(message)

    engine = shop.all.engine._sources["first"].engine
    monkeypatch.setattr(engine, name, lost)
    monkeypatch.setattr(engine, "runs", lost)


def test_an_undo_of_which_nobody_knows_is_not_called_failed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.first.add(make_run())
    token = str(shop.clean("first").undo_token)
    _lose(shop, "unmark_stalled", monkeypatch)
    with pytest.raises(OutcomeUnknownError):
        shop.actions.undo(token, actor="ann")

    assert [row.outcome for row in shop.audited("undo").values()] == ["started"]


def test_an_undo_that_is_half_done_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that were asked to stop are put back by a statement of their own."""
    shop.first.add(make_run(), make_run(cancel_requested_at=NOW - MINUTE_MS))
    token = str(shop.clean("first").undo_token)
    engine = shop.all.engine._sources["first"].engine
    unmark = engine.unmark_stalled

    def fail_later(marked: list[Marked]) -> Written:
        if any(run.cancel_requested_at_before for run in marked):
            message = "first: the database is busy."
            raise SourceUnavailableError(message)
        return unmark(marked)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "unmark_stalled", fail_later)
        first = shop.actions.undo(token, actor="ann")

    assert (first.restored, first.not_reached) == (["1"], ["2"])
    assert shop.actions.undo(token, actor="ann").restored == ["2"]
