"""The summary of the last week, on Monday mornings."""

from typing import Final

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from data.model import GroupStatus, JobState
from data.monitor.stall_limit import stall_limit
from data.notify import Messenger
from data.notify.picture import Day, Week, picture_of
from data.notify.summary import (
    CommonError,
    Figures,
    summary_of,
    week_before,
    week_name,
)
from data.store import Store
from data.store.error_records import ErrorFilter

#: When it is told, from Monday 00:00 UTC; whoever was not running may still be told.
_FROM_MS: Final = 8 * HOUR_MS
_UNTIL_MS: Final = _FROM_MS + DAY_MS
_ERRORS: Final = 5
_SEEN: Final = frozenset(GroupStatus) - {GroupStatus.IGNORED}


class WeeklySummary:
    """A chore of the process that leads. Every channel is told a week once."""

    name: Final = "weekly summary"
    every_ms: Final = MINUTE_MS

    def __init__(self, store: Store, messenger: Messenger, *, home: str) -> None:
        self._store = store
        self._messenger = messenger
        self._home = home
        self._told_until = 0
        self._made_at: int | None = None

    def do(self, now_ms: int) -> None:
        """Tell of the last week, if it is time to. Raises DataError.

        A store that was made when that week was over knows nothing of it.
        """
        if self._made_at is None:
            self._made_at = self._store.made_at(now_ms)
        since, until = week_before(now_ms)
        if self._made_at >= until:
            return
        if self._told_until == until or not _FROM_MS <= now_ms - until < _UNTIL_MS:
            return
        if any(channel.enabled for channel in self._messenger.channels()):
            now = figures(self._store, since, until)
            before = figures(self._store, since - WEEK_MS, since)
            errors = common_errors(self._store, since, until)
            picture = picture_of(week_of(self._store, since))
            told = summary_of(since, now, before, errors, self._home)
            self._messenger.announce(told._replace(picture=picture), now_ms)
        self._told_until = until


def figures(store: Store, since: int, until: int) -> Figures:
    """What is known of the week that ends then, of all sources."""
    weeks = store.trends.weeks("", until)
    slots = store.viewing.slots(since, until)
    known_since = store.trends.known_since("")
    is_known = known_since is not None and known_since <= since
    stalled = store.trends.stalled_by_day("", since, until)
    return Figures(
        succeeded=weeks.finished - weeks.failed,
        failed=weeks.failed,
        stalled=sum(stalled.values()) if is_known else None,
        repairs_ms=[one.resolve_ms for one in store.incidents.ended("", since, until)],
        minutes=sum(slot.minutes for slot in slots),
        good_minutes=sum(slot.good_minutes for slot in slots),
    )


def week_of(store: Store, since: int) -> Week:
    """What is drawn of the week that began then, of all sources."""
    found = _days(store, since - WEEK_MS, since + WEEK_MS)
    limit = stall_limit(store, since + WEEK_MS)
    return Week(
        name=week_name(since),
        days=found[7:],
        before=found[:7],
        limit=limit.value if limit.enough else None,
    )


def _days(store: Store, since: int, until: int) -> list[Day]:
    runs = store.trends.judged("", since, until, DAY_MS)
    stalled = store.trends.stalled_by_day("", since, until)
    return [
        Day(
            at,
            succeeded=runs.get(JobState.SUCCEEDED, {}).get(at, 0),
            failed=runs.get(JobState.FAILED, {}).get(at, 0),
            stalled=stalled.get(at, 0),
        )
        for at in range(since, until, DAY_MS)
    ]


def common_errors(store: Store, since: int, until: int) -> list[CommonError]:
    """The most frequent groups of errors that nobody ignores."""
    asked = ErrorFilter(since=since, until=until, statuses=_SEEN)
    return [
        CommonError(group.title, group.events, f"errors?group={group.fingerprint}")
        for group in store.errors.groups(asked, limit=_ERRORS)
    ]
