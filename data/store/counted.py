"""What was counted once stays counted: queues delete the rows of finished runs early.

A job table is read again and again. When an hour of a job type has fewer rows than were
counted, and what has ended since, rows were deleted: then the count is kept and what is
new is added to it. Rows that changed in place are followed, because their number is the
same, and so is what an undo made open again, because the audit tells of it. What somebody
else made open again, or moved to another hour, in its own row looks as if it were deleted:
it counts once for each end that was seen.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from data.clock import MINUTE_MS
from data.model import JobState
from data.rules.histogram import decode
from data.store.cells import Cells, Figures, Slot, added_up, hour_of, smaller
from data.store.tables import audit
from data.store.texts import storable_key

#: How long an undo may take until the source shows it.
_LATELY_MS: Final = 10 * MINUTE_MS

_a: Final = audit.c


class Counted(NamedTuple):
    """What is to be stored."""

    cells: Cells
    #: hours of which succeeded runs are not in the source any more
    lost: frozenset[int]


class Reopened(NamedTuple):
    """Failed runs that an undo made open again, by slot."""

    #: a while ago or just now: they may be missing in the source
    lately: Mapping[Slot, int]
    #: since the last refresh: they are still in what is stored
    since: Mapping[Slot, int]


def keep_counted(
    stored: Cells, fresh: Cells, added: Cells, reopened: Reopened
) -> Counted:
    """``fresh``, but what was counted where the source has fewer.

    ``added`` are those runs of ``fresh`` that ended since ``stored`` was read.
    """
    expected = added_up([*stored.items(), *added.items()])
    kept = smaller(expected, fresh, reopened.lately)
    if not kept:
        return Counted(fresh, frozenset())
    cells = {
        **{key: figures for key, figures in fresh.items() if key[:2] not in kept},
        **{
            key: _without(figures, reopened.since.get(key[:2], 0), key[2])
            for key, figures in expected.items()
            if key[:2] in kept
        },
    }
    lost = {
        hour
        for hour, job_name in kept
        for key in [(hour, job_name, JobState.SUCCEEDED.value)]
        if _runs(fresh, key) < _runs(expected, key)
    }
    return Counted(cells, frozenset(lost))


def has_shrunk(stored: Cells, fresh: Cells) -> bool:
    """Is anything that was counted not in the source any more, whatever came since?

    Runs that took about as long as others are not told apart: deletions may hide behind
    as many new runs of one bucket for a while.
    """
    return any(
        not _by_bucket(figures) <= _by_bucket(fresh.get(key))
        for key, figures in stored.items()
    )


def reopened(connection: Connection, source: str, now_ms: int, since: int) -> Reopened:
    """What undoes of the last minutes made open again, and those after ``since``."""
    statement = select(_a.at, _a.job_name, _a.before).where(
        _a.at > now_ms - _LATELY_MS, _a.source == source, _a.action == "undo"
    )
    lately: Counter[Slot] = Counter()
    later: Counter[Slot] = Counter()
    for at, job_name, before in connection.execute(statement):
        ended = json.loads(before).get("finished_at")
        if isinstance(ended, int):
            slot = hour_of(ended), storable_key(job_name)
            lately[slot] += 1
            later[slot] += at > since
    return Reopened(lately, later)


def _by_bucket(figures: Figures | None) -> Counter[int]:
    """Runs by bucket of their length; -1 for those whose length is not known."""
    if figures is None:
        return Counter()
    found = Counter(decode(figures.durations))
    found[-1] = figures.runs - found.total()
    return found


def _without(figures: Figures, runs: int, status: str) -> Figures:
    if status != JobState.FAILED.value or not runs:
        return figures
    return figures._replace(runs=max(0, figures.runs - runs))


def _runs(cells: Cells, key: tuple[int, str, str]) -> int:
    return cells[key].runs if key in cells else 0
