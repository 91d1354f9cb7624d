"""A database that goes silent costs a thread for seconds, and nobody else anything."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from threading import Barrier, Event, Thread

import pytest
from sqlalchemy import text

from data import connecting, db
from data.db import Database
from data.deadlines import (
    DeadlineError,
    RunningTime,
    bounded,
    patient,
    within_limit,
)
from data.exceptions import (
    OutcomeUnknownError,
    SourceBusyError,
    SourceSilentError,
    SourceUnavailableError,
)
from tests.factories import JobTable
from tests.silence import Wire, silent_wire

#: More than all limits of a call together, on a machine that is busy.
_GENEROUS_S = 60


@pytest.fixture
def place(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Wire, Callable[[], Database]]]:
    """A wire that works, and what connects through it.

    With limits that busy machines meet.
    """
    for module, name, limit_s in (
        (db, "CALL_LIMIT_S", 5.0),
        (db, "_PROBE_LIMIT_S", 2.0),
        (connecting, "CONNECT_LIMIT_S", 3.0),
        (connecting, "_PING_LIMIT_S", 1.0),
    ):
        monkeypatch.setattr(module, name, limit_s)
    table = JobTable(postgresql_url)
    table.execute("CREATE TABLE note (words TEXT)")
    table.close()
    with silent_wire(postgresql_url) as (line, url), ExitStack() as connected:

        def connect() -> Database:
            database = connected.enter_context(closing(Database(url, name="orders")))
            database.fetch(text("SELECT 1"))
            database.probe()
            return database

        yield line, connect


@pytest.fixture
def wire(
    place: tuple[Wire, Callable[[], Database]],
) -> tuple[Wire, Database]:
    """The wire, and a database behind it."""
    line, connect = place
    return line, connect()


def _at_once(*asks: Callable[[], object]) -> list[BaseException | None]:
    """What each raised: who waits for the same silence waits together."""
    with ThreadPoolExecutor(len(asks)) as pool:
        asked = [pool.submit(ask) for ask in asks]
        return [one.exception() for one in asked]


def _read(database: Database) -> object:
    return database.fetch(text("SELECT words FROM note"))


def _read_one_instant(database: Database) -> None:
    with database.reading() as connection:
        connection.execute(text("SELECT words FROM note"))


def _write(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO note VALUES ('new')"))


def _probe(database: Database) -> object:
    return database.probe()


def _lend(database: Database) -> None:
    with database.lent() as engine, engine.begin() as connection:
        connection.execute(text("INSERT INTO note VALUES ('lent')"))


def test_nothing_waits_for_a_database_that_went_silent(
    place: tuple[Wire, Callable[[], Database]],
) -> None:
    line, connect = place
    asks = [
        partial(ask, connect())
        for ask in (_read, _read_one_instant, _write, _probe, _lend)
    ]
    line.go_silent()

    began = time.monotonic()
    for error in _at_once(*asks):
        assert isinstance(error, SourceSilentError | OutcomeUnknownError)
    assert time.monotonic() - began < _GENEROUS_S

    line.recover()
    for ask in asks:
        ask()


def test_a_connection_that_died_in_silence_is_replaced_unnoticed(
    place: tuple[Wire, Callable[[], Database]],
) -> None:
    line, connect = place
    asks = [partial(ask, connect()) for ask in (_read, _write, _lend)]
    for ask in asks:
        ask()
    line.drop_old()

    assert _at_once(*asks) == [None, None, None]


def _read_and_lose(lose: Callable[[], object], database: Database) -> None:
    with database.reading() as connection:
        connection.execute(text("SELECT words FROM note"))
        lose()
        connection.execute(text("SELECT words FROM note"))


def _write_and_lose(lose: Callable[[], object], database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO note VALUES ('half')"))
        lose()
        connection.execute(text("INSERT INTO note VALUES ('half')"))


def _commit_and_lose(lose: Callable[[], object], database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("INSERT INTO note VALUES ('perhaps')"))
        lose()


def test_a_call_in_the_middle_of_which_a_database_falls_silent_is_given_up(
    place: tuple[Wire, Callable[[], Database]],
) -> None:
    """A write says that nothing was written, a commit that nobody knows."""
    line, connect = place
    calls = (_read_and_lose, _write_and_lose, _commit_and_lose)
    # when all are in the middle
    lose = partial(Barrier(len(calls), line.go_silent).wait, _GENEROUS_S)

    read, write, commit = _at_once(*(partial(call, lose, connect()) for call in calls))

    assert isinstance(read, SourceSilentError)
    assert "did not answer in time" in str(read)
    assert isinstance(write, SourceSilentError)
    assert str(write).endswith("Nothing was written there.")
    assert isinstance(commit, OutcomeUnknownError)
    line.recover()
    assert connect().fetch(text("SELECT words FROM note WHERE words = 'half'")) == []


def test_while_one_tries_a_silent_database_the_others_are_told_at_once(
    wire: tuple[Wire, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    line, database = wire
    line.go_silent()
    with pytest.raises(SourceSilentError):
        _read(database)
    monkeypatch.setattr(connecting, "CONNECT_LIMIT_S", 30.0)
    database._usual_limit_s = 30.0
    trying = Thread(target=_swallowing(lambda: _read(database)), daemon=True)
    trying.start()
    _wait_until(lambda: database._calls.circuit._tried_by is not None)

    for ask in (_read, _write, _probe, _lend):
        with pytest.raises(SourceSilentError, match="it is being tried"):
            ask(database)

    assert trying.is_alive()
    line.close()
    trying.join(_GENEROUS_S)


def test_a_call_that_hears_of_its_database_now_and_then_goes_on(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "CALL_LIMIT_S", 2.0)
    database = Database(postgresql_url, name="orders")
    began = time.monotonic()
    with database.reading() as connection:
        while time.monotonic() - began < 2.5:
            connection.execute(text("SELECT pg_sleep(0.1)"))
    database.close()


def test_what_is_known_to_take_long_may_take_longer(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "CALL_LIMIT_S", 0.2)
    database = Database(postgresql_url, name="orders")
    with patient(_GENEROUS_S):
        database.fetch(text("SELECT pg_sleep(0.6)"))
    with pytest.raises(SourceSilentError):
        database.fetch(text("SELECT pg_sleep(0.6)"))
    database.close()


def test_a_limit_around_several_calls_holds_for_all_of_them(
    postgresql_url: str,
) -> None:
    database = Database(postgresql_url, name="orders")
    database.fetch(text("SELECT 1"))

    with pytest.raises(SourceUnavailableError, match="in time"), bounded(0.4):
        _ask_for_long(database)
    assert database.fetch(text("SELECT 1"))
    database.close()


def test_a_query_of_sqlite_is_interrupted_at_the_deadline(sqlite_url: str) -> None:
    JobTable(sqlite_url).execute("CREATE TABLE note (words TEXT)")
    database = Database(sqlite_url, name="store", owned=True)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT max(i) FROM n"
    )

    with pytest.raises(SourceUnavailableError, match="in time"), bounded(0.3):
        database.fetch(text(endless))
    assert database.fetch(text("SELECT 1"))
    database.close()


def test_what_cannot_be_interrupted_is_left_behind_and_cleaned_up_later() -> None:
    may_end, released = Event(), Event()

    def work() -> str:
        may_end.wait(_GENEROUS_S)
        return "late"

    with pytest.raises(DeadlineError):
        within_limit(work, 0.05, lambda _late: released.set())
    may_end.set()

    assert released.wait(_GENEROUS_S)


def test_an_expiry_is_told_although_nothing_can_be_interrupted() -> None:
    told = Event()

    with bounded(0.05, lambda _call: told.set()) as call:
        assert told.wait(_GENEROUS_S)
        assert call.expired


def test_a_connection_is_never_cut_once_its_call_is_over() -> None:
    cuts: list[int] = []
    with bounded(math.inf) as call:
        call.watch(lambda: cuts.append(1))
    call.expire()

    assert cuts == []


def test_time_in_which_nobody_looked_does_not_count() -> None:
    machine_s = 100.0
    running_s = RunningTime(lambda: machine_s)
    machine_s += 0.25
    before = running_s()

    machine_s += 3_600

    assert before == pytest.approx(0.25)
    assert running_s() - before == pytest.approx(1.0)


_IN_A_CALL = """
import sys
from data.deadlines import bounded
with bounded(1.5) as call:
    call.ask()
    print("asked", flush=True)
    sys.stdin.readline()
    print("silent" if call.silent else "answered", flush=True)
