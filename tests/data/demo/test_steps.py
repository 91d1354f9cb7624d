import pytest

from data.clock import MINUTE_MS
from data.demo.catalog import STUBBORN
from data.demo.open_runs import SLOW_WORKER
from data.demo.plan import Ending
from data.demo.steps import FEWEST, MOST, MOST_PENDING, MOST_SILENT, hand_back
from data.model import JobState
from tests.data.demo.shop import NEVER_MS, Shop

CANCEL = "UPDATE job_runs SET cancel_requested_at = ? WHERE id = ?"
CLEAN_UP = (
    "UPDATE job_runs SET status = 'FAILED', finished_at = ?, error_type = 'Stalled'"
    " WHERE id = ?"
)


def test_a_waiting_run_is_taken(shop: Shop) -> None:
    shop.state = shop.state._replace(burst_at=NEVER_MS)
    run_id = shop.add()

    shop.step()

    run = shop.run(run_id)
    assert run["status"] == JobState.RUNNING
    assert run["worker"] == "demo-worker:1"
    assert run["started_at"] == run["heartbeat_at"] == shop.now_ms
    assert run["finished_at"] is None
    assert [held.run_id for held in shop.state.held] == [run_id]


def test_the_oldest_is_taken_first(shop: Shop) -> None:
    first, second = shop.add(), shop.add()

    shop.step()

    assert shop.run(first)["status"] == JobState.RUNNING
    assert shop.run(second)["status"] == JobState.PENDING


