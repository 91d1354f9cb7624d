"""What tells a page of this version with these settings from a page of another one.

A tab that was opened before a restart compares it with what messages say, and asks to be
reloaded when they differ (assets/reload.js).
"""

from collections.abc import Iterable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from dashboard.deps import Look
from data.snapshot import Source

ASSETS: Final = Path(__file__).parent.parent / "assets"
_PACKAGES: Final = ("job-manager", "dash", "dash-ag-grid", "dash-extensions")
_LENGTH: Final = 16


def build_of(look: Look, sources: Iterable[Source], *, tracking: bool) -> str:
    """The same for every process with this version and these settings: 16 hex digits."""
    known = [
        *(version(name) for name in _PACKAGES),
        repr(look),
        repr([(source.name, source.label) for source in sources]),
        repr(tracking),
    ]
    found = sha256("\n".join(known).encode())
    for path in sorted(ASSETS.iterdir()):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()[:_LENGTH]
