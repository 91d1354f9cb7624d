"""Which job types have cells of their own; what comes after is counted together.

A type that has got its place keeps it for good, and one that came too late never gets
one: else the same runs would be counted in two places after a sealed hour was read again.
A place that is reserved late counts from an hour on that nobody has counted yet.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import Connection, insert, select

from data.store.cells import Cells, added_up
from data.store.tables import rollup_job

#: Job types of one source that have cells of their own, and those that must have some.
CAP: Final = 500
#: What the runs of all others are counted as.
OTHER: Final = "(other)"

_c: Final = rollup_job.c


def reserve(
    connection: Connection, source: str, names: Collection[str], since_ms: int
) -> None:
    """Places for these types, whatever comes first.

    Where all places were taken already, from the hour ``since_ms`` on.
    """
    known = _places(connection, source)
    missing = sorted(set(names) - known.keys())
    if missing:
        since = 0 if len(known) < CAP else since_ms
        rows = [{"source": source, "job_name": one, "since": since} for one in missing]
        connection.execute(insert(rollup_job), rows)


def with_cap(connection: Connection, source: str, cells: Cells) -> Cells:
    """``cells``, with ``OTHER`` in the place of types that have no cells of their own.

    Of new types those with most runs come first.
    """
    if not cells:
        return cells
    known = _places(connection, source)
    new = _new_types(known, cells)
    if new:
        rows = [{"source": source, "job_name": name, "since": 0} for name in new]
        connection.execute(insert(rollup_job), rows)
    return _placed(cells, {**known, **dict.fromkeys(new, 0)})


def placed(connection: Connection, source: str, cells: Cells) -> Cells:
    """``cells``, with ``OTHER`` in the place of types that have no cells of their own yet."""
    return _placed(cells, _places(connection, source)) if cells else cells


def _new_types(known: Mapping[str, int], cells: Cells) -> list[str]:
    """Types that get the places that are left."""
    runs: Counter[str] = Counter()
    for (_, job_name, _), figures in cells.items():
        if job_name not in known and job_name != OTHER:
            runs[job_name] += figures.runs
    room = max(0, CAP - len(known))
    return sorted(runs, key=lambda name: (-runs[name], name))[:room]


def _placed(cells: Cells, places: Mapping[str, int]) -> Cells:
    def counts_as(name: str, hour: int) -> str:
        since = places.get(name)
        return OTHER if since is None or hour < since else name

    return added_up(
        ((hour, counts_as(name, hour), status), figures)
        for (hour, name, status), figures in cells.items()
    )


def _places(connection: Connection, source: str) -> dict[str, int]:
    """The hour from which on each type of a source has cells of its own."""
    own = select(_c.job_name, _c.since).where(_c.source == source)
    return {row.job_name: row.since for row in connection.execute(own)}
