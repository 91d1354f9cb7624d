"""The commonest of many texts, kept in little room.

Of each group at most ``MOST`` texts are counted (Space-Saving, Metwally 2005): a text
that makes up more than one in ``MOST`` of all is among them, whatever the order.
"""

from collections.abc import Mapping
from typing import Final

MOST: Final = 20


def tallied(known: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """``known`` and ``more`` together; a new text takes the place of the rarest one."""
    found = dict(known)
    for text, times in more.items():
        before = found.get(text, 0)
        if text not in found and len(found) >= MOST:
            before = found.pop(min(found, key=lambda one: (found[one], one)))
        found[text] = before + times
    return found


def commonest(counts: Mapping[str, int], present: str) -> str:
    """The text that was counted most; of equal ones ``present``, then the first."""
    return min(counts, key=lambda one: (-counts[one], one != present, one))
