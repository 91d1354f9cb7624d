"""Lines of the log without secrets: drivers repeat passwords, addresses and rows."""

import logging
from types import TracebackType

from data.rules.scrub import scrub_driver_text

_Raised = (
    tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
)


class ScrubbingFormatter(logging.Formatter):
    """What the standard one makes, scrubbed line by line."""

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - the library's name
        """The traceback."""
        return scrub_driver_text(super().formatException(ei))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line itself."""
        return scrub_driver_text(super().formatMessage(record))


def scrub_lines(line: str) -> None:
    """Have whatever the root logger writes made like ``line``, and scrubbed."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(ScrubbingFormatter(line))
