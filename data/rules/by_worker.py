"""How many runs each worker ended, as a text that can be added to others.

A stored text is a JSON object, "{}" for no runs whose worker is known. Names are often
made anew with each start of a worker, so that only the busiest of a cell are kept apart.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

#: Workers of one cell that are kept apart.
CAP: Final = 50
#: What the runs of all others are counted as.
OTHERS: Final = "(other)"
NOBODY: Final = "{}"
_NAME_LENGTH: Final = 120


def encode(runs: Mapping[str, int]) -> str:
    """Runs by worker as they are stored; nameless workers are left out."""
    found: Counter[str] = Counter()
    for name, count in runs.items():
        if name:
            found[name[:_NAME_LENGTH]] += count
    others = found.pop(OTHERS, 0)
    ranked = sorted(found, key=lambda name: (-found[name], name))
    others += sum(found[name] for name in ranked[CAP:])
    kept = {name: found[name] for name in ranked[:CAP]}
    if others:
        kept[OTHERS] = others
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def decode(stored: str) -> dict[str, int]:
    """Runs by worker out of what ``encode`` made."""
    found: dict[str, int] = json.loads(stored)
    return found


def merge(several: Iterable[str]) -> str:
    """Stored texts added up to one."""
    return encode(added_up(several))


def added_up(several: Iterable[str]) -> Counter[str]:
    """Runs by worker of stored texts together."""
    found: Counter[str] = Counter()
    for stored in several:
        if stored != NOBODY:
            found.update(decode(stored))
    return found
