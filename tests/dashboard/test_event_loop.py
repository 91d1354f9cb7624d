"""Nothing is made of a snapshot on the event loop, which serves everybody."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import connect

from app import Composed
from dashboard import live
from data import all_sources
from data.clock import SECOND_MS
from tests.composing import composed
from tests.conftest import FakeClock
from tests.factories import JobTable, job_table, make_run

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        made.add(make_run())
        yield made


@pytest.fixture
def made_in(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Threads in which views and snapshots of all sources are made."""
    threads: set[str] = set()

    def noting(function: Any) -> Any:
        def noted(*args: Any, **kwargs: Any) -> Any:
            threads.add(threading.current_thread().name)
            return function(*args, **kwargs)

        return noted

    monkeypatch.setattr(live, "overview_view", noting(live.overview_view))
    monkeypatch.setattr(all_sources, "together", noting(all_sources.together))
    return threads


@asynccontextmanager
async def serving(made: Composed) -> AsyncIterator[str]:
    """The product on this event loop; nothing runs beside it."""
    config = uvicorn.Config(made.asgi, port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    await task


async def test_pages_and_the_live_link_are_made_in_threads(
    table: JobTable, clock: FakeClock, tmp_path: Path, made_in: set[str]
) -> None:
    here = threading.current_thread().name
    more = {"JOBS_PUBLIC_ORIGINS": '["http://127.0.0.1:8050"]'}
    with composed(clock, table.url, tmp_path, **more) as made:
        async with serving(made) as place, httpx.AsyncClient() as client:
            headers = {"Host": "127.0.0.1:8050"}
            page = await client.get(f"http://{place}/", headers=headers)
            assert "send-mail" not in page.text  # nothing was read yet
            for source in ("jobs", "all"):
                address = f"ws://127.0.0.1:8050/live?source={source}"
                host, port = place.split(":")
                async with connect(address, host=host, port=int(port)) as socket:
                    assert '"snapshot"' in await socket.recv()
                    clock.advance_ms(10 * SECOND_MS)
                    table.add(make_run())
                    read = made.deps.sources["jobs"].reader.refresh
                    snapshot = await asyncio.to_thread(read)
                    await asyncio.to_thread(made.hub.publish, snapshot)
                    assert '"snapshot"' in await socket.recv()
            page = await client.get(f"http://{place}/?source=all", headers=headers)

    assert page.status_code == 200
    assert "send-mail" in page.text
    assert made_in
    assert here not in made_in


async def test_a_page_that_waits_for_a_message_holds_up_nobody(
    table: JobTable, clock: FakeClock, tmp_path: Path
) -> None:
    """Somebody makes the message, and takes his time."""
    with composed(clock, table.url, tmp_path) as made:
        async with serving(made) as place, httpx.AsyncClient() as client:
            headers = {"Host": "127.0.0.1:8050"}
            lock = made.hub.messages._making
            await asyncio.to_thread(lock.acquire)
            page = asyncio.create_task(
                client.get(f"http://{place}/", headers=headers, timeout=60)
            )
            try:
                alive = await client.get(f"http://{place}/healthz", headers=headers)
                assert alive.text == "ok"
                assert not page.done()
            finally:
                lock.release()
            assert (await page).status_code == 200
