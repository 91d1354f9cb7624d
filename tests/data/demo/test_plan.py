import pytest

from data.demo.catalog import STUBBORN
from data.demo.plan import (
    LONGEST_MS,
    SHORTEST_MS,
    Deed,
    Ending,
    Held,
    Plan,
    deed_of,
    plan_of,
)
from tests.data.demo.shop import chance

HELD = Held(1, "thumbnails", 1_000, 1_000, Plan(60_000, Ending.SUCCEEDS))


@pytest.mark.parametrize(
    ("elapsed_ms", "expected"),
    [
        pytest.param(-1_000, Deed.WAIT, id="clock-set-back"),
        pytest.param(4_999, Deed.WAIT, id="before-the-beat"),
        pytest.param(5_000, Deed.BEAT, id="beat"),
        pytest.param(59_999, Deed.BEAT, id="just-before-the-end"),
        pytest.param(60_000, Deed.SUCCEED, id="end"),
    ],
)
def test_time_decides(elapsed_ms: int, expected: Deed) -> None:
    assert deed_of(HELD, now_ms=1_000 + elapsed_ms, asked_to_stop=False) is expected


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending.SUCCEEDS, Deed.SUCCEED),
        (Ending.FAILS, Deed.FAIL),
        (Ending.HANGS, Deed.ABANDON),
    ],
)
def test_the_plan_decides_the_end(ending: Ending, expected: Deed) -> None:
    held = HELD._replace(plan=Plan(60_000, ending))

    assert deed_of(held, now_ms=61_000, asked_to_stop=False) is expected


@pytest.mark.parametrize(
    ("job_name", "expected"), [("thumbnails", Deed.CANCEL), (STUBBORN, Deed.WAIT)]
)
def test_a_request_is_obeyed_by_all_but_one(job_name: str, expected: Deed) -> None:
    held = HELD._replace(job_name=job_name)

    assert deed_of(held, now_ms=2_000, asked_to_stop=True) is expected


@pytest.mark.parametrize(
    ("elapsed_ms", "expected"), [(-5_000, 0), (0, 0), (30_000, 0.5), (90_000, 0.99)]
)
def test_progress_stays_below_one(elapsed_ms: int, expected: float) -> None:
    assert HELD.progress(1_000 + elapsed_ms) == expected


@pytest.mark.parametrize("job_name", ["thumbnails", "nightly-invoices", "unheard-of"])
def test_runs_are_short_enough_to_be_watched(job_name: str) -> None:
    rng = chance()
    durations = [plan_of(job_name, rng).duration_ms for _ in range(200)]

    assert min(durations) >= SHORTEST_MS
    assert max(durations) <= LONGEST_MS


def test_few_plans_fail_and_fewer_hang() -> None:
    rng = chance()
    endings = [plan_of("sync-catalog", rng).ending for _ in range(15_000)]

    assert 0.04 < endings.count(Ending.FAILS) / len(endings) < 0.065
    assert 60 < endings.count(Ending.HANGS) < 150


def test_nothing_hangs_when_it_may_not() -> None:
    rng = chance()
    endings = {plan_of("thumbnails", rng, may_hang=False).ending for _ in range(2_000)}

    assert endings == {Ending.SUCCEEDS, Ending.FAILS}
