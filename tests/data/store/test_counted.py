"""What was counted once stays counted, whatever a queue deletes and when."""

from collections.abc import Iterator

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, WEEK_MS
from data.model import JobState
from data.store import Store, open_store
from data.store.audit import AuditEntry
from data.store.cells import Cells, Figures
from data.store.counted import Reopened, has_shrunk, keep_counted
from data.store.trends import LOSING_MS
from tests.conftest import FakeClock
from tests.data.store.runs import Run, Runs, stored_cells, stored_days

GOOD, BAD = JobState.SUCCEEDED, JobState.FAILED
HOUR, JOB = 7 * HOUR_MS, "send-mail"


@pytest.fixture
def store(request: pytest.FixtureRequest, sqlite_store_url: str) -> Iterator[Store]:
    """On SQLite, or on both databases where a test asks for that."""
    asked = getattr(request, "param", "")
    url = request.getfixturevalue(asked) if asked else sqlite_store_url
    opened = open_store(url, retention_ms=DAY_MS)
    yield opened
    opened.close()


on_both = pytest.mark.parametrize(
    "store", ["sqlite_store_url", "postgresql_store_url"], indirect=True
)


def refresh(store: Store, runs: Runs, clock: FakeClock) -> None:
    store.rollups.refresh("orders", runs.read, clock.now_ms)


def fill(store: Store, runs: Runs, clock: FakeClock) -> None:
    refresh(store, runs, clock)
    while store.rollups.backfill_step("orders", runs.read, clock.now_ms):
        pass


def counted(store: Store, state: JobState, since: int = 0) -> int:
    hours = stored_cells(store, "orders", since)
    return sum(cell.runs for cell in hours if cell.status is state)


def rate(store: Store, clock: FakeClock) -> float | None:
    recent = store.rollups.recent("orders", clock.now_ms)
    assert recent is not None
    good, bad = (sum(one) for one in zip(*recent.rated_by_hour, strict=True))
    return bad / (good + bad) if good + bad else None


def work(
    store: Store,
    clock: FakeClock,
    *,
    minutes: int,
    kept_ms: dict[JobState, int],
    runs: Runs | None = None,
) -> tuple[int, int]:
    """A run ends every 4 s, each fiftieth fails; each state is kept for so long.

    It is looked every 16 s, or every 8 s where rows are gone sooner than in a minute.
    """
    looked = 2 if min(kept_ms.values()) < MINUTE_MS else 4
    runs = runs or Runs()
    ended = {GOOD: 0, BAD: 0}
    for n in range(minutes * 15):
        clock.advance_ms(4 * SECOND_MS)
        state = GOOD if n % 50 else BAD
        runs.rows.append(Run(clock.now_ms, state=state, duration_ms=500 + 7 * (n % 90)))
        ended[state] += 1
        runs.rows = [
            run
            for run in runs.rows
            if clock.now_ms - run.finished_at < kept_ms.get(run.state, DAY_MS)
        ]
        if n % looked == looked - 1:
            refresh(store, runs, clock)
    clock.advance_ms(5 * SECOND_MS)
    refresh(store, runs, clock)
    return ended[GOOD], ended[BAD]


def test_succeeded_rows_that_are_deleted_stay_counted(
    store: Store, clock: FakeClock
) -> None:
    at = clock.now_ms - 5 * MINUTE_MS
    runs = Runs([Run(at - n * SECOND_MS, state=GOOD) for n in range(200)])
    runs.rows += [Run(at, state=BAD), Run(at - 1, state=BAD)]
    refresh(store, runs, clock)

    runs.rows = [run for run in runs.rows if run.state is BAD]
    for _ in range(3):
        clock.advance_ms(5 * SECOND_MS)
        refresh(store, runs, clock)

    assert (counted(store, GOOD), counted(store, BAD)) == (200, 2)
    recent = store.rollups.recent("orders", clock.now_ms)
    assert recent is not None
    assert (recent.succeeded, recent.failed) == (200, 2)
    # nobody watched from the beginning of the hour: there is no rate, and never 100 %
    assert rate(store, clock) is None
    assert recent.rates_from == clock.now_ms - clock.now_ms % HOUR_MS + HOUR_MS


