"""Where a queue deletes finished rows early no rate is made of what was left.

The same in tile, chart, API, alert, weekly message and in what moved a point.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app import Composed, compose
from dashboard.ids import Tiles
from dashboard.settings import load_settings
from dashboard.trends.asked import question_of
from dashboard.trends.causes import cause_of
from dashboard.views.tiles import tiles_view
from data.clock import DAY_MS, HOUR_MS, WEEK_MS
from data.model import Snapshot
from data.monitor.measures import Measures
from data.monitor.weekly import figures
from data.notify.summary import summary_of
from data.rules.alarms import checked
from data.store.tables import rollup_state
from tests.conftest import FakeClock
from tests.factories import NOW, job_table
from tests.rolled import Ran, roll

HOUR = NOW // HOUR_MS * HOUR_MS
TODAY = NOW // DAY_MS * DAY_MS
#: Since then runs of "jobs" are counted as they end: two hours of the last day.
COUNTED_FROM = HOUR - HOUR_MS
SAID = (
    "Rows of finished runs are deleted early (jobs): what ended before 18 Mar 11:00"
    " (UTC) gives no rate."
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """One product for all: nothing changes it."""
    folder = tmp_path_factory.mktemp("place")
    first, second = (f"sqlite:///{folder / name}.db" for name in ("first", "second"))
    (folder / "job-manager.toml").write_text(
        f'[sources.jobs]\nurl = "{first}"\n[sources.mail]\nurl = "{second}"\n'
    )
    environ = {"JOBS_STORE_URL": f"sqlite:///{folder / 'store.db'}"}
    with job_table(first), job_table(second):
        made = compose(load_settings(environ, directory=folder), clock=FakeClock())
        store = made.deps.store
        since = TODAY - 30 * DAY_MS
        left = [Ran(at, "etl", failed=1) for at in range(since, COUNTED_FROM, HOUR_MS)]
        seen = [Ran(at, "etl", succeeded=98, failed=2) for at in (COUNTED_FROM, HOUR)]
        roll(store, *left, *seen, source="jobs", known_since=since)
        calm = [
            Ran(at, "mail", succeeded=99, failed=1)
            for at in range(since, HOUR + 1, HOUR_MS)
        ]
        roll(store, *calm, source="mail", known_since=since)
        with store.database.writing() as connection:
            connection.execute(
                update(rollup_state)
                .where(rollup_state.c.source == "jobs")
                .values(
                    rows_lost_at=HOUR, counted_from=COUNTED_FROM, refreshed_until=NOW
                )
            )
        yield made
        store.close()
        for source in made.deps.sources.values():
            source.engine.close()


def trend_of(place: Composed, source: str, word: str) -> Any:
    client = TestClient(place.asgi, base_url="http://127.0.0.1:8050")
    return client.get(f"/api/trends/error-rate?range={word}&source={source}").json()


def test_a_chart_has_the_rate_of_what_was_counted_and_says_so(place: Composed) -> None:
    found = trend_of(place, "jobs", "24h")

    assert found["words"] == "2%"
    assert found["note"] == SAID
    rates = [row["error_rate"] for row in found["rows"]]
    assert rates == [*[None] * 22, 0.02, 0.02]
    assert all(row["week_before"] is None for row in found["rows"])


def test_days_that_were_not_counted_as_a_whole_give_no_rate(place: Composed) -> None:
    found = trend_of(place, "jobs", "30d")

    assert found["words"] == ""
    assert found["note"] == SAID
    assert {row["error_rate"] for row in found["rows"]} == {None}


def test_of_all_sources_the_others_are_told(place: Composed) -> None:
    found = trend_of(place, "all", "30d")

    assert found["words"].startswith("1%")
    assert "pp" not in found["words"]
    assert found["note"] == SAID
    assert found["rows"][0]["error_rate"] == 0.01


def test_a_source_that_deletes_nothing_says_nothing(place: Composed) -> None:
    found = trend_of(place, "mail", "30d")

    assert found["words"] == "1% · 7 d: no change (11-18 Mar vs 4-11 Mar)"
    assert found["note"] == ""


def test_the_tile_says_since_when_it_counts(place: Composed) -> None:
    recent = place.deps.store.rollups.recent("jobs", NOW)
    snapshot = Snapshot(source="jobs", seq=1, read_at=NOW)
    tile = tiles_view(replace(snapshot, recent=recent))[Tiles.ERROR_RATE]

    assert tile["value"] == "2%"
    assert tile["note"] == "rows deleted; counted from"
    assert tile["at"] == COUNTED_FROM


def test_the_alert_has_not_enough_data(place: Composed) -> None:
    measures = Measures(place.deps.sources, place.deps.store, (), NOW)
    rule = "ErrorRateWoW"
    reading = measures.readings(rule, checked(rule, {}), ())[""]

    assert (reading.breach, reading.enough, reading.value) == (False, False, None)
    assert reading.sentence.startswith("Not enough data")


def test_the_weekly_message_counts_what_is_known(place: Composed) -> None:
    until = TODAY - 2 * DAY_MS
    now = figures(place.deps.store, until - WEEK_MS, until)
    message = summary_of(
        until - WEEK_MS, now, now._replace(succeeded=0, failed=0), [], ""
    )

    assert now.error_rate == 0.01
    assert "1% of 16,800 runs (unknown of 0 runs; no comparison)" in message.body


def test_a_point_without_a_rate_says_why(place: Composed) -> None:
    question = question_of(place.deps, {"source": "jobs", "range": "24h"}, NOW)
    store = place.deps.store

    lost = cause_of(store, "error-rate", COUNTED_FROM - HOUR_MS, question, NOW)
    seen = cause_of(store, "error-rate", HOUR, question, NOW)

    assert lost["words"] == SAID
    assert lost["parts"] == []
    assert seen["words"] == "2% (2 of 100) · a week before no runs"
