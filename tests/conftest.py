"""What every test may ask for."""

import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from data import connecting, db
from data.clock import to_ms, utc_now
from data.store import Store, open_store
from tests.databases import (
    database_numbers,
    database_url,
    made_postgresql_store,
    made_sqlite_store,
    postgresql_server,
    postgresql_store_url,
    postgresql_url,
    sqlite_store_url,
    sqlite_url,
    store_url,
)
from tests.sweeper import begin, end

__all__ = [
    "FakeClock",
    "RunningClock",
    "database_numbers",
    "database_url",
    "made_postgresql_store",
    "made_sqlite_store",
    "postgresql_server",
    "postgresql_store_url",
    "postgresql_url",
    "sqlite_store_url",
    "sqlite_url",
    "store_url",
]

#: Where files lie in memory, on Linux.
_MEMORY = Path("/dev/shm")  # noqa: S108 - it is there for this
_ROOM_BYTES = 4 * 1024**3
_SWEEPER = pytest.StashKey[subprocess.Popen[bytes]]()


#: How long the product waits for a database.
_LIMITS = (
    (db, "CALL_LIMIT_S"),
    (db, "_OWNED_CALL_LIMIT_S"),
    (db, "_PROBE_LIMIT_S"),
    (db, "STATEMENT_LIMIT_S"),
    (connecting, "STATEMENT_LIMIT_S"),
    (connecting, "CONNECT_LIMIT_S"),
    (connecting, "_PING_LIMIT_S"),
)
_LENIENCE = 10

#: Of each property: the same few in ``make test``, others each time in ``make test-all``.
settings.register_profile("few", max_examples=170, derandomize=True, deadline=None)
settings.register_profile("many", max_examples=5_000, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Have databases and profiles in memory where there is room for them.

    To make a database on a disk may take longer than the test that asks for it.
    """
    settings.load_profile("few" if config.option.markexpr else "many")
    if "TMPDIR" not in os.environ and _has_room(_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)
    if not hasattr(config, "workerinput"):  # the process that starts those of xdist
        config.stash[_SWEEPER] = begin()


@pytest.hookimpl(trylast=True)  # when those of xdist have ended
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing of ours is left, or the run has failed."""
    if _SWEEPER not in session.config.stash:
        return
    for words in end(session.config.stash[_SWEEPER]):
        sys.stderr.write(f"\nleft by the tests: {words}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(tryfirst=True)  # before ``-m`` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the second database of ``one_database`` to ``make test-all``."""
    firsts = {_function(item) for item in items if _is_on(item, "sqlite")}
    for item in items:
        if (
            item.get_closest_marker("one_database")
            and _is_on(item, "postgresql")
            and _function(item) in firsts
        ):
            item.add_marker(pytest.mark.exhaustive)


def _function(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _is_on(item: pytest.Item, database: str) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and database in callspec.params.values()


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not among what was imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def _has_room(place: Path) -> bool:
    return place.is_dir() and shutil.disk_usage(place).free >= _ROOM_BYTES


#: Where stories begin that go on at real speed: no day, week or month ends meanwhile.
NOON = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
#: A Wednesday, neither at midnight nor on the hour.
WEDNESDAY = datetime(2026, 3, 18, 12, 34, 56, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is advanced, or goes on with every look."""

    def __init__(self, now: datetime = WEDNESDAY) -> None:
        self.now = now
        self.each_look_ms = 0

    def __call__(self) -> datetime:
        self.advance_ms(self.each_look_ms)
        return self.now

    @property
    def now_ms(self) -> int:
        return to_ms(self.now)

    def advance(self, by: timedelta) -> None:
        self.now += by

    def advance_ms(self, by_ms: int) -> None:
        self.now += timedelta(milliseconds=by_ms)


class RunningClock:
    """A clock that starts on a Wednesday at noon, goes on at real speed, and jumps."""

    def __init__(self, start: datetime = NOON) -> None:
        self._start = start
        self._began_s = time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began_s)

    @property
    def now_ms(self) -> int:
        return to_ms(self())

    def advance(self, by: timedelta) -> None:
        self._start += by

    def ahead_s(self) -> float:
        """How far it is ahead of the machine's clock."""
        return (self() - utc_now()).total_seconds()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store: the test runs once on each kind of database."""
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session", autouse=True)
def _limits_that_a_starved_machine_meets() -> Iterator[None]:
    """A test that is not about a limit must not fail by one; the others set their own."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in _LIMITS:
            patch.setattr(module, name, _LENIENCE * getattr(module, name))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_machine() -> Iterator[None]:
    """``JOBS_*`` of whoever runs the tests must not decide how they end."""
    with pytest.MonkeyPatch.context() as patch:
        for key in [key for key in os.environ if key.startswith("JOBS_")]:
            patch.delenv(key)
        yield
