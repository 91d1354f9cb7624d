"""On PostgreSQL no action is offered that a trigger, a rule or a sequence refuses."""

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url, text

from data.engines import native_permissions
from data.engines.base import IGNORED, NOT_KEPT
from data.engines.native import NativeEngine
from tests.bouncer import bouncer
from tests.factories import NOW, JobTable, finished_run, job_table, native_engine

ACTIONS = ("clean_up", "cancel", "enqueue", "retry")
ON_HOLD = "no changes today"
RAISES = f"RAISE EXCEPTION '{ON_HOLD}'"


@pytest.fixture
def table(postgresql_url: str) -> Iterator[JobTable]:
    with job_table(postgresql_url) as made:
        yield made


@pytest.fixture
def engine(table: JobTable) -> Iterator[NativeEngine]:
    with native_engine(table.url) as made:
        yield made


def possible(engine: NativeEngine) -> set[str]:
    engine.check()
    return {action for action in ACTIONS if getattr(engine.capabilities, action)}


def guard(table: JobTable, event: str, body: str) -> None:
    with table.owner.begin() as connection:
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body}; RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE OR REPLACE TRIGGER guard BEFORE {event} ON job_runs "
            "FOR EACH ROW EXECUTE FUNCTION guard()"
        )


def last_number(table: JobTable) -> object:
    return table.scalar("SELECT last_value FROM job_runs_id_seq")


@pytest.mark.parametrize("event", ["UPDATE", "INSERT"])
@pytest.mark.parametrize("body", [RAISES, "RETURN NULL"], ids=["raises", "swallows"])
def test_what_a_trigger_refuses_or_swallows_is_not_offered(
    table: JobTable, engine: NativeEngine, event: str, body: str
) -> None:
    table.add(finished_run())
    before = table.rows(), last_number(table)
    guard(table, event, body)
    gone = {"clean_up", "cancel"} if event == "UPDATE" else {"enqueue", "retry"}
    swallowed = IGNORED if event == "UPDATE" else NOT_KEPT

    assert possible(engine) == {*ACTIONS} - gone
    words = ON_HOLD if body == RAISES else swallowed
    assert all(words in engine.capabilities.why_not(action) for action in gone)
    assert (table.rows(), last_number(table)) == before

    table.execute("DROP TRIGGER guard ON job_runs")
    assert possible(engine) == {*ACTIONS}


def test_a_trigger_that_knows_the_names_of_jobs_takes_nothing_away(
    table: JobTable, engine: NativeEngine
) -> None:
    table.add(finished_run())
    guard(table, "INSERT", f"IF NEW.job_name <> 'send-mail' THEN {RAISES}; END IF")

    assert possible(engine) == {*ACTIONS}


def test_ids_that_only_the_database_may_give_take_nothing_away(
    table: JobTable, engine: NativeEngine
) -> None:
    table.execute("ALTER TABLE job_runs ALTER COLUMN id SET GENERATED ALWAYS")
    guard(table, "INSERT OR UPDATE", "PERFORM 1")

    assert possible(engine) == {*ACTIONS}


def test_a_trigger_that_lets_all_pass_is_tried_once_until_it_changes(
    table: JobTable, engine: NativeEngine
) -> None:
    table.add(finished_run())
    table.execute("CREATE SEQUENCE tries")
    guard(table, "INSERT", "PERFORM nextval('tries')")
    possible(engine)
    tried = table.scalar("SELECT last_value FROM tries")

    assert possible(engine) == {*ACTIONS}
    assert table.scalar("SELECT last_value FROM tries") == tried
    guard(table, "INSERT", RAISES)
    assert possible(engine) == {"clean_up", "cancel"}


def test_a_table_without_guards_is_not_written_to_find_out(
    engine: NativeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_permissions, "Trial", pytest.fail)

    assert possible(engine) == {*ACTIONS}


def test_the_trial_waits_for_nobody_and_believes_no_lock(
    table: JobTable, engine: NativeEngine
) -> None:
    table.execute("CREATE TABLE counts (runs integer)")
    table.execute("INSERT INTO counts VALUES (0)")
    guard(table, "INSERT", "UPDATE counts SET runs = runs + 1")
    with table.owner.connect() as other:
        other.execute(text("SELECT 1 FROM counts FOR UPDATE"))
        assert possible(engine) == {*ACTIONS}

    assert possible(engine) == {*ACTIONS}
    assert table.scalar("SELECT runs FROM counts") == 0


def test_a_trial_behind_a_pooler_with_one_connection_is_made(
    table: JobTable, postgresql_url: str
) -> None:
    guard(table, "UPDATE", RAISES)
    with bouncer(postgresql_url) as address, native_engine(address) as engine:
        assert possible(engine) == {"enqueue", "retry"}


def test_a_sequence_that_may_not_be_used_takes_new_runs_away_and_names_the_grant(
    table: JobTable, postgresql_url: str
) -> None:
    name = f"clerk_{make_url(postgresql_url).database}"
    table.execute("CREATE SEQUENCE numbers")
    table.execute("ALTER TABLE job_runs ALTER COLUMN id DROP IDENTITY IF EXISTS")
    table.execute("ALTER TABLE job_runs ALTER COLUMN id SET DEFAULT nextval('numbers')")
    table.execute(f"CREATE ROLE {name} LOGIN")
    table.execute(f"GRANT SELECT, INSERT, UPDATE ON job_runs TO {name}")
    address = make_url(postgresql_url).set(username=name)
    url = address.render_as_string(hide_password=False)
    try:
        with native_engine(url) as engine:
            assert possible(engine) == {"clean_up", "cancel"}
            command = f'GRANT USAGE ON SEQUENCE numbers TO "{name}";'
            assert command in engine.capabilities.why_not("enqueue")
            assert command in engine.capabilities.why_not("retry")

            table.execute(command.rstrip(";"))
            assert possible(engine) == {*ACTIONS}
            assert engine.enqueue("import", "{}", queue=None, run_at_ms=None, at_ms=NOW)
    finally:
        table.execute(f"DROP OWNED BY {name}")
        table.execute(f"DROP ROLE {name}")
