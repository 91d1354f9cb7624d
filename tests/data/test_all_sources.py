"""All sources at once: one answer, and one that is down hides nothing of the others."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from data.actions import Actions, seen_of
from data.all_sources import ALL, AllSources, all_of, joined, parted
from data.clock import HOUR_MS, MINUTE_MS
from data.db import Database
from data.engines import windows
from data.engines.base import JobEngine
from data.engines.dbos import DbosEngine
from data.engines.native import NativeEngine
from data.exceptions import (
    DataError,
    InvalidRequestError,
    UndoExpiredError,
)
from data.model import FINISHED, Job, JobState, RunFilter
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.store.audit import AuditFilter
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table, make_run
from tests.flows import Flows

LIMITS = StallLimits()
#: Where no page of all sources goes on.
NO_PLACES = [
    "x",
    "[]",
    "{}",
    '{"nobody": [null, 0]}',
    '{"orders": 1}',
    '{"orders": [1, 0]}',
    '{"orders": [null, -1]}',
    '{"orders": [null, true]}',
    '{"orders": [null, 1e9]}',
    '{"orders": [null, 99999]}',
    "null",
    '{"orders": ["nowhere", 0]}',
]


class House(NamedTuple):
    """Two native sources and one of DBOS, and what is done to them."""

    orders: JobTable
    mail: JobTable
    flows: Flows
    sources: dict[str, Source]
    all: AllSources
    actions: Actions
    store: Store
    folder: Path

    def take_away(self, name: str) -> None:
        """The database of a source is gone."""
        path = self.folder / f"{name}.db"
        path.rename(path.with_suffix(".gone"))


@pytest.fixture
def house(
    tmp_path: Path, own_store_url: str, sqlite_flows_url: str, clock: FakeClock
) -> Iterator[House]:
    urls = {name: f"sqlite:///{tmp_path / name}.db" for name in ("orders", "mail")}
    urls["flows"] = sqlite_flows_url
    store = open_store(own_store_url)
    flows = Flows(urls["flows"])
    with job_table(urls["orders"]) as orders, job_table(urls["mail"]) as mail:
        engines: dict[str, JobEngine] = {
            name: NativeEngine(Database(urls[name], name=name))
            for name in ("orders", "mail")
        }
        engines["flows"] = DbosEngine(Database(urls["flows"], name="flows"))
        sources = {
            name: Source(
                name=name,
                label=name.title(),
                engine=engine,
                dialect="sqlite",
                reader=SnapshotReader(
                    name, engine, limits=LIMITS, clock=clock, poll_every_ms=2_000
                ),
            )
            for name, engine in engines.items()
        }
        actions = Actions(
            sources, store, limits=LIMITS, clock=clock, changed=lambda _name: None
        )
        yield House(
            orders, mail, flows, sources, all_of(sources), actions, store, tmp_path
        )
        for engine in engines.values():
            engine.close()
    flows.owner.dispose()
    store.close()


def pages(everything: AllSources, filter_: RunFilter, limit: int) -> list[Job]:
    found: list[Job] = []
    after = None
    while True:
        page = everything.engine.page(filter_, after=after, limit=limit)
        assert len(page.jobs) <= limit
        found += page.jobs
        after = page.next
        if after is None:
            return found


@pytest.mark.parametrize("run_id", ["1", "a/b", "", "/", "x/"])
def test_an_id_is_told_apart_by_its_source(run_id: str) -> None:
    assert parted(joined("orders", run_id)) == ("orders", run_id)


def test_a_snapshot_adds_everything_up(house: House) -> None:
    house.orders.add(make_run(), make_run(status="PENDING", started_at=None))
    house.mail.add(make_run(started_at=NOW - MINUTE_MS))
    house.flows.add("f/1", started_at_epoch_ms=NOW - HOUR_MS)

    snapshot = house.all.reader.refresh()

    assert snapshot.source == ALL
    assert snapshot.counts == {JobState.RUNNING: 3, JobState.PENDING: 1}
    assert set(snapshot.judgement.verdicts) == {"orders/1", "flows/f/1"}
    ids = {job.run_id for job in snapshot.jobs}
    assert ids == {"orders/1", "orders/2", "mail/1", "flows/f/1"}
    assert snapshot.read_at == NOW
    assert snapshot.trouble is None


def test_the_sequence_grows_with_every_source(house: House) -> None:
    before = house.all.reader.refresh().seq
    house.sources["mail"].reader.refresh()

    assert house.all.reader.latest.seq == before + 1


def test_a_source_that_is_down_hides_nothing_of_the_others(
    house: House, clock: FakeClock
) -> None:
    house.orders.add(make_run())
    house.mail.add(make_run(), finished_run())
    house.all.reader.refresh()
    house.take_away("orders")
    clock.advance_ms(MINUTE_MS)
    house.mail.add(make_run())

    snapshot = house.all.reader.refresh()
    page = house.all.engine.page(RunFilter())

    assert {job.run_id for job in snapshot.jobs} == {"orders/1", "mail/1", "mail/3"}
    assert snapshot.read_at == NOW + MINUTE_MS
    assert snapshot.trouble is not None
    assert (snapshot.trouble.where, snapshot.trouble.partial) == ("Orders", True)
    assert snapshot.trouble.data_from == NOW
    assert {job.run_id for job in page.jobs} == {"mail/1", "mail/2", "mail/3"}
    assert len(page.missing) == 1
    assert "orders" in page.missing[0]
    assert page.next is not None
    with pytest.raises(DataError, match="orders"):
        house.all.engine.page(RunFilter(), after=page.next)


def test_when_all_are_down_that_is_said(house: House) -> None:
    house.all.reader.refresh()
    for name in house.sources:
        house.take_away(name)

    snapshot = house.all.reader.refresh()

    assert snapshot.trouble is not None
    assert not snapshot.trouble.partial
    assert snapshot.trouble.where == "Orders, Mail, Flows"
    with pytest.raises(DataError, match="there is no database file"):
        house.all.engine.page(RunFilter())


@pytest.mark.parametrize("seed", range(3))
def test_pages_have_every_run_once_in_the_order_of_their_ends(
    house: House, seed: int
) -> None:
    dice = Random(seed)
    for table in (house.orders, house.mail):
        rows = [
            finished_run(finished_at=NOW - dice.randrange(20) * 1000) for _ in range(25)
        ]
        table.add(*rows, make_run(), make_run(status="PENDING"))
    for number in range(25):
        house.flows.done(f"f{number}", completed_at=NOW - dice.randrange(20) * 1000)

    assert house.all.engine.count(RunFilter(), up_to=1_000) == 79
    for limit in (1, 3, 10, 100):
        found = pages(house.all, RunFilter(), limit)

        assert len(found) == len({job.run_id for job in found}) == 79
        over = [job for job in found if job.state in FINISHED]
        assert found[-len(over) :] == over
        ends = [job.finished_at or 0 for job in over]
        assert ends == sorted(ends, reverse=True)


def test_a_search_shows_nothing_beyond_where_one_of_them_stopped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "SEARCH_LIMIT_S", 0)
    ends = [NOW - hours * HOUR_MS for hours in (0, 5, 9)]
    house.orders.add(*(finished_run(job_name="rare", finished_at=at) for at in ends))
    for number, at in enumerate(ends):
        house.flows.done(f"f{number}", name="rare", completed_at=at - MINUTE_MS)

    first = house.all.engine.page(RunFilter(queue="default"))
    found = pages(house.all, RunFilter(job_name="rare"), 50)

    assert first.searched_to_ms is not None
    instants = [job.finished_at or 0 for job in found]
    assert len(found) == 6
    assert instants == sorted(instants, reverse=True)


def test_a_place_that_is_none_is_refused(house: House) -> None:
    for after in NO_PLACES:
        with pytest.raises(DataError):
            house.all.engine.page(RunFilter(), after=after)


def test_one_run_is_found_in_its_source(house: House) -> None:
    house.orders.add(make_run(job_name="mine"))
    house.mail.add(make_run(job_name="other"))

    details = house.all.engine.details("mail/1")
    by_text = house.all.engine.page(RunFilter(text="mail/1")).jobs

    assert details is not None
    assert (details.job.run_id, details.job.job_name) == ("mail/1", "other")
    assert house.all.engine.details("1") is None
    assert house.all.engine.details("nobody/1") is None
    assert "mail/1" in {job.run_id for job in by_text}


def test_a_clean_up_reaches_every_source_in_its_own_way(house: House) -> None:
    house.orders.add(make_run())
    house.flows.add("f1")
    seen = seen_of(house.all.reader.refresh())

    done = house.actions.clean_up(ALL, seen, actor="ann")

    assert done.cleaned == ["orders/1", "flows/f1"]
    assert done.cancelled == ["flows/f1"]
    assert house.orders.row("1")["status"] == "FAILED"
    assert house.sources["flows"].engine.runs(["f1"])[0].state is JobState.CANCELLED
    reasons = [row.detail for row in house.store.audit.page(AuditFilter(), limit=9)]
    assert any("no step" in reason or "a step" in reason for reason in reasons)
    undone = house.actions.undo(done.undo_token or "", actor="ann")
    assert undone.restored == ["orders/1"]
    assert house.sources["flows"].engine.runs(["f1"])[0].state is JobState.CANCELLED


def test_a_clean_up_of_dbos_offers_no_undo(house: House) -> None:
    house.flows.add("f1")
    seen = seen_of(house.sources["flows"].reader.refresh())

    done = house.actions.clean_up("flows", seen, actor="ann")

    assert (done.cleaned, done.undo_token, done.undo_until) == (["f1"], None, None)
    [row] = house.store.audit.page(AuditFilter(), limit=9)
    assert row.after == {"status": "CANCELLED"}
    with pytest.raises(UndoExpiredError, match="Run them again"):
        house.actions.undo(row.batch, actor="ann")


def test_a_run_of_dbos_that_finished_a_step_since_came_back(house: House) -> None:
    house.flows.add("f1")
    seen = seen_of(house.sources["flows"].reader.refresh())
    house.flows.step("f1", 1, completed_at_epoch_ms=NOW)

    done = house.actions.clean_up("flows", seen, actor="ann")

    assert (done.cleaned, done.came_back) == ([], ["f1"])


def test_a_source_that_is_down_does_not_stop_an_action_on_the_others(
    house: House,
) -> None:
    house.orders.add(make_run(status="PENDING", started_at=None))
    house.mail.add(make_run(status="PENDING", started_at=None))
    house.all.reader.refresh()
    house.take_away("orders")

    done = house.actions.cancel(ALL, ["orders/1", "mail/1"], actor="ann")

    assert (done.cancelled, done.not_reached) == (["mail/1"], ["orders/1"])


def test_runs_of_several_sources_are_run_again_once(house: House) -> None:
    house.orders.add(finished_run())
    house.mail.add(finished_run(), finished_run())
    once = "0123456789abcdef"
    ids = ["orders/1", "mail/2", "nobody/1"]

    done = house.actions.retry(ALL, ids, actor="ann", once=once)
    again = house.actions.retry(ALL, ids, actor="ann", once=once)

    assert done.started == {"orders/1": "orders/2", "mail/2": "mail/3"}
    assert again == done
    assert len(house.orders.rows()) == 2
    assert len(house.mail.rows()) == 3


def test_an_action_on_nobody_is_refused(house: House) -> None:
    with pytest.raises(InvalidRequestError):
        house.actions.cancel(ALL, ["nobody/1"], actor="ann")


def test_a_run_is_not_started_everywhere(house: House) -> None:
    with pytest.raises(DataError):
        house.actions.enqueue(ALL, "send-mail", "{}", actor="ann")


def test_rights_are_told_for_each_source(house: House) -> None:
    house.all.reader.refresh()
    assert house.all.engine.capabilities.reason == ""
    read_only = DbosEngine(Database(house.flows.url, name="flows"), read_only=True)
    with closing(read_only):
        read_only.check()
        flows = house.sources["flows"]
        some = {
            **house.sources,
            "flows": Source(
                name="flows",
                label="Flows",
                engine=read_only,
                dialect="sqlite",
                reader=flows.reader,
            ),
        }

        able = all_of(some).engine.capabilities

    assert able.cancel
    assert able.reason == "Flows: This source is configured as read-only."
