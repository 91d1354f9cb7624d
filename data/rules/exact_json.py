"""JSON that is read and written without changing a number.

A float cannot hold 12.10 or 0.12345678901234567890, and what Python writes for a number
that is none (NaN) is no JSON: numbers keep the text that they were written as.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self


class ExactFloat(float):
    """A number with a fraction, or NaN, and how it was written."""

    text: str

    def __new__(cls, text: str) -> Self:
        """``text`` as JSON has it, or NaN, Infinity or -Infinity."""
        made = super().__new__(cls, text)
        made.text = text
        return made


class ExactInt(int):
    """A whole number, and how it was written: -0 is one."""

    text: str

    def __new__(cls, text: str) -> Self:
        """``text`` as JSON has it; ValueError beyond a few thousand digits."""
        made = super().__new__(cls, text)
        made.text = text
        return made


class _Pairs(NamedTuple):
    """An object whose names may come twice."""

    pairs: Sequence[tuple[str, Any]]


def loads(text: str | bytes) -> Any:
    """The value; numbers remember how they were written. Raises as ``json.loads`` does."""
    return json.loads(text, **_NUMBERS)


def dumps(value: object, *, indent: int | None = None) -> str:
    """JSON, with numbers as they were written; RecursionError when it is too deep."""
    return "".join(_parts(value, indent, 0))


def reindent(text: str, indent: int = 2) -> str:
    """The same values, each on a line; nothing else is changed. Raises as ``loads``."""
    return dumps(json.loads(text, object_pairs_hook=_Pairs, **_NUMBERS), indent=indent)


_NUMBERS: Final[Mapping[str, Any]] = {
    "parse_float": ExactFloat,
    "parse_int": ExactInt,
    "parse_constant": ExactFloat,
}


def _parts(value: object, indent: int | None, level: int) -> Iterable[str]:
    if isinstance(value, ExactFloat | ExactInt):
        yield value.text
    elif isinstance(value, str):
        yield _quoted(value)
    elif isinstance(value, _Pairs):
        members = [(f"{_quoted(name)}: ", member) for name, member in value.pairs]
        yield from _between("{}", members, indent, level)
    elif isinstance(value, Mapping):
        members = [(f"{_quoted(str(k))}: ", member) for k, member in value.items()]
        yield from _between("{}", members, indent, level)
    elif isinstance(value, list | tuple):
        yield from _between("[]", [("", item) for item in value], indent, level)
    else:
        yield json.dumps(value)


def _between(
    brackets: str,
    members: Sequence[tuple[str, object]],
    indent: int | None,
    level: int,
) -> Iterable[str]:
    inner, outer = _breaks(indent, level + 1), _breaks(indent, level)
    yield brackets[0]
    for at, (name, member) in enumerate(members):
        yield ("," if at else "") + (inner or (" " if at else "")) + name
        yield from _parts(member, indent, level + 1)
    yield (outer if members else "") + brackets[1]


def _breaks(indent: int | None, level: int) -> str:
    return "" if indent is None else "\n" + " " * indent * level


def _quoted(text: str) -> str:
    """A text with its letters readable; half of a character stays escaped."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)
