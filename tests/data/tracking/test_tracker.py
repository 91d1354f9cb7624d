"""The tracker: nothing raises, nothing is lost, a burst keeps its count."""

import asyncio
import json
import logging
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

import data.tracking as api
from data.clock import DAY_MS, MINUTE_MS
from data.db import Database
from data.engines.base import JobEngine
from data.engines.registry import open_engine
from data.exceptions import InvalidRequestError, SourceUnavailableError
from data.model import ErrorEvent, Failure, Snapshot, Trouble
from data.monitor.outages import Outages
from data.store import Store
from data.store.error_records import ErrorFilter
from data.store.errors import Written
from data.tracking import Tracker
from data.tracking.events import STACK, from_failure
from data.tracking.failed_runs import OVERLAP_MS, FailedRuns
from data.tracking.intake import ROOM, Intake
from tests.conftest import FakeClock
from tests.factories import JobTable, finished_run, job_table, make_job

pytestmark = pytest.mark.one_database


@pytest.fixture
def tracker(store: Store, clock: FakeClock) -> Iterator[Tracker]:
    made = Tracker(
        store.errors,
        clock=clock,
        around=lambda: {"component": "around", "url": "/history?run=7"},
    )
    made.start()
    api.install(made)
    yield made
    api.uninstall(made)
    made.stop()


def kept(tracker: Tracker, store: Store) -> list[dict[str, Any]]:
    tracker.intake.stop()
    tracker.intake.start()
    rows = store.errors.events([], limit=5_000)
    return [json.loads(row.body) for row in reversed(rows)]


def test_an_error_is_kept_with_its_context_in_both_spellings(
    tracker: Tracker, store: Store
) -> None:
    event_id = api.track_error(
        ValueError("no"),
        action="cancelJob",
        jobName="etl",
        run_id="r-1",
        params={"a": 1},
    )
    (found,) = kept(tracker, store)
    assert found["event_id"] == event_id
    context = found["context"]
    assert (context["action"], context["component"]) == ("cancelJob", "around")
    assert (context["jobName"], context["runId"]) == ("etl", "r-1")
    assert (context["params"], context["url"]) == ({"a": 1}, "/history?[run]")
    assert api.get_recent_errors() == [found]
    api.clear_recent_errors()
    assert api.get_recent_errors() == []


def test_the_last_ten_are_remembered_oldest_first(tracker: Tracker) -> None:
    for number in range(12):
        api.track_warning(f"warning {number}")
    recent = [one["exception"]["message"] for one in api.get_recent_errors()]
    assert recent == [f"warning {number}" for number in range(2, 12)]
    assert len(api.get_recent_errors(limit=3)) == 3
    assert api.get_recent_errors(limit=0) == []


def _circle() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    return circle


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    "error",
    [
        None,
        7,
        "x",
        object(),
        HostileError(),
        HostileError,
        KeyboardInterrupt(),
        b"bytes",
        {},
        pytest.param("x" * 5_000_000, id="5 MB"),
        pytest.param(ValueError("x" * 5_000_000), id="error of 5 MB"),
        pytest.param(_circle(), id="circle"),
        pytest.param("a\x00b\ud800c", id="not storable"),
    ],
)
def test_it_takes_whatever_it_is_given(
    tracker: Tracker, store: Store, error: object
) -> None:
    assert len(api.track_error(error, params=error, action=error, nonsense=error)) == 32
    assert len(kept(tracker, store)) == 1


def test_what_is_awaited_gives_its_value_or_raises_again(
    tracker: Tracker, store: Store
) -> None:
    async def give() -> int:
        return 7

    async def fail() -> int:
        raise InvalidRequestError("no")

    assert asyncio.run(api.track_async(give, action="x")) == 7
    with pytest.raises(InvalidRequestError, match="no"):
        asyncio.run(api.track_async(fail, action="cancelJob"))
    (found,) = kept(tracker, store)
    assert (found["kind"], found["context"]["action"]) == ("async", "cancelJob")


