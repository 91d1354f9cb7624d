"""Durations as people write them: ``90s``, ``1h30m``, ``90d``, ISO 8601 ``PT30M``."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

#: Ends every message about a duration.
ALLOWED: Final = "allowed: 90s, 30m, 2h, 1d, 1h30m or ISO 8601 like PT30M"

_SHORT = re.compile(
    r"(?:(?P<days>[0-9]+)d)?(?:(?P<hours>[0-9]+)h)?(?:(?P<minutes>[0-9]+)m)?"
    r"(?:(?P<seconds>[0-9]+)s)?(?:(?P<milliseconds>[0-9]+)ms)?",
    re.IGNORECASE,
)
_ISO = re.compile(
    r"P(?:(?P<weeks>[0-9]+)W)?(?:(?P<days>[0-9]+)D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+)S)?)?",
    re.IGNORECASE,
)
#: Longer ones are a slip of the finger, and too long for some databases' intervals.
_LONGEST = timedelta(days=36_500)


def duration_of(value: object) -> timedelta:
    """The duration that ``value`` spells; more than 0, at most 100 years.

    Raises ValueError with a sentence that says what is allowed.
    """
    text = "".join(value.split()) if isinstance(value, str) else ""
    match = _SHORT.fullmatch(text) or _ISO.fullmatch(text)
    numbers = {k: v for k, v in match.groupdict().items() if v} if match else {}
    if not numbers:
        raise ValueError(f"not a duration; {ALLOWED}")
    try:
        duration = timedelta(**{unit: int(number) for unit, number in numbers.items()})
    except (OverflowError, ValueError):
        duration = timedelta.max
    if not timedelta(0) < duration <= _LONGEST:
        raise ValueError(f"must be more than 0 and at most 36500d; {ALLOWED}")
    return duration


def duration_between(shortest: str, longest: str) -> Callable[[object], timedelta]:
    """A reader of durations within two limits, both allowed."""

    def read(value: object) -> timedelta:
        duration = duration_of(value)
        if not duration_of(shortest) <= duration <= duration_of(longest):
            raise ValueError(f"out of range; allowed: {shortest} to {longest}")
        return duration

    return read
