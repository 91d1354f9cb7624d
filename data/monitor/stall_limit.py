"""The number of stalled runs a day above which an alert fires, as it holds now."""

from collections.abc import Mapping
from typing import Final

from data.rules.alarms import checked
from data.rules.stall_frequency import DayLimit, day_limit
from data.store import Store

RULE: Final = "StalledFrequency"


def stall_limit(
    store: Store, now_ms: int, settings: Mapping[str, object] | None = None
) -> DayLimit:
    """Of all sources; ``settings`` are tried instead of those that are kept.

    Raises DataError, InvalidRequestError when a setting makes no sense.
    """
    kept = store.alerts.settings().get(RULE, {}) if settings is None else settings
    return day_limit(store.trends.usual_stalls(now_ms), checked(RULE, kept))
