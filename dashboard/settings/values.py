"""Readers of plain values: raw text, or what TOML made of it, to what is meant.

Each raises ValueError with a sentence that ends in what is allowed.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dashboard.settings.durations import duration_of

_FLAGS: Final = {
    **dict.fromkeys(("on", "true", "1", "yes"), True),
    **dict.fromkeys(("off", "false", "0", "no"), False),
}
_LONGEST_TEXT: Final = 2_000


def flag_of(value: object) -> bool:
    """On or off."""
    flag = _FLAGS.get(str(value).strip().lower())
    if flag is None:
        raise ValueError(
            "neither on nor off; allowed: on, off, true, false, 1, 0, yes, no"
        )
    return flag


def number_between(least: int, most: int | None = None) -> Callable[[object], int]:
    """A reader of whole numbers; without ``most`` only ``least`` is checked."""
    allowed = f"{least} or more" if most is None else f"{least} to {most}"

    def read(value: object) -> int:
        # A TOML boolean is no number, though Python says it is.
        text = "" if isinstance(value, bool) else str(value).strip()
        number = int(text) if re.fullmatch("[0-9]{1,9}", text) else least - 1
        if number < least or (most is not None and number > most):
            raise ValueError(f"not a number in range; allowed: {allowed}")
        return number

    return read


def one_of(
    what: str, allowed: Collection[str], *, later: Collection[str] = ()
) -> Callable[[object], str]:
    """A reader of one word out of ``allowed``; those of ``later`` are promised."""

    def read(value: object) -> str:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in allowed:
            return word
        problem = "not available yet" if word in later else "unknown"
        raise ValueError(
            f"{what} {value!r:.60} is {problem}; allowed: {', '.join(allowed)}"
        )

    return read


def text_of(value: object) -> str:
    """One printable line."""
    text = value.strip() if isinstance(value, str) else "\n"
    if not text.isprintable() or len(text) > _LONGEST_TEXT:
        raise ValueError(
            f"allowed: one line of text, at most {_LONGEST_TEXT} characters"
        )
    return text


def texts_of(value: object) -> tuple[str, ...]:
    """Several texts: a list, a JSON list, or separated by commas."""
    if isinstance(value, str):
        value = _json(value) if value.lstrip().startswith("[") else value.split(",")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('not a list of texts; allowed: a,b or ["a", "b"]')
    return tuple(item.strip() for item in value if item.strip())


def limits_of(value: object) -> dict[str, timedelta]:
    """Durations by job type: a table, or a JSON object."""
    table = _json(value) if isinstance(value, str) else value
    if not isinstance(table, Mapping) or not all(map(str.strip, table)):
        raise ValueError('not durations by job type; allowed: {"match-scores": "2h"}')
    limits: dict[str, timedelta] = {}
    for job_name, raw in table.items():
        try:
            limits[job_name] = duration_of(raw)
        except ValueError as error:
            raise ValueError(f"{job_name!r:.60} has {raw!r:.60}: {error}") from error
    return limits


def timezone_of(value: object) -> str:
    """The name of a time zone that exists."""
    name = text_of(value)
    try:
        return ZoneInfo(name).key
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(
            "not a time zone; allowed: UTC, Europe/Berlin and the like"
        ) from error


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
