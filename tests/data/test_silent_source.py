"""A read that hangs is an error of its source while it hangs, whatever it waits for."""

import time
from collections.abc import Callable
from threading import Event, Thread

import pytest

from data import snapshot
from data.db import Database
from data.engines.native import NativeEngine
from data.model import OpenRuns
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader
from tests.conftest import FakeClock
from tests.factories import job_table

_GENEROUS_S = 60


class HangingEngine(NativeEngine):
    """Hangs in every read while told to: as on a file whose network is gone."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.may_answer = Event()
        self.may_answer.set()

    def open_runs(self) -> OpenRuns:
        self.may_answer.wait(_GENEROUS_S)
        return super().open_runs()


def test_a_read_that_hangs_is_told_and_holds_up_nobody(
    sqlite_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "READ_LIMIT_S", _GENEROUS_S)
    with job_table(sqlite_url):
        engine = HangingEngine(Database(sqlite_url, name="orders"))
        reader = SnapshotReader(
            "orders", engine, limits=StallLimits(), clock=clock, poll_every_ms=2_000
        )
        assert reader.current().trouble is None

        monkeypatch.setattr(snapshot, "READ_LIMIT_S", 0.2)
        engine.may_answer.clear()
        clock.advance_ms(3_000)
        hanging = Thread(target=reader.current, daemon=True)
        hanging.start()
        _wait_until(lambda: reader.latest.trouble is not None)

        told = reader.current()
        assert told.trouble is not None
        assert told.trouble.unreachable
        assert "did not answer in time" in told.trouble.message
        assert reader.refresh().seq == told.seq

        monkeypatch.setattr(snapshot, "READ_LIMIT_S", _GENEROUS_S)
        engine.may_answer.set()
        hanging.join(_GENEROUS_S)
        assert reader.current().trouble is None
        assert reader.latest.seq > told.seq
        engine.close()


def _wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + _GENEROUS_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)
