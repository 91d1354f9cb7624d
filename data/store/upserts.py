"""INSERT that minds what is there: one way to write it for both databases."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_into(table: Table, dialect: str) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into ``table`` that takes ``on_conflict_do_...``."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
