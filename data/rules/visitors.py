"""Who looks at the pages, as a hash that tells nothing of them."""

import hmac
from typing import Final

_NO_SALT: Final = b"job-manager"


def visitor_of(session: str, salt: bytes) -> str:
    """What a tab is called in the store: 16 hex digits; "" for no tab."""
    digest = hmac.new(salt or _NO_SALT, session.encode("utf-8", "replace"), "sha256")
    return digest.hexdigest()[:16] if session else ""
