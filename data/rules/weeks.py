"""Week over week: seven days beside the seven days before them, one definition for all.

A week ends with the present hour, or with the end of a span that is over (a Monday, the
last day of a range). What changed is said in percentage points of a rate, in percent of a
count, and always with the dates.
"""

from typing import Final

from data.clock import HOUR_MS, WEEK_MS
from data.model import Weeks
from data.rules.number_text import dates, growth, points

#: Both weeks.
BOTH_MS: Final = 2 * WEEK_MS


def week_end(now_ms: int) -> int:
    """The end of the present hour: there the newest week ends."""
    return now_ms - now_ms % HOUR_MS + HOUR_MS


def dates_now(weeks: Weeks) -> str:
    """The dates of the newer week: "23-29 Nov"."""
    return dates(weeks.until - WEEK_MS, weeks.until)


def dates_before(weeks: Weeks) -> str:
    """The dates of the older week."""
    return dates(weeks.until - BOTH_MS, weeks.until - WEEK_MS)


def rate_change(weeks: Weeks) -> str:
    """The change of the error rate: "+0.12 pp"; "" when one rate is not known."""
    return points(weeks.rate, weeks.rate_before)


def ended_change(weeks: Weeks) -> str:
    """The change of finished runs, cancelled ones too: "+4%"; "" when it is not known."""
    return growth(weeks.ended, weeks.ended_before) if weeks.ended_before else ""


def succeeded_change(weeks: Weeks) -> str:
    """The change of succeeded runs: "+4%"; "" when it is not known."""
    before = weeks.finished_before - weeks.failed_before
    return growth(weeks.finished - weeks.failed, before) if before else ""


def with_dates(change: str, weeks: Weeks) -> str:
    """A change and what is compared: "7 d: +0.12 pp (23-29 Nov vs 16-22 Nov)"."""
    if not change:
        return ""
    return f"7 d: {change} ({dates_now(weeks)} vs {dates_before(weeks)})"


def in_short(change: str, weeks: Weeks) -> str:
    """The same for a tile, of which week says the date: "+0.12 pp vs 16-22 Nov"."""
    return f"{change} vs {dates_before(weeks)}" if change else ""
