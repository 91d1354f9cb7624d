"""Keeps the thirty days that incidents are compared with, once they are over."""

from typing import Final

from data.clock import MINUTE_MS
from data.store import Store


class Baselines:
    """A chore: one baseline a source of the store, and one of all of them together."""

    name: Final = "baselines"
    every_ms: Final = MINUTE_MS

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: set[str] = set()

    def do(self, now_ms: int) -> None:
        """Keep what can be kept now, also of sources that other servers look after."""
        for source in {*self._store.rollups.sources(), ""} - self._kept:
            if self._store.incidents.keep_baseline(source, now_ms):
                self._kept.add(source)
