"""The code of an error within its message: SQLSTATE, errno, HTTP status, vendor codes.

Two errors of one type and place with different codes are different errors, so a code
survives where other numbers are replaced. ``assets/errorTracking.js`` has the same
patterns; ``tests/vectors/errors.json`` holds both to them.
"""

import re
from typing import Final

from data.rules.error_code_patterns import CODES

#: Of more codes in one message only the first ones tell errors apart.
MOST_CODES: Final = 3
#: Where a driver's message goes on with the statement and its values.
_STATEMENT: Final = re.compile(
    r"\n(?:\[SQL|\[parameters|DETAIL|CONTEXT|STATEMENT|QUERY|LINE [0-9])"
)
#: Private characters, one for each ASCII character: no other pattern matches them.
_SHIELD: Final = 0xE000
_SHIELDED: Final = re.compile("[\ue000-\ue07f]+")


def shield(text: str) -> str:
    """``text`` with its codes in characters that no other pattern matches."""
    text = _SHIELDED.sub("\ufffd", text)
    found = _STATEMENT.search(text)
    head, rest = (text[: found.start()], text[found.start() :]) if found else (text, "")
    for pattern in CODES:
        head = pattern.sub(_hidden, head)
    return head + rest


def unshield(text: str) -> str:
    """The codes of ``shield`` as they were."""
    return _SHIELDED.sub(_shown, text)


def codes_in(shielded: str) -> tuple[str, ...]:
    """The first different codes of a text from ``shield``, in their order."""
    found = dict.fromkeys(_plain(one) for one in _SHIELDED.findall(shielded))
    return tuple(found)[:MOST_CODES]


def _hidden(match: re.Match[str]) -> str:
    return match[1] + "".join(chr(_SHIELD + ord(one)) for one in match[2])


def _shown(match: re.Match[str]) -> str:
    return _plain(match[0])


def _plain(shielded: str) -> str:
    return "".join(chr(ord(one) - _SHIELD) for one in shielded)
