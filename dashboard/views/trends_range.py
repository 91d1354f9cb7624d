"""Which time the charts show: ranges, own days, steps. All days are UTC."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from data.clock import DAY_MS, HOUR_MS, WEEK_MS, from_ms, to_ms
from data.exceptions import InvalidRequestError
from data.rules.weeks import week_end

#: The word of a range between two days of one's own.
CUSTOM: Final = "custom"
RANGE: Final = "7d"
LONGEST_DAYS: Final = 400
_SIX_HOURS: Final = 6 * HOUR_MS
#: Up to so long a range is drawn by hours, and by six hours.
_BY_HOURS: Final = 2 * DAY_MS
_BY_SIX_HOURS: Final = 14 * DAY_MS
#: Hours are kept for about this long, days for ever.
_HOURS_KEPT: Final = 88 * DAY_MS


class Range(NamedTuple):
    """A time range that is offered."""

    words: str
    length_ms: int
    step_ms: int


RANGES: Final[Mapping[str, Range]] = {
    "24h": Range("24 h", DAY_MS, HOUR_MS),
    "7d": Range("7 d", WEEK_MS, _SIX_HOURS),
    "30d": Range("30 d", 30 * DAY_MS, DAY_MS),
    "90d": Range("90 d", 90 * DAY_MS, DAY_MS),
}


class Span(NamedTuple):
    """The time that is shown, in whole steps; the last one may not be over yet."""

    words: str
    #: start of the first step, end of the last one, epoch ms
    since: int
    until: int
    step_ms: int
    #: epoch ms; what lies behind it is not over
    now: int
    #: it ends now, whenever that is
    is_rolling: bool = False

    @property
    def over(self) -> int:
        """The start of the step that is not over yet; the end when all are."""
        return min(self.until, self.now // self.step_ms * self.step_ms)

    @property
    def steps(self) -> range:
        """The starts of the steps, oldest first."""
        return range(self.since, self.until, self.step_ms)

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.until - self.since

    def by_days(self) -> "Span":
        """Its whole days; of one that goes on by hours today, and as many days before."""
        until = -(-self.until // DAY_MS) * DAY_MS
        since = self.since // DAY_MS * DAY_MS
        if self.is_rolling and self.step_ms < DAY_MS:
            today = self.now // DAY_MS * DAY_MS
            since, until = today - self.length_ms, today + DAY_MS
        return self._replace(since=since, until=until, step_ms=DAY_MS)

    @property
    def week_end(self) -> int:
        """Where the last of its weeks ends: with the present hour at the latest."""
        return min(self.until, week_end(self.now))

    def week_before(self) -> "Span":
        """The same time one week before."""
        return self._replace(since=self.since - WEEK_MS, until=self.until - WEEK_MS)

    def newest_week(self) -> "Span":
        """Its last seven days by hours, with the present hour: for what bursts."""
        until = self.week_end
        since = max(self.since, until - WEEK_MS)
        return self._replace(since=since, until=until, step_ms=HOUR_MS)

    def step(self, at: int) -> "Span":
        """The step that ``at`` lies in."""
        since = at // self.step_ms * self.step_ms
        return self._replace(since=since, until=since + self.step_ms)


def span_of(word: str | None, first: str | None, last: str | None, now: int) -> Span:
    """The time that the words of the URL say; ``now`` is epoch ms.

    A word that is not offered means the usual range. ``first`` and ``last`` are the days
    of a custom one. Raises InvalidRequestError when these make no sense.
    """
    if word == CUSTOM:
        return _between(_day(first, "first"), _day(last, "last"), now)
    found = RANGES.get(word or RANGE, RANGES[RANGE])
    until = now // found.step_ms * found.step_ms + found.step_ms
    since = until - found.length_ms
    return Span(found.words, since, until, found.step_ms, now, is_rolling=True)


def moment_words(at: int, step_ms: int) -> str:
    """The start of a step, UTC: "17 Nov 2026", "17 Nov 06:00"."""
    then = from_ms(at)
    if step_ms >= DAY_MS:
        return f"{then.day} {then:%b %Y}"
    return f"{then.day} {then:%b %H:%M}"


def step_words(at: int, step_ms: int) -> str:
    """A whole step: "17 Nov 2026", "17 Nov 06:00 to 12:00"."""
    if step_ms >= DAY_MS:
        return moment_words(at, step_ms)
    return f"{moment_words(at, step_ms)} to {from_ms(at + step_ms):%H:%M}"


def _between(first: date, last: date, now: int) -> Span:
    today = from_ms(now).date()
    if first > last:
        message = f"The first day, {first}, is after the last one, {last}: swap them."
        raise InvalidRequestError(message)
    if last > today:
        message = f"The last day, {last}, is in the future: today is {today} (UTC)."
        raise InvalidRequestError(message)
    days = (last - first).days + 1
    if days > LONGEST_DAYS:
        message = f"From {first} to {last} are {days} days; at most {LONGEST_DAYS}."
        raise InvalidRequestError(message)
    since, end = _start(first), _start(last) + DAY_MS
    step = _step(since, end, now)
    until = min(end, now // step * step + step)
    return Span(f"{first} to {last}", since, until, step, now)


def _step(since: int, until: int, now: int) -> int:
    if until - since > _BY_SIX_HOURS or since < now - _HOURS_KEPT:
        return DAY_MS
    return HOUR_MS if until - since <= _BY_HOURS else _SIX_HOURS


def _start(day: date) -> int:
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _day(text: str | None, which: str) -> date:
    if not text:
        message = f"The {which} day is missing: a range of your own needs both."
        raise InvalidRequestError(message)
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"The {which} day, {text[:40]!r}, is no day like 2026-03-18."
        raise InvalidRequestError(message) from None
