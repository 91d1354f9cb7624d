"""Rows of a job table as Jobs, a whole read at a time.

Column by column: a thousand runs are read a few times a second, and looking at each
value by itself would cost more than reading it.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import repeat
from math import isfinite
from operator import add
from typing import Any, Final

from data.clock import all_to_ms
from data.exceptions import SchemaMismatchError
from data.model import HourCell, Job, JobState, LifeSign
from data.rules import by_worker
from data.rules.histogram import encode

#: Their words are ours; a word that is not here is shown as it is and not judged.
STATES: Final = {
    state.value: state for state in JobState if state is not JobState.OTHER
}
_NOTHING: Final = type(None)
#: The last columns of a row, in their order.
_INSTANTS: Final = (
    *("enqueued_at", "scheduled_at", "started_at"),
    *("heartbeat_at", "finished_at", "cancel_requested_at"),
)
#: Characters that are kept of what is odd.
_ODD_LENGTH: Final = 100


def to_jobs(
    rows: Sequence[Sequence[Any]],
    states: Mapping[str, JobState] = STATES,
    sign: LifeSign = LifeSign.HEARTBEAT,
) -> list[Job]:
    """Rows with the columns of a Job but for its state, as Jobs in their order.

    ``states`` says what the words of the column ``status_word`` mean.

    Not every table has our NOT NULLs, and SQLite takes anything in any column: what is
    no text is "", what is no number is no instant and no progress, and is told in
    ``odd``. A column more is JSON with what is odd, where the database says so itself.
    Raises SchemaMismatchError for what is not even that.
    """
    if not rows:
        return []
    try:
        return _to_jobs(rows, states, sign)
    except (TypeError, ValueError, OverflowError) as error:
        message = f"A column of the job table has a type that cannot be read ({error})."
        raise SchemaMismatchError(message) from error


def _to_jobs(
    rows: Sequence[Sequence[Any]], states: Mapping[str, JobState], sign: LifeSign
) -> list[Job]:
    ids, names, queues, words, attempts, workers, progress, *rest = zip(
        *rows, strict=True
    )
    instants, told = rest[: len(_INSTANTS)], rest[len(_INSTANTS) :]
    return list(
        map(
            Job,
            map(str, ids),
            _all(names, {str}, _text),
            _all(queues, {str}, _text),
            [states.get(word, JobState.OTHER) for word in words],
            _all(words, {str}, _text),
            _all(attempts, {int}, _attempt),
            _all(workers, {str, _NOTHING}, _text),
            _all(progress, {float, _NOTHING}, _share),
            *map(_instants, instants),
            repeat(sign),
            _odd(attempts, progress, instants, told),
        )
    )


def _odd(
    attempts: tuple[Any, ...],
    progress: tuple[Any, ...],
    instants: Sequence[tuple[Any, ...]],
    told: Sequence[tuple[Any, ...]],
) -> Iterable[tuple[tuple[str, str], ...]]:
    """What is no number where one belongs, for each row; as a rule nothing anywhere."""
    columns: dict[str, tuple[tuple[Any, ...], set[type], Any]] = {
        "attempt": (attempts, {int, _NOTHING}, int),
        "progress": (progress, {float, _NOTHING}, int | float),
        **{
            name: (column, {int, datetime, _NOTHING}, int | datetime)
            for name, column in zip(_INSTANTS, instants, strict=True)
        },
    }
    found: dict[int, list[tuple[str, str]]] = {}
    for name, (column, usual, right) in columns.items():
        if set(map(type, column)) <= usual:
            continue
        for at, value in enumerate(column):
            is_right = value is None or isinstance(value, right) or _is_finite(value)
            if not is_right:
                found.setdefault(at, []).append((name, _text(value)[:_ODD_LENGTH]))
    for column in told:
        for at, text in enumerate(column):
            if text is not None:
                found.setdefault(at, []).extend(json.loads(text).items())
    if not found:
        return repeat(())
    return [tuple(found.get(at, ())) for at in range(len(attempts))]


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and isfinite(value)


def to_cells(
    rows: Iterable[Sequence[Any]],
    workers: Iterable[Sequence[Any]],
    states: Mapping[str, JobState] = STATES,
    *,
    parts: int = 1,
) -> list[HourCell]:
    """Rows (hour, name, status word, bucket, runs, duration, wait) as cells.

    ``workers`` are rows (hour, name, status word, worker, runs) of the same runs.
    ``bucket`` is None where the length is not known, sums are in ``parts`` of a
    millisecond.
    """
    sums: dict[tuple[int, str, JobState], list[Any]] = {}
    buckets: dict[tuple[int, str, JobState], dict[int, int]] = {}
    for hour, name, word, bucket, *figures in rows:
        key = (hour, _text(name), states[word])
        if key not in sums:
            sums[key], buckets[key] = figures, {}
        else:
            sums[key] = list(map(add, sums[key], figures))
        if bucket is not None:
            found = buckets[key]
            found[bucket] = found.get(bucket, 0) + figures[0]
    busy: dict[tuple[int, str, JobState], Counter[str]] = defaultdict(Counter)
    for hour, name, word, worker, runs in workers:
        busy[hour, _text(name), states[word]][_text(worker)] += runs
    return [
        HourCell(
            *key,
            runs,
            int(duration // parts),
            int(wait // parts),
            encode(buckets[key]),
            by_worker.encode(busy[key]),
        )
        for key, (runs, duration, wait) in sums.items()
    ]


def _all(
    column: tuple[Any, ...], kinds: set[type], mend: Callable[[Any], Any]
) -> Iterable[Any]:
    """The column as it is when it holds these kinds only, mended otherwise."""
    return column if set(map(type, column)) <= kinds else map(mend, column)


def _instants(column: tuple[Any, ...]) -> Iterable[int | None]:
    """PostgreSQL gives datetimes, SQLite whatever somebody put there."""
    if set(map(type, column)) <= {datetime, _NOTHING}:
        return all_to_ms(column)
    return _all(column, {int, _NOTHING}, _instant)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def _attempt(value: object) -> int:
    """PostgreSQL gives a column of type numeric as decimals."""
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() else 1
    return value if isinstance(value, int) else 1


def _share(value: object) -> float | None:
    return float(value) if isinstance(value, int | float | Decimal) else None


def _instant(value: object) -> int | None:
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and isfinite(value) else None
