"""What a call leaves behind in a pool: no cut, no place that is taken for ever."""

import math
from collections.abc import Iterator
from threading import Thread

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from data import connecting
from data.calls import Calls
from data.connecting import open_engine
from data.db import Database
from data.deadlines import bounded
from data.exceptions import SourceBusyError


def test_a_pool_without_a_free_connection_is_no_answer_of_a_silent_database() -> None:
    calls = Calls("orders", lambda _error: None)
    calls.circuit.note_silence()

    with pytest.raises(SourceBusyError, match="too many"), calls.bounded(math.inf):
        raise PoolTimeoutError
    assert calls.circuit._silent


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    made = open_engine(make_url(postgresql_url), read_only=False, owned=False)
    yield made
    made.dispose()


def _backend_of(engine: Engine) -> object:
    with engine.connect() as connection:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


@pytest.mark.parametrize("is_new", [True, False])
def test_a_connection_that_was_given_back_is_cut_no_more(
    engine: Engine, *, is_new: bool
) -> None:
    if not is_new:
        _backend_of(engine)
    with bounded(math.inf) as call:
        mine = _backend_of(engine)
        call.expire()

    assert _backend_of(engine) == mine


def test_a_connection_that_is_in_use_is_cut(engine: Engine) -> None:
    with bounded(math.inf) as call, engine.connect() as connection:
        call.expire()
        with pytest.raises(Exception, match="closed"):
            connection.execute(text("SELECT 1"))


def test_a_write_without_a_limit_may_be_idle(postgresql_url: str) -> None:
    database = Database(postgresql_url, name="store", owned=True)
    show = text("SHOW idle_in_transaction_session_timeout")

    with database.writing(limit_s=math.inf) as connection:
        assert connection.execute(show).scalar_one() == "0"
    with database.writing() as connection:
        assert connection.execute(show).scalar_one() == "10s"
    database.close()


def test_threads_that_cannot_be_started_use_up_no_place(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sqlite_url, name="store", owned=True)

    def refuse(_thread: Thread) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    with bounded(math.inf):
        database.probe()  # the watchdog runs from now on
    database.close()
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        for _ in range(connecting._MOST_DIALS + 1):
            with pytest.raises(SourceBusyError, match="no thread is left"):
                database.fetch(text("SELECT 1"))

    assert database.fetch(text("SELECT 1")) == [(1,)]
    database.close()
