"""One row that is locked, refused or swallowed by a trigger stops no other.

What a write says was done is what the table says afterwards, on both databases.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from data.engines.base import (
    IGNORED,
    LOCKED,
    NOT_KEPT,
    Marked,
    Restarted,
    Seen,
    Written,
)
from data.engines.native import NativeEngine
from data.exceptions import DataError, SourceUnavailableError
from tests.factories import (
    NOW,
    JobTable,
    finished_run,
    job_table,
    make_run,
    native_engine,
)

RUNS = 20
ON_HOLD = "run 9 is on hold"


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


@pytest.fixture
def engine(table: JobTable) -> Iterator[NativeEngine]:
    with native_engine(table.url) as made:
        yield made


def trigger(table: JobTable, event: str, sqlite: str, postgresql: str) -> None:
    """A trigger for each row; ``sqlite`` and ``postgresql`` are its statements."""
    with table.owner.begin() as connection:
        if table.dialect == "sqlite":
            connection.exec_driver_sql(
                f"CREATE TRIGGER watch {event} ON job_runs BEGIN {sqlite}; END"
            )
            return
        connection.exec_driver_sql(
            "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {postgresql}; RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE TRIGGER watch {event} ON job_runs FOR EACH ROW "
            "EXECUTE FUNCTION watch()"
        )


def refuse(table: JobTable, condition: str, event: str = "UPDATE") -> None:
    trigger(
        table,
        f"BEFORE {event}",
        f"SELECT RAISE(ABORT, '{ON_HOLD}') WHERE {condition}",
        f"IF {condition} THEN RAISE EXCEPTION '{ON_HOLD}'; END IF",
    )


def swallow(table: JobTable, condition: str, event: str = "UPDATE") -> None:
    trigger(
        table,
        f"BEFORE {event}",
        f"SELECT RAISE(IGNORE) WHERE {condition}",
        f"IF {condition} THEN RETURN NULL; END IF",
    )


def seen(run_id: str, row: dict[str, Any]) -> Seen:
    return Seen(run_id, row["started_at"], row["heartbeat_at"], guard_heartbeat=True)


def mark(engine: NativeEngine, ids: list[str]) -> Written:
    guards = [seen(run_id, make_run()) for run_id in ids]
    return engine.mark_stalled(guards, reason="it hung", at_ms=NOW)


def undo(engine: NativeEngine, ids: list[str]) -> Written:
    started = make_run()["started_at"]
    return engine.unmark_stalled([Marked(id_, started, NOW, None) for id_ in ids])


def statuses(table: JobTable) -> dict[str, str]:
    return {run_id: row["status"] for run_id, row in table.rows().items()}


def test_a_refused_row_does_not_keep_the_others_from_being_marked_and_put_back(
    table: JobTable, engine: NativeEngine
) -> None:
    ids = table.add(*[make_run() for _ in range(RUNS)])
    refuse(table, "NEW.id = 9")

    marked = mark(engine, ids)

    others = [run_id for run_id in ids if run_id != "9"]
    assert marked.done == dict.fromkeys(others, NOW)
    assert list(marked.refused) == ["9"]
    assert ON_HOLD in marked.refused["9"]
    assert statuses(table) == {**dict.fromkeys(others, "FAILED"), "9": "RUNNING"}

    table.execute(
        "DROP TRIGGER watch ON job_runs" if _is_pg(table) else "DROP TRIGGER watch"
    )
    if _is_pg(table):
        table.execute("DROP FUNCTION watch()")
    refuse(table, "NEW.id = 3")
    restored = undo(engine, ids)

    assert restored.done.keys() == {*others} - {"3"}
    assert ON_HOLD in restored.refused["3"]
    assert statuses(table)["3"] == "FAILED"


def _is_pg(table: JobTable) -> bool:
    return table.dialect == "postgresql"


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_a_refused_row_does_not_keep_the_others_from_being_cancelled(
    table: JobTable, engine: NativeEngine, status: str
) -> None:
    ids = table.add(*[make_run(status=status) for _ in range(RUNS)])
    refuse(table, "NEW.id = 9")

    done = engine.cancel(ids, at_ms=NOW)

    reached = done.cancelled if status == "PENDING" else done.asked
    assert [*reached] == [run_id for run_id in ids if run_id != "9"]
    assert ON_HOLD in done.refused["9"]
    assert len(done.refused) == 1


def test_a_refused_row_does_not_keep_the_others_from_being_run_again(
    table: JobTable, engine: NativeEngine
) -> None:
    ids = table.add(*[finished_run(queue=f"q{n}") for n in range(RUNS)])
    refuse(table, "NEW.queue = 'q8'", "INSERT")

    done = engine.enqueue_again(ids, at_ms=NOW)

    assert list(done.started) == [run_id for run_id in ids if run_id != "9"]
    assert ON_HOLD in done.refused["9"]
    rows = table.rows()
    for old, new in done.started.items():
        assert rows[new]["queue"] == rows[old]["queue"]
    assert len(rows) == 2 * RUNS - 1


def test_a_trigger_that_swallows_the_change_is_not_reported_as_done(
    table: JobTable, engine: NativeEngine
) -> None:
    ids = table.add(*[make_run() for _ in range(3)])
    swallow(table, "NEW.id <> 2")

    assert mark(engine, ids) == Written({"2": NOW}, {"1": IGNORED, "3": IGNORED})
    assert engine.cancel(ids[:1], at_ms=NOW).refused == {"1": IGNORED}
    assert statuses(table) == {"1": "RUNNING", "2": "FAILED", "3": "RUNNING"}


def test_a_trigger_that_puts_the_status_back_is_not_reported_as_done(
    table: JobTable, engine: NativeEngine
) -> None:
    ids = table.add(make_run(), make_run())
    back = "UPDATE job_runs SET status = 'RUNNING' WHERE id = 1"
    trigger(
        table,
        "AFTER UPDATE OF status",
        f"{back} AND status = 'FAILED'",
        f"IF NEW.id = 1 AND NEW.status = 'FAILED' THEN {back}; END IF",
    )

    assert mark(engine, ids) == Written({"2": NOW}, {"1": IGNORED})
    row = table.row("1")
    assert (row["status"], row["finished_at"], row["error"]) == ("RUNNING", None, None)


def test_the_instant_that_a_trigger_writes_is_the_one_that_is_reported(
    table: JobTable, engine: NativeEngine
) -> None:
    [run_id] = table.add(make_run())
    trigger(
        table,
        "AFTER UPDATE OF status" if not _is_pg(table) else "BEFORE UPDATE",
        "UPDATE job_runs SET finished_at = finished_at - 400 WHERE id = NEW.id "
        "AND finished_at IS NOT NULL",
        "NEW.finished_at := NEW.finished_at - interval '400 ms'",
    )

    assert mark(engine, [run_id]).done == {run_id: NOW - 400}


def test_a_new_run_that_is_swallowed_is_not_reported_as_started(
    table: JobTable, engine: NativeEngine
) -> None:
    [old] = table.add(finished_run())
    swallow(table, "NEW.id > 0 OR NEW.id <= 0 OR NEW.id IS NULL", "INSERT")

    with pytest.raises(DataError, match="cannot be found in the table"):
        engine.enqueue("send-mail", "{}", queue=None, run_at_ms=None, at_ms=NOW)
    assert engine.enqueue_again([old], at_ms=NOW) == Restarted({}, {old: NOT_KEPT})
    assert len(table.rows()) == 1


def test_all_rows_refused_are_found_without_asking_for_each_for_ever(
    table: JobTable, sqlite_url: str
) -> None:
    ids = table.add(*[make_run() for _ in range(500)])
    refuse(table, "NEW.id > 0")
    with native_engine(table.url) as engine:
        instants: Iterator[float] = iter(range(10_000))
        engine._writer._stopwatch = lambda: next(instants)  # a second for each look
        marked = mark(engine, ids)

    assert marked.done == {}
    assert marked.refused.keys() == {*ids}
    assert next(instants) < 20


# PostgreSQL: locks of rows


@pytest.fixture
def on_postgresql(postgresql_url: str) -> Iterator[tuple[JobTable, NativeEngine]]:
    with job_table(postgresql_url) as table, native_engine(postgresql_url) as engine:
        yield table, engine


Act = Callable[[NativeEngine, list[str]], tuple[Any, Any]]


@pytest.mark.parametrize(
    ("run", "act"),
    [
        (make_run(), mark),
        (make_run(status="PENDING"), lambda e, ids: e.cancel(ids, at_ms=NOW)[::2]),
        (make_run(), lambda e, ids: e.cancel(ids, at_ms=NOW)[1:]),
        (finished_run(), lambda e, ids: e.enqueue_again(ids, at_ms=NOW)),
        (
            finished_run(status="FAILED", error_type="Stalled"),
            undo,
        ),
    ],
    ids=["mark", "cancel", "ask to stop", "retry", "undo"],
)
def test_a_locked_row_is_passed_over_at_once(
    on_postgresql: tuple[JobTable, NativeEngine], run: dict[str, Any], act: Act
) -> None:
    table, engine = on_postgresql
    ids = table.add(*[run] * RUNS)
    with table.owner.connect() as other:
        other.exec_driver_sql("SELECT 1 FROM job_runs WHERE id = 7 FOR UPDATE")
        done, refused = act(engine, ids)

    assert [*done] == [run_id for run_id in ids if run_id != "7"]
    assert refused == {"7": LOCKED}


def test_a_row_whose_trigger_waits_for_a_lock_is_found_too(
    on_postgresql: tuple[JobTable, NativeEngine],
) -> None:
    table, engine = on_postgresql
    ids = table.add(make_run(queue="a"), make_run(queue="b"))
    table.execute("CREATE TABLE queues (name text, changes int)")
    table.execute("INSERT INTO queues VALUES ('a', 0), ('b', 0)")
    trigger(
        table,
        "AFTER UPDATE",
        "",
        "UPDATE queues SET changes = changes + 1 WHERE name = NEW.queue",
    )
    with table.owner.connect() as other:
        other.exec_driver_sql("SELECT 1 FROM queues WHERE name = 'b' FOR UPDATE")
        marked = mark(engine, ids)

    assert marked.done == {"1": NOW}
    assert "busy" in marked.refused["2"]


def test_a_constraint_that_is_checked_at_the_commit_is_laid_to_its_row(
    on_postgresql: tuple[JobTable, NativeEngine],
) -> None:
    table, engine = on_postgresql
    ids = table.add(*[make_run() for _ in range(4)])
    with table.owner.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF NEW.id = 3 THEN RAISE EXCEPTION '{ON_HOLD}'; END IF; "
            "RETURN NULL; END $$"
        )
        connection.exec_driver_sql(
            "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON job_runs "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()"
        )

    marked = mark(engine, ids)

    assert marked.done.keys() == {"1", "2", "4"}
    assert ON_HOLD in marked.refused["3"]


def test_a_trigger_that_gives_a_run_another_id_stops_no_other_row(
    on_postgresql: tuple[JobTable, NativeEngine],
) -> None:
    table, engine = on_postgresql
    ids = table.add(*[make_run() for _ in range(4)])
    moved = "IF NEW.id = 3 THEN NEW.id := 1003; END IF"
    trigger(table, "BEFORE UPDATE", "", moved)

    marked = mark(engine, ids)

    assert marked == Written(dict.fromkeys(["1", "2", "4"], NOW), {"3": IGNORED})
    assert statuses(table)["3"] == "RUNNING"


def test_a_table_that_is_locked_as_a_whole_is_busy(
    on_postgresql: tuple[JobTable, NativeEngine],
) -> None:
    table, engine = on_postgresql
    [run_id] = table.add(make_run())
    with table.owner.connect() as other:
        other.exec_driver_sql("LOCK TABLE job_runs IN ACCESS EXCLUSIVE MODE")
        marked = mark(engine, [run_id])

    assert marked.done == {}
    assert "busy" in marked.refused[run_id]


# SQLite


def test_a_trigger_that_rolls_back_on_sqlite_stops_no_other_row(
    sqlite_url: str,
) -> None:
    with job_table(sqlite_url) as table, native_engine(sqlite_url) as engine:
        ids = table.add(*[make_run() for _ in range(4)])
        back = f"SELECT RAISE(ROLLBACK, '{ON_HOLD}') WHERE NEW.id = 2"
        trigger(table, "BEFORE UPDATE", back, "")

        marked = mark(engine, ids)

        assert marked.done.keys() == {"1", "3", "4"}
        assert ON_HOLD in marked.refused["2"]


def test_a_file_that_somebody_writes_to_is_busy_as_a_whole(sqlite_url: str) -> None:
    with job_table(sqlite_url) as table, native_engine(sqlite_url) as engine:
        ids = table.add(*[make_run() for _ in range(4)])
        with table.owner.connect() as other:
            other.exec_driver_sql("BEGIN IMMEDIATE")
            with pytest.raises(SourceUnavailableError, match="busy"):
                mark(engine, ids)
            other.exec_driver_sql("ROLLBACK")
