"""Who may ask a database that went silent: one at a time; the others are told at once.

So a database that hangs keeps one thread, and not one for each who asks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident


class SilentError(Exception):
    """The database is silent, and somebody else tries it already."""


class Circuit:
    """Open from the first call that got no answer until one gets an answer again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._silent = False
        self._tried_by: int | None = None

    def note_silence(self) -> None:
        """A call got no answer in time."""
        with self._lock:
            self._silent = True

    @contextmanager
    def trying(self) -> Iterator[None]:
        """One call. Raises SilentError when it would only wait as others do."""
        thread = get_ident()
        with self._lock:
            inner = self._tried_by == thread
            if self._silent and not inner:
                if self._tried_by is not None:
                    raise SilentError
                self._tried_by = thread
        try:
            yield
        finally:
            with self._lock:
                if self._tried_by == thread and not inner:
                    self._tried_by = None

    def note_answer(self) -> None:
        """A call got an answer, be it an error."""
        with self._lock:
            self._silent = False