def test_an_error_that_passes_several_hands_is_tracked_once(
    tracker: Tracker, store: Store
) -> None:
    error = SourceUnavailableError("gone")

    def nested() -> None:
        with api.tracking("cancelJob"), api.tracking("inner"):
            raise error

    with pytest.raises(SourceUnavailableError):
        nested()
    event_id = api.track_once(error, action="later")
    logging.getLogger("elsewhere").error("it failed", exc_info=error)
    (found,) = kept(tracker, store)
    assert (found["event_id"], found["context"]["action"]) == (event_id, "inner")


def test_wrong_input_is_a_warning(tracker: Tracker, store: Store) -> None:
    with pytest.raises(InvalidRequestError), api.tracking("enqueueJob"):
        raise InvalidRequestError("no")
    assert kept(tracker, store)[0]["level"] == "warning"


def test_causes_frames_and_the_end_of_a_long_traceback_are_kept(
    tracker: Tracker, store: Store
) -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        try:
            {}["first"]  # type: ignore[index]  # that is the point
        except KeyError as first:
            raise ValueError("x" * 5_000) from first

    with pytest.raises(ValueError, match="x") as caught:
        deep(200)
    api.track_error(caught.value)
    exception = kept(tracker, store)[0]["exception"]
    assert exception["cause"][0] == {"type": "KeyError", "message": "'first'"}
    assert exception["frames"][0]["function"] == "deep"
    assert len(exception["frames"]) <= 20
    assert len(exception["stacktrace"].encode()) <= 4_000
    assert exception["message"].endswith("]")


