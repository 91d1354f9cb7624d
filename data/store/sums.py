"""Sums over all time, which only grow: by name and by label, for /metrics."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select

from data.store.texts import storable_key
from data.store.upserts import insert_into
from data.store.viewing_tables import viewing_total

Sums = dict[tuple[str, str], int]

_c: Final = viewing_total.c


def add_sums(
    connection: Connection, dialect: str, more: Mapping[tuple[str, str], int]
) -> None:
    """Add to sums; in one order, so that nobody waits for one who waits for him."""
    rows = [
        {"name": name, "label": storable_key(label), "value": more[name, label]}
        for name, label in sorted(more)
        if more[name, label]
    ]
    if not rows:
        return
    insert = insert_into(viewing_total, dialect)
    grown = {"value": _c.value + insert.excluded.value}
    keys = [_c.name, _c.label]
    connection.execute(
        insert.on_conflict_do_update(index_elements=keys, set_=grown), rows
    )


def read_sums(connection: Connection) -> Sums:
    """All of them."""
    rows = connection.execute(select(_c.name, _c.label, _c.value))
    return {(name, label): value for name, label, value in rows}
