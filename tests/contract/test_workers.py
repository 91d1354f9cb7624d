"""What every engine promises of runs that real workers work on.

One run that succeeds, one that raises, one that hangs, one whose worker is killed, one
that is not due yet, one that was cancelled: the same tests for every engine.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, now_ms, utc_now
from data.engines.base import Remedy, Seen
from data.exceptions import InvalidRequestError
from data.model import FINISHED, Job, JobState, LifeSign, RunFilter, StallState
from data.rules.stalls import StallLimits, verdict_of
from tests.databases import new_database
from tests.factories import until
from tests.workers import Workshop, dbos_workshop, native_workshop

#: DBOS writes whole seconds on SQLite with Python < 3.12.
ROUNDED_MS = 2 * SECOND_MS


class Scene(NamedTuple):
    """A workshop with a run of every kind; acting tests make their own."""

    shop: Workshop
    succeeded: str
    failed: str
    hanging: str
    orphan: str
    delayed: str
    cancelled: str
    #: before and after all of it
    began_at: int
    due_at: int


@pytest.fixture(
    scope="module",
    params=["native_sqlite", "native_postgresql", "dbos_sqlite", "dbos_postgresql"],
)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    kind, dialect = request.param.split("_")
    folder = tmp_path_factory.mktemp(request.param)
    make = {"native": native_workshop, "dbos": dbos_workshop}[kind]
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'jobs.db'}"
        if dialect == "postgresql":
            server = request.getfixturevalue("postgresql_server")
            numbers = request.getfixturevalue("database_numbers")
            url = stack.enter_context(new_database(server, numbers))
        shop = stack.enter_context(make(url, folder))
        began_at, due_at = now_ms(utc_now), now_ms(utc_now) + HOUR_MS
        with shop.worker("killed"):
            orphan = shop.hang("orphan")
        stack.enter_context(shop.worker("alive"))
        succeeded = shop.start("add", left=20, right=22)
        failed = shop.start("fail", words="no such invoice")
        delayed, cancelled = (shop.start("add", run_at_ms=due_at) for _ in range(2))
        shop.engine.cancel([cancelled], at_ms=now_ms(utc_now))
        hanging = shop.hang("hanging")
        for run_id, state in (
            (succeeded, JobState.SUCCEEDED),
            (failed, JobState.FAILED),
            (cancelled, JobState.CANCELLED),
        ):
            shop.wait(run_id, state)
        yield Scene(
            shop,
            succeeded,
            failed,
            hanging,
            orphan,
            delayed,
            cancelled,
            began_at,
            due_at,
        )


def seen(job: Job) -> Seen:
    assert job.started_at is not None
    return Seen(job.run_id, job.started_at, job.heartbeat_at, guard_heartbeat=True)


def mark(shop: Workshop, *runs: Seen) -> list[str]:
    written = shop.engine.mark_stalled(runs, reason="it hung", at_ms=now_ms(utc_now))
    return [*written.done]


def within(scene: Scene, instant: int | None) -> bool:
    """Is it an instant of this test?"""
    latest = now_ms(utc_now) + ROUNDED_MS
    return instant is not None and scene.began_at - ROUNDED_MS <= instant <= latest


# reading


def test_what_is_not_finished_is_open(scene: Scene) -> None:
    jobs, counts = scene.shop.engine.open_runs()

    states = {job.run_id: job.state for job in jobs}
    assert states[scene.hanging] is states[scene.orphan] is JobState.RUNNING
    assert states[scene.delayed] is JobState.SCHEDULED
    assert not states.keys() & {scene.succeeded, scene.failed, scene.cancelled}
    for state in set(states.values()):
        assert counts[state] == list(states.values()).count(state)


def test_a_run_at_work_has_its_worker_and_start(scene: Scene) -> None:
    hanging, orphan = scene.shop.job(scene.hanging), scene.shop.job(scene.orphan)

    assert (hanging.job_name, hanging.attempt, hanging.worker) == ("hang", 1, "alive")
    assert within(scene, hanging.enqueued_at)
    assert within(scene, hanging.started_at)
    assert hanging.finished_at is None
    assert orphan.worker == "killed"


def test_a_run_that_is_not_due_says_when(scene: Scene) -> None:
    job = scene.shop.job(scene.delayed)

    assert job.scheduled_at is not None
    assert abs(job.scheduled_at - scene.due_at) <= ROUNDED_MS
    assert (job.started_at, job.worker) == (None, None)


@pytest.mark.parametrize("kind", ["succeeded", "failed", "cancelled"])
def test_a_finished_run_has_its_end(scene: Scene, kind: str) -> None:
    job = scene.shop.job(getattr(scene, kind))

    assert job.state.value == kind.upper()
    assert within(scene, job.finished_at)
    if kind != "cancelled":
        assert within(scene, job.started_at)


def test_params_results_and_errors_are_readable_where_they_are_json(
    scene: Scene,
) -> None:
    succeeded = scene.shop.engine.details(scene.succeeded)
    failed = scene.shop.engine.details(scene.failed)

    assert succeeded is not None
    assert failed is not None
    assert succeeded.params is not None
    assert '"left": 20' in succeeded.params
    assert succeeded.result == "42"
    assert failed.error is not None
    assert "no such invoice" in failed.error
    assert failed.error_type == "ValueError"
    assert succeeded.binary == failed.binary == frozenset()


def test_nobody_knows_a_run_that_is_not_there(scene: Scene) -> None:
    engine = scene.shop.engine
    for run_id in ("", "987654321", "\0", "\ud83d", "1' OR '1'='1", "9" * 10_000):
        assert engine.details(run_id) is None
        assert engine.runs([run_id]) == []
        assert engine.cancel([run_id], at_ms=0) == ([], [], {})
        assert engine.enqueue_again([run_id], at_ms=0).started == {}
        assert mark(scene.shop, Seen(run_id, 1, None, guard_heartbeat=True)) == []


def test_the_history_has_open_runs_first_and_every_run_once(scene: Scene) -> None:
    engine = scene.shop.engine
    found: list[Job] = []
    after = None
    while True:
        page = engine.page(RunFilter(), after=after, limit=2)
        found += page.jobs
        assert len(page.jobs) <= 2
        if page.next is None:
            break
        after = page.next

    ids = [job.run_id for job in found]
    kinds = ("succeeded", "failed", "hanging", "orphan", "delayed", "cancelled")
    assert len(ids) == len(set(ids))
    assert {getattr(scene, kind) for kind in kinds} <= set(ids)
    over = [job.state in FINISHED for job in found]
    assert over == sorted(over)
    ends = [job.finished_at or 0 for job in found if job.state in FINISHED]
    assert ends == sorted(ends, reverse=True)
    assert engine.count(RunFilter(), up_to=1_000) == len(ids)


def test_a_place_that_is_none_is_refused(scene: Scene) -> None:
    with pytest.raises(InvalidRequestError):
        scene.shop.engine.page(RunFilter(), after="nowhere")


@pytest.mark.parametrize(
    ("filter_", "kinds"),
    [
        (RunFilter(states=frozenset({JobState.FAILED})), {"failed"}),
        (RunFilter(job_name="fail"), {"failed"}),
        (RunFilter(text="no such INVOICE"), {"failed"}),
        (RunFilter(states=frozenset({JobState.SCHEDULED})), {"delayed"}),
        (RunFilter(text="100%_"), set()),
        (RunFilter(job_name="nobody"), set()),
        (RunFilter(job_name="\0"), set()),
        (RunFilter(until_ms=1), set()),
    ],
    ids=str,
)
def test_the_history_is_filtered(
    scene: Scene, filter_: RunFilter, kinds: set[str]
) -> None:
    page = scene.shop.engine.page(filter_)
    mine = {getattr(scene, kind): kind for kind in Scene._fields[1:7]}

    assert {mine[job.run_id] for job in page.jobs if job.run_id in mine} == kinds
    if not kinds:
        assert page.jobs == []


def test_an_id_as_text_is_that_run(scene: Scene) -> None:
    [job] = scene.shop.engine.page(RunFilter(text=scene.succeeded)).jobs

    assert job.run_id == scene.succeeded


def test_the_last_runs_of_a_job_are_known(scene: Scene) -> None:
    latest = scene.shop.engine.latest("fail", limit=5)

    assert scene.failed in {job.run_id for job in latest}
    assert {job.job_name for job in latest} == {"fail"}
    assert scene.shop.engine.latest("nobody", limit=1) == []


def test_finished_runs_are_counted_by_hour_job_and_state(scene: Scene) -> None:
    now = now_ms(utc_now)
    cells = scene.shop.engine.finished_cells(now - DAY_MS, now + HOUR_MS)

    runs = {}
    for cell in cells:
        assert cell.hour % HOUR_MS == 0
        key = (cell.job_name, cell.status)
        runs[key] = runs.get(key, 0) + cell.runs
    filter_ = RunFilter(job_name="fail", states=frozenset({JobState.FAILED}))
    listed = scene.shop.engine.page(filter_, limit=500).jobs
    assert runs["fail", JobState.FAILED] == len(listed)
    assert runs["add", JobState.CANCELLED] >= 1
    assert scene.shop.engine.finished_cells(now + DAY_MS, now + 2 * DAY_MS) == []


def test_a_run_that_hangs_is_judged_by_time_and_by_its_last_sign_of_life(
    scene: Scene,
) -> None:
    limits = StallLimits(default_ms=MINUTE_MS, heartbeat_ms=1)
    job = scene.shop.job(scene.orphan)
    later = now_ms(utc_now) + HOUR_MS

    verdict = verdict_of(job, now_ms=later, limits=limits)

    assert verdict is not None
    assert verdict.state is StallState.OVERDUE
    assert verdict.evidence.worker == "killed"
    if job.sign is LifeSign.STEP:
        assert within(scene, verdict.evidence.heartbeat_at)
        steps = scene.shop.engine.details(scene.orphan).steps  # type: ignore[union-attr]
        assert [(step.name, step.failed) for step in steps] == [("note", False)]
        assert steps[0].finished_at == verdict.evidence.heartbeat_at


def test_the_probe_tells_of_a_run_that_somebody_starts(scene: Scene) -> None:
    before = scene.shop.engine.probe()
    scene.shop.start("add")

    assert scene.shop.engine.probe() != before


# acting


def test_a_run_is_started_and_done(scene: Scene) -> None:
    run_id = scene.shop.start("add", left=1, right=1)

    scene.shop.wait(run_id, JobState.SUCCEEDED)

    details = scene.shop.engine.details(run_id)
    assert details is not None
    assert details.result == "2"


def test_a_hanging_run_is_cleaned_up_and_its_code_stops(scene: Scene) -> None:
    shop = scene.shop
    run_id = shop.hang("cleaned")

    assert mark(shop, seen(shop.job(run_id))) == [run_id]

    able = shop.engine.capabilities
    is_cancel = able.remedy is Remedy.CANCEL
    expected = JobState.CANCELLED if is_cancel else JobState.FAILED
    assert shop.job(run_id).state is expected
    (shop.folder / "cleaned").touch()
    after = shop.start("add")
    shop.wait(after, JobState.SUCCEEDED)
    assert shop.job(run_id).state is expected


@pytest.mark.parametrize("what", ["start", "sign of life"])
def test_a_run_that_is_no_longer_as_seen_is_left_alone(scene: Scene, what: str) -> None:
    job = scene.shop.job(scene.hanging)
    known = seen(job)
    change = {"start": {"started_at": 1}, "sign of life": {"heartbeat_at": 1}}[what]

    assert mark(scene.shop, known._replace(**change)) == []
    assert scene.shop.job(scene.hanging) == job


def test_a_finished_run_is_not_cleaned_up(scene: Scene) -> None:
    job = scene.shop.job(scene.succeeded)

    assert mark(scene.shop, seen(job)) == []
    assert scene.shop.job(scene.succeeded) == job


def test_what_waits_is_called_off_and_what_runs_is_asked_to_stop(scene: Scene) -> None:
    shop = scene.shop
    waits = shop.start("add", run_at_ms=scene.due_at)
    runs = shop.hang("stopped")

    done = shop.engine.cancel([waits, runs, scene.succeeded], at_ms=now_ms(utc_now))

    assert (done.cancelled, done.asked) == ([waits], [runs])
    assert shop.job(waits).state is JobState.CANCELLED
    (shop.folder / "stopped").touch()
    # a native worker that is asked may be done before it looks
    ended = {JobState.CANCELLED, *([] if shop.is_dbos else [JobState.SUCCEEDED])}
    until(lambda: shop.job(runs).state in ended)


@pytest.mark.parametrize("kind", ["succeeded", "failed"])
def test_a_run_that_ended_is_run_again_as_a_new_one(scene: Scene, kind: str) -> None:
    shop, old = scene.shop, getattr(scene, kind)
    before = shop.engine.details(old)

    [(again, new)] = shop.engine.enqueue_again(
        [old], at_ms=now_ms(utc_now)
    ).started.items()

    assert again == old != new
    assert shop.engine.details(old) == before
    shop.wait(new, JobState[kind.upper()])
    assert before is not None
    assert shop.engine.details(new).params == before.params  # type: ignore[union-attr]


def test_a_cancelled_run_is_run_again(scene: Scene) -> None:
    shop = scene.shop
    old = shop.start("add", run_at_ms=scene.due_at, left=3, right=4)
    shop.engine.cancel([old], at_ms=now_ms(utc_now))
    shop.wait(old, JobState.CANCELLED)

    [new] = shop.engine.enqueue_again([old], at_ms=now_ms(utc_now)).started.values()

    assert (new == old) == shop.is_dbos
    shop.wait(new, JobState.SUCCEEDED)


def test_a_run_is_run_again_with_other_params(scene: Scene) -> None:
    shop = scene.shop
    [new] = shop.engine.enqueue_again(
        [scene.succeeded], at_ms=now_ms(utc_now), params='{"left": 5, "right": 5}'
    ).started.values()

    shop.wait(new, JobState.SUCCEEDED)

    details = shop.engine.details(new)
    assert details is not None
    assert details.result == "10"


def test_what_is_open_is_not_run_again(scene: Scene) -> None:
    ids = [scene.hanging, scene.delayed]

    assert scene.shop.engine.enqueue_again(ids, at_ms=now_ms(utc_now)).started == {}


def test_what_is_thought_of_the_engine_is_found(scene: Scene) -> None:
    found = scene.shop.engine.examine(utc_now)

    assert {"schema", "rights", "plan"} <= {diagnosis.what for diagnosis in found}
    assert [d for d in found if d.grade == "mend" and d.what != "journal"] == []
