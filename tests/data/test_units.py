"""Seconds, microseconds or nanoseconds where milliseconds are meant: nothing is judged."""

from pathlib import Path
from typing import Any

import pytest

from app import compose
from dashboard.ids import Tiles
from dashboard.settings import load_settings
from dashboard.views.overview import overview_view
from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.engines.base import Grade
from data.model import Anomaly, JobState
from data.rules.histogram import decode
from data.rules.stalls import StallLimits, anomaly_of, judge, verdict_of, was_overdue
from data.rules.units import END_MS, FIRST_MS, FIXES, unit_of
from tests.conftest import FakeClock
from tests.factories import (
    NOW,
    finished_run,
    job_table,
    make_job,
    make_run,
    native_engine,
)

LIMITS = StallLimits()
SECOND, MICRO, NANO = Anomaly.SECONDS, Anomaly.MICROSECONDS, Anomaly.NANOSECONDS
IN_UNITS = [(NOW // 1000, SECOND), (NOW * 1000, MICRO), (NOW * 1_000_000, NANO)]


@pytest.mark.parametrize(
    ("instant", "unit"),
    [
        *IN_UNITS,
        (None, None),
        (0, None),
        (-NOW, None),
        (NOW, None),
        (NOW - 50 * 365 * DAY_MS, None),
        (NOW + 50 * 365 * DAY_MS, None),
        (253_402_300_799_999, None),
        (FIRST_MS, None),
        (FIRST_MS - 1, SECOND),
        (END_MS - 1, None),
        (END_MS, MICRO),
    ],
)
def test_the_unit_of_an_instant(instant: int | None, unit: Anomaly | None) -> None:
    assert unit_of(instant) is unit


@pytest.mark.parametrize(("instant", "unit"), IN_UNITS)
@pytest.mark.parametrize(
    "column", ["started_at", "heartbeat_at", "enqueued_at", "scheduled_at"]
)
@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.PENDING])
def test_an_open_run_with_such_an_instant_is_not_judged(
    instant: int, unit: Anomaly, column: str, state: JobState
) -> None:
    long_ago = NOW - 3 * HOUR_MS
    values: dict[str, Any] = {"started_at": long_ago, "enqueued_at": long_ago}
    job = make_job("1", state=state, **{**values, column: instant})

    found = judge([job], now_ms=NOW, limits=LIMITS)

    assert found.verdicts == {}
    assert found.anomalies == {"1": unit}
    assert anomaly_of(job, now_ms=NOW) is unit
    assert verdict_of(job, now_ms=NOW, limits=LIMITS) is None


def test_a_run_in_milliseconds_beside_it_is_judged() -> None:
    odd = make_job("odd", started_at=NOW // 1000)
    stalled = make_job("stalled", started_at=NOW - HOUR_MS)

    found = judge([odd, stalled], now_ms=NOW, limits=LIMITS)

    assert [*found.verdicts] == ["stalled"]


def test_a_finished_run_in_two_units_was_not_stalled_for_decades() -> None:
    job = make_job(state=JobState.SUCCEEDED, started_at=NOW // 1000, finished_at=NOW)

    assert not was_overdue(job, LIMITS)
    assert was_overdue(job._replace(started_at=NOW - HOUR_MS), LIMITS)


def test_a_run_in_two_units_has_no_length(sqlite_url: str) -> None:
    with job_table(sqlite_url) as table, native_engine(sqlite_url) as engine:
        for start in (NOW - MINUTE_MS, NOW // 1000, NOW * 1000):
            table.add(finished_run(started_at=start, finished_at=NOW))

        cells = engine.finished_cells(NOW - HOUR_MS, NOW + HOUR_MS)

    assert sum(cell.runs for cell in cells) == 3
    assert sum(cell.duration_ms for cell in cells) == MINUTE_MS
    assert sum(sum(decode(cell.durations).values()) for cell in cells) == 1


@pytest.mark.parametrize(("instant", "unit"), IN_UNITS)
def test_doctor_and_page_name_columns_unit_and_fix(
    sqlite_url: str, instant: int, unit: Anomaly
) -> None:
    with job_table(sqlite_url) as table, native_engine(sqlite_url) as engine:
        table.add(make_run(started_at=instant, heartbeat_at=instant, enqueued_at=NOW))
        table.add(finished_run(finished_at=instant), finished_run(finished_at=NOW))

        found = [one for one in engine.check() if one.mend == FIXES[unit]]
        told = [one for one in engine.examine(FakeClock()) if one.grade is Grade.MEND]

    assert [one.message for one in found] == [
        (
            f"job_runs holds a {unit.value}, where milliseconds are meant"
            f" (started_at {instant}, heartbeat_at {instant}, finished_at {instant}):"
            " such runs are not judged."
        )
    ]
    assert [(one.what, one.mend) for one in told if one.what == "units"] == [
        ("units", FIXES[unit])
    ]


def test_the_page_and_the_api_say_so_and_nothing_is_stalled(
    clock: FakeClock, sqlite_url: str, tmp_path: Path
) -> None:
    environ = {
        "JOBS_DATABASE_URL": sqlite_url,
        "JOBS_STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
    }
    with job_table(sqlite_url) as table:
        second = NOW // 1000
        table.add(make_run(started_at=second, enqueued_at=second))
        table.add(make_run(status="PENDING", started_at=None, enqueued_at=second))
        made = compose(load_settings(environ, directory=tmp_path), clock=clock)
        reader = made.deps.sources["jobs"].reader
        view = overview_view(reader.refresh(), LIMITS, [])
        with_findings = overview_view(reader.latest, LIMITS, reader.findings)
        made.deps.store.close()
        made.deps.sources["jobs"].engine.close()

    assert view["banner"]["count"] == 0
    assert view["tiles"][Tiles.STALLED]["value"] == "0"
    assert view["tiles"][Tiles.RUNNING]["note"] == "1 not judged"
    assert view["tiles"][Tiles.PENDING]["since"] is None
    assert [row.get("started") for row in view["active"]["rows"]] == [None, None]
    assert {row["alive"] for row in view["active"]["rows"]} == {
        "time in seconds, not judged"
    }
    [notice] = view["notices"]
    assert notice["message"].startswith("2 open runs with a time in seconds, where")
    assert notice["mend"] == FIXES[SECOND]
    assert [one["mend"] for one in with_findings["notices"]] == [FIXES[SECOND]]
