"""Numbers as words, the same wherever one is shown: page, chart, message, alert.

``dashboard.format`` hands these on; ``tests/vectors/format.json`` holds them and their
twins in ``assets/format.js`` to the same words.
"""

from math import floor, inf
from typing import Final, NamedTuple

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, from_ms

#: Stands for what is not known.
UNKNOWN: Final = "—"

#: Shares below this get two decimals.
_SMALL: Final = 0.1
#: Shares from here to all would be rounded to all.
_ALMOST_ALL: Final = 0.9995
#: Durations below this get more digits in ``took``.
_EXACT_MS: Final = 10 * SECOND_MS
# strftime shortens months differently by locale.
MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905


class Unit(NamedTuple):
    """A unit of time."""

    letter: str
    word: str
    ms: int


UNITS: Final = (
    Unit("d", "day", DAY_MS),
    Unit("h", "hour", HOUR_MS),
    Unit("m", "minute", MINUTE_MS),
    Unit("s", "second", SECOND_MS),
    Unit("ms", "millisecond", 1),
)
_DAY, _HOUR, _MINUTE, _SECOND, _ = UNITS
#: Two units, and from where on the next two are written.
_IN_TWO_UNITS: Final = (
    (_MINUTE, _SECOND, HOUR_MS),
    (_HOUR, _MINUTE, DAY_MS),
    (_DAY, _HOUR, inf),
)


def duration(span_ms: float | None) -> str:
    """How long something took, in two units at most: "48s", "3m 02s", "2h 05m".

    Rounded to the smaller unit; less than nothing is "0s", None is "—".
    """
    if span_ms is None:
        return UNKNOWN
    seconds = max(0, floor(span_ms / SECOND_MS + 0.5))
    if seconds < 60:  # noqa: PLR2004 - what a minute has
        return f"{seconds}s"
    for big, small, end_ms in _IN_TWO_UNITS:
        many, rest = divmod(floor(span_ms / small.ms + 0.5), big.ms // small.ms)
        if many * big.ms < end_ms:
            break
    return f"{many}{big.letter} {rest:02}{small.letter}"


def took(span_ms: float | None) -> str:
    """The same, with more digits below ten seconds: "640 ms", "2.4s"."""
    if span_ms is None or not 0 < span_ms < _EXACT_MS:
        return duration(span_ms)
    if floor(span_ms + 0.5) < SECOND_MS:
        return f"{floor(span_ms + 0.5)} ms"
    tenths = floor(span_ms / 100 + 0.5)
    return f"{tenths / 10:.1f}s" if tenths < _EXACT_MS / 100 else duration(span_ms)


def count(number: int) -> str:
    """A number of things: "18,204"."""
    return f"{number:,}"


def things(number: int, thing: str) -> str:
    """So many of a thing: "1 run", "2 runs"."""
    return f"{count(number)} {thing}{'' if number == 1 else 's'}"


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


def percent_floor(fraction: float | None) -> str:
    """A share of good minutes: to a hundredth of a percent, never rounded up: "99.48%"."""
    if fraction is None:
        return UNKNOWN
    return f"{int(fraction * 10_000 + 1e-6) / 100:g}%"


def points(now: float | None, before: float | None) -> str:
    """How a share changed, in percentage points: "+0.12 pp"; "" when one is not known."""
    if now is None or before is None:
        return ""
    hundredths = floor(abs(now - before) * 10_000 + 0.5)
    if not hundredths:
        return "no change"
    return f"{'+' if now > before else '−'}{hundredths / 100:,.2f} pp"


def growth(now: float | None, before: float | None) -> str:
    """How a number changed, in percent of what it was: "+4%"; "" when one is not known."""
    if now is None or before is None:
        return ""
    if not before:
        return "none before" if now else "no change"
    change = floor(abs(now - before) / before * 100 + 0.5)
    if not change:
        return "no change"
    return f"{'+' if now > before else '−'}{count(change)}%"


def rate_a_day(mean: float | None) -> str:
    """A mean of whole days: "0.7 a day"; "" when it is not known."""
    if mean is None:
        return ""
    return f"{floor(mean * 10 + 0.5) / 10:g} a day"


def dates(since: int, until: int) -> str:
    """The days (UTC) from ``since`` to just before ``until``: "23-29 Nov", "24 Nov - 1 Dec"."""
    first, last = from_ms(since), from_ms(until - 1)
    end = f"{last.day} {MONTHS[last.month - 1]}"
    if (first.year, first.month) == (last.year, last.month):
        return end if first.day == last.day else f"{first.day}-{end}"
    return f"{first.day} {MONTHS[first.month - 1]} - {end}"
