"""What every test may ask for."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from data.clock import to_ms
from data.store import Store, open_store
from tests.databases import (
    database_numbers,
    database_url,
    postgresql_server,
    postgresql_url,
    sqlite_url,
)

__all__ = [
    "FakeClock",
    "database_numbers",
    "database_url",
    "postgresql_server",
    "postgresql_url",
    "sqlite_url",
]

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


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store: the test runs once on each kind of database."""
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_machine() -> Iterator[None]:
    """``JOBS_*`` of whoever runs the tests must not decide how they end."""
    with pytest.MonkeyPatch.context() as patch:
        for key in [key for key in os.environ if key.startswith("JOBS_")]:
            patch.delenv(key)
        yield
