"""Which texts a database can hold."""

import re
from typing import Final

#: PostgreSQL takes no NUL, and nobody can encode half a surrogate pair.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Can this text be in a database, or be asked for?"""
    return _UNSTORABLE.search(text) is None
