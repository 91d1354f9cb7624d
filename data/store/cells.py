"""The stored hours of the rollups: replaced where they differ, sealed when old."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from data.clock import HOUR_MS
from data.model import HourCell, JobState
from data.store.tables import rollup_hour
from data.store.texts import storable_key

#: hour, job name, status
Key = tuple[int, str, str]
#: runs, duration_ms, wait_ms
Figures = tuple[int, int, int]
Cells = dict[Key, Figures]

#: Hours older than this may only go up: the source prunes its rows, we keep the count.
SEALED_AFTER_MS: Final = 48 * HOUR_MS
_JUDGED: Final = (JobState.SUCCEEDED.value, JobState.FAILED.value)

_c: Final = rollup_hour.c
_SELECT: Final = select(
    _c.hour, _c.job_name, _c.status, _c.runs, _c.duration_ms, _c.wait_ms
)


def hour_of(instant_ms: int) -> int:
    """The start of the hour that ``instant_ms`` lies in."""
    return instant_ms - instant_ms % HOUR_MS


def replace_cells(
    connection: Connection,
    source: str,
    span: tuple[int, int],
    cells: Iterable[HourCell],
    *,
    sealed_before: int,
) -> bool:
    """Make the stored hours of ``span`` (since, until) equal to ``cells``.

    Only hours that differ are written, and of hours before ``sealed_before`` only what
    went up. Returns whether anything was written.
    """
    stored = _stored(connection, source, span)
    fresh = with_seal(stored, _storable(cells), sealed_before)
    differing = {
        key[0]
        for key in stored.keys() | fresh.keys()
        if stored.get(key) != fresh.get(key)
    }
    if not differing:
        return False
    rows = [
        dict(zip(_SELECT.selected_columns.keys(), key + figures, strict=True))
        for key, figures in fresh.items()
        if key[0] in differing
    ]
    connection.execute(
        delete(rollup_hour).where(_c.source == source, _c.hour.in_(sorted(differing)))
    )
    if rows:
        connection.execute(
            insert(rollup_hour).values(source=source, durations=b""), rows
        )
    return True


def with_seal(stored: Cells, fresh: Cells, sealed_before: int) -> Cells:
    """``fresh``, but what is stored where a sealed hour of a job became smaller."""
    old = _weights(stored)
    new = _weights(fresh)
    kept = {
        slot
        for slot, weight in old.items()
        if slot[0] < sealed_before and new.get(slot, (0, 0)) < weight
    }
    if not kept:
        return fresh
    return {
        **{key: figures for key, figures in fresh.items() if key[:2] not in kept},
        **{key: figures for key, figures in stored.items() if key[:2] in kept},
    }


def _weights(cells: Mapping[Key, Figures]) -> dict[tuple[int, str], tuple[int, int]]:
    """By hour and job: runs that succeeded or failed, and all runs."""
    weights: dict[tuple[int, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for (hour, job_name, status), (runs, *_) in cells.items():
        judged, everything = weights[hour, job_name]
        judged += runs if status in _JUDGED else 0
        weights[hour, job_name] = (judged, everything + runs)
    return weights


def _stored(connection: Connection, source: str, span: tuple[int, int]) -> Cells:
    since, until = span
    statement = _SELECT.where(_c.source == source, _c.hour >= since, _c.hour < until)
    return {
        (row[0], row[1], row[2]): (row[3], row[4], row[5])
        for row in connection.execute(statement)
    }


def _storable(cells: Iterable[HourCell]) -> Cells:
    """Cells by key; names that are stored alike are added up."""
    found: Cells = {}
    for cell in cells:
        key = (cell.hour, storable_key(cell.job_name), cell.status.value)
        runs, duration_ms, wait_ms = found.get(key, (0, 0, 0))
        found[key] = (
            runs + cell.runs,
            duration_ms + cell.duration_ms,
            wait_ms + cell.wait_ms,
        )
    return found
