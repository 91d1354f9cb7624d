"""Log records from ERROR up, as tracked errors."""

import logging
from typing import Any, Final, Protocol

#: A record of an error that was tracked where it was logged says so.
TRACKED: Final = {"tracked": True}
#: Where an exception that was tracked carries the id of its event.
EVENT_ID: Final = "job_manager_event_id"


class Tracks(Protocol):
    """What the handler tells."""

    def error(
        self,
        error: object,
        *,
        kind: str = "manual",
        handled: bool = True,
        level: str = "error",
        **context: Any,
    ) -> str:
        """Track it."""


class LogHandler(logging.Handler):
    """Tracks what is logged; a record that was tracked before is left alone."""

    def __init__(self, tracker: Tracks) -> None:
        super().__init__(logging.ERROR)
        self._tracker = tracker

    def emit(self, record: logging.LogRecord) -> None:
        """Track one record."""
        if getattr(record, "tracked", False) or record.name.startswith("data.tracking"):
            return
        record.tracked = True  # the loggers above it have this handler too
        error = record.exc_info[1] if record.exc_info else None
        if getattr(error, EVENT_ID, ""):
            return
        is_monitor = record.name.startswith("data.monitor")
        self._tracker.error(
            error or _message(record),
            kind="log",
            action="monitor" if is_monitor else "",
            component=record.name,
        )


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)