def test_log_records_from_error_up_are_tracked(
    tracker: Tracker, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("somewhere").warning("no")
    logging.getLogger("somewhere").error("it %s", "broke")
    logging.getLogger("data.monitor").error("watch failed")
    logging.getLogger("uvicorn.error").error("served badly")
    logging.getLogger("x").error("known", extra={"tracked": True})
    logging.getLogger("data.tracking.intake").error("own")
    found = [
        (
            one["exception"]["message"],
            one["context"]["component"],
            one["context"]["action"],
        )
        for one in kept(tracker, store)
    ]
    assert found == [
        ("it broke", "somewhere", ""),
        ("watch failed", "data.monitor", "monitor"),
        ("served badly", "uvicorn.error", ""),
    ]


def test_an_outage_of_a_source_is_one_error(tracker: Tracker, store: Store) -> None:
    outages = Outages()
    well = Snapshot.__new__(Snapshot)
    for trouble in (None, 1, 1, 1, None, 2):
        object.__setattr__(well, "source", "jobs")
        told = trouble and Trouble(since=trouble, unreachable=True, message="gone")
        object.__setattr__(well, "trouble", told or None)
        outages.note(well)
    actions = [one["context"]["action"] for one in kept(tracker, store)]
    assert actions == ["loadActiveJobs"] * 2


class Writes:
    """A store whose writes wait, or fail, as the test says."""

    def __init__(self) -> None:
        self.may = Event()
        self.fails = False
        self.written: list[ErrorEvent] = []
        self.counted: list[ErrorEvent] = []

    def write(self, events: Any, counted: Any = ()) -> Written:
        self.may.wait(60)
        if self.fails:
            raise SourceUnavailableError("the store is gone")
        self.written += events
        self.counted += counted
        return Written({event.event_id for event in events}, set())


def an_event(number: int) -> ErrorEvent:
    return ErrorEvent(
        event_id=f"{number:032x}",
        fingerprint=f"v1:{number % 3}",
        title="x",
        at=0,
        received_at=0,
        level="error",
        origin="job",
        kind="job_failure",
        type="",
        message="",
    )


def test_a_burst_beyond_the_queue_keeps_its_count() -> None:
    writes = Writes()
    intake = Intake(writes, kept=lambda _events: None)  # type: ignore[arg-type]  # ours
    for number in range(5_000):
        intake.put(an_event(number))
    assert intake.size == ROOM
    writes.may.set()
    intake.start()
    intake.stop()
    assert len(writes.written) == ROOM
    assert sum(event.times for event in writes.counted) == 5_000 - ROOM
    assert intake.totals["only counted"] == 5_000 - ROOM


def test_while_the_store_is_gone_events_wait_and_receipts_say_so() -> None:
    writes = Writes()
    writes.may.set()
    writes.fails = True
    intake = Intake(writes, kept=lambda _events: None)  # type: ignore[arg-type]  # ours
    intake.put(an_event(1))
    receipt = intake.hand_in([an_event(2)])
    assert receipt is not None
    intake.write_waiting()
    with pytest.raises(SourceUnavailableError):
        receipt.result(0)
    assert (intake.size, intake.problem) == (1, "the store is gone")
    assert intake.hand_in([an_event(3)]) is None
    writes.fails = False
    intake.write_waiting()
    assert [event.event_id for event in writes.written] == [an_event(1).event_id]
    assert intake.problem == ""


def test_a_batch_finds_out_that_the_store_is_back() -> None:
    writes = Writes()
    writes.may.set()
    writes.fails = True
    intake = Intake(writes, kept=lambda _events: None)  # type: ignore[arg-type]  # ours
    assert intake.hand_in([an_event(1)]) is not None
    intake.write_waiting()
    assert (intake.size, intake.problem) == (0, "the store is gone")
    writes.fails = False
    receipt = intake.hand_in([an_event(1)])
    assert receipt is not None
    intake.write_waiting()
    assert (receipt.result(0).accepted, intake.problem) == (1, "")


def test_who_gave_up_waiting_does_not_lose_the_events_of_others() -> None:
    writes = Writes()
    writes.may.set()
    told: list[ErrorEvent] = []
    intake = Intake(writes, kept=told.extend)  # type: ignore[arg-type]  # ours
    for fails in (True, False):
        writes.fails = fails
        given_up, awaited = (intake.hand_in([an_event(10 + n)]) for n in range(2))
        intake.put(an_event(1))
        assert given_up is not None
        assert given_up.cancel()
        intake.write_waiting()
        if fails:
            assert intake.size == 1
            intake.problem = ""
    assert awaited is not None
    assert awaited.result(0).accepted == 1
    ids = [event.event_id for event in (an_event(1), an_event(10), an_event(11))]
    assert sorted({event.event_id for event in told}) == ids


def test_what_cannot_be_written_for_a_reason_of_its_own_is_counted_as_lost() -> None:
    writes = Writes()
    writes.may.set()
    intake = Intake(writes, kept=lambda _events: None)  # type: ignore[arg-type]  # ours
    writes.written = None  # type: ignore[assignment]  # a store with a fault
    intake.put(an_event(1))
    receipt = intake.hand_in([an_event(2)])
    assert receipt is not None
    with pytest.raises(TypeError):
        intake.write_waiting()
    assert isinstance(receipt.exception(0), TypeError)
    assert (intake.totals["lost"], intake.size) == (2, 0)
    writes.written = []
    intake.put(an_event(3))
    intake.write_waiting()
    assert intake.totals["kept"] == 1


def test_a_full_queue_takes_no_batch() -> None:
    intake = Intake(Writes(), kept=lambda _events: None)  # type: ignore[arg-type]  # ours
    for number in range(ROOM - 1):
        intake.put(an_event(number))
    assert intake.hand_in([an_event(1), an_event(2)]) is None
    assert intake.hand_in([an_event(1)]) is not None


class Scan:
    """The reader of failed runs over a real job table."""

    def __init__(
        self,
        url: str,
        table: JobTable,
        store: Store,
        tracker: Tracker,
        clock: FakeClock,
    ) -> None:
        self.engine: JobEngine = open_engine(
            "native", Database(url, name="jobs"), schema=None, read_only=False
        )
        self.engine.check()
        self.table = table
        self._store = store
        self._clock = clock
        self._failed = FailedRuns(store.errors, tracker, kept_ms=90 * DAY_MS)

    def fail(self, *, ago_ms: int = 0, **more: Any) -> str:
        run = finished_run(
            status="FAILED",
            finished_at=self._clock.now_ms - ago_ms,
            **{"error_type": "TimeoutError", "error": "upstream timed out", **more},
        )
        return str(self.table.add(run)[0])

    def follow(self) -> None:
        self._failed.follow("jobs", self.engine, self._clock.now_ms)

    def step_back(self) -> bool:
        return self._failed.step_back("jobs", self.engine, self._clock.now_ms)

    def run_ids(self) -> list[str]:
        rows = self._store.errors.events([], limit=5_000)
        return [row.run_id for row in reversed(rows)]


@pytest.fixture
def scan(
    store_url: str, store: Store, tracker: Tracker, clock: FakeClock
) -> Iterator[Scan]:
    with job_table(store_url) as table:
        made = Scan(store_url, table, store, tracker, clock)
        yield made
        made.engine.close()


def test_a_failed_run_is_an_error_of_its_job(scan: Scan, store: Store) -> None:
    trace = 'Traceback (most recent call last):\n  File "/app/etl.py", line 3, in run\n'
    run_id = scan.fail(
        job_name="etl", error=trace + "TimeoutError: after 3 s", params={"token": "x"}
    )
    scan.follow()
    (group,) = store.errors.groups(ErrorFilter())
    assert group.title == "TimeoutError: after <n>"
    assert (group.origin, group.action, group.job_name) == ("job", "runJob", "etl")
    (event,) = store.errors.events([group.fingerprint])
    body = json.loads(event.body)
    assert body["exception"]["frames"][0]["function"] == "run"
    assert body["context"]["runId"] == run_id
    assert body["context"]["params"] == {"token": "[Filtered]"}
    assert [run.run_id for run in store.errors.runs([group.fingerprint], limit=9)] == [
        run_id
    ]


def test_fifty_copies_of_one_traceback_are_one_group_and_another_error_is_another(
    scan: Scan, store: Store
) -> None:
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/app/etl.py", line {line}, in run\n    fetch({n})\n'
        '  File "/app/http.py", line {line}, in fetch\n'
        "{kind}: order {n} of run {n:032x} timed out after {n} s"
    )
    for n in range(1, 51):
        error = trace.format(line=n, n=n * 7919, kind="TimeoutError")
        scan.fail(error=error, error_type="")
    other = trace.format(line=7, n=7, kind="ConnectionError")
    scan.fail(error=other, error_type="")
    scan.follow()
    groups = store.errors.groups(ErrorFilter())
    assert [(one.type, one.events, one.runs) for one in groups] == [
        ("TimeoutError", 50, 50),
        ("ConnectionError", 1, 1),
    ]


