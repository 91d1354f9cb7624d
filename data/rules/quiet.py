"""Quiet hours: when a channel is left alone, by the clock of some place."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from data.clock import from_ms, to_ms
from data.exceptions import InvalidRequestError

_FORM: Final = re.compile(
    r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d) +(\S{1,60})", re.ASCII
)
_ALLOWED: Final = "22:00-07:00 Europe/Berlin"


class Quiet(NamedTuple):
    """Every day from ``start`` until ``end``, over midnight when that comes first."""

    start: time
    end: time
    zone: ZoneInfo


def quiet_of(text: str) -> Quiet | None:
    """Quiet hours as people write them; None for "".

    Raises InvalidRequestError, which says how they are written.
    """
    if not text.strip():
        return None
    found = _FORM.fullmatch(text.strip())
    if found is None or found.group(1, 2) == found.group(3, 4):
        message = f"These are no quiet hours. They are written {_ALLOWED!r}."
        raise InvalidRequestError(message)
    start, end = (
        time(int(hour), int(minute))
        for hour, minute in (found.group(1, 2), found.group(3, 4))
    )
    return Quiet(start, end, _zone(found[5]))


def quiet_until(quiet: Quiet | None, now_ms: int) -> int | None:
    """When the quiet hours end that ``now_ms`` lies in; None outside of them.

    An hour that a place lives twice is quiet both times; an end that it skips comes as
    long after the gap as it was meant to come after the gap's beginning.
    """
    if quiet is None:
        return None
    today = from_ms(now_ms).astimezone(quiet.zone).date()
    for day in (today - timedelta(days=1), today):
        last = day + timedelta(days=1) if quiet.end < quiet.start else day
        end_ms = max(_instants(last, quiet.end, quiet.zone))
        if _instants(day, quiet.start, quiet.zone)[0] <= now_ms < end_ms:
            return end_ms
    return None


def _instants(day: date, at: time, zone: ZoneInfo) -> tuple[int, int]:
    """When the clocks of a place show that: the first and the second time."""
    shown = datetime.combine(day, at, zone)
    return to_ms(shown), to_ms(shown.replace(fold=1))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"There is no such time zone. Quiet hours are written {_ALLOWED!r}."
        raise InvalidRequestError(message) from None
