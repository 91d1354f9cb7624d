"""What a browser's tab tells of itself, and how much of it is believed.

A tab counts for itself, and its counters only grow: a post that is lost or repeated
changes nothing, and minutes without a network arrive later. What is told is believed as
far as time allows; the rest waits, and is counted when more time has passed.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from data.clock import DAY_MS, HOUR_MS

#: Upper ends of the buckets of every spread, in seconds; the last one is open.
BUCKETS_S: Final = (1, 2, 5, 10, 30, 60, 300)
#: A value in the open bucket counts as this much at most.
_LONGEST_MS: Final = DAY_MS
#: A link that broke is missed for so long before it counts.
_FAULT_S: Final = 10
_MINUTE_S: Final = 60
#: Of a minute that is good, so many seconds are.
_GOOD_S: Final = 55
#: What a tab may have counted before its first post, and between two of them.
FIRST_MS: Final = HOUR_MS
LONGEST_MS: Final = DAY_MS


class Spread(NamedTuple):
    """How often values fell in which bucket (the last one is open), and their sum."""

    counts: tuple[int, ...] = (0,) * (len(BUCKETS_S) + 1)
    sum_ms: int = 0


class Counters(NamedTuple):
    """What one tab counted since it was opened; seconds are those it was visible in."""

    good_s: int = 0
    stale_s: int = 0
    disconnected_s: int = 0
    #: of sixty visible seconds each, and how many of them were good
    minutes: int = 0
    good_minutes: int = 0
    #: links that broke, by why
    faults: Mapping[str, int] = {}
    #: tries to connect again
    attempts: int = 0
    #: how long a broken link took to come back
    reconnects: Spread = Spread()
    #: how old the last message was, looked at in each visible second
    ages: Spread = Spread()

    @property
    def visible_s(self) -> int:
        """Seconds in which somebody could look at the page."""
        return self.good_s + self.stale_s + self.disconnected_s


class Report(NamedTuple):
    """What a person reported as wrong, with the freshness record of the tab."""

    report_id: str
    source: str
    #: "not_updating", "wrong_data" or "other"
    category: str
    note: str
    #: JSON
    record: str
    #: the record shows data that was too old, or a link that was not live
    confirmed: bool
    at: int = 0


class Told(NamedTuple):
    """One post of a tab."""

    session: str
    visitor: str
    #: number of the post; one that was overtaken on its way tells nothing new
    number: int
    counters: Counters
    report: Report | None = None


def growth(before: Counters, told: Counters, elapsed_ms: int) -> Counters:
    """What is new in ``told``, as far as ``elapsed_ms`` since the last post allow it.

    Counters that fell are those of a new beginning: then all of it is new.
    """
    base = Counters() if _fell(before, told) else before
    room_s = min(max(elapsed_ms, 0), LONGEST_MS) // 1000
    disconnected = min(told.disconnected_s - base.disconnected_s, room_s)
    stale = min(told.stale_s - base.stale_s, room_s - disconnected)
    good = min(told.good_s - base.good_s, room_s - disconnected - stale)
    visible = base.visible_s + disconnected + stale + good
    minutes = min(told.minutes, visible // _MINUTE_S)
    good_minutes = min(told.good_minutes, minutes, (base.good_s + good) // _GOOD_S)
    return Counters(
        good_s=good,
        stale_s=stale,
        disconnected_s=disconnected,
        minutes=max(minutes - base.minutes, 0),
        good_minutes=max(good_minutes - base.good_minutes, 0),
        faults=_more_faults(base.faults, told.faults, room_s // _FAULT_S + 1),
        attempts=min(told.attempts - base.attempts, room_s + 1),
        reconnects=_more(base.reconnects, told.reconnects, room_s + 1),
        ages=_more(base.ages, told.ages, disconnected + stale + good),
    )


def plus(before: Counters, told: Counters, grown: Counters) -> Counters:
    """What is counted of a tab now: before, and what was believed of what it told."""
    base = Counters() if _fell(before, told) else before
    numbers = {
        name: getattr(base, name) + getattr(grown, name)
        for name in Counters._fields
        if isinstance(getattr(base, name), int)
    }
    return Counters(
        **numbers,
        faults=_added(base.faults, grown.faults),
        reconnects=_summed(base.reconnects, grown.reconnects),
        ages=_summed(base.ages, grown.ages),
    )


def spread_evenly(total: int, since: int, until: int, step: int) -> dict[int, int]:
    """``total`` spread over a span: the whole numbers in each step, by its start.

    Their sum is ``total``; steps that get nothing are left out.
    """
    if since >= until:
        return {until // step * step: total} if total else {}
    first, last = since // step * step, (until - 1) // step * step
    ends = [since, *range(first + step, last + 1, step), until]
    done = [total * (end - since) // (until - since) for end in ends]
    starts = range(first, last + 1, step)
    parts = zip(starts, pairwise(done), strict=True)
    return {start: b - a for start, (a, b) in parts if b > a}


def _fell(before: Counters, told: Counters) -> bool:
    """Did any counter become smaller?"""
    return any(
        getattr(told, name) < getattr(before, name)
        for name in Counters._fields
        if isinstance(getattr(before, name), int)
    )


def _more_faults(
    before: Mapping[str, int], told: Mapping[str, int], room: int
) -> dict[str, int]:
    found = {}
    for cause in sorted(told):
        more = min(told[cause] - before.get(cause, 0), room)
        if more > 0:
            found[cause] = more
            room -= more
    return found


def _more(before: Spread, told: Spread, room: int) -> Spread:
    counts = []
    for known, now in zip(before.counts, told.counts, strict=True):
        counts.append(max(min(now - known, room), 0))
        room -= counts[-1]
    ends = [0, *(1000 * end for end in BUCKETS_S), _LONGEST_MS]
    least = sum(n * low for n, (low, _) in zip(counts, pairwise(ends), strict=True))
    most = sum(n * high for n, (_, high) in zip(counts, pairwise(ends), strict=True))
    return Spread(tuple(counts), min(max(told.sum_ms - before.sum_ms, least), most))


def _added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {
        cause: before.get(cause, 0) + more.get(cause, 0) for cause in {*before, *more}
    }


def _summed(before: Spread, more: Spread) -> Spread:
    counts = tuple(map(sum, zip(before.counts, more.counts, strict=True)))
    return Spread(counts, before.sum_ms + more.sum_ms)
