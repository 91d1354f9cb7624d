"""What may be handed to a job: the text of a JSON object."""

import json
import re
from typing import Any, Final

from data.exceptions import InvalidParamsError

#: Characters; what is longer belongs into a store of its own.
MAX_LENGTH: Final = 1_000_000
MAX_DEPTH: Final = 100
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def checked_params(text: str) -> str:
    """``text`` as it may be stored; blank means an empty object.

    Numbers that are none are taken as Python writes them (NaN, Infinity): a text column
    holds them. Raises InvalidParamsError: no JSON, no object, too long, too deep, a
    number or a character that no database takes.
    """
    if not text.strip():
        return "{}"
    if len(text) > MAX_LENGTH:
        message = f"The params are longer than {MAX_LENGTH:,} characters."
        raise InvalidParamsError(message)
    _require_shallow(text)
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        message = f"The params are no JSON: {error.msg}, line {line}, column {column}."
        raise InvalidParamsError(message, line=line, column=column) from None
    except ValueError as error:
        message = f"The params are no JSON that a database takes: {error}."
        raise InvalidParamsError(message) from None
    if not isinstance(found, dict):
        message = 'The params must be a JSON object, like {"customer": 7}.'
        raise InvalidParamsError(message, line=1, column=1)
    _require_storable(found)
    return text


def _require_shallow(text: str) -> None:
    """Count brackets outside of texts: a parser would run out of stack first."""
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", _QUOTED.sub('""', text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            message = f"The params are nested more than {MAX_DEPTH} deep."
            raise InvalidParamsError(message)


def _require_storable(found: dict[str, Any]) -> None:
    """PostgreSQL's jsonb holds no NUL, UTF-8 no half of a character."""
    text = json.dumps(found, ensure_ascii=False)
    if "\\u0000" in text or not _is_encodable(text):
        message = (
            "The params hold a character that cannot be stored: NUL, or half of one."
        )
        raise InvalidParamsError(message)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
