"""Failed runs of an absence, or of a bad day, are read a bounded number at a time."""

from collections.abc import Iterator

import pytest

from data.clock import DAY_MS, MINUTE_MS
from data.db import Database
from data.engines.native import NativeEngine
from data.exceptions import InvalidRequestError, SourceUnavailableError
from data.model import RunPage
from data.store import Store, open_store
from data.tracking import failed_runs
from data.tracking.failed_runs import OVERLAP_MS, FailedRuns, FailureReads
from data.tracking.tracker import Tracker
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table

#: Of a page, and of a step, in these tests.
PAGE, STEP = 10, 20


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_runs, "_PAGE", PAGE)
    monkeypatch.setattr(failed_runs, "PAGES_PER_STEP", STEP // PAGE)


@pytest.fixture
def store(own_store_url: str) -> Iterator[Store]:
    made = open_store(own_store_url)
    yield made
    made.close()


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        yield made


@pytest.fixture
def engine(table: JobTable) -> Iterator[NativeEngine]:
    made = NativeEngine(Database(table.url, name="jobs"))
    made.check()
    yield made
    made.close()


@pytest.fixture
def reader(store: Store, clock: FakeClock) -> FailedRuns:
    tracker = Tracker(store.errors, clock=clock)
    return FailedRuns(store.errors, tracker, kept_ms=90 * DAY_MS)


def fail(table: JobTable, number: int, *, every_ms: int, until: int = NOW) -> list[str]:
    """So many failed runs, the newest first."""
    return table.add(
        *(
            finished_run(
                status="FAILED",
                started_at=until - n * every_ms - 1,
                finished_at=until - n * every_ms,
                error_type="ValueError",
                error=f"order {n} is not valid",
            )
            for n in range(number)
        )
    )


def tracked(store: Store) -> list[str]:
    return [row.run_id for row in store.errors.events([], limit=5_000)]


def test_what_failed_during_an_absence_comes_in_steps_newest_first(
    table: JobTable, engine: NativeEngine, reader: FailedRuns, store: Store
) -> None:
    runs = fail(table, 50, every_ms=MINUTE_MS)
    away_since = NOW - DAY_MS
    store.errors.note_scanned("jobs", away_since, NOW - 90 * DAY_MS)

    assert reader.follow("jobs", engine, NOW)
    assert sorted(tracked(store)) == sorted(runs[:STEP])
    assert store.errors.scanned("jobs") == (away_since, NOW - 90 * DAY_MS)
    assert reader.follow("jobs", engine, NOW)
    assert not reader.follow("jobs", engine, NOW)

    assert sorted(tracked(store)) == sorted(runs)
    assert store.errors.scanned("jobs") == (NOW, NOW - 90 * DAY_MS)


def test_what_fails_while_an_absence_is_read_is_tracked_after_it(
    table: JobTable, engine: NativeEngine, reader: FailedRuns, store: Store
) -> None:
    runs = fail(table, 30, every_ms=MINUTE_MS)
    store.errors.note_scanned("jobs", NOW - DAY_MS, NOW - 90 * DAY_MS)
    reader.follow("jobs", engine, NOW)
    later = NOW + 20 * MINUTE_MS
    runs += fail(table, 1, every_ms=1, until=later)

    assert not reader.follow("jobs", engine, later)
    assert not reader.follow("jobs", engine, later)

    assert sorted(tracked(store)) == sorted(runs)


def test_a_day_with_many_failures_is_read_in_steps_too(
    table: JobTable, engine: NativeEngine, reader: FailedRuns, store: Store
) -> None:
    day = NOW - DAY_MS
    runs = fail(table, 45, every_ms=MINUTE_MS, until=day)
    store.errors.note_scanned("jobs", NOW, day + OVERLAP_MS)

    counts = []
    while reader.step_back("jobs", engine, NOW):
        counts.append(len(tracked(store)))

    assert counts[:3] == [20, 40, 45]
    assert sorted(tracked(store)) == sorted(runs)
    assert store.errors.scanned("jobs") == (NOW, NOW - 90 * DAY_MS)


def test_after_a_failure_a_step_goes_on_where_it_stopped(
    table: JobTable, engine: NativeEngine, reader: FailedRuns, store: Store
) -> None:
    runs = fail(table, 30, every_ms=MINUTE_MS)
    store.errors.note_scanned("jobs", NOW - DAY_MS, NOW - 90 * DAY_MS)
    pages: list[str | None] = []

    def page(wanted: object, *, after: str | None, limit: int) -> RunPage:
        pages.append(after)
        if len(pages) == 2:
            message = "jobs: the database cannot be reached."
            raise SourceUnavailableError(message)
        return engine.page(wanted, after=after, limit=limit)  # type: ignore[arg-type]

    reads = FailureReads(page, engine.failures)
    with pytest.raises(SourceUnavailableError):
        reader.follow("jobs", reads, NOW)
    assert not reader.follow("jobs", reads, NOW)

    assert sorted(tracked(store)) == sorted(runs)
    assert pages[0] is None
    assert pages[1] == pages[2]


def test_what_another_process_went_on_with_is_begun_anew(
    table: JobTable, engine: NativeEngine, reader: FailedRuns, store: Store
) -> None:
    """Whoever lost its lease midway must not put the mark back when it leads again."""
    fail(table, 30, every_ms=MINUTE_MS)
    store.errors.note_scanned("jobs", NOW - DAY_MS, NOW - 90 * DAY_MS)
    reader.follow("jobs", engine, NOW)
    others = NOW + 60 * MINUTE_MS
    store.errors.note_scanned("jobs", others, NOW - 90 * DAY_MS)

    reader.follow("jobs", engine, others + MINUTE_MS)

    assert store.errors.scanned("jobs") == (others + MINUTE_MS, NOW - 90 * DAY_MS)


@pytest.mark.parametrize("past", [False, True])
def test_a_span_whose_cursor_is_dead_is_read_anew(
    table: JobTable,
    engine: NativeEngine,
    reader: FailedRuns,
    store: Store,
    *,
    past: bool,
) -> None:
    begin = NOW - DAY_MS
    runs = fail(table, 30, every_ms=MINUTE_MS, until=begin if past else NOW)
    scanned = (NOW, begin + OVERLAP_MS) if past else (begin, NOW - 90 * DAY_MS)
    store.errors.note_scanned("jobs", *scanned)
    go_on = reader.step_back if past else reader.follow
    go_on("jobs", engine, NOW)

    def dead(*_arguments: object, after: str | None, limit: int) -> RunPage:
        assert after is not None
        message = "This page was asked for with a cursor of another list."
        raise InvalidRequestError(message)

    with pytest.raises(InvalidRequestError):
        go_on("jobs", FailureReads(dead, engine.failures), NOW)
    asked: list[str | None] = []

    def page(*arguments: object, after: str | None, limit: int) -> RunPage:
        asked.append(after)
        return engine.page(*arguments, after=after, limit=limit)

    for _ in range(3):
        go_on("jobs", FailureReads(page, engine.failures), NOW)

    assert asked[0] is None
    assert sorted(tracked(store)) == sorted(runs)