"""


@pytest.mark.exhaustive  # it has to stand still for longer than the limit
def test_a_process_that_stood_still_does_not_call_its_database_silent() -> None:
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _IN_A_CALL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(process.pid, signal.SIGCONT)
        process.stdin.write("here\n")
        process.stdin.flush()
        assert process.stdout.readline() == "answered\n"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_who_waits_for_a_free_connection_does_not_call_the_database_silent(
    request: pytest.FixtureRequest, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "_PROBE_LIMIT_S", 0.1)
    monkeypatch.setattr(connecting, "_POOL_LIMIT_S", 0.5)
    monkeypatch.setattr(connecting, "_POOL_SIZE", 1)
    monkeypatch.setattr(connecting, "_POOL_OVERFLOW", 0)
    url = request.getfixturevalue(f"{kind}_url")
    JobTable(url).execute("CREATE TABLE note (words TEXT)")
    database = Database(url, name="orders")

    with database.connection(), pytest.raises(SourceBusyError, match="too many"):
        database.probe()

    assert not database._calls.circuit._silent
    assert database.probe()
    database.close()


def _ask_for_long(database: Database) -> None:
    for _ in range(100):
        database.fetch(text("SELECT pg_sleep(0.1)"))


def _swallowing(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except SourceUnavailableError:
            return

    return run


def _wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + _GENEROUS_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)
