"""Types that people give the columns of their job table, spoken to in their own words.

PostgreSQL compares and assigns no enum with a text: a value is cast to the column's own
type, and what is read is cast to the plain one.
"""

from collections.abc import Collection
from operator import eq, ne
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Text,
    cast,
    false,
    literal_column,
    type_coerce,
)
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from data.engines.native_columns import ColumnFacts, TableFacts
from data.model import JobState

_TEXTS: Final = ("job_name", "queue", "status", "error_type", "error", "worker")
_PLAIN: Final = ("text", "varchar")
#: Shorter texts are filled up with blanks; a cast would cut longer ones off.
_PADDED: Final = "bpchar"


class Verbatim(UserDefinedType[Any]):
    """A type by the name that a cast spells."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        """How SQL spells it."""
        return self.name


class OwnText(TypeDecorator[str]):
    """Text in Python, in the database a type of its own such as an enum.

    ``name`` is what values are cast to, "" when they need no cast; ``labels`` are the
    only words of an enum. A domain over an enum is ``boxed``: PostgreSQL compares it
    with nothing, so it is compared as text.
    """

    impl = Text
    cache_ok = True

    def __init__(
        self, name: str = "", labels: tuple[str, ...] = (), *, boxed: bool = False
    ) -> None:
        super().__init__()
        self.name = name
        self.labels = labels
        self.boxed = boxed

    def bind_expression(self, bindvalue: Any) -> ColumnElement[Any]:
        """What is compared or written."""
        plain = type_coerce(bindvalue, Text())
        return cast(plain, Verbatim(self.name)) if self.name else plain

    def column_expression(self, column: Any) -> ColumnElement[Any]:
        """What is read."""
        return cast(column, Text())

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Only equality is asked in the type's own words."""
        del value
        return self if op in (eq, ne) else Text()


def types_of(facts: TableFacts) -> dict[str, TypeEngine[Any]]:
    """By column the types of the contract's texts where they are others."""
    return {
        name: _own_text(facts.columns[name])
        for name in _TEXTS
        if name in facts.columns and facts.columns[name].kind not in _PLAIN
    }


def _own_text(column: ColumnFacts) -> OwnText:
    is_boxed = bool(column.labels) and column.type != column.base
    name = "" if column.kind == _PADDED else column.base
    return OwnText(name, column.labels, boxed=is_boxed)


def can_hold(column: ColumnElement[Any], word: str) -> bool:
    """False for a word that the column's enum does not have."""
    labels = getattr(column.type, "labels", ())
    return not labels or word in labels


def equals(column: ColumnElement[Any], word: Any) -> ColumnElement[bool]:
    """Does the column hold this word? An enum is not asked for one that it lacks."""
    if isinstance(word, str) and not can_hold(column, word):
        return false()
    is_equal: ColumnElement[bool] = _compared(column) == word
    return is_equal


def _compared(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return plain(column) if getattr(column.type, "boxed", False) else column


def plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as text, to be compared with any text."""
    return cast(column, Text()) if isinstance(column.type, OwnText) else column


def _words_of(
    column: ColumnElement[Any], states: Collection[JobState]
) -> list[ColumnElement[str]]:
    """The states' words as literals, without those that the column's enum lacks.

    Literals: an index for one state is ignored where a parameter hides the word.
    """
    name = (
        "" if getattr(column.type, "boxed", False) else getattr(column.type, "name", "")
    )
    return [
        literal_column(f"CAST('{word}' AS {name})" if name else f"'{word}'")
        for word in sorted(state.value for state in states)
        if can_hold(column, word)
    ]


def is_any(column: ColumnElement[Any], *states: JobState) -> ColumnElement[bool]:
    """Is the column's word one of these states?"""
    words = _words_of(column, states)
    if len(words) == 1:
        return _compared(column) == words[0]
    return _compared(column).in_(words) if words else false()
