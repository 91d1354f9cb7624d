"""Which texts a database can hold."""

import re
from typing import Final

from data.model import RunFilter

#: PostgreSQL takes no NUL, and nobody can encode half a surrogate pair.
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Can this text be in a database, or be asked for?"""
    return _UNSTORABLE.search(text) is None


def is_storable_filter(filter_: RunFilter) -> bool:
    """Can all texts of the filter be in a database? If not, it finds nothing."""
    texts = (filter_.text, filter_.job_name or "", filter_.queue or "")
    return all(map(is_storable, texts))
