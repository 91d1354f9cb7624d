"""The hub and its slots: the newest message for everyone, and nobody waits for anybody."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dash
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app import Composed, compose, limits_of, open_sources
from dashboard.live import Hub, Message, Messages, Slot
from dashboard.settings import load_settings
from data.all_sources import all_of
from data.clock import Clock, now_ms, utc_now
from data.model import Snapshot
from data.snapshot import SnapshotReader
from tests.browser.waiting import LIMIT_S
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, job_table, make_run, until

pytestmark = pytest.mark.anyio

VIEWERS = 50
STALLED = {"started_at": NOW - 47 * 60_000}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as table:
        yield table


@contextmanager
def composed_over(
    table: JobTable, directory: Path, clock: Clock, **more: str
) -> Iterator[Composed]:
    wanted = {
        **more,
        "JOBS_DATABASE_URL": table.url,
        "JOBS_STORE_URL": f"sqlite:///{directory / 'store.db'}",
    }
    composed = compose(load_settings(wanted, directory=directory), clock=clock)
    yield composed
    composed.deps.store.close()
    composed.deps.sources["jobs"].engine.close()
    dash.page_registry.clear()


class Link(NamedTuple):
    """A hub and what it tells of; nothing is served."""

    hub: Hub
    reader: SnapshotReader


@pytest.fixture
def link(table: JobTable, tmp_path: Path, clock: FakeClock) -> Iterator[Link]:
    environ = {"JOBS_DATABASE_URL": table.url}
    settings = load_settings(environ, directory=tmp_path)
    sources = open_sources(settings, clock=clock)
    limits = limits_of(settings)
    messages = Messages(sources, all_of(sources), limits=limits, clock=clock)
    yield Link(Hub(messages), sources["jobs"].reader)
    sources["jobs"].engine.close()


@pytest.fixture
def messages(link: Link) -> Messages:
    return link.hub.messages


def read(link: Link) -> Snapshot:
    return link.reader.refresh()


def message(version: int) -> Message:
    return Message(version, version, f"snapshot {version}", "", {})


async def everything(slot: Slot) -> list[str]:
    """What a viewer finds that comes back after a while."""
    found = []
    while True:
        try:
            found.append(await asyncio.wait_for(slot.get(), 0.02))
        except TimeoutError:
            return found


# ---- messages ----


def test_a_snapshot_is_made_into_a_message_once(link: Link, messages: Messages) -> None:
    snapshot = read(link)

    assert messages.of(snapshot) is messages.of(snapshot)


def test_the_message_is_the_one_of_the_contract(
    link: Link, messages: Messages, table: JobTable
) -> None:
    table.add(make_run(**STALLED))
    made = messages.of(read(link))

    told = json.loads(made.text)

    assert told["type"] == "snapshot"
    assert (told["source"], told["seq"], told["at"]) == ("jobs", 1, NOW)
    assert told["view"]["banner"]["title"] == "1 job(s) may be stalled"
    assert told == {**made.data}


def test_text_and_data_of_a_message_say_the_same_whatever_a_job_is_called(
    link: Link, messages: Messages, table: JobTable
) -> None:
    table.add(make_run(job_name='"},"view":{}} 👩‍👧 \u2028 <!--'))

    made = messages.of(read(link))

    assert json.loads(made.text) == made.data


def test_the_version_stays_while_the_view_does(
    link: Link, messages: Messages, table: JobTable, clock: FakeClock
) -> None:
    first = messages.of(read(link))
    clock.advance_ms(5_000)
    second = messages.of(read(link))
    table.add(make_run())
    third = messages.of(read(link))

    assert (first.seq, second.seq, third.seq) == (1, 2, 3)
    assert (first.version, second.version, third.version) == (1, 1, 2)


def test_an_answer_tells_the_time_of_the_answer(
    link: Link, messages: Messages, clock: FakeClock
) -> None:
    snapshot = read(link)
    messages.of(snapshot)
    clock.advance_ms(1_500)

    answer = messages.answer(snapshot)

    assert (answer["at"], answer["read_at"]) == (NOW + 1_500, NOW)


def test_a_heartbeat_is_short_and_names_the_version(
    link: Link, messages: Messages
) -> None:
    told = json.loads(messages.heartbeat(read(link), 7))

    times = {"at": NOW, "read_at": NOW, "every": 2_000}
    assert told == {"type": "hb", "version": 7, **times}


# ---- slots ----


async def test_a_viewer_starts_with_the_first_message() -> None:
    assert await everything(Slot(message(1))) == ["snapshot 1"]


async def test_the_latest_message_wins() -> None:
    slot = Slot(message(1))
    for version in range(2, 200):
        slot.put(message(version), "hb")

    assert await everything(slot) == ["snapshot 199"]


async def test_a_view_that_is_there_already_is_a_heartbeat_only() -> None:
    slot = Slot(message(1))
    await slot.get()

    slot.put(message(1), "hb 1")
    slot.put(message(1), "hb 2")

    assert await everything(slot) == ["hb 1"]


async def test_a_heartbeat_does_not_push_out_a_message() -> None:
    slot = Slot(message(1))
    slot.put(message(2), "hb")

    slot.put(message(2), "hb")

    assert await everything(slot) == ["snapshot 2"]


async def test_a_message_pushes_out_a_heartbeat() -> None:
    slot = Slot(message(1))
    await slot.get()
    slot.put(message(1), "hb")

    slot.put(message(2), "hb")

    assert await everything(slot) == ["snapshot 2"]


# ---- the hub ----


async def test_every_viewer_has_one_slot_and_none_when_it_is_gone(
    link: Link,
) -> None:
    hub = link.hub
    slots = [hub.join("jobs", message(1)) for _ in range(3)]
    assert hub.viewers == 3

    for slot in slots:
        hub.leave("jobs", slot)
        hub.leave("jobs", slot)

    assert hub.viewers == 0


async def test_publishing_reaches_the_viewers_of_that_source(
    link: Link, table: JobTable
) -> None:
    hub = link.hub
    first = hub.messages.of(read(link))
    ours, others = hub.join("jobs", first), hub.join("mail", first)
    await ours.get()
    await others.get()
    table.add(make_run())

    await asyncio.to_thread(hub.publish, read(link))

    [text] = await everything(ours)
    assert json.loads(text)["seq"] == 2
    assert await everything(others) == []


async def test_a_viewer_that_never_reads_holds_nobody_up(
    link: Link, table: JobTable
) -> None:
    hub = link.hub
    first = hub.messages.of(read(link))
    asleep, awake = hub.join("jobs", first), hub.join("jobs", first)
    await awake.get()

    for _ in range(20):
        table.add(make_run())
        hub.publish(read(link))
        told = json.loads(await asyncio.wait_for(awake.get(), LIMIT_S))

    assert told["view"]["active"]["total"] == 20
    [only] = await everything(asleep)
    assert json.loads(only) == told


def test_without_viewers_nothing_is_made(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Snapshot] = []
    monkeypatch.setattr(Messages, "of", lambda _self, snapshot: made.append(snapshot))

    link.hub.publish(read(link))

    assert made == []


# ---- real sockets ----


@asynccontextmanager
async def served(composed: Composed) -> AsyncIterator[str]:
    """The app on a real server in a thread; its socket address."""
    config = uvicorn.Config(composed.asgi, port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    await asyncio.to_thread(until, lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"ws://127.0.0.1:{port}/live?source=jobs"
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join, LIMIT_S)


async def next_snapshot(socket: ClientConnection) -> dict[str, Any]:
    while True:
        told: dict[str, Any] = json.loads(
            await asyncio.wait_for(socket.recv(), LIMIT_S)
        )
        if told["type"] == "snapshot":
            return told


async def hear_to_the_end(socket: ClientConnection) -> None:
    """Until it is closed; what was sent before comes first."""
    while True:
        await asyncio.wait_for(socket.recv(), LIMIT_S)


async def next_with(runs: int, socket: ClientConnection) -> dict[str, Any]:
    """Figures of the last day may make a message of their own before it."""
    while True:
        told = await next_snapshot(socket)
        if told["view"]["active"]["total"] == runs:
            return told


@pytest.fixture
def running(table: JobTable, tmp_path: Path) -> Iterator[Composed]:
    """By the real clock."""
    with composed_over(table, tmp_path, utc_now) as made:
        yield made


async def test_50_viewers_get_a_commit_and_leave_nothing_behind(
    running: Composed, table: JobTable
) -> None:
    hub: Hub = running.hub
    async with served(running) as address:
        async with AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(connect(address))
                for _ in range(VIEWERS)
            ]
            first = await asyncio.gather(*map(next_snapshot, sockets))
            assert {told["view"]["active"]["total"] for told in first} == {0}
            assert hub.viewers == VIEWERS

            await asyncio.to_thread(
                table.add, make_run(started_at=now_ms(utc_now) - 1_000)
            )

            second = await asyncio.gather(*(next_with(1, socket) for socket in sockets))
            assert len({told["seq"] for told in second}) == 1
        await asyncio.to_thread(until, lambda: hub.viewers == 0)


async def test_the_table_is_read_as_often_with_50_viewers_as_with_one(
    table: JobTable, tmp_path: Path
) -> None:
    """Where no read is due but the first, there is none for those who come later."""
    with composed_over(table, tmp_path, utc_now, JOBS_POLL_EVERY="1h") as made:
        reader = made.deps.sources["jobs"].reader
        async with served(made) as address, AsyncExitStack() as stack:
            await next_snapshot(await stack.enter_async_context(connect(address)))
            before = reader.reads
            for _ in range(VIEWERS):
                await next_snapshot(await stack.enter_async_context(connect(address)))

            assert reader.reads == before


async def test_a_viewer_that_stops_reading_does_not_stop_the_others(
    running: Composed, table: JobTable
) -> None:
    async with (
        served(running) as address,
        connect(address, max_queue=1, close_timeout=0.1) as asleep,
        connect(address) as awake,
    ):
        await next_snapshot(awake)
        for total in range(1, 4):
            started = now_ms(utc_now) - 1_000
            await asyncio.to_thread(table.add, make_run(started_at=started))
            await next_with(total, awake)
        assert asleep.state.name == "OPEN"


async def test_a_silent_link_gets_a_sign_of_life(
    running: Composed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.live.HEARTBEAT_EVERY_S", 0.05)
    async with served(running) as address, connect(address) as socket:
        await next_snapshot(socket)

        told = json.loads(await asyncio.wait_for(socket.recv(), LIMIT_S))

    assert told["type"] == "hb"
    assert told["version"] >= 1


async def test_what_a_viewer_says_is_not_listened_to(running: Composed) -> None:
    async with served(running) as address, connect(address) as socket:
        await next_snapshot(socket)
        await socket.send("hello")
        await socket.send('{"type":"snapshot"}')

        assert running.hub.viewers == 1


async def test_a_viewer_that_says_too_much_or_nonsense_is_let_go(
    running: Composed,
) -> None:
    async with served(running) as address, connect(address) as socket:
        await next_snapshot(socket)
        await socket.send(b"\x00" * 100)

        await asyncio.wait_for(socket.wait_closed(), LIMIT_S)
        await asyncio.to_thread(until, lambda: running.hub.viewers == 0)


async def test_a_server_that_stops_tells_its_viewers(running: Composed) -> None:
    async with served(running) as address:
        socket = await connect(address)
        await next_snapshot(socket)

    with pytest.raises(ConnectionClosed) as closed:
        await hear_to_the_end(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
