"""The clean-up dialog: evidence before the click, the truth after."""

import json
from typing import Any

import pytest

from dashboard.views.cleanup import (
    candidates_view,
    in_two,
    logs_link,
    outcome_view,
    seen_data,
    seen_from,
    undone_view,
)
from data.actions import CleanUp, Undone, seen_of, ticked_of
from data.clock import HOUR_MS, MINUTE_MS
from data.engines.base import Seen
from data.model import Job, LifeSign, Snapshot
from data.rules.stalls import StallLimits, judge
from tests.factories import NOW, make_job

LIMITS = StallLimits(by_type={"match-scores": 45 * MINUTE_MS})


def snapshot_of(*jobs: Job) -> Snapshot:
    judgement = judge(jobs, now_ms=NOW, limits=LIMITS)
    return Snapshot(source="orders", seq=1, read_at=NOW, jobs=jobs, judgement=judgement)


def stalled(run_id: str = "1", **changes: Any) -> Job:
    return make_job(run_id, **{"started_at": NOW - HOUR_MS, **changes})


def test_each_stalled_run_comes_with_its_evidence() -> None:
    job = stalled("7", heartbeat_at=NOW - 10 * MINUTE_MS, worker="host:9")

    [view] = candidates_view(snapshot_of(job, make_job("8")), "")

    assert view == {
        "run_id": "7",
        "job": "send-mail",
        "name": "send-mail",
        "run": "7",
        "elapsed": "running for 1h 00m, limit 30m (default limit)",
        "heartbeat": "heartbeat lost, the last one",
        "heartbeat_as": "ago",
        "heartbeat_at": NOW - 10 * MINUTE_MS,
        "alive": False,
        "worker": "host:9",
        "logs": "",
    }


def test_a_run_that_still_beats_is_marked_as_alive() -> None:
    [view] = candidates_view(snapshot_of(stalled(heartbeat_at=NOW)), "")

    assert view["alive"]
    assert view["heartbeat"] == "still alive, last heartbeat"


def test_what_is_to_be_ticked_is_the_same_for_dialog_api_and_command() -> None:
    snapshot = snapshot_of(
        stalled("silent"),
        stalled("lost", heartbeat_at=NOW - 10 * MINUTE_MS),
        stalled("alive", heartbeat_at=NOW),
        stalled("step", heartbeat_at=NOW, sign=LifeSign.STEP),
        stalled("long step", heartbeat_at=NOW - HOUR_MS, sign=LifeSign.STEP),
    )

    ticked, alive = in_two(candidates_view(snapshot, ""))

    assert {run["run_id"] for run in ticked} == {"silent", "lost", "long step"}
    assert {run["run_id"] for run in alive} == {"alive", "step"}
    assert {run.run_id for run in ticked_of(snapshot)} == {
        run["run_id"] for run in ticked
    }


def test_runs_are_chosen_from_both_lists() -> None:
    data = [["1", NOW, None, True], ["2", NOW, NOW, False], ["3", NOW, None, True]]

    assert [run.run_id for run in seen_from(data, ["1"], ["2"])] == ["1", "2"]
    with pytest.raises(ValueError, match="not readable"):
        seen_from(data, ["1"], None)


def test_a_limit_of_its_own_is_named() -> None:
    [view] = candidates_view(snapshot_of(stalled(job_name="match-scores")), "")

    assert view["elapsed"].endswith("limit 45m (limit of this job type)")


def test_the_longest_running_comes_first() -> None:
    jobs = [stalled(str(n), started_at=NOW - n * HOUR_MS) for n in (2, 5, 3)]

    assert [v["run_id"] for v in candidates_view(snapshot_of(*jobs), "")] == [
        "5",
        "3",
        "2",
    ]


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("a/b", "a%2Fb"),
        ("a&b=c#d", "a%26b%3Dc%23d"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("{worker}", "%7Bworker%7D"),
        ("ü", "%C3%BC"),
    ],
)
def test_what_a_job_says_cannot_leave_its_place_in_a_link(
    value: str, quoted: str
) -> None:
    values = {"run_id": value, "worker": "w"}

    assert logs_link("https://logs/?q={run_id}", values) == f"https://logs/?q={quoted}"


def test_without_a_template_there_is_no_link() -> None:
    assert logs_link("", {"run_id": "1"}) == ""


# from the list to the click


def test_guards_survive_the_way_through_the_page() -> None:
    seen = seen_of(
        snapshot_of(
            stalled("1"),
            stalled("2", heartbeat_at=NOW),
            stalled("3", heartbeat_at=NOW - HOUR_MS),
        )
    )
    data = json.loads(json.dumps(seen_data(seen)))

    assert seen_from(data, ["1", "2", "3"]) == seen
    assert [run.guard_heartbeat for run in seen] == [True, False, True]


def test_only_what_was_chosen_is_acted_on() -> None:
    data = [["1", 5, None, True], ["2", 6, 7, False]]

    assert seen_from(data, ["2"]) == [Seen("2", 6, 7, guard_heartbeat=False)]
    assert seen_from(data, []) == []
    assert seen_from(data, ["3"]) == []


@pytest.mark.parametrize(
    ("data", "chosen"),
    [
        (None, ["1"]),
        ([["1", 5, None, True]], None),
        ("1", ["1"]),
        ([["1", 5, None]], ["1"]),
        ([["1", "5", None, True]], ["1"]),
        ([["1", 5.5, None, True]], ["1"]),
        ([["1", 5, "x", True]], ["1"]),
        ([["1", 5, None, 1]], ["1"]),
        ([[1, 5, None, True]], ["1"]),
        ([{"run_id": "1"}], ["1"]),
        ([None], ["1"]),
    ],
)
def test_a_page_that_sends_something_else_is_told_so(
    data: object, chosen: object
) -> None:
    with pytest.raises(ValueError, match="open the dialog again"):
        seen_from(data, chosen)


# the truth


def test_every_list_that_is_not_empty_is_told() -> None:
    result = CleanUp(
        cleaned=[str(n) for n in range(1_200)],
        finished_meanwhile=["a"],
        came_back=["b", "c"],
        not_reached=["d"],
        reasons={"d": "The row is locked."},
    )

    said = outcome_view(result)

    assert [sentence for _, sentence, _ in said] == [
        "1,200 marked as failed",
        "1 finished meanwhile, left alone",
        "2 came back, left alone",
        "1 not reached: The row is locked.",
    ]
    assert said[2][2] == ["b", "c"]


def test_nothing_done_is_said_too() -> None:
    assert outcome_view(CleanUp()) == [
        ("quiet", "Nothing was selected, nothing was done.", [])
    ]


def test_an_undo_tells_what_it_put_back_and_what_it_left() -> None:
    said = undone_view(Undone(restored=["1"], changed_since=["2", "3"]))

    assert [(sentence, ids) for _, sentence, ids in said] == [
        ("1 running again, as before the clean-up", ["1"]),
        ("2 changed since, left alone", ["2", "3"]),
    ]
