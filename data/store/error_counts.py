"""Which of the hourly and daily counts of errors answer a question."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, Table, func, select, union_all

from data.clock import DAY_MS, HOUR_MS
from data.store.error_records import ErrorFilter
from data.store.error_tables import error_day, error_hour
from data.store.texts import storable_key


def counts_by(step_ms: int) -> tuple[Table, ColumnElement[int]]:
    """The table of counts that knows steps of this length."""
    if step_ms % DAY_MS == 0:
        return error_day, error_day.c.day
    return error_hour, error_hour.c.hour


def counts_of(filter_: ErrorFilter) -> Subquery:
    """Counts of the range, exact to the hour: whole days, and the hours around them."""
    day, hour = error_day.c.day, error_hour.c.hour
    first_day = -(-filter_.since // DAY_MS) * DAY_MS
    first_hour = filter_.since // HOUR_MS * HOUR_MS
    days = _counts(error_day, filter_).where(day >= first_day)
    hours = _counts(error_hour, filter_).where(hour >= first_hour)
    if not filter_.until:
        return _summed([days, hours.where(hour < first_day)])
    last_day = max(filter_.until // DAY_MS * DAY_MS, first_day)
    around = (hour < first_day) | (hour >= last_day)
    return _summed(
        [days.where(day < last_day), hours.where(around, hour < filter_.until)]
    )


def _counts(table: Table, filter_: ErrorFilter) -> Select[Any]:
    wanted = select(table.c.fingerprint, table.c.events)
    return wanted.where(*dimensions(table, filter_))


def _summed(parts: list[Select[Any]]) -> Subquery:
    """One row a fingerprint, before anything is joined to it.

    Grouped after the union: a group in each part makes SQLite walk all of a table.
    """
    rows = union_all(*parts).subquery()
    c = rows.c
    events = func.sum(c.events).label("events")
    return select(c.fingerprint, events).group_by(c.fingerprint).subquery()


def dimensions(table: Table, filter_: ErrorFilter) -> list[ColumnElement[bool]]:
    """What the filter says of where an error came from.

    What concerns no source is counted with each.
    """
    wanted = [
        table.c[name] == storable_key(value)
        for name in ("origin", "action", "component", "job_name")
        if (value := getattr(filter_, name))
    ]
    return wanted + ([of_source(table, filter_.source)] if filter_.source else [])


def of_source(table: Table, source: str) -> ColumnElement[bool]:
    """Does it concern this source, or none?"""
    return table.c.source.in_((storable_key(source), ""))
