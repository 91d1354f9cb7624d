"""Who waits for one source takes threads from that source only."""

import asyncio
from threading import Event

import pytest

from dashboard import offload as module
from dashboard.offload import THREADS, offload, source_of
from data.exceptions import SourceTooSlowError

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
    monkeypatch.setattr(module, "_ANSWER_LIMIT_S", 0.05)
    may_end = Event()

    async def ask() -> None:
        try:
            with pytest.raises(SourceTooSlowError, match="look again"):
                await offload(lambda: may_end.wait(_GENEROUS_S))()
        finally:
            may_end.set()

    asyncio.run(ask())
