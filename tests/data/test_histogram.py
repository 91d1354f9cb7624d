"""Histograms of run times: close to the truth, whichever way they are added up."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.clock import DAY_MS
from data.rules.histogram import (
    BUCKETS,
    LAST,
    MOST,
    bucket_of,
    decode,
    encode,
    merge,
    quantiles,
    reaches,
    stack,
    value_of,
)

BOUND = 0.048
LONGEST = 415 * DAY_MS

durations = st.integers(0, 1_000 * DAY_MS)
histograms = st.dictionaries(st.integers(0, LAST), st.integers(0, 1_000)).map(encode)


def of(runs: list[int]) -> bytes:
    return encode(Counter(map(bucket_of, runs)))


@given(st.integers(1, LONGEST))
def test_a_value_is_close_to_the_length_it_stands_for(duration_ms: int) -> None:
    assert abs(value_of(bucket_of(duration_ms)) / duration_ms - 1) <= BOUND


@given(st.integers(1, LAST - 1), st.integers(-2, 2))
def test_a_value_is_close_at_the_very_borders_of_buckets(
    bucket: int, beside: int
) -> None:
    duration_ms = max(1, int(1.1**bucket) + beside)

    assert abs(value_of(bucket_of(duration_ms)) / duration_ms - 1) <= BOUND


@pytest.mark.parametrize(
    ("duration_ms", "bucket"),
    [(-5, 0), (0, 0), (1, 0), (2, 8), (10**6, 145), (LONGEST, LAST), (10**18, LAST)],
)
def test_what_is_out_of_range_is_in_the_first_or_last_bucket(
    duration_ms: int, bucket: int
) -> None:
    assert bucket_of(duration_ms) == bucket


@given(durations, durations)
def test_longer_runs_are_never_in_an_earlier_bucket(one: int, other: int) -> None:
    assert (bucket_of(one) <= bucket_of(other)) or one > other


@given(st.dictionaries(st.integers(0, LAST), st.integers(1, MOST)))
def test_what_was_encoded_is_decoded(counts: dict[int, int]) -> None:
    stored = encode(counts)

    assert decode(stored) == counts
    assert len(stored) == 5 * len(counts)


def test_a_histogram_is_stored_as_buckets_then_little_endian_counts() -> None:
    assert encode({7: 258, 3: 1, 9: 0}) == bytes([3, 7, 1, 0, 0, 0, 2, 1, 0, 0])


def test_no_runs_are_no_bytes() -> None:
    assert encode({}) == b""
    assert encode({5: 0}) == b""
    assert decode(b"") == {}
    assert merge([]) == b""
    assert merge([b"", b""]) == b""


def test_counts_beyond_32_bits_stay_at_the_largest() -> None:
    assert decode(encode({1: MOST + 1})) == {1: MOST}
    assert decode(merge([encode({1: MOST}), encode({1: 7})])) == {1: MOST}


@given(histograms, histograms, histograms)
def test_the_order_of_adding_up_does_not_matter(
    one: bytes, other: bytes, third: bytes
) -> None:
    assert merge([merge([one, other]), third]) == merge([one, merge([third, other])])


@given(st.lists(durations), st.lists(durations))
def test_two_added_up_are_the_histogram_of_all_runs(
    some: list[int], others: list[int]
) -> None:
    assert merge([of(some), of(others)]) == of(some + others)


@given(st.lists(st.tuples(st.integers(0, 3), histograms)))
def test_many_are_added_up_by_row(stored: list[tuple[int, bytes]]) -> None:
    rows = [row for row, _ in stored]

    total = stack(rows, [histogram for _, histogram in stored], 4)

    assert total.shape == (4, BUCKETS)
    for row in range(4):
        found = {bucket: int(runs) for bucket, runs in enumerate(total[row]) if runs}
        assert found == decode(merge(h for at, h in stored if at == row))


def test_quantiles_are_those_of_the_runs_up_to_the_bound() -> None:
    dice = Random(5)
    for runs in (1, 2, 19, 20, 100, 5_000):
        lengths = sorted(int(dice.lognormvariate(9, 2)) + 1 for _ in range(runs))

        [found] = quantiles(stack([0], [of(lengths)], 1), (0.5, 0.95, 0.99))

        for part, value in zip((50, 95, 99), found, strict=True):
            exact = lengths[-(-runs * part // 100) - 1]
            assert abs(value / exact - 1) <= BOUND


@given(st.lists(durations), durations)
def test_a_longer_run_is_never_missed(runs: list[int], limit_ms: int) -> None:
    stored = of(runs)

    if any(run > limit_ms for run in runs):
        assert reaches(stored, limit_ms)
    if all(bucket_of(run) < bucket_of(limit_ms) for run in runs):
        assert not reaches(stored, limit_ms)
