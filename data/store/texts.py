"""Texts from strangers, made fit to be stored and indexed on both databases."""

import re
from hashlib import blake2b
from typing import Final

#: PostgreSQL takes no NUL, and nobody can encode half a surrogate pair.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"
#: Characters of a text in a key: PostgreSQL indexes at most 2,704 bytes a row.
KEY_LENGTH: Final = 300


def storable(text: str) -> str:
    """``text`` with U+FFFD where a character cannot be stored."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def storable_key(text: str) -> str:
    """``text`` for a column in a key: shortened when long, still different from others."""
    clean = storable(text)
    if len(clean) <= KEY_LENGTH:
        return clean
    digest = blake2b(clean.encode(), digest_size=8).hexdigest()
    return f"{clean[: KEY_LENGTH - len(digest) - 1]}…{digest}"
