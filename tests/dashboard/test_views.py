"""What the overview says of a snapshot: pure, the same for every viewer."""

import json
from dataclasses import replace
from typing import Any

import pytest

from dashboard.ids import Tiles
from dashboard.views.active import MAX_ROWS, WHOLE_NAME, RowView, active_view
from dashboard.views.overview import banner_view, overview_view
from dashboard.views.spark import HEIGHT, WIDTH, spark_points
from dashboard.views.tiles import tiles_view
from data.clock import HOUR_MS, MINUTE_MS
from data.engines.base import Finding
from data.model import Job, JobState, Recent, Snapshot, Trouble, Weeks
from data.rules.stalls import CLOCK_TOLERANCE_MS, StallLimits, judge
from tests.factories import NOW, make_job

LIMITS = StallLimits()
RECENT = Recent(
    since=NOW - 24 * HOUR_MS,
    as_of=NOW,
    succeeded=18_204,
    failed=211,
    weeks=Weeks(1_100, 100_000, 1_200, 96_000, until=NOW - NOW % HOUR_MS + HOUR_MS),
    failed_by_job={"send-mail": 100, "sync-stock": 111},
    known_since=0,
    rated_by_hour=((18_204, 211), *((0, 0),) * 23),
    rates_from=None,
    succeeded_by_hour=tuple(range(24)),
    failed_by_hour=(1,) * 24,
    running_by_hour=(2.5,) * 24,
    pending_by_hour=(0.0,) * 24,
    stalled_by_day=(0, 1, 0, 2, 0, 0, 4, 9),
    complete=True,
)
HOSTILE = [
    "n" * 10_000,
    "<script>alert(1)</script>",
    "'\"`",
    "🦀" * 200,
    "\u202egpj",
    "\0",
    "",
]


def snapshot_of(*jobs: Job, **changes: Any) -> Snapshot:
    """These open runs, judged now."""
    counts: dict[JobState, int] = {}
    for job in jobs:
        counts[job.state] = counts.get(job.state, 0) + 1
    made = Snapshot(
        source="orders",
        seq=1,
        read_at=NOW,
        jobs=jobs,
        counts=counts,
        judgement=judge(jobs, now_ms=NOW, limits=LIMITS),
    )
    return replace(made, **changes)


def stalled(run_id: str, **changes: Any) -> Job:
    return make_job(run_id, **{"started_at": NOW - HOUR_MS, **changes})


def waiting(run_id: str, **changes: Any) -> Job:
    return make_job(
        run_id, **{"state": JobState.PENDING, "started_at": None, **changes}
    )


def row_of(job: Job, limits: StallLimits = LIMITS) -> RowView:
    [row] = active_view(snapshot_of(job), limits)["rows"]
    return row


# tiles


def test_before_the_first_read_every_tile_is_a_dash() -> None:
    tiles = tiles_view(Snapshot(source="orders", seq=0, read_at=None))

    assert len(tiles) == 6
    assert {tile["value"] for tile in tiles.values()} == {"—"}


def test_tiles_count_what_is_open() -> None:
    tiles = tiles_view(
        snapshot_of(
            stalled("1"),
            make_job("2"),
            waiting("3", enqueued_at=NOW - MINUTE_MS),
            waiting("4", enqueued_at=NOW - HOUR_MS),
            recent=RECENT,
        )
    )

    assert tiles[Tiles.RUNNING]["value"] == "2"
    assert tiles[Tiles.RUNNING]["note"] == "1 past their limit"
    assert tiles[Tiles.PENDING]["value"] == "2"
    assert (tiles[Tiles.PENDING]["note"], tiles[Tiles.PENDING]["since"]) == (
        "oldest",
        NOW - HOUR_MS,
    )
    assert tiles[Tiles.STALLED]["value"] == "1"
    assert tiles[Tiles.STALLED]["note"] == "1 a day, last 7 d"
    assert tiles[Tiles.STALLED]["tone"] == "warn"


def test_tiles_of_the_day_compare_with_the_week_before() -> None:
    tiles = tiles_view(snapshot_of(recent=RECENT))

    assert tiles[Tiles.SUCCEEDED]["value"] == "18,204"
    assert tiles[Tiles.SUCCEEDED]["note"] == "+4% vs 4-11 Mar"
    assert tiles[Tiles.FAILED]["value"] == "211"
    assert tiles[Tiles.FAILED]["note"] == "top: sync-stock"
    assert tiles[Tiles.ERROR_RATE]["value"] == "1.15%"
    assert tiles[Tiles.ERROR_RATE]["note"] == "−0.15 pp vs 4-11 Mar"


