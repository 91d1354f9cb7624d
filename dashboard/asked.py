"""Which page the browser asks for: set for each request, read where the page is made."""

from contextvars import ContextVar
from typing import Final, NamedTuple
from urllib.parse import parse_qs


class Asked(NamedTuple):
    """An address below the prefix."""

    path: str = "/"
    #: name of the source that the query says, "" for none
    source: str = ""


#: The page of the present request; not set where no page is asked for.
ASKED: Final[ContextVar[Asked]] = ContextVar("asked")


def asked_of(path: str, query: bytes) -> Asked:
    """The address of a request; ``path`` is below the prefix."""
    found = parse_qs(query.decode("latin-1")).get("source", [""])
    return Asked(path, found[0])
