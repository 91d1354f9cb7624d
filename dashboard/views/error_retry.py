"""What is said before failed runs of an error are run again, and what must be typed."""

from typing import Final

from dashboard.format import count
from dashboard.views.errors import Range
from data.clock import HOUR_MS

#: From more runs than this on their number is typed first.
TYPED_ABOVE: Final = 100
_WHOLE: Final = 10


def retry_words(runs: int, range_: Range, *, is_all: bool) -> str:
    """How many runs it is about, of which time, and how fast they came."""
    an_hour = runs * HOUR_MS / range_.length_ms
    rate = f"{an_hour:,.{0 if an_hour >= _WHOLE else 1}f}"
    rate = "fewer than 0.1" if runs and rate == "0.0" else rate
    number = f"{count(runs)} failed run{'' if runs == 1 else 's'}"
    if not is_all:
        return (
            f"The newest {number} of the last {range_.words}; more are left for later."
        )
    return f"{number} in the last {range_.words}, {rate} an hour."


def is_typed(typed: object, number: int) -> bool:
    """Was this number typed? Thousands may be grouped."""
    text = "".join(str(typed or "").split()).replace(",", "")
    return text == str(number)
