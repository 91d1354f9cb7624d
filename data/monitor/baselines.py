"""Keeps the thirty days that incidents are compared with, once they are over."""

from collections.abc import Iterable
from typing import Final

from data.clock import MINUTE_MS
from data.store import Store


class Baselines:
    """A chore: one baseline a source, and one of all of them together."""

    name: Final = "baselines"
    every_ms: Final = MINUTE_MS

    def __init__(self, store: Store, sources: Iterable[str]) -> None:
        self._store = store
        self._missing = {*sources, ""}

    def do(self, now_ms: int) -> None:
        """Keep what can be kept now."""
        self._missing = {
            source
            for source in self._missing
            if not self._store.incidents.keep_baseline(source, now_ms)
        }
