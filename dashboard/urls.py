"""Paths below the prefix."""

from typing import Final

#: Bootstrap's CSS, served from the installed package.
BOOTSTRAP: Final = "vendor/bootstrap.min.css"
ICON: Final = "assets/icon.svg"
#: A script of the organisation's own (JOBS_EXTRA_SCRIPT).
EXTRA_SCRIPT: Final = "vendor/extra.js"
#: Runs before all others: what they run into is tracked.
ERRORS_SCRIPT: Final = "assets/errorTracking.js"
#: The client side of the errors page.
ERRORS_PAGE_SCRIPT: Final = "assets/errors.js"
THEME_SCRIPT: Final = "assets/theme.js"


def is_address(script: str) -> bool:
    """Is the script somewhere else, and not a file of this machine?"""
    return script.startswith(("https://", "http://"))


def below(prefix: str, path: str) -> str:
    """``path`` below ``prefix``, which starts and ends with a slash."""
    return prefix + path.lstrip("/")
