"""Pages of runs, details, and new runs: what every engine promises."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.engines.base import JobEngine
from data.exceptions import InvalidRequestError
from data.model import FINISHED, JobState, RunFilter
from tests.factories import (
    NOW,
    JobTable,
    finished_run,
    job_table,
    make_run,
    native_engine,
)

FAILED = frozenset({JobState.FAILED})
HOSTILE = [
    "%",
    "_",
    "'; DROP TABLE job_runs; --",
    '"',
    "\0",
    "\ud83d",
    "\\",
    "🦀",
    "n" * 9999,
]


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    with job_table(database_url) as made:
        yield made


@pytest.fixture
def engine(database_url: str, table: JobTable) -> Iterator[JobEngine]:
    with native_engine(database_url) as made:
        yield made


def called(**changes: Any) -> dict[str, Any]:
    """The row of a finished run with params."""
    return finished_run(**{"params": {}, "max_attempts": 1, **changes})


def every_page(engine: JobEngine, filter_: RunFilter, limit: int) -> list[list[str]]:
    pages = [engine.page(filter_, limit=limit)]
    while pages[-1].next is not None:
        pages.append(engine.page(filter_, after=pages[-1].next, limit=limit))
    return [[job.run_id for job in page.jobs] for page in pages]


def ids_of(engine: JobEngine, filter_: RunFilter) -> list[str]:
    return [run_id for page in every_page(engine, filter_, 50) for run_id in page]


# pages


def test_open_runs_come_first_then_finished_ones_by_their_end(
    table: JobTable, engine: JobEngine
) -> None:
    first, second, late, early = table.add(
        make_run(),
        make_run(status="PENDING", started_at=None),
        finished_run(finished_at=NOW),
        finished_run(finished_at=NOW - 1),
    )

    page = engine.page(RunFilter())

    assert [job.run_id for job in page.jobs] == [second, first, late, early]
    assert page.next is None
    assert page.searched_to_ms is None


def test_pages_follow_each_other_without_gaps_or_repeats(
    table: JobTable, engine: JobEngine
) -> None:
    same_end = [finished_run(finished_at=NOW - 5) for _ in range(7)]
    ids = table.add(*(make_run() for _ in range(5)), *same_end, finished_run())

    pages = every_page(engine, RunFilter(), 3)

    found = [run_id for page in pages for run_id in page]
    assert sorted(found, key=int) == sorted(ids, key=int)
    assert [len(page) for page in pages] == [3, 3, 3, 3, 1]


def test_instants_finer_than_a_millisecond_are_not_lost(
    table: JobTable, engine: JobEngine
) -> None:
    if "postgresql" not in str(table.url):
        pytest.skip("SQLite keeps milliseconds")
    ids = table.add(*(finished_run() for _ in range(6)))
    for number, run_id in enumerate(ids):
        table.execute(
            "UPDATE job_runs SET finished_at = finished_at + :apart WHERE id = :id",
            apart=timedelta(microseconds=number),
            id=int(run_id),
        )

    assert [
        run_id for page in every_page(engine, RunFilter(), 1) for run_id in page
    ] == ids[::-1]


def test_the_filter_means_every_condition(table: JobTable, engine: JobEngine) -> None:
    wanted, *_ = table.add(
        finished_run(status="FAILED", job_name="mail", queue="slow"),
        finished_run(status="FAILED", job_name="mail", queue="fast"),
        finished_run(status="FAILED", job_name="sync", queue="slow"),
        finished_run(status="SUCCEEDED", job_name="mail", queue="slow"),
        finished_run(
            status="FAILED", job_name="mail", queue="slow", finished_at=NOW - DAY_MS
        ),
        make_run(job_name="mail", queue="slow"),
    )

    filter_ = RunFilter(
        states=FAILED, job_name="mail", queue="slow", since_ms=NOW - HOUR_MS
    )

    assert ids_of(engine, filter_) == [wanted]


def test_until_is_not_included_and_since_is(table: JobTable, engine: JobEngine) -> None:
    early, late = table.add(finished_run(finished_at=NOW - 10), finished_run())

    assert ids_of(engine, RunFilter(states=FINISHED, until_ms=NOW)) == [early]
    assert ids_of(engine, RunFilter(states=FINISHED, since_ms=NOW)) == [late]


def test_text_is_found_in_errors_and_params_as_it_is(
    table: JobTable, engine: JobEngine
) -> None:
    failed, told, _ = table.add(
        called(status="FAILED", error="Timeout: 50% of 7_up\nline 2"),
        called(params={"customer": "Ann O'Neil", "share": "50% of 7_up"}),
        called(error="nothing"),
    )

    assert ids_of(engine, RunFilter(text="50% OF 7_UP")) == [told, failed]
    assert ids_of(engine, RunFilter(text="o'neil")) == [told]
    assert ids_of(engine, RunFilter(text="50_ of")) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_finds_nothing_and_breaks_nothing(
    table: JobTable, engine: JobEngine, text: str
) -> None:
    table.add(finished_run(error="fine"), make_run())

    assert ids_of(engine, RunFilter(text=text)) == []
    assert ids_of(engine, RunFilter(job_name=text)) == []
    assert ids_of(engine, RunFilter(queue=text)) == []


def test_a_run_id_as_text_is_that_run(table: JobTable, engine: JobEngine) -> None:
    first, second = table.add(finished_run(), finished_run())

    assert ids_of(engine, RunFilter(text=first)) == [first]
    assert ids_of(engine, RunFilter(text="a/b")) == []
    assert second


def test_a_search_finds_what_lies_years_back(
    table: JobTable, engine: JobEngine
) -> None:
    [old, *_] = table.add(
        finished_run(error="needle", finished_at=NOW - 900 * DAY_MS),
        *(finished_run(finished_at=NOW - n * DAY_MS) for n in range(30)),
    )

    assert ids_of(engine, RunFilter(text="needle")) == [old]


def test_a_search_stops_in_time_says_how_far_it_looked_and_goes_on(
    table: JobTable, engine: JobEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [finished_run(error="x", finished_at=NOW - n * DAY_MS) for n in range(9)]
    ids = table.add(*days)
    monkeypatch.setattr("data.engines.windows.SEARCH_LIMIT_S", 0)

    page = engine.page(RunFilter(text="x"))

    assert [job.run_id for job in page.jobs] == ids[:1]
    assert page.searched_to_ms is not None
    assert NOW - DAY_MS < page.searched_to_ms <= NOW
    assert ids_of(engine, RunFilter(text="x")) == ids


@pytest.mark.parametrize(
    "cursor", ["", "x", "f1", "o", "o1;", "f1.1.1", "o" + "9" * 40]
)
def test_a_cursor_of_nobody_is_refused(engine: JobEngine, cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="start again"):
        engine.page(RunFilter(), after=cursor)


def test_states_that_are_open_are_found_among_open_runs_only(
    table: JobTable, engine: JobEngine
) -> None:
    running, pending, _ = table.add(
        make_run(), make_run(status="PENDING", started_at=None), finished_run()
    )

    assert ids_of(engine, RunFilter(states=frozenset({JobState.RUNNING}))) == [running]
    both = frozenset({JobState.RUNNING, JobState.PENDING})
    assert ids_of(engine, RunFilter(states=both)) == [pending, running]


# counting


def test_counts_are_capped_and_unknown_where_only_a_search_tells(
    table: JobTable, engine: JobEngine
) -> None:
    table.add(*(finished_run(status="FAILED") for _ in range(4)), make_run())

    assert engine.count(RunFilter(), up_to=100) == 5
    assert engine.count(RunFilter(), up_to=3) == 3
    assert engine.count(RunFilter(states=FAILED), up_to=100) == 4
    assert engine.count(RunFilter(job_name="send-mail"), up_to=100) == 5
    assert engine.count(RunFilter(text="x"), up_to=100) is None


# details


def test_details_hold_the_texts(table: JobTable, engine: JobEngine) -> None:
    [run_id] = table.add(
        called(
            status="FAILED",
            params={"a": [1, "b"]},
            error_type="TimeoutError",
            error="TimeoutError: late\n  File x",
        )
    )

    details = engine.details(run_id)

    assert details is not None
    assert details.job.run_id == run_id
    assert json.loads(details.params or "") == {"a": [1, "b"]}
    assert details.result is None
    assert details.error_type == "TimeoutError"
    assert details.error == "TimeoutError: late\n  File x"
    assert details.max_attempts == 1
    assert details.cut == frozenset()


def test_a_long_text_is_cut_where_it_lies(table: JobTable, engine: JobEngine) -> None:
    [run_id] = table.add(called(params={"a": "x" * 10_000_000}, error="e" * 200_000))

    details = engine.details(run_id)

    assert details is not None
    assert details.cut == {"params"}
    assert len(details.params or "") == 200_000
    assert len(details.error or "") == 200_000


@pytest.mark.parametrize("run_id", ["", "7", "a/b", "1; --", "\0", "9" * 30])
def test_an_unknown_run_has_no_details(engine: JobEngine, run_id: str) -> None:
    assert engine.details(run_id) is None


def test_the_latest_runs_of_a_job_are_its_own_newest_first(
    table: JobTable, engine: JobEngine
) -> None:
    ids = table.add(*(finished_run(finished_at=NOW - n) for n in range(5)))
    table.add(finished_run(job_name="other"), make_run())

    assert [job.run_id for job in engine.latest("send-mail", limit=3)] == ids[:3]
    assert engine.latest("no-such", limit=3) == []


# starting


def test_a_new_run_waits_in_its_queue(table: JobTable, engine: JobEngine) -> None:
    run_id = engine.enqueue(
        "mail", '{"to": "Ann"}', queue="slow", run_at_ms=None, at_ms=NOW
    )

    details = engine.details(run_id)
    assert details is not None
    assert json.loads(details.params or "") == {"to": "Ann"}
    job = details.job
    assert (job.job_name, job.queue, job.state) == ("mail", "slow", JobState.PENDING)
    assert (job.attempt, job.enqueued_at, job.started_at) == (1, NOW, None)


def test_a_run_of_later_is_scheduled_and_one_of_earlier_waits(
    table: JobTable, engine: JobEngine
) -> None:
    def state_of(run_at_ms: int) -> JobState:
        run_id = engine.enqueue("x", "{}", queue=None, run_at_ms=run_at_ms, at_ms=NOW)
        [job] = engine.runs([run_id])
        assert job.scheduled_at == run_at_ms
        assert job.queue == "default"
        return job.state

    assert state_of(NOW + 1) is JobState.SCHEDULED
    assert state_of(NOW) is JobState.PENDING


def test_finished_runs_are_run_again_with_the_same_params(
    table: JobTable, engine: JobEngine
) -> None:
    first, second, still = table.add(
        called(params={"n": 1}, queue="slow", attempt=3, max_attempts=5),
        called(params={"n": 2}, status="FAILED", error="x"),
        called(status="RUNNING", finished_at=None),
    )

    started = engine.enqueue_again(
        [second, first, still, "999", "x/y"], at_ms=NOW + 5
    ).started

    assert set(started) == {first, second}
    for old, number in ((first, 1), (second, 2)):
        details = engine.details(started[old])
        assert details is not None
        assert json.loads(details.params or "") == {"n": number}
        job = details.job
        assert (job.state, job.attempt, job.enqueued_at) == (
            JobState.PENDING,
            1,
            NOW + 5,
        )
        assert details.error is None
    [old] = engine.runs([second])
    assert old.state is JobState.FAILED


def test_finished_runs_are_run_again_with_other_params(
    table: JobTable, engine: JobEngine
) -> None:
    [old] = table.add(called(params={"n": 1}, queue="slow"))

    started = engine.enqueue_again([old], at_ms=NOW, params='{"n": [2, "ü"]}').started

    details = engine.details(started[old])
    assert details is not None
    assert json.loads(details.params or "") == {"n": [2, "ü"]}
    assert details.job.queue == "slow"
    before = engine.details(old)
    assert before is not None
    assert json.loads(before.params or "") == {"n": 1}


# cancelling


def test_what_waits_is_called_off_and_what_runs_is_asked_to_stop(
    table: JobTable, engine: JobEngine
) -> None:
    pending, scheduled, running, done = table.add(
        make_run(status="PENDING", started_at=None),
        make_run(status="SCHEDULED", started_at=None, scheduled_at=NOW + MINUTE_MS),
        make_run(),
        finished_run(finished_at=NOW - 9),
    )

    result = engine.cancel([pending, scheduled, running, done, "999"], at_ms=NOW)

    assert sorted(result.cancelled) == sorted([pending, scheduled])
    assert result.asked == [running]
    by_id = {job.run_id: job for job in engine.runs([pending, running, done])}
    assert by_id[pending].state is JobState.CANCELLED
    assert by_id[pending].finished_at == NOW
    assert by_id[running].state is JobState.RUNNING
    assert by_id[running].cancel_requested_at == NOW
    assert by_id[done].finished_at == NOW - 9


def test_asking_twice_keeps_the_first_request(
    table: JobTable, engine: JobEngine
) -> None:
    [running] = table.add(make_run())
    engine.cancel([running], at_ms=NOW)

    again = engine.cancel([running], at_ms=NOW + 500)

    assert again.asked == [running]
    assert engine.runs([running])[0].cancel_requested_at == NOW


def test_a_page_in_the_middle_starts_there_and_walks_over_nothing(
    table: JobTable, engine: JobEngine
) -> None:
    """An upper bound beside the place would have both databases start at the end."""
    history = engine._history  # type: ignore[attr-defined]
    for question, statement in history.questions("a-job", NOW).items():
        compiled = str(statement.compile(table.owner))
        upper = compiled.count("finished_at <") + compiled.count(
            "finished_at, job_runs.id) <"
        )
        assert upper == 1, question


def test_a_place_after_the_filters_end_goes_on_at_the_end(
    table: JobTable, engine: JobEngine
) -> None:
    ids = table.add(*(called(finished_at=NOW - n) for n in range(10)))
    first = engine.page(RunFilter(), limit=2)

    rest = engine.page(RunFilter(until_ms=NOW - 5), after=first.next)

    assert [job.run_id for job in rest.jobs] == ids[6:]


def test_failures_tell_class_and_both_ends_of_a_long_error(
    table: JobTable, engine: JobEngine
) -> None:
    long = "first line\n" + "x" * 20_000 + "\nlast line"
    failed, short, _ = table.add(
        finished_run(status="FAILED", error_type="TimeoutError", error=long),
        finished_run(status="FAILED", error_type="KeyError", error="'ean'"),
        finished_run(),
    )
    found = {one.job.run_id: one for one in engine.failures([failed, short, "0"])}
    assert {*found} == {failed, short}
    assert (found[short].error_type, found[short].error) == ("KeyError", "'ean'")
    assert found[failed].job.state is JobState.FAILED
    assert len(found[failed].error) < 9_000
    assert found[failed].error.startswith("first line\n")
    assert found[failed].error.endswith("\nlast line")
