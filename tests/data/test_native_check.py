"""What is wrong with a table is named exactly, and every mend works when pasted."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import inspect, make_url, text

from data.clock import HOUR_MS
from data.connecting import BUCKET_FUNCTION
from data.db import Database
from data.engines.base import Capabilities, Seen
from data.engines.native import NativeEngine, select_cells, select_long, select_runs
from data.engines.native_table import INSTANTS, job_runs
from data.exceptions import AccessDeniedError, DataError, SchemaMismatchError
from data.model import RunFilter
from data.rules.histogram import bucket_of
from tests.factories import (
    NOW,
    JobTable,
    finished_run,
    job_table,
    make_run,
    native_engine,
)

ALL_ACTIONS = Capabilities(
    clean_up=True, enqueue=True, retry=True, cancel=True, guarded=True
)

COLUMNS = [column.name for column in job_runs().c if column.name != "id"]


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


@pytest.fixture
def engine(table: JobTable) -> Iterator[NativeEngine]:
    with native_engine(table.url) as made:
        yield made


def mismatch(engine: NativeEngine) -> SchemaMismatchError:
    with pytest.raises(SchemaMismatchError) as caught:
        engine.check()
    return caught.value


def test_a_table_as_the_contract_has_it_lacks_nothing(engine: NativeEngine) -> None:
    assert engine.capabilities == Capabilities()
    assert engine.check() == []
    assert engine.capabilities == ALL_ACTIONS


# what is missing


def test_a_missing_table_is_named_and_the_mend_makes_it_with_its_indexes(
    database_url: str,
) -> None:
    if database_url.startswith("sqlite"):
        JobTable(database_url).execute("CREATE TABLE others (id INTEGER)")
    table = JobTable(database_url)
    with native_engine(database_url) as engine:
        error = mismatch(engine)
        assert str(error) == "orders: there is no table job_runs."

        table.execute(error.mend)

        assert engine.check() == []
        table.add(make_run())
        assert len(engine.open_runs().jobs) == 1
    table.close()


def test_each_missing_column_is_named_and_the_mend_adds_it_to_rows(
    table: JobTable, engine: NativeEngine
) -> None:
    table.add(make_run(), finished_run())
    for column in COLUMNS:
        _lose_and_mend(table, engine, column)


@pytest.mark.exhaustive  # what mends a table with rows mends an empty one
@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_of_an_empty_table_is_named_and_the_mend_adds_it(
    table: JobTable, engine: NativeEngine, column: str
) -> None:
    _lose_and_mend(table, engine, column)


def _lose_and_mend(table: JobTable, engine: NativeEngine, column: str) -> None:
    _drop(table, column)

    error = mismatch(engine)

    assert str(error) == f"orders: job_runs has no column {column}."
    table.execute(error.mend)
    for finding in engine.check():
        table.execute(finding.mend)
    assert engine.check() == []
    engine.open_runs()
    engine.finished_cells(NOW - HOUR_MS, NOW + HOUR_MS)


def test_several_missing_columns_are_named_at_once(
    table: JobTable, engine: NativeEngine
) -> None:
    _drop(table, "queue")
    _drop(table, "worker")

    error = mismatch(engine)

    assert str(error) == "orders: job_runs has no column queue, worker."
    table.execute(error.mend)
    assert {"queue", "worker"} <= {
        column["name"] for column in inspect(table.owner).get_columns("job_runs")
    }
    engine.check()


def test_a_table_on_sqlite_without_an_id_is_named(sqlite_url: str) -> None:
    table = JobTable(sqlite_url)
    table.execute("CREATE TABLE job_runs (job_name TEXT)")
    with native_engine(sqlite_url) as engine:
        assert "job_runs has no column id" in str(mismatch(engine))
    table.close()


@pytest.mark.parametrize(
    "name", ["job_runs_finished", "job_runs_name_finished", "job_runs_failed"]
)
def test_a_missing_index_is_found_and_its_mend_makes_it(
    table: JobTable, engine: NativeEngine, name: str
) -> None:
    table.execute(f"DROP INDEX {name}")

    [finding] = engine.check()

    assert finding.message.startswith("job_runs has no index on (")
    assert name in finding.mend
    table.execute(finding.mend)
    assert engine.check() == []


def test_an_index_that_begins_with_the_columns_is_as_good(
    table: JobTable, engine: NativeEngine
) -> None:
    table.execute(
        "DROP INDEX job_runs_finished;"
        "CREATE INDEX mine ON job_runs (finished_at, id, status)"
    )

    assert engine.check() == []


def test_a_partial_index_does_not_pass_for_a_whole_one(
    table: JobTable, engine: NativeEngine
) -> None:
    table.execute("DROP INDEX job_runs_finished")

    [finding] = engine.check()

    assert "WHERE" not in finding.mend


def test_a_timestamp_without_time_zone_is_named_and_mended(
    postgresql_url: str,
) -> None:
    kind = "timestamp without time zone"
    with job_table(postgresql_url) as table, native_engine(postgresql_url) as engine:
        table.add(make_run())
        for column in INSTANTS:
            table.execute(f"ALTER TABLE job_runs ALTER COLUMN {column} TYPE timestamp")

            error = mismatch(engine)

            named = f"orders: job_runs.{column} is {kind}, not timestamptz."
            assert str(error) == named
            table.execute(error.mend)
            assert engine.check() == []


@pytest.mark.parametrize(
    ("column", "type_", "words"),
    [
        ("progress", "text", "progress is text, not a number."),
        ("attempt", "text", "attempt is text, not a number."),
        ("max_attempts", "boolean", "max_attempts is boolean, not a number."),
    ],
)
def test_a_column_of_a_type_that_cannot_be_read_is_named_and_mended(
    postgresql_url: str, column: str, type_: str, words: str
) -> None:
    change = f"ALTER TABLE job_runs ALTER COLUMN {column}"
    with job_table(postgresql_url) as table, native_engine(postgresql_url) as engine:
        [run_id] = table.add(make_run(progress=0.5, attempt=1, max_attempts=1))
        using = f"{column}::integer::boolean" if type_ == "boolean" else column
        table.execute(f"{change} DROP DEFAULT")
        table.execute(f"{change} TYPE {type_} USING {using}")

        error = mismatch(engine)

        assert str(error) == f"orders: job_runs.{words}"
        reads: list[Callable[[], object]] = [
            lambda: engine.page(RunFilter()),
            lambda: engine.page(RunFilter(text="x")),
            lambda: engine.count(RunFilter(), up_to=10),
            lambda: engine.details(run_id),
            lambda: engine.runs([run_id]),
            lambda: engine.failures([run_id]),
            lambda: engine.latest("mail", limit=5),
        ]
        for read in reads:
            with pytest.raises(SchemaMismatchError, match=words):
                read()
        if type_ == "text":
            table.execute(error.mend)
            assert engine.details(run_id) is not None
            assert engine.check() == []


@pytest.mark.parametrize("type_", ["text", "uuid"])
def test_an_id_that_is_no_number_is_named(postgresql_url: str, type_: str) -> None:
    with job_table(postgresql_url) as table, native_engine(postgresql_url) as engine:
        table.execute("ALTER TABLE job_runs ALTER id DROP IDENTITY")
        table.execute(f"ALTER TABLE job_runs ALTER id TYPE {type_} USING NULL")

        words = f"orders: job_runs.id is {type_}, not a whole number."
        assert str(mismatch(engine)) == words


def test_a_view_is_told_what_to_select(postgresql_url: str) -> None:
    with job_table(postgresql_url) as table, native_engine(postgresql_url) as engine:
        columns = [one.name for one in table.table.c if one.name != "progress"]
        table.execute("ALTER TABLE job_runs RENAME TO own_runs")
        table.execute(
            f"CREATE VIEW job_runs AS SELECT {', '.join(columns)}, "  # noqa: S608
            "'half' AS progress FROM own_runs"
        )

        error = mismatch(engine)

        assert error.mend == ""
        assert str(error).endswith("Select it as progress::double precision.")


def test_a_type_that_was_changed_since_the_last_look_is_no_outage(
    postgresql_url: str,
) -> None:
    with job_table(postgresql_url) as table, native_engine(postgresql_url) as engine:
        table.add(finished_run(progress=1))
        assert engine.check() == []
        for column, type_ in (("progress", "text"), ("started_at", "timestamp")):
            table.execute(f"ALTER TABLE job_runs ALTER {column} TYPE {type_}")
            with pytest.raises(SchemaMismatchError, match="type that cannot be read"):
                engine.page(RunFilter())
            table.execute(mismatch(engine).mend)
            engine.check()


def _drop(table: JobTable, column: str) -> None:
    """Drop ``column`` with the indexes and checks that mention it."""
    if table.dialect == "postgresql":
        table.execute(f"ALTER TABLE job_runs DROP COLUMN {column} CASCADE")
        return
    there = [c["name"] for c in inspect(table.owner).get_columns("job_runs")]
    kept = [c for c in table.table.c if c.name != column and c.name in there]
    names = ", ".join(c.name for c in kept if c.name != "id")
    types = ", ".join(
        f"{c.name} {c.type.compile(table.owner.dialect)}"
        for c in kept
        if c.name != "id"
    )
    table.execute(
        f"CREATE TABLE other (id INTEGER PRIMARY KEY, {types});"  # noqa: S608
        f"INSERT INTO other (id, {names}) SELECT id, {names} FROM job_runs;"
        "DROP TABLE job_runs;"
        "ALTER TABLE other RENAME TO job_runs"
    )


# schemas and rights on PostgreSQL


@pytest.mark.parametrize(
    "schema", [pytest.param("shop", marks=pytest.mark.exhaustive), "Job Schema"]
)
def test_a_table_in_a_schema_is_read_checked_and_changed_there(
    postgresql_url: str, schema: str
) -> None:
    with (
        job_table(postgresql_url, schema=schema) as table,
        native_engine(postgresql_url, schema=schema) as engine,
    ):
        row = make_run()
        [run_id] = table.add(row)

        assert engine.check() == []
        assert [job.run_id for job in engine.open_runs().jobs] == [run_id]
        table.execute(f'DROP INDEX "{schema}".job_runs_finished')
        [finding] = engine.check()
        table.execute(finding.mend)
        assert engine.check() == []
        table.execute(f'ALTER TABLE "{schema}".job_runs DROP COLUMN worker')
        table.execute(mismatch(engine).mend)
        assert engine.check() == []
        table.execute(
            f'ALTER TABLE "{schema}".job_runs ALTER COLUMN started_at TYPE timestamp'
        )
        table.execute(mismatch(engine).mend)
        assert engine.check() == []
        table.execute(f'DROP TABLE "{schema}".job_runs')
        table.execute(mismatch(engine).mend)
        assert engine.check() == []


def test_the_table_of_another_schema_is_not_ours(postgresql_url: str) -> None:
    with (
        job_table(postgresql_url, schema="shop"),
        native_engine(postgresql_url) as engine,
    ):
        assert str(mismatch(engine)) == "orders: there is no table job_runs."


@contextmanager
def as_user(table: JobTable, user: str, *grants: str) -> Iterator[NativeEngine]:
    """The engine as ``user``, who has just these rights, and gets more in the body."""
    name = f'"{user}"'
    table.execute(f"CREATE ROLE {name} LOGIN")
    for grant in grants:
        table.execute(f"GRANT {grant} ON job_runs TO {name}")
    url = make_url(table.url).set(username=user).render_as_string(hide_password=False)
    try:
        with native_engine(url) as engine:
            yield engine
    finally:
        table.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.parametrize(
    "user", [pytest.param("reader", marks=pytest.mark.exhaustive), "Read-Only"]
)
def test_with_select_only_the_actions_are_gone_and_the_grants_bring_them(
    postgresql_url: str, user: str
) -> None:
    with job_table(postgresql_url) as table, as_user(table, user, "SELECT") as engine:
        table.add(make_run())

        assert engine.check() == []
        assert len(engine.open_runs().jobs) == 1
        assert not engine.capabilities.clean_up
        words, _, grant = engine.capabilities.reason.partition("What helps: ")
        assert words == "This database user may only read. "
        table.execute(grant)
        engine.check()
        assert engine.capabilities.clean_up
        assert not engine.capabilities.enqueue
        words, _, grant = engine.capabilities.reason.partition("What helps: ")
        assert words == "This database user may start no runs. "
        table.execute(grant)
        engine.check()
        assert engine.capabilities == ALL_ACTIONS
        assert engine.enqueue("mail", "{}", queue=None, run_at_ms=None, at_ms=NOW)


@pytest.mark.parametrize(
    "user",
    [pytest.param("stranger", marks=pytest.mark.exhaustive), "Stranger Still"],
)
def test_without_select_the_grant_is_told(postgresql_url: str, user: str) -> None:
    with job_table(postgresql_url) as table, as_user(table, user) as engine:
        with pytest.raises(AccessDeniedError, match="may not read job_runs") as caught:
            engine.check()

        table.execute(caught.value.mend)
        engine.check()


def test_a_write_without_the_right_is_denied_in_words(postgresql_url: str) -> None:
    with (
        job_table(postgresql_url) as table,
        as_user(table, "reader_2", "SELECT") as engine,
        pytest.raises(AccessDeniedError, match="this user may not do that"),
    ):
        engine.mark_stalled([_seen(table)], reason="it hung", at_ms=NOW)


# read-only


def test_a_source_that_is_configured_as_read_only_has_no_actions(
    table: JobTable,
) -> None:
    with native_engine(table.url, read_only=True) as engine:
        engine.check()

        assert engine.capabilities == Capabilities(
            reason="This source is configured as read-only."
        )


def test_a_file_that_may_not_be_written_has_no_actions(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with job_table(sqlite_url) as table, native_engine(sqlite_url) as engine:
        table.add(make_run())
        monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
        engine.check()

        assert engine.capabilities.reason == (
            "The file jobs.db may not be written by this user."
        )
        assert len(engine.open_runs().jobs) == 1


def test_a_source_is_never_written_while_it_is_read(database_url: str) -> None:
    with job_table(database_url) as table:
        table.add(make_run())
        database = Database(database_url, name="orders")

        with pytest.raises(DataError, match="read-only"):
            database.fetch(text("UPDATE job_runs SET worker = 'me' RETURNING id"))

        assert table.row("1")["worker"] == "host:1"
        database.close()


# plans


def test_polls_and_rollups_are_read_by_index(
    table: JobTable, engine: NativeEngine
) -> None:
    _add_one_a_second(table, 20_000)
    table.add(*[make_run() for _ in range(20)])
    table.execute("ANALYZE")
    runs = select_runs(table.table, table.dialect)
    open_runs = runs.where(table.table.c.finished_at.is_(None)).limit(10_001)
    cells, workers = select_cells(table.table, table.dialect, NOW - HOUR_MS // 4, NOW)

    long = select_long(
        table.table, table.dialect, NOW - HOUR_MS // 4, NOW, longer_than_ms=HOUR_MS
    )

    for statement in (open_runs, cells, workers, long.limit(500)):
        plan = _plan(table, statement)
        assert "job_runs_finished" in plan
        assert "SCAN" not in plan
        assert "Seq Scan" not in plan


def _add_one_a_second(table: JobTable, runs: int) -> None:
    """Finished runs until now."""
    table.add(finished_run())
    columns = ", ".join(name for name in COLUMNS if name != "finished_at")
    second = {"sqlite": "1000", "postgresql": "interval '1 second'"}[table.dialect]
    table.execute(
        f"INSERT INTO job_runs ({columns}, finished_at) "  # noqa: S608
        "WITH RECURSIVE numbers (n) AS "
        f"(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {runs - 1}) "
        f"SELECT {columns}, finished_at - n * {second} FROM job_runs, numbers"
    )


def _plan(table: JobTable, statement: object) -> str:
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[table.dialect]
    compiled = statement.compile(  # type: ignore[attr-defined]
        table.owner, compile_kwargs={"render_postcompile": True}
    )
    with table.owner.connect() as connection:
        if table.dialect == "sqlite":
            driver = connection.connection.driver_connection
            driver.create_function(BUCKET_FUNCTION, 1, bucket_of)  # type: ignore[union-attr]
        rows = connection.exec_driver_sql(
            f"{explain} {compiled}",
            tuple(compiled.params[key] for key in compiled.positiontup)
            if compiled.positional
            else _bound(compiled),
        )
        return "\n".join(str(row[-1]) for row in rows)


def _bound(compiled: object) -> dict[str, object]:
    """The parameters as the driver gets them."""
    return {
        key: compiled._bind_processors.get(key, lambda value: value)(value)  # type: ignore[attr-defined]
        for key, value in compiled.params.items()  # type: ignore[attr-defined]
    }


def _seen(table: JobTable) -> Seen:
    row = make_run()
    [run_id] = table.add(row)
    return Seen(run_id, row["started_at"], None, guard_heartbeat=True)
