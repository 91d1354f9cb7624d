"""What failed runs kept of their errors, as every engine reads it."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func

from data.engines.rows import to_jobs
from data.model import Failure

#: Characters of a long text that are read: of its beginning, and of its end.
_HEAD: Final = 1_000
_TAIL: Final = 7_000


def both_ends(text: ColumnElement[str]) -> ColumnElement[str]:
    """The text; of a long one the beginning and the end, where a traceback tells most."""
    length = func.length(text)
    end = func.substr(text, length - _TAIL + 1)
    shortened = func.substr(text, 1, _HEAD) + "\n…\n" + end
    return case((length > _HEAD + _TAIL, shortened), else_=text)


def to_failures(rows: Sequence[Sequence[Any]]) -> list[Failure]:
    """Rows with the columns of a Job but for its state, then class, error, params."""
    return [
        Failure(to_jobs([values])[0], *("" if x is None else str(x) for x in texts))
        for *values, type_, error, params in rows
        for texts in [(type_, error, params)]
    ]
