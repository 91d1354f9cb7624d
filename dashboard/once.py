"""The number of a request: the same again does nothing twice."""

import json
import secrets
from hashlib import sha256


def new_number() -> str:
    """A number that nobody guesses: for one opening of a dialog."""
    return secrets.token_urlsafe(18)


def number_of(opening: str, *content: object) -> str:
    """The number of this content in this opening: changed words are another request."""
    text = json.dumps([opening, *content])
    return sha256(text.encode()).hexdigest()[:32]
