"""What a run of DBOS was given with its params goes with it when it runs again.

The tables are DBOS's own, made by its migrations.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from dbos import DBOSClient
from sqlalchemy import text

from data.actions import Actions
from data.db import Database
from data.engines.dbos import DbosEngine
from data.exceptions import InvalidParamsError, InvalidRequestError
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import open_store
from data.store.audit import AuditFilter
from tests.conftest import FakeClock
from tests.factories import NOW
from tests.flows import Flows

TENANT: Mapping[str, Any] = {
    "priority": 7,
    "queue_partition_key": "tenant-1",
    "workflow_timeout_ms": 1_001,
    "authenticated_user": "kim",
    "authenticated_roles": '["admin", "ops"]',
    "attributes": '{"team": "mail"}',
    "class_name": "Mailer",
    "config_name": "eu",
    "application_name": "shop",
}
#: What DBOS's fork gives every new run.
FORKED = {**TENANT, "priority": 0}
LIMITS = StallLimits()
INPUT = '{"positionalArgs": [], "namedArgs": {"amount": 0.12345678901234567890}}'


@pytest.fixture
def flows(flows_url: str) -> Iterator[Flows]:
    made = Flows(flows_url)
    yield made
    made.owner.dispose()


@pytest.fixture
def engine(flows: Flows) -> Iterator[DbosEngine]:
    made = DbosEngine(Database(flows.url, name="flows"))
    made.check()
    yield made
    made.close()


def ended(flows: Flows, run_id: str, status: str = "SUCCESS", **values: Any) -> str:
    """A run of one tenant that is over."""
    given = {"serialization": "portable_json", **TENANT, **values}
    attributes = given.pop("attributes")
    flows.done(run_id, status, **given)
    as_json = ":told" if flows.is_file else "CAST(:told AS jsonb)"
    flows.execute(
        f"UPDATE {flows.prefix}workflow_status SET attributes = {as_json} "  # noqa: S608
        "WHERE workflow_uuid = :id",
        told=attributes,
        id=run_id,
    )
    flows.insert("workflow_input", workflow_uuid=run_id, inputs=INPUT)
    return run_id


def row(flows: Flows, run_id: str) -> dict[str, Any]:
    asked = f"SELECT * FROM {flows.prefix}workflow_status WHERE workflow_uuid = :id"  # noqa: S608
    with flows.owner.connect() as connection:
        found = dict(connection.execute(text(asked), {"id": run_id}).mappings().one())
    attributes = found["attributes"]
    if attributes is not None and not isinstance(attributes, str):
        found["attributes"] = json.dumps(attributes)
    return found


def told(flows: Flows, run_id: str) -> dict[str, Any]:
    found = row(flows, run_id)
    return {name: found[name] for name in TENANT}


def again(engine: DbosEngine, run_id: str, params: str | None = None) -> str:
    done = engine.enqueue_again([run_id], at_ms=NOW, params=params)
    assert done.refused == {}
    return done.started[run_id]


# what goes with the run


@pytest.mark.parametrize("status", ["SUCCESS", "ERROR"])
def test_a_forked_run_keeps_all_but_its_priority(
    flows: Flows, engine: DbosEngine, status: str
) -> None:
    new = again(engine, ended(flows, "old", status))

    assert new != "old"
    assert told(flows, new) == FORKED
    assert row(flows, new)["queue_name"] == "work"


def test_a_run_with_other_params_keeps_everything(
    flows: Flows, engine: DbosEngine
) -> None:
    new = again(engine, ended(flows, "old"), '{"a": 1}')

    assert told(flows, new) == TENANT
    assert row(flows, new)["queue_name"] == "work"


def test_a_resumed_run_keeps_everything(flows: Flows, engine: DbosEngine) -> None:
    assert again(engine, ended(flows, "old", "CANCELLED")) == "old"
    assert told(flows, "old") == TENANT


@pytest.mark.parametrize("params", [None, "{}"])
def test_a_run_that_was_given_nothing_gets_nothing(
    flows: Flows, engine: DbosEngine, params: str | None
) -> None:
    flows.done("old", serialization="portable_json")

    found = told(flows, again(engine, "old", params))

    assert found.pop("priority") == 0
    assert json.loads(found.pop("attributes") or "null") is None
    assert set(found.values()) == {None}


@pytest.mark.parametrize("params", [None, "{}"])
def test_the_name_that_a_queue_takes_once_is_not_repeated(
    flows: Flows, engine: DbosEngine, params: str | None
) -> None:
    ended(flows, "old", deduplication_id="order-7")

    new = again(engine, "old", params)

    assert row(flows, new)["deduplication_id"] is None


@pytest.mark.parametrize("params", [None, "{}"])
def test_workers_find_the_partition_of_a_run_that_runs_again(
    flows: Flows, engine: DbosEngine, params: str | None
) -> None:
    again(engine, ended(flows, "old"), params)

    schema = None if flows.is_file else "dbos"
    client = DBOSClient(system_database_engine=flows.owner, dbos_system_schema=schema)
    assert client._sys_db.get_queue_partitions("work") == ["tenant-1"]


def test_a_job_that_is_started_takes_nothing_over_from_another_tenant(
    flows: Flows, engine: DbosEngine
) -> None:
    ended(flows, "old", queue_partition_key=None)

    new = engine.enqueue("flow", "{}", queue=None, run_at_ms=None, at_ms=NOW)

    found = told(flows, new)
    assert (found["class_name"], found["config_name"]) == ("Mailer", "eu")
    assert (found["priority"], found["queue_partition_key"]) == (0, None)
    assert (found["authenticated_user"], found["workflow_timeout_ms"]) == (None, None)


@pytest.mark.parametrize("queue", [None, "work"])
def test_no_run_is_started_on_a_queue_that_would_not_take_it_up(
    flows: Flows, engine: DbosEngine, queue: str | None
) -> None:
    ended(flows, "old")

    with pytest.raises(InvalidRequestError, match='"work" is partitioned'):
        engine.enqueue("flow", "{}", queue=queue, run_at_ms=None, at_ms=NOW)
    new = engine.enqueue("flow", "{}", queue="other", run_at_ms=None, at_ms=NOW)

    assert {job.run_id for job in engine.open_runs().jobs} == {new}


def test_roles_that_cannot_be_read_refuse_the_run(
    flows: Flows, engine: DbosEngine
) -> None:
    ended(flows, "old", authenticated_roles="admin")

    done = engine.enqueue_again(["old"], at_ms=NOW, params="{}")

    assert (done.started, list(done.refused)) == ({}, ["old"])
    assert "authenticated_roles" in done.refused["old"]


def test_what_does_not_go_with_the_run_is_named_before_the_click(
    flows: Flows, engine: DbosEngine
) -> None:
    assert engine.capabilities.not_copied == (
        "priority (unless params are edited)",
        "assumed_role (if params are edited)",
    )
    read_only = DbosEngine(Database(flows.url, name="flows"), read_only=True)
    read_only.check()
    assert read_only.capabilities.not_copied == ()
    read_only.close()


# digits of edited params

LOST = {
    "0.12345678901234567890": "0.12345678901234568",
    "1e400": "Infinity",
    "1e-400": "0.0",
    "9007199254740993.0": "9007199254740992.0",
    "1e999999999999999999999": "Infinity",
}
KEPT = ("12.10", "1E2", "-0.0", "0.1", "1.7976931348623157e308", "5e-324", "NaN")


@pytest.mark.parametrize("number", LOST)
def test_a_number_that_would_lose_digits_is_refused(
    flows: Flows, engine: DbosEngine, number: str
) -> None:
    ended(flows, "old")
    params = f'{{"pay": [{{"amount": {number}}}]}}'

    for attempt in (
        lambda: engine.enqueue(
            "flow", params, queue=None, run_at_ms=None, at_ms=NOW, idempotency_key="k"
        ),
        lambda: engine.enqueue_again(["old"], at_ms=NOW, params=params),
    ):
        with pytest.raises(InvalidParamsError) as refused:
            attempt()
        assert str(refused.value) == (
            f"DBOS would change a number in the params: {number} would become "
            f'{LOST[number]}. Write it as text: "{number}".'
        )
    assert [job.run_id for job in engine.open_runs().jobs] == []


def test_numbers_that_stay_equal_are_taken(flows: Flows, engine: DbosEngine) -> None:
    ended(flows, "old")
    numbers = ", ".join(KEPT)
    params = f'{{"n": [{numbers}, 1970670598291982290], "t": "0.12345678901234567890"}}'

    details = engine.details(again(engine, "old", params))

    assert details is not None
    assert details.params == (
        '{"n": [12.1, 100.0, -0.0, 0.1, 1.7976931348623157e+308, 5e-324, NaN, '
        '1970670598291982290], "t": "0.12345678901234567890"}'
    )


def test_params_that_nobody_edited_are_not_parsed(
    flows: Flows, engine: DbosEngine
) -> None:
    for old in (ended(flows, "done"), ended(flows, "stopped", "CANCELLED")):
        details = engine.details(again(engine, old))

        assert details is not None
        assert details.params == '{"amount": 0.12345678901234567890}'


def test_arguments_that_had_no_name_have_none_when_they_are_edited(
    flows: Flows, engine: DbosEngine
) -> None:
    ended(flows, "old")
    given = '{"positionalArgs": [1, "two"], "namedArgs": {"three": 3}}'
    flows.execute(
        f"UPDATE {flows.prefix}workflow_input SET inputs = :given",  # noqa: S608
        given=given,
    )
    shown = engine.details("old")
    assert shown is not None
    assert shown.params == given

    edited = given.replace("two", "other")
    made = engine.enqueue_again(["old"], at_ms=NOW, params=edited).started["old"]

    again = engine.details(made)
    assert again is not None
    assert again.params is not None
    assert json.loads(again.params) == json.loads(edited)


@pytest.mark.parametrize("name", ["options", "self"])
def test_an_argument_that_dbos_cannot_pass_is_refused(
    engine: DbosEngine, name: str
) -> None:
    params = f'{{"{name}": 1}}'
    with pytest.raises(InvalidParamsError, match=f'named "{name}"'):
        engine.enqueue("flow", params, queue=None, run_at_ms=None, at_ms=NOW)


def test_a_long_number_is_shortened_in_the_message(engine: DbosEngine) -> None:
    params = f'{{"n": 0.{"1" * 5_000}}}'
    with pytest.raises(InvalidParamsError) as refused:
        engine.enqueue("flow", params, queue=None, run_at_ms=None, at_ms=NOW)

    assert len(str(refused.value)) < 300


@pytest.mark.one_database
def test_actions_say_which_number_and_write_it_down(
    flows: Flows, engine: DbosEngine, own_store_url: str, clock: FakeClock
) -> None:
    ended(flows, "old")
    reader = SnapshotReader(
        "flows", engine, limits=LIMITS, clock=clock, poll_every_ms=2_000
    )
    source = Source(
        name="flows", label="flows", engine=engine, dialect="sqlite", reader=reader
    )
    store = open_store(own_store_url)
    actions = Actions(
        {"flows": source},
        store,
        limits=LIMITS,
        clock=clock,
        changed=lambda _name: None,
    )

    with pytest.raises(InvalidParamsError, match="Write it as text"):
        actions.retry("flows", ["old"], actor="ann", params='{"n": 1e400}')

    [audited] = store.audit.page(AuditFilter(), limit=5)
    assert "Write it as text" in str(audited.after)
    store.close()
