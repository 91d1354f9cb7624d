"""What went wrong, from wherever it is told, to the store and to the sinks."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Thread, local
from typing import Any, Final

from data.clock import HOUR_MS, Clock, now_ms
from data.exceptions import InvalidRequestError
from data.model import ErrorEvent
from data.rules.visitors import visitor_of
from data.store.errors import ErrorLog
from data.tracking.events import About, from_browser, from_exception, from_words
from data.tracking.intake import Intake, Receipt
from data.tracking.logs import LogHandler
from data.tracking.sinks import GuardedSink, stop_by

log = logging.getLogger(__name__)

#: What ``recent`` remembers of this process.
RECENT: Final = 10
#: What is older was not just now: no sink is told of it.
_NEWS_MS: Final = HOUR_MS
#: Words of a context, as contract.md spells them and as Python does.
_WORDS: Final = {
    "jobName": "job_name",
    "runId": "run_id",
    "userAgent": "user_agent",
}


class Tracker:
    """The error tracker of one process. No method but ``report`` ever raises.

    ``around`` tells what the present request is about (component, url, user agent).
    """

    def __init__(
        self,
        errors: ErrorLog,
        *,
        clock: Clock,
        sinks: Sequence[GuardedSink] = (),
        around: Callable[[], Mapping[str, str]] = dict,
        salt: bytes = b"",
    ) -> None:
        self._clock = clock
        self._around = around
        self._errors = errors
        #: of the hashes that stand for tabs
        self._salt = salt
        self._recent: deque[ErrorEvent] = deque(maxlen=RECENT)
        self._busy = local()
        self.sinks = sinks
        self.intake = Intake(errors, kept=self._tell_sinks)
        self._handler = LogHandler(self)

    def start(self) -> None:
        """Start the writer and the sinks, listen to the log."""
        self.intake.start()
        for sink in self.sinks:
            sink.start()
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self._handler)

    def stop(self, until: float | None = None) -> None:
        """Write what waits and stop, up to an instant of ``time.monotonic``."""
        until = stop_by(until)
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self._handler)
        self.intake.stop(until)
        # beside one another: the deadline is the same for all
        stopping = [
            Thread(target=sink.stop, args=(until,), daemon=True) for sink in self.sinks
        ]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join(max(0.0, until - time.monotonic()))

    def error(
        self,
        error: object,
        *,
        kind: str = "manual",
        handled: bool = True,
        level: str = "error",
        **context: Any,
    ) -> str:
        """Track an exception, or whatever is given; the event's id."""

        def make() -> ErrorEvent:
            about, now = self._about(context), now_ms(self._clock)
            if isinstance(error, BaseException):
                return from_exception(
                    error, about, now_ms=now, kind=kind, handled=handled, level=level
                )
            return from_words(_words(error), about, now_ms=now, level=level, kind=kind)

        return self._track(make)

    def warning(self, message: object, **context: Any) -> str:
        """Track something that is not an error; the event's id."""
        return self.error(_words(message), level="warning", **context)

    def report(
        self, raw: Sequence[object], *, session: str, source: str = ""
    ) -> tuple[Future[Receipt] | None, int]:
        """Have a browser's batch kept: its receipt, and how many events were none.

        The receipt is None when there is no room: the browser sends again.
        """
        now = now_ms(self._clock)
        visitor = visitor_of(session, self._salt)
        events: list[ErrorEvent] = []
        bad = 0
        for one in raw:
            try:
                events.append(
                    from_browser(
                        one, session=session, now_ms=now, visitor=visitor, source=source
                    )
                )
            except InvalidRequestError:
                bad += 1
        if not events:
            nothing: Future[Receipt] = Future()
            nothing.set_result(Receipt(0, 0))
            return nothing, bad
        return self.intake.hand_in(events), bad

    def keep(self, events: Sequence[ErrorEvent]) -> None:
        """Write events now, past the queue. Raises DataError."""
        if events:
            written = self._errors.write(events)
            self.intake.totals["kept"] += len(written.new)
            self._tell_sinks([one for one in events if one.event_id in written.new])

    def recent(self, limit: int = RECENT) -> list[ErrorEvent]:
        """The last events of this process, oldest first."""
        return [*self._recent][-limit:] if limit > 0 else []

    def clear_recent(self) -> None:
        """Forget them."""
        self._recent.clear()

    def _track(self, make: Callable[[], ErrorEvent]) -> str:
        if getattr(self._busy, "now", False):  # an error of the tracker's own
            return ""
        self._busy.now = True
        try:
            event = make()
            self._recent.append(event)
            self.intake.put(event)
        except Exception:  # noqa: BLE001 - it never raises, whatever it is given
            self.intake.totals["failed"] += 1
            return ""
        else:
            return event.event_id
        finally:
            self._busy.now = False

    def _about(self, context: Mapping[str, object]) -> About:
        """What is told, and for the rest what is going on."""
        told = {_WORDS.get(name, name): value for name, value in context.items()}
        found: dict[str, Any] = {**self._around(), **told}
        return About(
            **{
                name: found[name] if name == "params" else _words(found[name])
                for name in About._fields
                if found.get(name) is not None
            }
        )

    def _tell_sinks(self, events: Sequence[ErrorEvent]) -> None:
        now = now_ms(self._clock)
        for event in events:
            if event.at >= now - _NEWS_MS:
                for sink in self.sinks:
                    sink.offer(event)


#: Loggers that are listened to: uvicorn's do not hand on to the root.
_LOGGERS: Final = ("", "uvicorn.error")


def _words(value: object) -> str:
    try:
        return value if isinstance(value, str) else str(value)
    except Exception:  # noqa: BLE001 - its __str__ may do anything
        return "[unreadable]"


def is_users_own(error: Exception) -> bool:
    """Is this somebody's wrong input, and no fault of ours or of a database?"""
    return isinstance(error, InvalidRequestError)
