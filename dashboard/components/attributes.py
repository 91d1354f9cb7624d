"""``aria-*`` and ``data-*`` attributes, which Python cannot write as arguments."""

from typing import Any


def attributes(**values: str) -> dict[str, Any]:
    """``attributes(aria_label="Pages")`` -> ``{"aria-label": "Pages"}``."""
    return {name.replace("_", "-"): value for name, value in values.items()}
