"""Paths below the prefix."""

from typing import Final

#: Bootstrap's CSS, served from the installed package.
BOOTSTRAP: Final = "vendor/bootstrap.min.css"
ICON: Final = "assets/icon.svg"
THEME_SCRIPT: Final = "assets/theme.js"


def below(prefix: str, path: str) -> str:
    """``path`` below ``prefix``, which starts and ends with a slash."""
    return prefix + path.lstrip("/")
