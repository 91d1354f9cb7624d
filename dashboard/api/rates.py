"""How many errors a browser, and all of them, may tell of in a minute."""

from collections import OrderedDict
from typing import Final

from data.clock import MINUTE_MS, Clock, now_ms

PER_SESSION: Final = 60
OVERALL: Final = 600
_SESSIONS: Final = 10_000


class Rates:
    """Token buckets: full they hold a minute's worth, and fill evenly."""

    def __init__(
        self, clock: Clock, *, per_session: int = PER_SESSION, overall: int = OVERALL
    ) -> None:
        self._clock = clock
        self._per_session = per_session
        self._overall = overall
        #: by session what is left, and when that was so; the oldest first
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._left_overall: tuple[float, int] = (float(overall), now_ms(clock))

    def wait_s(self, session: str, events: int) -> int:
        """0 when they may come now, or after how many seconds."""
        now = now_ms(self._clock)
        own = _filled(
            self._left.get(session, (self._per_session, now)), self._per_session, now
        )
        total = _filled(self._left_overall, self._overall, now)
        missing = max(
            (events - own) / self._per_session, (events - total) / self._overall
        )
        if missing > 0:
            return max(1, round(missing * MINUTE_MS / 1000 + 0.5))
        self._left[session] = (own - events, now)
        self._left.move_to_end(session)
        if len(self._left) > _SESSIONS:
            self._left.popitem(last=False)
        self._left_overall = (total - events, now)
        return 0


def _filled(bucket: tuple[float, int], size: int, now: int) -> float:
    left, at = bucket
    return min(size, left + max(0, now - at) * size / MINUTE_MS)
