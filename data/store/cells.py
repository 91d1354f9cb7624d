"""The stored cells of the rollups: replaced where they differ; days sealed when old.

Hours are what the source says, days are folded from them in the same transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Column, Connection, Table, delete, insert, select

from data.bulk import execute_many
from data.clock import DAY_MS, HOUR_MS
from data.model import HourCell, JobState
from data.rules import by_worker
from data.rules.histogram import merge
from data.store.tables import rollup_day, rollup_hour
from data.store.texts import storable_key

#: start of the hour or day, job name, status
Key = tuple[int, str, str]
#: start of the hour or day, job name
Slot = tuple[int, str]


class Figures(NamedTuple):
    """What is stored of one cell."""

    runs: int
    duration_ms: int
    wait_ms: int
    durations: bytes
    workers: str


Cells = dict[Key, Figures]

#: Rows older than this are pruned everywhere: that they are missing says nothing.
SEALED_AFTER_MS: Final = 48 * HOUR_MS
_JUDGED: Final = (JobState.SUCCEEDED.value, JobState.FAILED.value)


def hour_of(instant_ms: int) -> int:
    """The start of the hour that ``instant_ms`` lies in."""
    return instant_ms - instant_ms % HOUR_MS


def day_of(instant_ms: int) -> int:
    """The start of the day (UTC) that ``instant_ms`` lies in."""
    return instant_ms - instant_ms % DAY_MS


def with_seal(stored: Cells, fresh: Cells, sealed_before: int) -> Cells:
    """``fresh``, but what is stored where a sealed hour of a job became smaller."""
    kept = {slot for slot in smaller(stored, fresh) if slot[0] < sealed_before}
    if not kept:
        return fresh
    return {
        **{key: figures for key, figures in fresh.items() if key[:2] not in kept},
        **{key: figures for key, figures in stored.items() if key[:2] in kept},
    }


def storable_cells(cells: Iterable[HourCell]) -> Cells:
    """Cells by key; names that are stored alike are added up."""
    return added_up(
        (
            (cell.hour, storable_key(cell.job_name), cell.status.value),
            Figures(
                cell.runs,
                cell.duration_ms,
                cell.wait_ms,
                cell.durations,
                cell.workers,
            ),
        )
        for cell in cells
    )


def added_up(cells: Iterable[tuple[Key, Figures]]) -> Cells:
    """Cells by key, those of one key added up."""
    found: dict[Key, list[Figures]] = defaultdict(list)
    for key, figures in cells:
        found[key].append(figures)
    return {
        key: several[0] if len(several) == 1 else _sum(several)
        for key, several in found.items()
    }


def _sum(several: list[Figures]) -> Figures:
    runs, duration_ms, wait_ms, durations, workers = zip(*several, strict=True)
    return Figures(
        sum(runs),
        sum(duration_ms),
        sum(wait_ms),
        merge(durations),
        by_worker.merge(workers),
    )


def write_hours(
    connection: Connection,
    source: str,
    stored: Cells,
    fresh: Cells,
    *,
    sealed_before: int,
) -> bool:
    """Make the ``stored`` hours ``fresh``, and fold their days anew.

    Only hours that differ are written. Returns whether anything was written.
    """
    hours = _rewrite(connection, rollup_hour, source, stored, fresh)
    for day in sorted({day_of(hour) for hour in hours}):
        _fold(connection, source, day, sealed_before=day_of(sealed_before))
    return bool(hours)


def stored_hours(connection: Connection, source: str, span: tuple[int, int]) -> Cells:
    """The stored hours of ``span`` (since, until)."""
    return _stored(connection, rollup_hour, source, span)


def _fold(connection: Connection, source: str, day: int, *, sealed_before: int) -> None:
    """Make a stored day what its hours are.

    A sealed one keeps what is stored where its hours are not there any more.
    """
    hours = _stored(connection, rollup_hour, source, (day, day + DAY_MS))
    folded = added_up(
        ((day, job_name, status), figures)
        for (_, job_name, status), figures in hours.items()
    )
    stored = _stored(connection, rollup_day, source, (day, day + 1))
    fresh = with_seal(stored, folded, sealed_before)
    _rewrite(connection, rollup_day, source, stored, fresh)


def _rewrite(
    connection: Connection, table: Table, source: str, stored: Cells, fresh: Cells
) -> set[int]:
    """Write the spans that differ; their starts."""
    start = _start(table)
    differing = {
        key[0]
        for key in stored.keys() | fresh.keys()
        if stored.get(key) != fresh.get(key)
    }
    if not differing:
        return differing
    c = table.c
    connection.execute(
        delete(table).where(c.source == source, start.in_(sorted(differing)))
    )
    rows = [
        {
            "source": source,
            start.name: key[0],
            "job_name": key[1],
            "status": key[2],
            **figures._asdict(),
        }
        for key, figures in fresh.items()
        if key[0] in differing
    ]
    if rows:
        execute_many(connection, insert(table), rows)
    return differing


def smaller(
    stored: Cells, fresh: Cells, less: Mapping[Slot, int] | None = None
) -> set[Slot]:
    """Where ``fresh`` has fewer runs, and not more of those that succeeded or failed.

    As many runs of other states are rows that changed in place. So many runs as ``less``
    says may be missing.
    """
    new = _weights_of(fresh)
    found: set[Slot] = set()
    for slot, (judged, everything) in _weights_of(stored).items():
        missing = less.get(slot, 0) if less else 0
        now_judged, now = new.get(slot, (0, 0))
        if now < everything - missing and now_judged <= judged - missing:
            found.add(slot)
    return found


def _weights_of(cells: Cells) -> dict[Slot, tuple[int, int]]:
    """By hour and job: runs that succeeded or failed, and all runs."""
    weights: dict[Slot, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for (hour, job_name, status), (runs, *_) in cells.items():
        judged, everything = weights[hour, job_name]
        judged += runs if status in _JUDGED else 0
        weights[hour, job_name] = (judged, everything + runs)
    return weights


def _stored(
    connection: Connection, table: Table, source: str, span: tuple[int, int]
) -> Cells:
    c, start = table.c, _start(table)
    since, until = span
    figures = (c[name] for name in Figures._fields)
    statement = select(start, c.job_name, c.status, *figures).where(
        c.source == source, start >= since, start < until
    )
    return {
        (row[0], row[1], row[2]): Figures(*row[3:])
        for row in connection.execute(statement)
    }


def _start(table: Table) -> Column[int]:
    return table.c.hour if table is rollup_hour else table.c.day
