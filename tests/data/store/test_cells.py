"""The seal: an old hour of a job type keeps what the source has forgotten."""

import pytest

from data.clock import HOUR_MS
from data.store.cells import Cells, Figures, with_seal

OLD, YOUNG = 0, HOUR_MS
SEALED_BEFORE = HOUR_MS


def cells(hour: int, **runs: int) -> Cells:
    """Cells of one hour and job type: runs by status."""
    return {
        (hour, "send-mail", status): Figures(n, n * 100, n, b"", "{}")
        for status, n in runs.items()
    }


@pytest.mark.parametrize(
    ("stored", "fresh", "kept"),
    [
        pytest.param({"SUCCEEDED": 5}, {}, True, id="all-pruned"),
        pytest.param({"SUCCEEDED": 5}, {"SUCCEEDED": 4}, True, id="some-pruned"),
        pytest.param({"CANCELLED": 5}, {"CANCELLED": 4}, True, id="cancelled-pruned"),
        pytest.param(
            {"SUCCEEDED": 5, "FAILED": 1}, {"FAILED": 1}, True, id="succeeded-pruned"
        ),
        pytest.param({"SUCCEEDED": 5}, {"SUCCEEDED": 6}, False, id="came-late"),
        pytest.param({"FAILED": 5}, {"SUCCEEDED": 5}, False, id="edited-in-place"),
        pytest.param(
            {"SUCCEEDED": 5},
            {"SUCCEEDED": 4, "CANCELLED": 1},
            False,
            id="edited-to-one-that-does-not-count",
        ),
        pytest.param(
            {"SUCCEEDED": 5, "CANCELLED": 3},
            {"SUCCEEDED": 6},
            False,
            id="more-that-count-though-fewer-cancelled",
        ),
    ],
)
def test_a_sealed_hour_keeps_what_is_stored_only_when_the_source_has_fewer(
    stored: dict[str, int], fresh: dict[str, int], *, kept: bool
) -> None:
    old, new = cells(OLD, **stored), cells(OLD, **fresh)

    assert with_seal(old, new, SEALED_BEFORE) == (old if kept else new)


def test_an_hour_that_is_not_sealed_is_what_the_source_says() -> None:
    stored = {**cells(OLD, FAILED=2), **cells(YOUNG, FAILED=2)}
    fresh = cells(YOUNG, FAILED=1)

    assert with_seal(stored, fresh, SEALED_BEFORE) == {
        **cells(OLD, FAILED=2),
        **cells(YOUNG, FAILED=1),
    }


def test_each_job_type_of_a_sealed_hour_is_kept_by_itself() -> None:
    other = {(OLD, "make-report", "FAILED"): Figures(1, 1, 1, b"", "{}")}

    assert with_seal(cells(OLD, FAILED=2), other, SEALED_BEFORE) == {
        **cells(OLD, FAILED=2),
        **other,
    }
