"""Spreading over time loses nothing and invents nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.rules.viewing import BUCKETS_S, Counters, Spread, growth, plus, spread_evenly

STEP = 300_000
_many = st.integers(0, 10**6)
_spreads = st.builds(
    Spread, st.tuples(*[_many] * (len(BUCKETS_S) + 1)), st.integers(0, 10**12)
)
_counters = st.builds(
    Counters,
    *[_many] * 5,
    st.dictionaries(st.sampled_from(["1006", "silent", "offline"]), _many),
    _many,
    _spreads,
    _spreads,
)


@given(total=_many, since=_many, span=st.integers(0, 10**7))
def test_the_parts_of_a_span_add_up(total: int, since: int, span: int) -> None:
    parts = spread_evenly(total, since, since + span, STEP)
    assert sum(parts.values()) == total
    assert all(since - STEP < start <= since + span for start in parts)


@pytest.mark.parametrize(
    ("since", "until", "parts"),
    [
        (0, STEP, {0: 60}),
        (STEP // 2, STEP + STEP // 2, {0: 30, STEP: 30}),
        (0, 3 * STEP, {0: 20, STEP: 20, 2 * STEP: 20}),
        (STEP, STEP, {STEP: 60}),
    ],
)
def test_each_slot_gets_its_share(
    since: int, until: int, parts: dict[int, int]
) -> None:
    assert spread_evenly(60, since, until, STEP) == parts


@given(before=_counters, told=_counters, elapsed_ms=st.integers(-1000, 10**9))
def test_whatever_is_told_time_is_the_limit(
    before: Counters, told: Counters, elapsed_ms: int
) -> None:
    grown = growth(before, told, elapsed_ms)
    seconds = max(elapsed_ms, 0) // 1000
    assert all(value >= 0 for value in grown if isinstance(value, int))
    assert grown.visible_s <= seconds
    assert sum(grown.faults.values()) <= seconds // 10 + 1
    assert sum(grown.ages.counts) <= seconds
    assert sum(grown.reconnects.counts) <= seconds + 1
    assert grown.ages.sum_ms >= 0


@given(told=_counters, steps=st.lists(st.integers(0, 100_000_000), max_size=5))
def test_what_is_counted_never_passes_what_was_told(
    told: Counters, steps: list[int]
) -> None:
    counted = Counters()
    for step in steps:
        counted = plus(counted, told, growth(counted, told, step))
    assert counted.visible_s <= told.visible_s
    assert counted.minutes <= told.minutes
    assert counted.attempts <= told.attempts
    assert all(n <= told.faults[cause] for cause, n in counted.faults.items())
    assert all(
        n <= most for n, most in zip(counted.ages.counts, told.ages.counts, strict=True)
    )
