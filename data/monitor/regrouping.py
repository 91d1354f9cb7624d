"""Regroups stored errors after the way of grouping changed, a little at a time."""

from typing import Final

from data.clock import SECOND_MS
from data.store import Store

#: Steps of one turn: what else is to be done waits no longer than they take.
_STEPS: Final = 4


class Regroup:
    """A chore of the process that leads; done for good once nothing is left."""

    name: Final = "regroup errors"
    every_ms: Final = 2 * SECOND_MS

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_done = False

    def do(self, now_ms: int) -> None:  # noqa: ARG002  # as all chores
        """Take some steps. Raises DataError."""
        for _ in range(_STEPS):
            if self._is_done or not self._store.regrouping.step():
                self._is_done = True
                return
