import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from data.clock import DAY_MS, MINUTE_MS, to_ms
from data.demo.catalog import CATALOG, WEIGHTS
from data.demo.finished_runs import deck_of
from data.demo.history import DAYS, write_history
from data.model import JobState
from tests.data.demo.shop import NOON, RUNS, chance

NOON_MS = to_ms(NOON)


def test_the_same_now_gives_the_same_rows(tmp_path: Path) -> None:
    first, second = (_rows(tmp_path / name) for name in ("first.db", "second.db"))

    assert first == second
    assert len(first) > 500


def test_it_holds_exactly_the_runs_asked_for(history: sqlite3.Connection) -> None:
    assert _one(history, "SELECT count(*) FROM job_runs WHERE finished_at < ?") == RUNS


def test_it_covers_the_days_before_now(history: sqlite3.Connection) -> None:
    ends = _column(history, "SELECT finished_at FROM job_runs WHERE finished_at < ?")
    ages = [NOON_MS - int(end) for end in ends]

    assert (DAYS - 1) * DAY_MS < max(ages) <= DAYS * DAY_MS
    assert 0 < min(ages) < 30 * MINUTE_MS


def test_finished_at_is_null_exactly_while_a_run_is_open(
    history: sqlite3.Connection,
) -> None:
    wrong = _one(
        history,
        "SELECT count(*) FROM job_runs WHERE enqueued_at < ? AND (finished_at IS NULL)"
        " <> (status IN ('SCHEDULED', 'PENDING', 'RUNNING'))",
    )

    assert wrong == 0


def test_the_instants_of_a_run_follow_each_other(history: sqlite3.Connection) -> None:
    wrong = _one(
        history,
        "SELECT count(*) FROM job_runs WHERE finished_at < ? AND NOT (enqueued_at <="
        " started_at AND started_at <= heartbeat_at AND heartbeat_at <= finished_at)",
    )

    assert wrong == 0


def test_ids_grow_with_the_instant_of_the_end(history: sqlite3.Connection) -> None:
    ends = _column(
        history, "SELECT finished_at FROM job_runs ORDER BY id LIMIT ?", RUNS
    )

    assert ends == sorted(ends)


def test_three_to_four_per_cent_fail_and_a_few_are_cancelled(
    history: sqlite3.Connection,
) -> None:
    states = Counter(
        _column(history, "SELECT status FROM job_runs WHERE finished_at < ?")
    )

    assert 0.03 < states[JobState.FAILED] / RUNS < 0.04
    assert 0.001 < states[JobState.CANCELLED] / RUNS < 0.006


def test_the_types_follow_zipf(history: sqlite3.Connection) -> None:
    names = Counter(
        _column(history, "SELECT job_name FROM job_runs WHERE finished_at < ?")
    )

    assert len(names) == len(CATALOG) == 40
    for rank in (0, 1, 3, 9):
        share = names[CATALOG[rank].name] / RUNS
        assert share == pytest.approx(WEIGHTS[rank] / sum(WEIGHTS), rel=0.1)


def test_the_evening_is_busier_than_the_early_morning(
    history: sqlite3.Connection,
) -> None:
    hours = Counter(
        _column(
            history,
            "SELECT strftime('%H', finished_at / 1000, 'unixepoch') FROM job_runs"
            " WHERE finished_at < ?",
        )
    )

    assert hours["19"] > 1.8 * hours["05"]


def test_two_runs_are_stalled_from_the_start(history: sqlite3.Connection) -> None:
    running = history.execute(
        "SELECT job_name, worker, started_at, heartbeat_at FROM job_runs"
        " WHERE status = 'RUNNING' ORDER BY id"
    ).fetchall()

    assert running == [
        ("nightly-invoices", "worker-2", NOON_MS - 125 * MINUTE_MS, NOON_MS),
        (
            *("match-scores", "worker-3"),
            *(NOON_MS - 72 * MINUTE_MS, NOON_MS - 41 * MINUTE_MS),
        ),
    ]


def test_some_runs_wait_and_some_are_due_later(history: sqlite3.Connection) -> None:
    states = Counter(
        _column(history, "SELECT status FROM job_runs WHERE finished_at IS NULL")
    )

    assert states[JobState.PENDING] == 4
    assert states[JobState.SCHEDULED] == 4


def test_the_indexes_of_the_contract_are_there(history: sqlite3.Connection) -> None:
    indexes = _column(history, "SELECT sql FROM sqlite_master WHERE type = 'index'")

    columns = {sql.split(" ON ")[1] for sql in indexes}
    assert columns == {
        "job_runs (finished_at, id)",
        "job_runs (job_name, finished_at, id)",
        "job_runs (finished_at, id) WHERE status = 'FAILED'",
    }
    assert history.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_params_and_results_are_json_and_errors_belong_to_failures(
    history: sqlite3.Connection,
) -> None:
    wrong = _one(
        history,
        "SELECT count(*) FROM job_runs WHERE enqueued_at < ? AND (NOT json_valid(params)"
        " OR (result IS NOT NULL AND NOT json_valid(result))"
        " OR (error IS NULL) <> (status <> 'FAILED')"
        " OR (error_type IS NULL) <> (status <> 'FAILED')"
        " OR length(params) NOT BETWEEN 90 AND 220)",
    )

    assert wrong == 0


def test_the_last_day_fails_a_little_more_than_usual() -> None:
    deck = deck_of(CATALOG[0], chance())

    usual = deck.outcomes.count(JobState.FAILED)
    lately = deck.outcomes_lately.count(JobState.FAILED)

    assert usual < lately < 1.4 * usual


def test_progress_grows_to_one(tmp_path: Path) -> None:
    told: list[float] = []

    write_history(tmp_path / "orders.db", now_ms=NOON_MS, runs=100, report=told.append)

    assert told == sorted(told)
    assert told[0] >= 0
    assert told[-1] == 1


def _rows(path: Path) -> list[tuple[object, ...]]:
    write_history(path, now_ms=NOON_MS, runs=500, report=lambda _part: None)
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM job_runs ORDER BY id").fetchall()


def _one(history: sqlite3.Connection, statement: str) -> int:
    (value,) = history.execute(statement, (NOON_MS + DAY_MS,)).fetchone()
    return int(value)


def _column(
    history: sqlite3.Connection, statement: str, limit: int = NOON_MS
) -> list[str]:
    values = (limit,) if "?" in statement else ()
    return [value for (value,) in history.execute(statement, values)]
