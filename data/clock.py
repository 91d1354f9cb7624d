"""The only reader of time.

Instants travel through the program as epoch milliseconds (UTC) and durations
as milliseconds: a job table is read a thousand rows at a time, and integers
compare exactly.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS

#: A day after the first date that there is, and a day before the last.
FIRST_MS: Final = -62_135_510_400_000
LAST_MS: Final = 253_402_214_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def utc_now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)


def to_ms(instant: datetime) -> int:
    """An aware instant as epoch milliseconds, rounded down exactly (no floats)."""
    return (instant - _EPOCH) // _MILLISECOND


def all_to_ms(instants: Iterable[datetime | None]) -> list[int | None]:
    """A column of instants as ``to_ms``; None stays None. Thousands at a time."""
    return [None if at is None else (at - _EPOCH) // _MILLISECOND for at in instants]


def from_ms(instant_ms: int) -> datetime:
    """Epoch milliseconds as an aware UTC instant."""
    return _EPOCH + timedelta(milliseconds=instant_ms)


def is_in_calendar(instant_ms: int) -> bool:
    """Is it of the years 1 to 9999, whatever the zone? Beyond them there is no date."""
    return FIRST_MS <= instant_ms <= LAST_MS


def now_ms(clock: Clock) -> int:
    """What ``clock`` reads, in epoch milliseconds."""
    return to_ms(clock())


def to_duration_ms(duration: timedelta) -> int:
    """A duration in milliseconds, rounded down."""
    return duration // _MILLISECOND