@pytest.mark.parametrize("between", ["\n", " "])
def test_of_a_long_traceback_no_half_of_a_secret_is_kept(between: str) -> None:
    secret = "hunter2secret" * 20
    # the cut falls into the secret, and what comes after it is masked, and short then
    text = f"password={secret}{between}Cookie: " + "c" * (2 * STACK - 200)
    assert text[-2 * STACK :].partition(between)[0] in secret
    failure = Failure(make_job(), "TimeoutError", text, "")
    body = json.loads(from_failure("jobs", failure, now_ms=0).body)
    assert body["exception"]["stacktrace"] == "Cookie: [Filtered]"


def test_each_failed_run_is_tracked_once_also_when_it_is_committed_late(
    scan: Scan, clock: FakeClock
) -> None:
    first = scan.fail()
    scan.follow()
    clock.advance_ms(5_000)
    late = scan.fail(ago_ms=4 * MINUTE_MS)
    scan.follow()
    scan.follow()
    assert sorted(scan.run_ids()) == sorted([first, late])


def test_after_a_long_pause_it_goes_on_where_it_stopped(
    scan: Scan, clock: FakeClock
) -> None:
    scan.follow()
    clock.advance_ms(3 * DAY_MS)
    missed = [scan.fail(ago_ms=n * 60 * MINUTE_MS) for n in range(60)]
    scan.follow()
    assert sorted(scan.run_ids()) == sorted(missed)


def test_older_days_are_read_newest_first_back_to_the_retention(
    scan: Scan, clock: FakeClock
) -> None:
    kept = [scan.fail(ago_ms=n * DAY_MS + OVERLAP_MS) for n in range(89, 0, -1)]
    scan.fail(ago_ms=91 * DAY_MS)
    scan.follow()
    steps = 1
    while scan.step_back():
        steps += 1
    assert steps == 90
    assert scan.run_ids() == kept
    assert not scan.step_back()


def test_a_burst_of_failures_is_read_to_its_end(scan: Scan) -> None:
    runs = [scan.fail(error=f"order {n}") for n in range(450)]
    scan.follow()
    assert sorted(scan.run_ids()) == sorted(runs)
