"""What every engine promises, on every kind of database it reads."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert

from data.clock import HOUR_MS, MINUTE_MS, from_ms
from data.engines import native
from data.engines.base import JobEngine, Marked, Seen
from data.model import HourCell, JobState, LifeSign
from data.rules import by_worker
from data.rules.histogram import bucket_of, decode, encode
from tests.factories import (
    NOW,
    JobTable,
    finished_run,
    job_table,
    make_run,
    native_engine,
)

HOUR = NOW - NOW % HOUR_MS
HOSTILE_IDS = [
    "",
    " 1",
    "1 ",
    "-1",
    "+1",
    "01",
    "-0",
    "1.0",
    "0x1",
    "1_0",
    "²",
    "٣",
    "1; DROP TABLE job_runs",
    "1' OR '1'='1",
    "\0",
    "\ud83d",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "9" * 10_000,
]
LONG = "n" * 10_000
TEXTS = [LONG, "<script>alert(1)</script>", "'; --", '"', "🦀" * 50, "שלום\u202e", ""]


@dataclass(frozen=True, kw_only=True)
class Place:
    """An engine, and the table behind it as the job system's programs write it."""

    engine: JobEngine
    table: JobTable


Maker = Callable[[pytest.FixtureRequest], Iterator[Place]]


def native_sqlite(request: pytest.FixtureRequest) -> Iterator[Place]:
    return _native(request.getfixturevalue("sqlite_url"))


def native_postgresql(request: pytest.FixtureRequest) -> Iterator[Place]:
    return _native(request.getfixturevalue("postgresql_url"))


def _native(url: str) -> Iterator[Place]:
    with job_table(url) as table, native_engine(url) as engine:
        yield Place(engine=engine, table=table)