@pytest.mark.parametrize(
    "kept_ms",
    [
        pytest.param({GOOD: 2 * MINUTE_MS}, marks=pytest.mark.exhaustive),
        {GOOD: 20 * SECOND_MS},
        {GOOD: 2 * MINUTE_MS, BAD: 4 * MINUTE_MS},
        {GOOD: 40 * MINUTE_MS},
    ],
    ids=["minutes", "seconds", "both", "most-of-an-hour"],
)
def test_a_queue_that_deletes_all_the_time_is_counted_to_the_run(
    store: Store, clock: FakeClock, kept_ms: dict[JobState, int]
) -> None:
    clock.advance_ms(HOUR_MS - clock.now_ms % HOUR_MS)
    refresh(store, Runs(), clock)

    good, bad = work(store, clock, minutes=75, kept_ms=kept_ms)

    assert (counted(store, GOOD), counted(store, BAD)) == (good, bad)
    assert rate(store, clock) == pytest.approx(0.02, abs=0.003)
    days = sum(cell.runs for cell in stored_days(store, "orders"))
    assert days == counted(store, GOOD) + counted(store, BAD)


@on_both
def test_history_that_was_read_after_rows_were_deleted_gives_no_rate(
    store: Store, clock: FakeClock
) -> None:
    clock.advance_ms(HOUR_MS - clock.now_ms % HOUR_MS)
    runs = Runs([Run(clock.now_ms - n * HOUR_MS, state=BAD) for n in range(1, 24 * 20)])
    fill(store, runs, clock)
    until = clock.now_ms + HOUR_MS
    assert store.trends.weeks("orders", until).rate == 1

    work(store, clock, minutes=10, kept_ms={GOOD: MINUTE_MS}, runs=runs)

    assert store.trends.rates_from("orders") == until
    weeks = store.trends.weeks("orders", until)
    assert (weeks.rate, weeks.rate_before) == (None, None)
    assert store.trends.judged("orders", until - WEEK_MS, until, HOUR_MS) == {}
    assert store.trends.judged("", until - WEEK_MS, until, DAY_MS) == {}
    assert store.trends.totals("orders", until - WEEK_MS, until, HOUR_MS)
    assert rate(store, clock) is None


