"""``aria-*`` and ``data-*`` attributes, which Python cannot write as arguments."""

from typing import Any


def attributes(**values: str) -> dict[str, Any]:
    """``attributes(aria_label="Pages")`` -> ``{"aria-label": "Pages"}``."""
    return {name.replace("_", "-"): value for name, value in values.items()}


def run_link(run_id: str) -> dict[str, Any]:
    """What makes a link open the dialog of this run in place of a new page."""
    return attributes(data_run=run_id)
