"""Places in the order of the native table's runs, and cursors that name them.

Open runs by id; finished ones by their end, exactly, and id: SQLite may hold fractions
of a millisecond, PostgreSQL holds microseconds.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Final, NamedTuple

from data.clock import FIRST_MS, LAST_MS
from data.engines.windows import not_a_cursor

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS: Final = 1000
LEAST_ID: Final = -(2**63)
_LARGEST_ID: Final = 2**63 - 1
#: Open runs by id; finished ones by microseconds, what is finer than that, and id.
_CURSOR: Final = re.compile(r"o(-?\d{1,19})|f(-?\d{1,18})(?:\+(\d{12}))?\.(-?\d{1,19})")
_ID: Final = re.compile(r"-?\d{1,19}", re.ASCII)
_FINEST: Final = Decimal("1e-12")
_FIRST_US: Final = FIRST_MS * _MICROSECONDS
_LAST_US: Final = LAST_MS * _MICROSECONDS


class Before(NamedTuple):
    """A place in the order: everything older comes after it."""

    #: None among the open runs; SQLite may hold fractions of a microsecond
    finished_us: int | Decimal | None
    #: None: from this instant on, whatever the id
    run_id: int | None


def place_of(cursor: str | None) -> Before | None:
    """The place; InvalidRequestError for what no page gave."""
    if cursor is None:
        return None
    found = _CURSOR.fullmatch(cursor)
    if not found:
        raise not_a_cursor()
    open_id, whole_us, finer, finished_id = found.groups()
    at = None if whole_us is None else int(whole_us)
    run_id = int(finished_id if open_id is None else open_id)
    if not (LEAST_ID <= run_id <= _LARGEST_ID and _FIRST_US <= (at or 0) <= _LAST_US):
        raise not_a_cursor()
    if at is not None and finer:
        return Before(at + Decimal(f"0.{finer}"), run_id)
    return Before(at, run_id)


def number_of(text: str) -> int:
    """The id that a cursor names; InvalidRequestError for what no page gave."""
    if not _ID.fullmatch(text) or not LEAST_ID <= int(text) <= _LARGEST_ID:
        raise not_a_cursor()
    return int(text)


def cursor_of(finished_at: float | datetime, run_id: int) -> str:
    """Everything that ended before, or at the same instant with a smaller id.

    Exact: SQLite may hold fractions of a millisecond, PostgreSQL holds microseconds.
    """
    if isinstance(finished_at, datetime):
        return f"f{_to_us(finished_at)}.{run_id}"
    exact = Decimal(finished_at) * _MICROSECONDS
    whole = int(exact.to_integral_value(ROUND_FLOOR))
    finer = f"{(exact - whole).quantize(_FINEST, ROUND_FLOOR):f}".removeprefix("0.")
    return f"f{whole}{f'+{finer}' if exact != whole else ''}.{run_id}"


def earlier(before: Before | None, until_ms: int | None) -> Before | None:
    """The place, or the filter's end where that is earlier: one bound for both."""
    if before is None or before.finished_us is None or until_ms is None:
        return before
    end_us = until_ms * _MICROSECONDS
    return before if before.finished_us < end_us else Before(end_us, LEAST_ID)


def to_ms(before: Before) -> int:
    """Its instant in whole milliseconds, rounded down."""
    return math.floor(before.finished_us or 0) // _MICROSECONDS


def _to_us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(before: Before, dialect: str) -> float | datetime:
    """Its instant as this database holds it."""
    exact = before.finished_us or 0
    if dialect == "postgresql":
        return _EPOCH + timedelta(microseconds=int(exact))
    ms = Decimal(exact) / _MICROSECONDS
    return int(ms) if ms == int(ms) else float(ms)