def test_what_was_deleted_once_by_hand_is_forgotten_after_four_days(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms - n * MINUTE_MS) for n in range(10)])
    fill(store, runs, clock)
    del runs.rows[:5]
    clock.advance_ms(5 * SECOND_MS)
    refresh(store, runs, clock)
    assert store.trends.rates_from("orders") is not None

    for _ in range(LOSING_MS // HOUR_MS + 1):
        clock.advance_ms(HOUR_MS)
        refresh(store, runs, clock)

    assert store.trends.rates_from("orders") is None
    assert counted(store, GOOD) == 10


def test_deletions_that_only_an_audit_sees_are_noticed_too(
    store: Store, clock: FakeClock
) -> None:
    runs = Runs([Run(clock.now_ms - 20 * HOUR_MS, state=GOOD) for _ in range(9)])
    fill(store, runs, clock)
    runs.rows.clear()

    for _ in range(24):
        store.rollups.audit_step("orders", runs.read, clock.now_ms)

    assert counted(store, GOOD) == 9
    assert store.trends.rates_from("orders") is not None


def test_rows_that_everybody_prunes_say_nothing(store: Store, clock: FakeClock) -> None:
    runs = Runs([Run(clock.now_ms - 3 * DAY_MS, state=GOOD) for _ in range(9)])
    fill(store, runs, clock)
    runs.rows.clear()

    for _ in range(24 * 4):
        store.rollups.audit_step("orders", runs.read, clock.now_ms)

    assert counted(store, GOOD) == 9
    assert store.trends.rates_from("orders") is None


@on_both
def test_a_run_that_an_undo_opened_again_is_not_counted_as_failed(
    store: Store, clock: FakeClock
) -> None:
    failed = Run(clock.now_ms - MINUTE_MS, state=BAD)
    runs = Runs([failed, Run(clock.now_ms - MINUTE_MS)])
    refresh(store, runs, clock)
    clock.advance_ms(5 * SECOND_MS)
    entry = AuditEntry("1", failed.job_name, {"finished_at": failed.finished_at}, "")
    store.audit.open_batch("ann", "orders", "undo", [entry], clock.now_ms)
    refresh(store, runs, clock)  # the source shows it a moment later

    runs.rows.remove(failed)
    clock.advance_ms(5 * SECOND_MS)
    refresh(store, runs, clock)

    assert (counted(store, GOOD), counted(store, BAD)) == (1, 0)
    assert store.trends.rates_from("orders") is None


# pure


def cells(**runs: int) -> Cells:
    return {
        (HOUR, JOB, status): Figures(n, n * 100, n, b"", "{}")
        for status, n in runs.items()
    }


@pytest.mark.parametrize(
    ("stored", "fresh", "added", "expected", "lost"),
    [
        pytest.param({"SUCCEEDED": 5}, {"SUCCEEDED": 6}, {}, None, False, id="late"),
        pytest.param({"FAILED": 5}, {"SUCCEEDED": 5}, {}, None, False, id="edited"),
        pytest.param(
            {"SUCCEEDED": 5}, {"SUCCEEDED": 4, "CANCELLED": 1}, {}, None, False,
            id="edited-to-one-that-does-not-count",
        ),
        pytest.param(
            {"SUCCEEDED": 5}, {"SUCCEEDED": 4, "CANCELLED": 3}, {"CANCELLED": 1}, None,
            False, id="edited-while-others-came",
        ),
        pytest.param(
            {"SUCCEEDED": 5, "CANCELLED": 3}, {"SUCCEEDED": 6}, {}, None, False,
            id="more-that-count",
        ),
        pytest.param(
            {"SUCCEEDED": 5}, {}, {}, {"SUCCEEDED": 5}, True, id="all-deleted"
        ),
        pytest.param(
            {"SUCCEEDED": 5, "FAILED": 2}, {"SUCCEEDED": 5, "FAILED": 3},
            {"SUCCEEDED": 4, "FAILED": 1}, {"SUCCEEDED": 9, "FAILED": 3}, True,
            id="as-many-new-as-deleted",
        ),
        pytest.param(
            {"SUCCEEDED": 5, "FAILED": 2}, {"SUCCEEDED": 5}, {},
            {"SUCCEEDED": 5, "FAILED": 2}, False, id="failed-deleted",
        ),
        pytest.param(
            {"CANCELLED": 5}, {"CANCELLED": 4}, {}, {"CANCELLED": 5}, False,
            id="cancelled-deleted",
        ),
    ],
)  # fmt: skip
def test_counts_are_kept_where_the_source_has_fewer(
    stored: dict[str, int],
    fresh: dict[str, int],
    added: dict[str, int],
    expected: dict[str, int] | None,
    *,
    lost: bool,
) -> None:
    found = keep_counted(
        cells(**stored), cells(**fresh), cells(**added), Reopened({}, {})
    )

    assert found.cells == cells(**(fresh if expected is None else expected))
    assert found.lost == ({HOUR} if lost else set())


def test_each_job_type_is_kept_by_itself() -> None:
    other = {(HOUR, "make-report", "FAILED"): Figures(1, 1, 1, b"", "{}")}

    found = keep_counted(cells(FAILED=2), other, {}, Reopened({}, {}))

    assert found.cells == {**cells(FAILED=2), **other}


def test_what_an_undo_opened_is_taken_off_once_where_rows_are_lost_as_well() -> None:
    slot = (HOUR, JOB)
    stored, fresh = cells(SUCCEEDED=9, FAILED=3), cells(SUCCEEDED=1, FAILED=2)

    just = keep_counted(stored, fresh, {}, Reopened({slot: 1}, {slot: 1}))
    before = keep_counted(stored, fresh, {}, Reopened({slot: 1}, {}))

    runs = {status: figures.runs for (_, _, status), figures in just.cells.items()}
    assert runs == {"SUCCEEDED": 9, "FAILED": 2}
    assert before.cells == stored


def test_a_length_of_which_there_are_fewer_tells_though_there_are_more_runs() -> None:
    def of(*lengths: tuple[int, int]) -> Cells:
        from data.rules.histogram import encode  # noqa: PLC0415

        counts = dict(lengths)
        total = sum(counts.values())
        return {(HOUR, JOB, "SUCCEEDED"): Figures(total, 0, 0, encode(counts), "{}")}

    assert has_shrunk(of((5, 3), (7, 2)), of((5, 2), (7, 9)))
    assert not has_shrunk(of((5, 3), (7, 2)), of((5, 3), (7, 9)))
    assert has_shrunk(of((5, 3)), {})
    assert not has_shrunk({}, of((5, 3)))
