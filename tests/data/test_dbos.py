"""What only DBOS's tables hold: pickles, ties, old versions, rights, locks.

The tables are DBOS's own, made by its migrations; what real workers do to them is in
``tests/contract/test_workers.py``.
"""

import base64
import json
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import make_url

from data.clock import HOUR_MS, MINUTE_MS
from data.db import Database
from data.engines import dbos, windows
from data.engines.base import Seen
from data.engines.dbos import DbosEngine
from data.exceptions import (
    AccessDeniedError,
    SchemaMismatchError,
    SourceBusyError,
    SourceUnavailableError,
)
from data.model import FINISHED, HourCell, Job, JobState, LifeSign, RunFilter, Step
from data.rules import by_worker
from data.rules.histogram import bucket_of, encode
from tests.factories import NOW
from tests.flows import Flows

HOUR = NOW - NOW % HOUR_MS


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


# what is never opened


class Bomb:
    """Goes off when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was opened",)


def test_a_pickle_is_never_opened(flows: Flows, engine: DbosEngine) -> None:
    bomb = base64.b64encode(pickle.dumps(Bomb())).decode()
    flows.done("bomb", "ERROR")
    flows.insert("workflow_input", workflow_uuid="bomb", inputs=bomb)
    flows.insert("workflow_output", workflow_uuid="bomb", output=bomb, error=bomb)

    details = engine.details("bomb")

    assert details is not None
    assert details.binary == {"params", "result", "error"}
    assert (details.params, details.result, details.error) == (None, None, None)
    assert engine.page(RunFilter(text=bomb[:10])).jobs == []
    [(_, again)] = engine.enqueue_again(["bomb"], at_ms=NOW).started.items()
    assert engine.runs([again])[0].state is JobState.PENDING
    assert engine.details(again).binary == {"params"}  # type: ignore[union-attr]


def test_only_portable_texts_are_shown(flows: Flows, engine: DbosEngine) -> None:
    for format_ in (None, "py_pickle", "js_superjson", "native"):
        run = flows.done(str(format_), serialization=format_)
        flows.insert("workflow_input", workflow_uuid=run, inputs='{"a": 1}')

        assert engine.details(run).binary == {"params"}  # type: ignore[union-attr]


def test_portable_params_are_their_named_arguments(
    flows: Flows, engine: DbosEngine
) -> None:
    for n, (stored, shown) in enumerate(
        [
            ('{"positionalArgs": [], "namedArgs": {"a": 1}}', '{"a": 1}'),
            ('{"positionalArgs": null, "namedArgs": {"a": 1}}', '{"a": 1}'),
            ('{"positionalArgs": [1], "namedArgs": {}}', None),
            ("[1, 2]", None),
            ("no json", None),
        ]
    ):
        run = flows.done(f"run{n}", serialization="portable_json")
        flows.insert("workflow_input", workflow_uuid=run, inputs=stored)

        assert engine.details(run).params == (shown or stored)  # type: ignore[union-attr]


def test_portable_errors_are_read(flows: Flows, engine: DbosEngine) -> None:
    for n, (stored, shown) in enumerate(
        [
            (
                '{"name": "Late", "message": "too <b>late</b>"}',
                ("Late", "too <b>late</b>"),
            ),
            ('{"message": "x"}', (None, '{"message": "x"}')),
            ("no json", (None, "no json")),
        ]
    ):
        run = flows.done(f"run{n}", "ERROR", serialization="portable_json")
        flows.insert("workflow_output", workflow_uuid=run, error=stored)

        details = engine.details(run)

        assert details is not None
        assert (details.error_type, details.error) == shown
        [failure] = engine.failures([run, "nobody", "\0"])
        assert (failure.error_type or None, failure.error) == shown


def test_a_failure_that_is_pickled_is_told_without_its_words(
    flows: Flows, engine: DbosEngine
) -> None:
    bomb = base64.b64encode(pickle.dumps(Bomb())).decode()
    flows.done("bomb", "ERROR")
    flows.insert("workflow_input", workflow_uuid="bomb", inputs=bomb)
    flows.insert("workflow_output", workflow_uuid="bomb", error=bomb)

    [failure] = engine.failures(["bomb"])

    assert failure.job.state is JobState.FAILED
    assert (failure.error_type, failure.error, failure.params) == ("", "", "")


def test_a_long_text_is_cut(flows: Flows, engine: DbosEngine) -> None:
    flows.done("run", serialization="portable_json")
    stored = json.dumps({"a": "x" * 300_000})
    flows.insert("workflow_input", workflow_uuid="run", inputs=stored)

    details = engine.details("run")

    assert details is not None
    assert details.cut == {"params"}
    assert len(details.params or "") == 200_000


# states, starts, signs of life


def test_each_word_has_its_state(flows: Flows, engine: DbosEngine) -> None:
    states = {
        "PENDING": JobState.RUNNING,
        "ENQUEUED": JobState.PENDING,
        "DELAYED": JobState.SCHEDULED,
        "SUCCESS": JobState.SUCCEEDED,
        "ERROR": JobState.FAILED,
        "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.FAILED,
        "CANCELLED": JobState.CANCELLED,
        "PAUSED": JobState.OTHER,
    }
    for word in states:
        flows.add(f"run {word}", word)

    for word, state in states.items():
        [job] = engine.runs([f"run {word}"])

        assert (job.state, job.status_word, job.sign) == (state, word, LifeSign.STEP)


def test_a_run_that_no_queue_started_began_when_it_was_made(
    flows: Flows, engine: DbosEngine
) -> None:
    flows.add("direct", queue_name=None, started_at_epoch_ms=None)
    flows.add("queued", "ENQUEUED", started_at_epoch_ms=None)

    started = {job.run_id: job.started_at for job in engine.runs(["direct", "queued"])}

    assert started == {"direct": NOW - HOUR_MS, "queued": None}


def test_a_cancelled_run_began_with_its_first_step(
    flows: Flows, engine: DbosEngine
) -> None:
    flows.done("run", "CANCELLED", queue_name=None, started_at_epoch_ms=None)
    flows.step("run", 2, started_at_epoch_ms=NOW - 1)
    flows.step("run", 1, started_at_epoch_ms=NOW - MINUTE_MS)

    assert engine.runs(["run"])[0].started_at == NOW - MINUTE_MS


def test_the_last_sign_of_life_is_the_latest_end_of_a_step(
    flows: Flows, engine: DbosEngine
) -> None:
    flows.add("run")
    flows.add("young")
    for number, ended in ((1, NOW - 9), (2, NOW - 1), (3, NOW - 5)):
        flows.step("run", number, completed_at_epoch_ms=ended)

    by_id = {job.run_id: job.heartbeat_at for job in engine.open_runs().jobs}

    assert by_id == {"run": NOW - 1, "young": None}


def test_steps_are_told_in_their_order(flows: Flows, engine: DbosEngine) -> None:
    flows.add("run")
    flows.step("run", 2, error="x", completed_at_epoch_ms=NOW + 2)
    flows.step("run", 1, completed_at_epoch_ms=NOW + 1)

    assert engine.details("run").steps == (  # type: ignore[union-attr]
        Step("step1", NOW, NOW + 1, False),  # noqa: FBT003
        Step("step2", NOW, NOW + 2, True),  # noqa: FBT003
    )


def test_beyond_the_cap_the_counts_are_true(
    flows: Flows, engine: DbosEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbos, "OPEN_LIMIT", 4)
    monkeypatch.setattr(dbos, "WAITING_LIMIT", 2)
    for number in range(6):
        flows.add(f"r{number}")
        flows.add(f"w{number}", "ENQUEUED")

    jobs, counts = engine.open_runs()

    assert counts == {JobState.RUNNING: 6, JobState.PENDING: 6}
    assert [job.state for job in jobs].count(JobState.RUNNING) == 4
    assert [job.state for job in jobs].count(JobState.PENDING) == 2


# history


@pytest.mark.parametrize(
    "seed",
    [0, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in (1, 2))],
)
def test_pages_have_every_run_once_whatever_the_ties(
    flows: Flows, engine: DbosEngine, seed: int
) -> None:
    dice = Random(seed)
    words = ["SUCCESS", "ERROR", "CANCELLED", "PENDING", "ENQUEUED", "DELAYED"]
    for number in range(60):
        word = dice.choice(words)
        at = NOW - dice.randrange(5) * 1000
        ended = {} if word in words[3:] else {"completed_at": at}
        flows.add(f"{dice.random()}-Ä{number}", word, created_at=at, **ended)

    for limit in (1, 7, 50):
        found = _pages(engine, limit)

        keys = [
            (job.state in FINISHED, -(job.finished_at or job.enqueued_at or 0))
            for job in found
        ]
        assert len(found) == len({job.run_id for job in found}) == 60
        assert keys == sorted(keys)


def _pages(engine: DbosEngine, limit: int) -> list[Job]:
    found: list[Job] = []
    after = None
    while page := engine.page(RunFilter(), after=after, limit=limit):
        found += page.jobs
        after = page.next
        if after is None:
            break
    return found


def test_a_search_that_is_stopped_says_how_far_it_looked_and_goes_on(
    flows: Flows, engine: DbosEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "SEARCH_LIMIT_S", 0)
    flows.done("old", name="rare", completed_at=NOW - 10 * HOUR_MS)
    flows.done("new")

    page = engine.page(RunFilter(job_name="rare"))
    assert (page.jobs, page.searched_to_ms) == ([], NOW + 1 - HOUR_MS)
    found = []
    while page.next:
        page = engine.page(RunFilter(job_name="rare"), after=page.next)
        found += page.jobs

    assert [job.run_id for job in found] == ["old"]


def test_cells_add_both_words_for_failed(flows: Flows, engine: DbosEngine) -> None:
    flows.done("a", "ERROR", started_at_epoch_ms=NOW - 10)
    flows.done("b", "MAX_RECOVERY_ATTEMPTS_EXCEEDED", started_at_epoch_ms=NOW - 20)
    flows.done("c", "SUCCESS", started_at_epoch_ms=NOW + 5)

    cells = engine.finished_cells(HOUR, HOUR + HOUR_MS)

    wait = 2 * HOUR_MS - 30
    lengths = encode({bucket_of(10): 1, bucket_of(20): 1})
    two, one = (by_worker.encode({"host:1": n}) for n in (2, 1))
    assert set(cells) == {
        HourCell(HOUR, "flow", JobState.FAILED, 2, 30, wait, lengths, two),
        HourCell(HOUR, "flow", JobState.SUCCEEDED, 1, 0, HOUR_MS + 5, workers=one),
    }


def test_runs_that_took_longer_are_told_newest_first(
    flows: Flows, engine: DbosEngine
) -> None:
    flows.done("a", "ERROR", completed_at=NOW - 1, started_at_epoch_ms=NOW - 12)
    flows.done("b", completed_at=NOW, started_at_epoch_ms=NOW - 11)
    flows.done("short", completed_at=NOW, started_at_epoch_ms=NOW - 10)
    flows.done("before", completed_at=NOW - 2, started_at_epoch_ms=NOW - 90)

    found = engine.long_runs(NOW - 1, NOW + 1, longer_than_ms=10, limit=5)

    assert [(job.run_id, job.state) for job in found] == [
        ("b", JobState.SUCCEEDED),
        ("a", JobState.FAILED),
    ]


# control


def test_a_given_up_run_goes_on_under_its_id(flows: Flows, engine: DbosEngine) -> None:
    flows.done("dead", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")

    assert engine.enqueue_again(["dead"], at_ms=NOW).started == {"dead": "dead"}
    assert engine.runs(["dead"])[0].state is JobState.PENDING


def test_a_new_run_goes_where_the_last_one_of_its_job_went(
    flows: Flows, engine: DbosEngine
) -> None:
    flows.done("last", name="bill", queue_name="money", class_name="Till")

    new = engine.enqueue("bill", "{}", queue=None, run_at_ms=None, at_ms=NOW)
    other = engine.enqueue("bill", "{}", queue="slow", run_at_ms=None, at_ms=NOW)

    queues = {job.run_id: job.queue for job in engine.runs([new, other])}
    assert queues == {new: "money", other: "slow"}


def test_a_lock_ends_an_action_with_a_clear_error(tmp_path: Any) -> None:
    path = tmp_path / "flows.db"
    flows = Flows(f"sqlite:///{path}")
    flows.add("run")
    engine = DbosEngine(Database(flows.url, name="flows"))
    engine.check()
    [job] = engine.runs(["run"])
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")

        with pytest.raises(SourceBusyError, match="the database is busy"):
            engine.cancel(["run"], at_ms=NOW)
        with pytest.raises(SourceUnavailableError, match="the database is busy"):
            engine.enqueue("flow", "{}", queue=None, run_at_ms=None, at_ms=NOW)
        holder.execute("ROLLBACK")

    seen = Seen("run", job.started_at or 0, None, guard_heartbeat=True)
    assert [*engine.mark_stalled([seen], reason="", at_ms=NOW).done] == ["run"]
    flows.owner.dispose()
    engine.close()


def test_undo_puts_nothing_back(engine: DbosEngine) -> None:
    assert engine.unmark_stalled([]).done == {}


# schema and rights


def test_a_database_without_dbos_says_what_helps(database_url: str) -> None:
    with closing(DbosEngine(Database(database_url, name="flows"))) as engine:
        if database_url.startswith("sqlite"):
            Path(make_url(database_url).database or "").touch()
        with pytest.raises(SchemaMismatchError, match="there is no table") as it:
            engine.check()
    assert "Start a DBOS application" in it.value.mend


def test_an_old_dbos_says_what_helps(flows: Flows) -> None:
    index = f"{flows.prefix}idx_workflow_status_completed_at"
    flows.execute(f"DROP INDEX {index}")
    flows.execute(f"ALTER TABLE {flows.prefix}workflow_status DROP COLUMN completed_at")
    with (
        closing(DbosEngine(Database(flows.url, name="flows"))) as engine,
        pytest.raises(SchemaMismatchError, match="no column completed_at") as it,
    ):
        engine.check()
    assert "DBOS 3.4" in it.value.mend


def test_texts_are_found_where_older_versions_keep_them(flows: Flows) -> None:
    for table in ("workflow_input", "workflow_output"):
        flows.execute(f"DROP TABLE {flows.prefix}{table}")
    flows.done("old", serialization="portable_json", inputs='{"needle": 1}', output="2")
    with closing(DbosEngine(Database(flows.url, name="flows"))) as engine:
        engine.check()
        details = engine.details("old")
        found = engine.page(RunFilter(text="NEEDLE"))

    assert details is not None
    assert (details.params, details.result) == ('{"needle": 1}', "2")
    assert [job.run_id for job in found.jobs] == ["old"]


def test_a_read_only_source_has_no_actions(flows: Flows) -> None:
    with closing(
        DbosEngine(Database(flows.url, name="flows"), read_only=True)
    ) as engine:
        engine.check()
        able = engine.capabilities

    assert (able.clean_up, able.cancel, able.enqueue) == (False, False, False)
    assert able.reason == "This source is configured as read-only."


def test_a_user_without_rights_is_told_what_helps(postgresql_url: str) -> None:
    flows = Flows(postgresql_url)
    flows.execute("DROP ROLE IF EXISTS looker")
    flows.execute("CREATE ROLE looker LOGIN")
    as_looker = make_url(postgresql_url).set(username="looker")
    url = as_looker.render_as_string(hide_password=False)
    with closing(DbosEngine(Database(url, name="flows"))) as engine:
        flows.execute("GRANT USAGE ON SCHEMA dbos TO looker")
        with pytest.raises(AccessDeniedError) as refused:
            engine.check()
        assert refused.value.mend == (
            'GRANT SELECT ON dbos.workflow_status TO "looker";'
        )
        flows.execute("GRANT SELECT ON ALL TABLES IN SCHEMA dbos TO looker")
        engine.check()
        assert "GRANT UPDATE ON dbos.workflow_status" in engine.capabilities.reason
        assert not engine.capabilities.cancel
    flows.execute("DROP OWNED BY looker")
    flows.execute("DROP ROLE looker")
    flows.owner.dispose()
