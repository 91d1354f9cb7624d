"""Numbers, instants and durations as words.

``assets/format.js`` says the same in the browser; ``tests/vectors/format.json`` holds
both to it. Instants are epoch milliseconds, durations milliseconds.
"""

import re
from datetime import tzinfo
from itertools import pairwise
from math import floor
from typing import Final, NamedTuple

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, from_ms

#: Stands for what is not known.
UNKNOWN: Final = "—"

#: Shares below this get two decimals.
_SMALL: Final = 0.1
#: Shares from here to all would be rounded to all.
_ALMOST_ALL: Final = 0.9995
#: An instant this little in the future is the clocks' difference, not news.
_CLOCK_TOLERANCE_MS: Final = 5 * SECOND_MS


class _Unit(NamedTuple):
    letter: str
    word: str
    ms: int


_UNITS: Final = (
    _Unit("d", "day", DAY_MS),
    _Unit("h", "hour", HOUR_MS),
    _Unit("m", "minute", MINUTE_MS),
    _Unit("s", "second", SECOND_MS),
    _Unit("ms", "millisecond", 1),
)
# Intl in the browser and strftime here shorten months differently, and by locale.
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_BREAKS: Final = re.compile(r"[\t-\r\x85\u2028\u2029]")
# Controls, marks that reorder or hide text, and halves of surrogate pairs. The joiners
# U+200C and U+200D stay: Persian words and emoji of several people need them.
_UNSEEN: Final = re.compile(
    r"[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f"
    r"\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def duration(span_ms: float | None) -> str:
    """How long something took, in two units at most: "48s", "3m 02s", "2h 05m".

    Rounded down; less than a second and less than nothing are "0s", None is "—".
    """
    if span_ms is None:
        return UNKNOWN
    whole = max(0, floor(span_ms))
    for big, small in pairwise(_UNITS[:4]):
        if whole >= big.ms:
            rest = whole % big.ms // small.ms
            return f"{whole // big.ms}{big.letter} {rest:02}{small.letter}"
    return f"{whole // SECOND_MS}s"


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
    for unit in _UNITS[:3]:
        if whole >= unit.ms:
            return f"{whole // unit.ms}{unit.letter} ago"
    return f"{whole // SECOND_MS} s ago"


def count(number: int) -> str:
    """A number of things: "18,204"."""
    return f"{number:,}"


def percent(fraction: float | None) -> str:
    """A share in percent: "1.15%", "25%"; None is "—".

    Two decimals below 10 %, one above. Only nothing is "0%", only all is "100%".
    """
    if fraction is None:
        return UNKNOWN
    if fraction < _SMALL:
        hundredths = floor(fraction * 10_000 + 0.5)
        return "<0.01%" if hundredths == 0 < fraction else f"{hundredths / 100:g}%"
    if _ALMOST_ALL <= fraction < 1:
        return ">99.9%"
    return f"{floor(fraction * 1_000 + 0.5) / 10:g}%"


def change(now: float | None, before: float | None) -> str:
    """How a number compares with last week's: "+4% vs last week", "−3% vs last week".

    "" when one of them is not known.
    """
    if now is None or before is None:
        return ""
    if before == 0 and now != 0:
        return "none last week"
    points = floor(abs(now - before) / before * 100 + 0.5) if before else 0
    if points == 0:
        return "same as last week"
    return f"{'+' if now > before else '−'}{count(points)}% vs last week"


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
    return f"{then.day} {_MONTHS[then.month - 1]}{year} {then:%H:%M}"


def shorten(text: str, length: int) -> str:
    """A foreign text on one line, at most ``length`` (1 or more) characters long.

    What was cut off is "…"; line breaks become spaces, characters that nobody can see
    become U+FFFD.
    """
    if len(text) <= length and text.isascii() and text.isprintable():
        return text  # as nearly all are
    kept = text if len(text) <= length else text[: length - 1].rstrip(" ") + "…"
    return _UNSEEN.sub("\ufffd", _BREAKS.sub(" ", kept))


def _parts(span_ms: int) -> list[tuple[int, _Unit]]:
    """The units that ``span_ms`` is made of, largest first; [] for 0."""
    parts, rest = [], span_ms
    for unit in _UNITS:
        many, rest = divmod(rest, unit.ms)
        if many:
            parts.append((many, unit))
    return parts