@pytest.mark.parametrize(
    ("recent", "value", "note"),
    [
        (None, "—", "reading history…"),
        (replace(RECENT, complete=False), "1.15%", "reading history…"),
        (replace(RECENT, rated_by_hour=((0, 0),) * 24), "—", "nothing finished"),
        (
            replace(RECENT, rated_by_hour=((0, 3),) * 24),
            "100%",
            "−0.15 pp vs 4-11 Mar",
        ),
        (
            replace(RECENT, rates_from=NOW),
            "1.15%",
            "rows deleted; counted from",
        ),
        (replace(RECENT, weeks=None), "1.15%", ""),
    ],
)
def test_an_error_rate_is_said_only_where_there_is_one(
    recent: Recent | None, value: str, note: str
) -> None:
    tile = tiles_view(snapshot_of(recent=recent))[Tiles.ERROR_RATE]

    assert tile["value"] == value
    assert tile["note"] == note


@pytest.mark.parametrize(
    ("failed", "top"),
    [
        ({"zebra": 2, "apple": 2, "Zebra": 2}, "Zebra"),
        ({"(other)": 9, "etl": 1}, "etl"),
        ({"(other)": 9}, "(other)"),
    ],
)
def test_the_top_failure_is_the_first_of_the_types_that_failed_most(
    failed: dict[str, int], top: str
) -> None:
    recent = replace(RECENT, failed_by_job=failed)
    assert tiles_view(snapshot_of(recent=recent))[Tiles.FAILED]["note"] == f"top: {top}"


def test_an_empty_source_says_so_with_zeros() -> None:
    tiles = tiles_view(snapshot_of(recent=replace(RECENT, failed=0, failed_by_job={})))

    assert tiles[Tiles.RUNNING]["value"] == tiles[Tiles.PENDING]["value"] == "0"
    assert tiles[Tiles.RUNNING]["note"] == "all in time"
    assert tiles[Tiles.PENDING]["note"] == "nothing waits"
    assert tiles[Tiles.FAILED]["note"] == "none failed"


def test_without_detection_no_number_of_stalled_runs_is_claimed() -> None:
    tiles = tiles_view(snapshot_of(make_job(), judged=False))

    assert tiles[Tiles.STALLED]["value"] == "—"
    assert tiles[Tiles.RUNNING]["note"] == ""


@pytest.mark.parametrize("values", [[], [3.0]])
def test_a_line_needs_two_points(values: list[float]) -> None:
    assert spark_points(values) == ""


@pytest.mark.parametrize("values", [[0, 0, 0], [1, 5, 2], [0.001, 0], [10**12, 1, 0]])
def test_a_sparkline_stays_in_its_box(values: list[float]) -> None:
    points = [tuple(map(float, p.split(","))) for p in spark_points(values).split()]

    assert len(points) == len(values)
    assert [x for x, _ in points][:: len(points) - 1] == [0, WIDTH]
    assert all(0 <= y <= HEIGHT for _, y in points)
    tallest = min(y for _, y in points)
    assert points[values.index(max(values))][1] == tallest


# the banner


def test_the_banner_has_the_words_of_the_contract() -> None:
    banner = banner_view(snapshot_of(stalled("1"), stalled("2", job_name="b")), LIMITS)

    assert banner["count"] == 2
    assert banner["title"] == "2 job(s) may be stalled"
    assert banner["detail"] == (
        "Running for more than 30 minutes without completion · b, send-mail"
    )


def test_the_banner_goes_on_when_types_have_limits_of_their_own() -> None:
    limits = StallLimits(default_ms=90 * MINUTE_MS, by_type={"x": 1})

    detail = banner_view(snapshot_of(stalled("1")), limits)["detail"]

    assert detail.startswith(
        "Running for more than 1 hour 30 minutes without completion"
        " or longer than their own limit"
    )


def test_the_banner_names_few_types_and_counts_the_others() -> None:
    jobs = [stalled(str(n), job_name=f"type-{n}") for n in range(9)]

    detail = banner_view(snapshot_of(*jobs), LIMITS)["detail"]

    assert detail.endswith("type-0, type-1, type-2 and 6 more types")


def test_nothing_stalled_is_no_banner() -> None:
    assert banner_view(snapshot_of(make_job()), LIMITS)["count"] == 0


# active runs


def test_stalled_runs_come_first_with_their_own_tone() -> None:
    view = active_view(snapshot_of(make_job("1"), waiting("2"), stalled("3")), LIMITS)

    assert view["rows"][0]["id"] == "3"
    ranks = {row["id"]: row["rank"] for row in view["rows"]}
    assert ranks["3"] < ranks["1"] < ranks["2"]
    assert (view["rows"][0]["status"], view["rows"][0]["tone"]) == ("Stalled", "warn")
    assert (view["total"], view["count"], view["more"]) == (3, "3 jobs", "")


