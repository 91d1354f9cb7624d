"""Who waits for one source takes threads from that source only."""

import asyncio
from threading import Event, Semaphore

import pytest

from dashboard import offload as module
from dashboard import shell
from dashboard.offload import THREADS, offload, source_of
from data.exceptions import SourceBusyError, SourceTooSlowError

_GENEROUS_S = 60


@pytest.mark.parametrize(
    ("named", "source"),
    [
        ({"source": "orders", "limit": 5}, "orders"),
        ({"source": None}, "*"),
        ({"asked": {"source": "orders", "run": "1"}}, "orders"),
        ({"asked": type("Body", (), {"source": "orders"})()}, "orders"),
        ({"rule": "x"}, ""),
        ({}, ""),
    ],
)
def test_the_source_is_what_the_arguments_name(
    named: dict[str, object], source: str
) -> None:
    assert source_of(named) == source


def test_a_source_that_hangs_takes_no_thread_from_another() -> None:
    may_end = Event()

    @offload
    def read(source: str) -> str:
        if source == "far":
            may_end.wait(_GENEROUS_S)
        return source

    async def ask() -> str:
        hanging = [asyncio.ensure_future(read("far")) for _ in range(3 * THREADS)]
        await asyncio.sleep(0)
        answer = await read("near")
        may_end.set()
        assert await asyncio.gather(*hanging) == ["far"] * 3 * THREADS
        return answer

    assert asyncio.run(ask()) == "near"


def test_who_asks_is_answered_although_the_thread_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, may_end = Event(), Event()

    async def until_it_hangs(_task: object) -> bool:
        await asyncio.to_thread(begun.wait, _GENEROUS_S)
        return False

    monkeypatch.setattr(module, "_in_time", until_it_hangs)

    def hang() -> None:
        begun.set()
        may_end.wait(_GENEROUS_S)

    async def ask() -> None:
        try:
            with pytest.raises(SourceTooSlowError, match="look again"):
                await offload(hang)()
        finally:
            may_end.set()

    asyncio.run(ask())


async def _all_taken(may_end: Event) -> "asyncio.Future[list[None]]":
    """Every thread of the store hangs until ``may_end``."""
    begun = Semaphore(0)

    def hang() -> None:
        begun.release()
        may_end.wait(_GENEROUS_S)

    hanging = asyncio.gather(*(offload(hang)() for _ in range(THREADS)))
    for _ in range(THREADS):
        assert await asyncio.to_thread(begun.acquire, timeout=_GENEROUS_S)
    return hanging


def test_what_had_not_begun_when_its_time_was_up_is_never_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []
    may_end = Event()

    async def at_once(_task: object) -> bool:
        await asyncio.sleep(0)
        return False

    async def ask() -> None:
        hanging = await _all_taken(may_end)
        try:
            with monkeypatch.context() as patch:
                patch.setattr(module, "_in_time", at_once)
                with pytest.raises(SourceBusyError, match="nothing was done"):
                    await offload(lambda: done.append("given up"))()
        finally:
            may_end.set()
        await hanging
        await offload(lambda: done.append("asked later"))()

    asyncio.run(ask())
    assert done == ["asked later"]


class _Background:
    def __init__(self) -> None:
        self.said: list[str] = []

    def start(self) -> None:
        self.said.append("started")

    def stop(self) -> None:
        self.said.append("stopped")


def test_stopping_waits_for_no_thread_of_the_store() -> None:
    background = _Background()
    server = shell._server(background)
    may_end = Event()

    async def leave() -> list[str]:
        hanging = await _all_taken(may_end)
        try:
            async with server.router.lifespan_context(server):
                pass
            return [*background.said]
        finally:
            may_end.set()
            await hanging

    assert asyncio.run(leave()) == ["started", "stopped"]