def test_a_run_beats_every_five_seconds_and_says_how_far_it_is(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold(seconds=60)
    started_at = shop.now_ms

    shop.step(4.9)
    assert shop.run(run_id)["heartbeat_at"] == started_at

    shop.step(10.1)
    assert shop.run(run_id)["heartbeat_at"] == shop.now_ms
    assert shop.run(run_id)["progress"] == pytest.approx(0.25)


def test_a_run_succeeds_at_its_end(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold(seconds=60)

    shop.step(60)

    run = shop.run(run_id)
    assert run["status"] == JobState.SUCCEEDED
    assert run["finished_at"] == shop.now_ms
    assert run["progress"] == 1
    assert run_id not in {held.run_id for held in shop.state.held}


def test_a_failure_has_a_class_and_a_traceback(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold(Ending.FAILS, seconds=60)

    shop.step(60)

    run = shop.run(run_id)
    assert run["status"] == JobState.FAILED
    assert run["error"].startswith("Traceback (most recent call last):")
    assert run["error"].splitlines()[-1].startswith(run["error_type"])


def test_a_run_of_an_unknown_type_can_fail_too(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold(Ending.FAILS, seconds=60, job_name="somebody-elses")

    shop.step(60)

    assert shop.run(run_id)["status"] == JobState.FAILED


def test_a_hanging_run_falls_silent_and_never_ends(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold(Ending.HANGS, seconds=60)

    for _ in range(20):
        shop.step(5)

    run = shop.run(run_id)
    assert run["status"] == JobState.RUNNING
    assert run["finished_at"] is None
    assert shop.now_ms - run["heartbeat_at"] == 45_000


def test_a_request_to_stop_is_obeyed(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold()
    shop.set(run_id, CANCEL, shop.now_ms)

    shop.step(0.25)

    assert shop.run(run_id)["status"] == JobState.CANCELLED
    assert shop.run(run_id)["finished_at"] == shop.now_ms


def test_one_type_never_obeys(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold(seconds=60, job_name=STUBBORN)
    shop.set(run_id, CANCEL, shop.now_ms)

    shop.step(10)
    assert shop.run(run_id)["status"] == JobState.RUNNING

    shop.step(50)
    assert shop.run(run_id)["status"] == JobState.SUCCEEDED


@pytest.mark.parametrize("ending", Ending)
def test_a_run_that_was_cleaned_up_is_left_alone(shop: Shop, ending: Ending) -> None:
    shop.fill()
    run_id = shop.hold(ending, seconds=60)
    shop.set(run_id, CLEAN_UP, shop.now_ms)
    cleaned = tuple(shop.run(run_id))

    shop.step(60)
    shop.step(60)

    assert tuple(shop.run(run_id)) == cleaned
    assert run_id not in {held.run_id for held in shop.state.held}


def test_a_cleaned_up_run_is_forgotten_at_the_next_beat(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold(seconds=60)
    shop.set(run_id, CLEAN_UP, shop.now_ms)

    shop.step(5)

    assert run_id not in {held.run_id for held in shop.state.held}


def test_a_run_that_somebody_restarted_is_not_ours_any_more(shop: Shop) -> None:
    shop.fill()
    run_id = shop.hold(seconds=60)
    shop.set(run_id, "UPDATE job_runs SET started_at = ? WHERE id = ?", 5)

    shop.step(60)

    assert shop.run(run_id)["status"] == JobState.RUNNING


def test_a_scheduled_run_waits_until_it_is_due(shop: Shop) -> None:
    shop.fill()
    due_at = shop.now_ms + MINUTE_MS
    run_id = shop.add(JobState.SCHEDULED, scheduled_at=due_at)

    shop.step(59.999)
    assert shop.run(run_id)["status"] == JobState.SCHEDULED

    shop.step(0.001)
    assert shop.run(run_id)["status"] == JobState.PENDING


def test_the_slow_worker_is_kept_alive(shop: Shop) -> None:
    shop.fill()
    run_id = shop.add(JobState.RUNNING, worker=SLOW_WORKER, started_at=shop.now_ms)

    shop.step(5)

    assert shop.run(run_id)["heartbeat_at"] == shop.now_ms
    assert shop.run(run_id)["status"] == JobState.RUNNING


def test_the_slow_worker_obeys_too(shop: Shop) -> None:
    shop.fill()
    run_id = shop.add(JobState.RUNNING, worker=SLOW_WORKER, started_at=shop.now_ms)
    shop.set(run_id, CANCEL, shop.now_ms)

    shop.step(0.25)

    assert shop.run(run_id)["status"] == JobState.CANCELLED
    assert shop.run(run_id)["finished_at"] == shop.now_ms


def test_the_worker_hands_back_what_it_holds(shop: Shop) -> None:
    asked_to_stop, plain, cleaned = shop.hold(), shop.hold(), shop.hold()
    shop.set(asked_to_stop, CANCEL, shop.now_ms)
    shop.set(cleaned, CLEAN_UP, shop.now_ms)

    hand_back(shop.orders, shop.state)

    assert shop.run(plain)["status"] == JobState.PENDING
    assert shop.run(plain)["started_at"] is None
    assert shop.run(asked_to_stop)["status"] == JobState.RUNNING
    assert shop.run(cleaned)["status"] == JobState.FAILED


def test_over_an_hour_the_shop_is_neither_idle_nor_flooded(shop: Shop) -> None:
    running, pending = [], []
    for _ in range(2 * 60 * 60):
        shop.step(0.5)
        running.append(len(shop.state.held))
        pending.append(shop.orders.counts().get(JobState.PENDING, 0))

    assert min(running[60:]) >= FEWEST - 1
    assert max(running) <= MOST
    assert max(pending) <= MOST_PENDING + 1
    assert 0.1 < sum(map(bool, pending)) / len(pending) < 0.95
    ended = shop.count(JobState.SUCCEEDED)
    assert 500 < ended < 1_000
    assert 0.015 < shop.count(JobState.FAILED) / ended < 0.06
    assert 1 <= shop.count(JobState.RUNNING) - running[-1] <= MOST_SILENT


def test_no_more_hangs_once_some_runs_are_silent(shop: Shop) -> None:
    for _ in range(MOST_SILENT):
        shop.add(JobState.RUNNING, worker="gone", started_at=shop.now_ms)

    for _ in range(2 * 60 * 60):
        shop.step(0.5)

    assert shop.count(JobState.RUNNING) == MOST_SILENT + len(shop.state.held)