def test_five_thousand_open_runs_make_a_small_message_with_every_stalled_one() -> None:
    jobs = [
        *[make_job(str(n), job_name="match-scores-nightly") for n in range(4_000)],
        *[waiting(str(n)) for n in range(4_000, 4_700)],
        *[stalled(str(n), worker="worker-host-17:12345") for n in range(4_700, 5_000)],
    ]
    view = overview_view(snapshot_of(*jobs, recent=RECENT), LIMITS, [])

    rows = view["active"]["rows"]
    assert len(rows) == MAX_ROWS
    assert {row["id"] for row in rows if row["rank"] == 0} == {
        str(n) for n in range(4_700, 5_000)
    }
    assert view["active"]["total"] == 5_000
    assert view["active"]["more"] == "Showing 500 of 5,000 active jobs."
    assert view["banner"]["count"] == 300
    assert len(json.dumps(view, separators=(",", ":"))) <= 200_000


def test_more_stalled_runs_than_rows_are_all_shown() -> None:
    jobs = [stalled(str(n)) for n in range(MAX_ROWS + 7)]

    rows = active_view(snapshot_of(make_job("running"), *jobs), LIMITS)["rows"]

    assert len(rows) == MAX_ROWS + 7


def test_counts_are_those_of_the_source_and_not_of_the_rows() -> None:
    view = active_view(
        snapshot_of(make_job(), counts={JobState.PENDING: 12_345}), LIMITS
    )

    assert view["count"] == "12,345 jobs"


@pytest.mark.parametrize(
    ("changes", "alive", "beat"),
    [
        ({"heartbeat_at": NOW - 1_000}, "heartbeat", NOW - 1_000),
        ({"heartbeat_at": NOW - HOUR_MS}, "heartbeat lost", NOW - HOUR_MS),
        ({}, "no heartbeat", None),
        ({"cancel_requested_at": NOW - 5}, "asked to stop", NOW - 5),
        ({"started_at": None}, "no start time, not judged", None),
        (
            {"started_at": NOW + CLOCK_TOLERANCE_MS + 1},
            "clock differs, not judged",
            None,
        ),
        (
            {"heartbeat_at": NOW + CLOCK_TOLERANCE_MS + 1},
            "clock differs, not judged",
            None,
        ),
        (
            {"state": JobState.OTHER, "status_word": "PAUSED"},
            "unknown status, not judged",
            None,
        ),
        (
            {"state": JobState.SCHEDULED, "started_at": None, "scheduled_at": NOW + 9},
            "due",
            NOW + 9,
        ),
        (
            {"state": JobState.PENDING, "started_at": None, "enqueued_at": NOW - 9},
            "queued",
            NOW - 9,
        ),
    ],
)
def test_a_row_says_what_is_known_of_its_liveness(
    changes: dict[str, Any], alive: str, beat: int | None
) -> None:
    row = row_of(make_job(**changes))

    assert row["alive"] == alive
    assert row.get("beat") == beat


def test_an_unknown_word_is_shown_as_it_is() -> None:
    row = row_of(make_job(state=JobState.OTHER, status_word="PAUSED"))

    assert (row["status"], row["tone"]) == ("PAUSED", "odd")


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_job_calls_itself_is_short_text_without_marks(words: str) -> None:
    job = stalled("1", job_name=words, worker=words)
    other = make_job(state=JobState.OTHER, status_word=words)

    row = row_of(job)
    detail = banner_view(snapshot_of(job), LIMITS)["detail"]

    for shown in (row["job"], row.get("worker", ""), row_of(other)["status"], detail):
        assert len(shown) <= WHOLE_NAME
        assert not set(shown) & {"\0", "\u202e"}


@pytest.mark.parametrize(
    ("progress", "shown"),
    [(None, None), (0.5, 0.5), (-1, 0), (7.5, 1), (float("nan"), 0), (float("inf"), 1)],
)
def test_progress_lies_between_nothing_and_all(
    progress: float | None, shown: float | None
) -> None:
    assert row_of(make_job(progress=progress)).get("progress") == shown


def test_a_row_of_nothing_but_nulls_is_shown() -> None:
    row = row_of(
        make_job(worker=None, started_at=None, enqueued_at=None, job_name="", queue="")
    )

    assert row["id"] == "1"
    assert "worker" not in row


# the whole


def test_trouble_notices_and_missing_rights_are_told() -> None:
    trouble = Trouble(
        since=NOW, unreachable=True, message="it is away", mend="start it"
    )
    snapshot = snapshot_of(
        stalled("1"), trouble=trouble, read_only_reason="You may only read."
    )

    view = overview_view(snapshot, LIMITS, [Finding("No index.", "CREATE INDEX")])

    assert view["trouble"]
    assert view["trouble"]["since"] == NOW
    assert view["trouble"]["read_at"] == NOW
    assert (view["trouble"]["message"], view["trouble"]["mend"]) == (
        "it is away",
        "start it",
    )
    assert view["read_only"] == "You may only read."
    assert view["notices"] == [{"message": "No index.", "mend": "CREATE INDEX"}]
    assert len(view["active"]["rows"]) == 1


def test_a_view_is_plain_json() -> None:
    view = overview_view(snapshot_of(stalled("1"), recent=RECENT), LIMITS, [])

    assert json.loads(json.dumps(view, allow_nan=False)) == view
