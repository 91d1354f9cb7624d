"""Numbers, instants and durations as words.

``assets/format.js`` says the same in the browser; ``tests/vectors/format.json`` holds
both to it. Instants are epoch milliseconds, durations milliseconds.
"""

import re
from datetime import tzinfo
from math import floor
from typing import Final

from data.clock import MINUTE_MS, SECOND_MS, from_ms
from data.rules.number_text import (
    MONTHS,
    UNITS,
    UNKNOWN,
    Unit,
    count,
    duration,
    growth,
    percent,
    points,
    took,
)

__all__ = [
    "UNKNOWN",
    "ago",
    "clock_time",
    "count",
    "duration",
    "growth",
    "in_words",
    "limit",
    "moment",
    "percent",
    "points",
    "shorten",
    "took",
]

#: An instant this little in the future is the clocks' difference, not news.
_CLOCK_TOLERANCE_MS: Final = 5 * SECOND_MS

_BREAKS: Final = re.compile(r"[\t-\r\x85\u2028\u2029]")
# Controls, marks that reorder or hide text, and halves of surrogate pairs. The joiners
# U+200C and U+200D stay: Persian words and emoji of several people need them.
_UNSEEN: Final = re.compile(
    r"[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def limit(span_ms: int) -> str:
    """A limit, exact and short: "30m", "1h 30m", "2h"."""
    return " ".join(f"{many}{unit.letter}" for many, unit in _parts(span_ms)) or "0s"


def in_words(span_ms: int) -> str:
    """A limit for a sentence, exact: "30 minutes", "90 seconds", "1 hour 30 minutes"."""
    if MINUTE_MS < span_ms < 2 * MINUTE_MS and span_ms % SECOND_MS == 0:
        return f"{span_ms // SECOND_MS} seconds"
    parts = (
        f"{many} {unit.word}{'' if many == 1 else 's'}"
        for many, unit in _parts(span_ms)
    )
    return " ".join(parts) or "0 seconds"


def ago(age_ms: float) -> str:
    """An age in one unit, rounded down: "just now", "2 s ago", "41m ago"."""
    whole = floor(age_ms)
    if whole < SECOND_MS:
        return "just now" if whole >= -_CLOCK_TOLERANCE_MS else "in the future"
    for unit in UNITS[:3]:
        if whole >= unit.ms:
            return f"{whole // unit.ms}{unit.letter} ago"
    return f"{whole // SECOND_MS} s ago"


def clock_time(instant_ms: int, zone: tzinfo) -> str:
    """The time of day in ``zone``: "14:01:58"."""
    return f"{from_ms(instant_ms).astimezone(zone):%H:%M:%S}"


def moment(instant_ms: int, zone: tzinfo, now_ms: int) -> str:
    """An instant in ``zone``, as short as ``now_ms`` allows.

    "14:02" today, "12 Nov 14:02" this year, else "12 Nov 2025 14:02".
    """
    then, today = (from_ms(ms).astimezone(zone) for ms in (instant_ms, now_ms))
    if then.date() == today.date():
        return f"{then:%H:%M}"
    year = "" if then.year == today.year else f" {then.year}"
    return f"{then.day} {MONTHS[then.month - 1]}{year} {then:%H:%M}"


def shorten(text: str, length: int) -> str:
    """A foreign text on one line, at most ``length`` (1 or more) characters long.

    What was cut off is "…"; line breaks become spaces, characters that nobody can see
    become U+FFFD.
    """
    if len(text) <= length and text.isascii() and text.isprintable():
        return text  # as nearly all are
    kept = text if len(text) <= length else text[: length - 1].rstrip(" ") + "…"
    return _UNSEEN.sub("\ufffd", _BREAKS.sub(" ", kept))


def shorten_name(text: str, length: int) -> str:
    """The same for a name: what is left out is its middle.

    Names of one kind begin alike (packages, prefixes) and differ at their ends.
    """
    if len(text) <= length:
        return shorten(text, length)
    tail = length // 3
    return shorten(f"{text[: length - tail - 1]}…{text[-tail:]}", length)


def _parts(span_ms: int) -> list[tuple[int, Unit]]:
    """The units that ``span_ms`` is made of, largest first; [] for 0."""
    parts, rest = [], span_ms
    for unit in UNITS:
        many, rest = divmod(rest, unit.ms)
        if many:
            parts.append((many, unit))
    return parts
