"""What apprise says, heard by the thread that it says it to, and printed nowhere.

Its log lines name recipients and parts of addresses.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Final

_NAME: Final = "apprise"


class _Ears(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.here = local()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if this thread listens."""
        heard: list[logging.LogRecord] | None = getattr(self.here, "heard", None)
        if heard is not None:
            heard.append(record)


def _listening() -> _Ears:
    logger = logging.getLogger(_NAME)
    ears = _Ears()
    logger.handlers[:] = [ears]
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    return ears


_EARS: Final = _listening()


@contextmanager
def listening() -> Iterator[list[logging.LogRecord]]:
    """The records of what this thread has apprise do within."""
    heard: list[logging.LogRecord] = []
    _EARS.here.heard = heard
    try:
        yield heard
    finally:
        _EARS.here.heard = None


def warnings(heard: list[logging.LogRecord]) -> list[str]:
    """The warnings among them, as texts: errors repeat whole addresses."""
    return [
        record.getMessage() for record in heard if record.levelno == logging.WARNING
    ]