@pytest.fixture(
    params=[native_sqlite, native_postgresql], ids=lambda make: str(make.__name__)
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    make: Maker = request.param
    yield from make(request)


def seen(run_id: str, row: dict[str, Any], *, guard_heartbeat: bool = True) -> Seen:
    return Seen(run_id, row["started_at"], row["heartbeat_at"], guard_heartbeat)


def mark(place: Place, *runs: Seen, at_ms: int = NOW) -> list[str]:
    return [*place.engine.mark_stalled(runs, reason="it hung", at_ms=at_ms).done]


# reading


def test_an_empty_table_has_no_open_runs(place: Place) -> None:
    assert place.engine.open_runs() == ([], {})


def test_open_runs_are_what_is_not_finished_with_every_field(place: Place) -> None:
    running = make_run(
        queue="mail", worker="host:2", attempt=3, progress=0.25, heartbeat_at=NOW
    )
    [first, *_] = place.table.add(
        running,
        make_run(status="PENDING", started_at=None),
        make_run(status="SCHEDULED", started_at=None, scheduled_at=NOW + 1),
        finished_run(),
        finished_run(status="FAILED"),
        finished_run(status="CANCELLED"),
    )

    jobs, counts = place.engine.open_runs()

    by_id = {job.run_id: job for job in jobs}
    assert by_id[first] == (
        first,
        "send-mail",
        "mail",
        JobState.RUNNING,
        "RUNNING",
        3,
        "host:2",
        0.25,
        running["enqueued_at"],
        None,
        running["started_at"],
        NOW,
        None,
        None,
        LifeSign.HEARTBEAT,
        (),
    )
    assert len(jobs) == 3
    assert counts == {
        JobState.RUNNING: 1,
        JobState.PENDING: 1,
        JobState.SCHEDULED: 1,
    }


def test_beyond_the_cap_every_running_run_is_there_and_the_counts_are_true(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "OPEN_LIMIT", 40)
    monkeypatch.setattr(native, "WAITING_LIMIT", 10)
    waiting = place.table.add(
        *[make_run(status="PENDING", started_at=None) for _ in range(60)]
    )
    running = place.table.add(*[make_run() for _ in range(30)])
    place.table.add(*[make_run(status="SCHEDULED") for _ in range(5)])
    for run_id in waiting[:20]:  # an update moves a row: its place is no order
        place.table.change(run_id, attempt=2)

    jobs, counts = place.engine.open_runs()

    assert {job.run_id for job in jobs if job.state is JobState.RUNNING} == {*running}
    assert [job.run_id for job in jobs if job.state is JobState.PENDING] == waiting[:10]
    assert counts == {
        JobState.RUNNING: 30,
        JobState.PENDING: 60,
        JobState.SCHEDULED: 5,
    }


def test_runs_are_found_by_id_and_unknown_ids_left_out(place: Place) -> None:
    ids = place.table.add(make_run(), finished_run(), make_run(status="PENDING"))

    found = place.engine.runs([*ids[:2], "987654321"])

    assert {job.run_id: job.state for job in found} == {
        ids[0]: JobState.RUNNING,
        ids[1]: JobState.SUCCEEDED,
    }
    assert place.engine.runs([]) == []


def test_thousands_of_ids_are_looked_up(place: Place) -> None:
    ids = place.table.add(*[make_run() for _ in range(1_201)])

    assert {job.run_id for job in place.engine.runs(ids)} == {*ids}


def test_an_id_that_no_run_can_have_finds_nothing(place: Place) -> None:
    place.table.add(*[make_run() for _ in range(5)])

    for run_id in HOSTILE_IDS:
        assert place.engine.runs([run_id]) == [], run_id


def test_the_largest_id_is_an_id_like_any_other(place: Place) -> None:
    place.table.add({**make_run(), "id": 2**63 - 1})

    [job] = place.engine.runs(["9223372036854775807"])

    assert mark(
        place, Seen(job.run_id, job.started_at or 0, None, guard_heartbeat=True)
    ) == [job.run_id]


def test_texts_come_back_as_they_were_written(place: Place) -> None:
    for words in TEXTS:
        place.table.clear()
        place.table.add(make_run(job_name=words, queue=words, worker=words))
        place.table.add(finished_run(job_name=words))

        [job] = place.engine.open_runs().jobs
        [cell] = place.engine.finished_cells(HOUR, HOUR + HOUR_MS)

        assert (job.job_name, job.queue, job.worker) == (words, words, words)
        assert cell.job_name == words


def test_the_probe_tells_of_every_commit_by_somebody_else(place: Place) -> None:
    before = place.engine.probe()
    for write in (
        lambda: place.table.add(make_run()),
        lambda: place.table.change("1", progress=0.5),
        lambda: place.table.execute("DELETE FROM job_runs"),
    ):
        write()
        after = place.engine.probe()
        assert after != before
        before = after


def test_the_probe_tells_of_a_commit_that_a_later_one_overtook(
    on_postgresql: Place,
) -> None:
    owner, probe = on_postgresql.table.owner, on_postgresql.engine.probe
    statement = insert(on_postgresql.table.table).values(make_run())
    with owner.connect() as early, owner.connect() as late:
        early.execute(statement)
        late.execute(statement)
        late.commit()
        before = probe()
        early.commit()

    assert probe() != before


# finished cells


def brute_force(rows: list[dict[str, Any]], since: int, until: int) -> set[HourCell]:
    """The cells of these rows, whose instants are in milliseconds."""
    sums: dict[tuple[int, str, str], Counter[str]] = {}
    lengths: dict[tuple[int, str, str], Counter[int]] = defaultdict(Counter)
    workers: dict[tuple[int, str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        ended, began, queued = (
            row[key] for key in ("finished_at", "started_at", "enqueued_at")
        )
        if ended is None or not since <= ended < until:
            continue
        key = (int(ended // HOUR_MS * HOUR_MS), row["job_name"], row["status"])
        cell = sums.setdefault(key, Counter())
        cell["runs"] += 1
        workers[key][row["worker"] or ""] += 1
        if began is not None:
            if ended >= began:
                lengths[key][bucket_of(math.floor(ended - began))] += 1
            cell["duration"] += max(Fraction(0), ended - began)
            cell["wait"] += max(Fraction(0), began - queued)
    return {
        HourCell(
            hour,
            name,
            JobState(word),
            cell["runs"],
            int(cell["duration"]),
            int(cell["wait"]),
            encode(lengths[hour, name, word]),
            by_worker.encode(workers[hour, name, word]),
        )
        for (hour, name, word), cell in sums.items()
    }


def some_finished(dice: Random, runs: int) -> list[dict[str, Any]]:
    """Runs over five hours, many of them on the very border of one."""
    borders = [HOUR + hours * HOUR_MS + ms for hours in range(5) for ms in (-1, 0, 1)]
    rows = []
    for _ in range(runs):
        ended = dice.choice([*borders, dice.randrange(HOUR, HOUR + 5 * HOUR_MS)])
        began = dice.choice([None, ended - dice.randrange(HOUR_MS), ended + 1])
        rows.append(
            finished_run(
                job_name=dice.choice(["send-mail", "make-report"]),
                worker=dice.choice([None, "", "host:1", "host:2", "hôst ☃"]),
                status=dice.choice(["SUCCEEDED", "FAILED", "CANCELLED"]),
                finished_at=ended,
                started_at=began,
                enqueued_at=(began or ended) - dice.randrange(-2, MINUTE_MS),
            )
        )
    return rows


@pytest.mark.parametrize(
    "seed",
    [0, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in (1, 2))],
)
def test_cells_equal_a_count_by_hand_up_to_the_borders_of_hours(
    place: Place, seed: int
) -> None:
    rows = some_finished(Random(seed), 400)
    place.table.add(*rows, make_run(), make_run(status="PENDING"))

    for since, until in [
        (HOUR, HOUR + 5 * HOUR_MS),
        (HOUR + HOUR_MS, HOUR + 2 * HOUR_MS),
        (HOUR + 1, HOUR + HOUR_MS - 1),
        (HOUR, HOUR),
    ]:
        found = place.engine.finished_cells(since, until)
        assert len(found) == len(set(found))
        assert set(found) == brute_force(rows, since, until)


#: Around every border of a bucket, where floats might decide.
LENGTHS = sorted(
    {
        max(0, math.floor(1.1**bucket) + beside)
        for bucket in range(0, 256, 3)
        for beside in (-1, 0, 1, 2)
    }
)


def test_both_databases_put_a_length_into_the_same_bucket(place: Place) -> None:
    place.table.add(
        *[
            finished_run(
                job_name=f"ran-{length}", started_at=NOW - length, enqueued_at=0
            )
            for length in LENGTHS
        ],
        finished_run(job_name="reversed", started_at=NOW + 1),
        finished_run(job_name="never started", started_at=None),
    )

    cells = place.engine.finished_cells(HOUR, HOUR + HOUR_MS)

    assert {cell.job_name: decode(cell.durations) for cell in cells} == {
        **{f"ran-{length}": {bucket_of(length): 1} for length in LENGTHS},
        "reversed": {},
        "never started": {},
    }


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_runs_that_took_longer_are_told_newest_first(place: Place, limit: int) -> None:
    long = [
        finished_run(status=word, finished_at=NOW - n, started_at=NOW - n - 1_001)
        for n, word in enumerate(("FAILED", "SUCCEEDED", "CANCELLED"))
    ]
    ids = place.table.add(
        *long,
        finished_run(started_at=NOW - 1_000),
        finished_run(started_at=NOW + 2_000),
        finished_run(started_at=None),
        make_run(),
        finished_run(finished_at=NOW - 3, started_at=0),
        finished_run(finished_at=NOW + 1, started_at=0),
    )

    found = place.engine.long_runs(NOW - 2, NOW + 1, longer_than_ms=1_000, limit=limit)

    assert [job.run_id for job in found] == ids[:3][:limit]
    assert {(job.started_at or 0) - (job.finished_at or 0) for job in found} == {-1_001}


def test_an_unknown_status_word_is_shown_as_other_and_never_counted(
    place: Place,
) -> None:
    _without_checks(place.table)
    place.table.add(
        make_run(status="PAUSED"), make_run(), finished_run(status="EXPLODED")
    )

    jobs, counts = place.engine.open_runs()

    assert {(job.state, job.status_word) for job in jobs} == {
        (JobState.OTHER, "PAUSED"),
        (JobState.RUNNING, "RUNNING"),
    }
    assert counts == {JobState.OTHER: 1, JobState.RUNNING: 1}
    assert place.engine.finished_cells(HOUR, HOUR + HOUR_MS) == []


def test_missing_values_are_read_as_nothing(place: Place) -> None:
    """A table that somebody made without NOT NULL is a native table too."""
    _without_checks(place.table)
    nothing = dict.fromkeys(make_run())
    place.table.add(nothing, {**nothing, "finished_at": NOW, "status": "FAILED"})

    [job] = place.engine.open_runs().jobs
    [cell] = place.engine.finished_cells(HOUR, HOUR + HOUR_MS)

    assert (job.state, job.job_name, job.queue, job.status_word) == (
        JobState.OTHER,
        "",
        "",
        "",
    )
    assert cell == HourCell(HOUR, "", JobState.FAILED, 1, 0, 0)


def test_open_runs_beyond_the_cap_count_odd_words_and_nulls_too(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "OPEN_LIMIT", 2)
    _without_checks(place.table)
    place.table.add(
        make_run(), make_run(status="ODD"), make_run(status=None), make_run()
    )

    assert place.engine.open_runs().counts == {JobState.RUNNING: 2, JobState.OTHER: 2}


def _without_checks(table: JobTable) -> None:
    """The same table without constraints, as other programs make it."""
    if table.dialect == "postgresql":
        table.execute("ALTER TABLE job_runs DROP CONSTRAINT job_runs_status")
        for name, column in table.table.c.items():
            if not column.nullable and name != "id":
                table.execute(f"ALTER TABLE job_runs ALTER COLUMN {name} DROP NOT NULL")
        return
    table.execute("DROP TABLE job_runs")
    columns = ", ".join(
        f"{column.name} {column.type.compile(table.owner.dialect)}"
        for column in table.table.c
        if column.name != "id"
    )
    table.execute(f"CREATE TABLE job_runs (id INTEGER PRIMARY KEY, {columns})")


# marking


def test_a_marked_run_is_failed_and_says_why(place: Place) -> None:
    row = make_run(heartbeat_at=NOW - HOUR_MS, progress=0.5)
    [run_id] = place.table.add(row)

    assert mark(place, seen(run_id, row)) == [run_id]

    left = place.table.row(run_id)
    assert left["status"] == "FAILED"
    assert (left["error_type"], left["error"]) == ("Stalled", "it hung")
    assert left["finished_at"] == left["cancel_requested_at"] == NOW
    kept = ("started_at", "heartbeat_at", "progress", "worker", "job_name", "queue")
    assert {key: left[key] for key in kept} == {key: row[key] for key in kept}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "SUCCEEDED", "finished_at": NOW},
        {"status": "PENDING", "started_at": None},
        {"started_at": NOW - HOUR_MS + 1},
        {"started_at": None},
        {"finished_at": NOW - 1},
        {"heartbeat_at": NOW},
    ],
    ids=str,
)
def test_a_run_that_is_no_longer_as_seen_is_left_alone(
    place: Place, change: dict[str, Any]
) -> None:
    row = make_run()
    [run_id] = place.table.add(row)
    place.table.change(run_id, **change)
    before = place.table.row(run_id)

    assert mark(place, seen(run_id, row)) == []
    assert place.table.row(run_id) == before


@pytest.mark.parametrize("beat", [None, NOW - HOUR_MS], ids=["never", "lost"])
def test_a_newer_heartbeat_saves_a_run_only_where_it_was_the_evidence(
    place: Place, beat: int | None
) -> None:
    row = make_run(heartbeat_at=beat)
    guarded, unguarded = place.table.add(row, row)
    place.table.change(guarded, unguarded, heartbeat_at=NOW)

    assert mark(
        place,
        seen(guarded, row),
        seen(unguarded, row, guard_heartbeat=False),
    ) == [unguarded]


def test_more_runs_than_one_batch_are_marked_and_put_back(place: Place) -> None:
    rows = [make_run(started_at=NOW - HOUR_MS - n) for n in range(1_201)]
    ids = place.table.add(*rows)
    before = place.table.rows()
    changed = place.table.change(*ids[::100], status="CANCELLED", finished_at=NOW)

    marked = mark(place, *map(seen, ids, rows))

    assert changed == 13
    assert {*marked} == {*ids} - {*ids[::100]}
    assert len(marked) == len({*marked})
    restored = place.engine.unmark_stalled(
        [
            Marked(run_id, row["started_at"], NOW, None)
            for run_id, row in zip(ids, rows, strict=True)
        ]
    ).done
    assert {*restored} == {*marked}
    left = place.table.rows()
    assert all(left[run_id] == before[run_id] for run_id in restored)
    assert all(left[run_id]["status"] == "CANCELLED" for run_id in ids[::100])


def test_nothing_is_done_for_nobody(place: Place) -> None:
    assert mark(place) == []
    assert place.engine.unmark_stalled([]).done == {}


def test_a_wish_to_stop_is_kept_and_restored(place: Place) -> None:
    asked = make_run(cancel_requested_at=NOW - MINUTE_MS)
    never = make_run()
    ids = place.table.add(asked, never)
    before = place.table.rows()

    mark(place, seen(ids[0], asked), seen(ids[1], never))

    left = place.table.rows()
    assert [left[run_id]["cancel_requested_at"] for run_id in ids] == [
        NOW - MINUTE_MS,
        NOW,
    ]
    place.engine.unmark_stalled(
        [
            Marked(ids[0], asked["started_at"], NOW, NOW - MINUTE_MS),
            Marked(ids[1], never["started_at"], NOW, None),
        ]
    )
    assert place.table.rows() == before


@pytest.mark.parametrize(
    "change",
    [
        {"status": "SUCCEEDED"},
        {"status": "RUNNING", "finished_at": None},
        {"finished_at": NOW + 1},
        {"started_at": NOW - 1},
        {"error_type": "OOM"},
    ],
    ids=str,
)
def test_undo_leaves_alone_what_somebody_changed_since(
    place: Place, change: dict[str, Any]
) -> None:
    row = make_run()
    [run_id] = place.table.add(row)
    mark(place, seen(run_id, row))
    place.table.change(run_id, **change)
    before = place.table.row(run_id)

    marked = Marked(run_id, row["started_at"], NOW, None)

    assert place.engine.unmark_stalled([marked]).done == {}
    assert place.table.row(run_id) == before


def test_undo_works_once(place: Place) -> None:
    row = make_run()
    [run_id] = place.table.add(row)
    marked = [Marked(run_id, row["started_at"], NOW, None)]
    mark(place, seen(run_id, row))

    assert [*place.engine.unmark_stalled(marked).done] == [run_id]
    assert place.engine.unmark_stalled(marked).done == {}


# what only one database can hold


@pytest.fixture
def on_sqlite(request: pytest.FixtureRequest) -> Iterator[Place]:
    yield from native_sqlite(request)


@pytest.fixture
def on_postgresql(request: pytest.FixtureRequest) -> Iterator[Place]:
    yield from native_postgresql(request)


@pytest.mark.parametrize(
    ("junk", "instant"),
    [("'soon'", None), ("x'00ff'", None), ("1e999", None), ("'12'", 12), ("12.9", 12)],
)
def test_sqlite_junk_in_an_instant_is_no_instant(
    on_sqlite: Place, junk: str, instant: int | None
) -> None:
    on_sqlite.table.add(make_run())
    on_sqlite.table.execute(
        f"UPDATE job_runs SET started_at = {junk}, heartbeat_at = {junk},"  # noqa: S608
        f" scheduled_at = {junk}, enqueued_at = {junk}"
    )

    [job] = on_sqlite.engine.open_runs().jobs

    assert {job.started_at, job.heartbeat_at, job.scheduled_at, job.enqueued_at} == {
        instant
    }


@pytest.mark.parametrize("junk", ["'soon'", "x'00ff'", "1e999"])
def test_sqlite_junk_in_times_counts_nothing_in_a_cell(
    on_sqlite: Place, junk: str
) -> None:
    on_sqlite.table.add(finished_run(), finished_run(), finished_run())
    for run_id, column in enumerate(("started_at", "enqueued_at", "finished_at"), 1):
        on_sqlite.table.execute(
            f"UPDATE job_runs SET {column} = {junk} WHERE id = {run_id}"  # noqa: S608
        )

    cells = on_sqlite.engine.finished_cells(HOUR, HOUR + HOUR_MS)

    lengths = encode({bucket_of(HOUR_MS): 1})
    assert cells == [
        HourCell(
            HOUR,
            "send-mail",
            JobState.SUCCEEDED,
            2,
            HOUR_MS,
            0,
            lengths,
            by_worker.encode({"host:1": 2}),
        )
    ]


def test_sqlite_fractions_of_milliseconds_are_rounded_down_everywhere(
    on_sqlite: Place,
) -> None:
    table = on_sqlite.table
    table.add(finished_run(), finished_run(), make_run())
    table.execute(
        "UPDATE job_runs SET finished_at = finished_at + 0.9 WHERE id = 1;"
        "UPDATE job_runs SET started_at = started_at + 0.5,"
        " heartbeat_at = enqueued_at + 0.5 WHERE id = 3"
    )

    [cell] = on_sqlite.engine.finished_cells(HOUR, HOUR + HOUR_MS)
    [job] = on_sqlite.engine.open_runs().jobs

    assert (cell.hour, cell.runs) == (HOUR, 2)
    as_seen = Seen(
        job.run_id, job.started_at or 0, job.heartbeat_at, guard_heartbeat=True
    )
    assert mark(on_sqlite, as_seen) == ["3"]


@pytest.mark.parametrize("junk", ["'soon'", "x'00ff'"])
def test_sqlite_junk_in_the_heartbeat_does_not_keep_a_run_from_clean_up(
    on_sqlite: Place, junk: str
) -> None:
    row = make_run()
    on_sqlite.table.add(row)
    on_sqlite.table.execute(f"UPDATE job_runs SET heartbeat_at = {junk}")  # noqa: S608

    assert mark(on_sqlite, seen("1", row)) == ["1"]


def test_sqlite_takes_a_nul_in_a_name(on_sqlite: Place) -> None:
    on_sqlite.table.add(make_run(job_name="nul\0name"))

    [job] = on_sqlite.engine.open_runs().jobs

    assert job.job_name == "nul\0name"


def test_sqlite_junk_in_progress_is_no_progress(on_sqlite: Place) -> None:
    on_sqlite.table.add(make_run(), make_run(progress=0.5))
    on_sqlite.table.execute("UPDATE job_runs SET progress = 'half' WHERE id = 1")

    jobs = on_sqlite.engine.open_runs().jobs

    assert {job.run_id: job.progress for job in jobs} == {"1": None, "2": 0.5}


def test_postgresql_instants_finer_than_a_millisecond_are_guarded_right(
    on_postgresql: Place,
) -> None:
    table = on_postgresql.table
    table.add(make_run(), make_run(), make_run(cancel_requested_at=NOW))
    table.execute(
        "UPDATE job_runs SET started_at = started_at + interval '999 microseconds',"
        " heartbeat_at = enqueued_at + interval '1 microsecond',"
        " cancel_requested_at = cancel_requested_at + interval '7 microseconds'"
    )
    exactly = "SELECT string_agg(t::text, '' ORDER BY id) FROM job_runs t"
    before = table.scalar(exactly)
    jobs = {job.run_id: job for job in on_postgresql.engine.open_runs().jobs}
    table.execute(
        "UPDATE job_runs SET heartbeat_at = heartbeat_at + interval '1 ms' WHERE id = 2"
    )

    marked = mark(
        on_postgresql,
        *[
            Seen(run_id, job.started_at or 0, job.heartbeat_at, guard_heartbeat=True)
            for run_id, job in jobs.items()
        ],
    )

    assert sorted(marked) == ["1", "3"]
    table.execute(
        "UPDATE job_runs SET heartbeat_at = heartbeat_at - interval '1 ms' WHERE id = 2"
    )
    on_postgresql.engine.unmark_stalled(
        [
            Marked(run_id, job.started_at or 0, NOW, job.cancel_requested_at)
            for run_id, job in jobs.items()
        ]
    )
    assert table.scalar(exactly) == before


def test_postgresql_cells_are_right_to_the_microsecond(on_postgresql: Place) -> None:
    dice = Random(7)
    rows = some_finished(dice, 200)
    ids = on_postgresql.table.add(*rows)
    for run_id, row in zip(ids, rows, strict=True):
        rest = dice.choice([0, 1, 500, 999])
        row["finished_at"] += Fraction(rest, 1000)
        ended = from_ms(int(row["finished_at"])) + timedelta(microseconds=rest)
        on_postgresql.table.execute(
            "UPDATE job_runs SET finished_at = :ended WHERE id = :id",
            ended=ended,
            id=int(run_id),
        )

    for since, until in [
        (HOUR, HOUR + 5 * HOUR_MS),
        (HOUR + HOUR_MS, HOUR + 2 * HOUR_MS),
    ]:
        found = on_postgresql.engine.finished_cells(since, until)
        assert set(found) == brute_force(rows, since, until)


@pytest.mark.parametrize("column", ["scheduled_at", "started_at", "heartbeat_at"])
@pytest.mark.parametrize(
    "instant", ["infinity", "-infinity", "20000-01-01", "4000-01-01 BC"]
)
def test_postgresql_instants_that_no_clock_shows_do_not_hide_the_other_runs(
    on_postgresql: Place, column: str, instant: str
) -> None:
    on_postgresql.table.add(make_run(), make_run())
    on_postgresql.table.execute(
        f"UPDATE job_runs SET {column} = '{instant}' WHERE id = 1"  # noqa: S608
    )

    jobs = on_postgresql.engine.open_runs().jobs

    assert {job.run_id for job in jobs} == {"1", "2"}
