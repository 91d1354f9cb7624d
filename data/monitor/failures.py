"""Something that is done again and again, and fails: told once, tried less often."""

import logging
from typing import Final

from data.exceptions import DataError
from data.tracking import track_warning

log = logging.getLogger(__name__)

#: A database may be away for a moment: that is told when it fails twice in a row.
_WORTH_A_LINE: Final = 2
_LONGEST_PAUSE_S: Final = 30.0
_MOST_DOUBLINGS: Final = 10


class Failures:
    """The failures in a row of one thing.

    A DataError is told in one line; any other exception with its traceback, at once.
    Either is tracked, once for as long as it lasts.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.in_a_row = 0
        self._told: type[Exception] | None = None

    def note(self, error: Exception) -> None:
        """It failed again."""
        self.in_a_row += 1
        foreseen = isinstance(error, DataError)
        kind = DataError if foreseen else type(error)
        if kind is self._told or (foreseen and self.in_a_row < _WORTH_A_LINE):
            return
        self._told = kind
        if foreseen:
            log.warning("%s: %s", self._name, error)
            track_warning(str(error), action="monitor", component=self._name)
        else:
            # the log's handler tracks it
            log.error("%s failed; it is tried again", self._name, exc_info=error)

    def clear(self) -> None:
        """It went well."""
        if self._told:
            log.info("%s: works again", self._name)
        self.in_a_row = 0
        self._told = None

    @property
    def pause_s(self) -> float:
        """How long to wait at least until it is tried again; doubles with each failure."""
        if not self.in_a_row:
            return 0.0
        doublings = min(self.in_a_row - 1, _MOST_DOUBLINGS)
        return min(2.0**doublings, _LONGEST_PAUSE_S)
