"""Instants are exact integers: no float ever touches them."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from data.clock import from_ms, now_ms, to_duration_ms, to_ms, utc_now
from tests.conftest import FakeClock

#: 0001-01-01 to 9999-12-31
INSTANTS = st.integers(-62_135_596_800_000, 253_402_300_799_999)


@given(INSTANTS)
def test_milliseconds_survive_the_way_there_and_back(instant_ms: int) -> None:
    assert to_ms(from_ms(instant_ms)) == instant_ms


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_rounded_down_to_its_millisecond(instant: datetime) -> None:
    rest = instant - from_ms(to_ms(instant))

    assert timedelta(0) <= rest < timedelta(milliseconds=1)


def test_the_same_instant_is_the_same_number_in_every_zone() -> None:
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)

    assert to_ms(noon.astimezone(timezone(timedelta(hours=5, minutes=45)))) == to_ms(
        noon
    )


def test_one_microsecond_before_the_epoch_lies_in_the_millisecond_before_it() -> None:
    assert to_ms(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


@given(st.integers(0, 10**15))
def test_durations_are_rounded_down(microseconds: int) -> None:
    assert to_duration_ms(timedelta(microseconds=microseconds)) == microseconds // 1000


def test_the_clock_that_is_handed_in_is_the_one_that_is_read(clock: FakeClock) -> None:
    before = now_ms(clock)
    clock.advance_ms(1)

    assert now_ms(clock) == before + 1


def test_the_real_clock_is_aware_and_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)
