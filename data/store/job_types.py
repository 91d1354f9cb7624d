"""Which job types have cells of their own; what comes after is counted together.

A type that has got its place keeps it for good, and one that came too late never gets
one: else the same runs would be counted in two places after a sealed hour was read again.
"""

from collections import Counter
from typing import Final

from sqlalchemy import Connection, insert, select

from data.store.cells import Cells, added_up
from data.store.tables import rollup_job

#: Job types of one source that have cells of their own.
CAP: Final = 500
#: What the runs of all others are counted as.
OTHER: Final = "(other)"

_c: Final = rollup_job.c


def with_cap(connection: Connection, source: str, cells: Cells) -> Cells:
    """``cells``, with ``OTHER`` in the place of types that have no cells of their own.

    Of new types those with most runs come first.
    """
    if not cells:
        return cells
    own = select(_c.job_name).where(_c.source == source)
    known = set(connection.execute(own).scalars())
    runs: Counter[str] = Counter()
    for (_, job_name, _), figures in cells.items():
        if job_name not in known and job_name != OTHER:
            runs[job_name] += figures.runs
    room = max(0, CAP - len(known))
    new = sorted(runs, key=lambda name: (-runs[name], name))[:room]
    if new:
        rows = [{"source": source, "job_name": name} for name in new]
        connection.execute(insert(rollup_job), rows)
    if len(new) == len(runs):
        return cells
    known.update(new)
    return added_up(
        ((start, name if name in known else OTHER, status), figures)
        for (start, name, status), figures in cells.items()
    )
