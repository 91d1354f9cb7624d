"""The stored episodes, for tests."""

from sqlalchemy import func, select

from data.store import Store
from data.store.tables import stall_episode


def episodes_of(store: Store, source: str) -> int:
    """How many episodes of a source are stored."""
    found = select(func.count()).where(stall_episode.c.source == source)
    return int(store.database.fetch(found)[0][0])
