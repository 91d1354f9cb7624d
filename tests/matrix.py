"""Combinations: enough of them in ``make test``, all of them in ``make test-all``."""

from collections.abc import Iterable, Sequence
from itertools import combinations, product
from typing import Any

import pytest


def pairwise(names: str, *axes: Sequence[Any]) -> pytest.MarkDecorator:
    """All combinations; those in which no two values meet for the first time are left out.

    They bear the mark ``exhaustive``.
    """
    left, seen = list(product(*axes)), set[tuple[int, Any, int, Any]]()
    params = []
    while left:
        best = max(left, key=lambda values: len(_pairs(values) - seen))
        new = _pairs(best) - seen
        params.append(_param(best, is_new=bool(new)))
        seen |= new
        left.remove(best)
    return pytest.mark.parametrize(names, params)


def each_once(names: str, *axes: Sequence[Any]) -> pytest.MarkDecorator:
    """The same, but that each value need be there only once."""
    left = list(product(*axes))
    count = max(map(len, axes))
    diagonal = [
        tuple(axis[number % len(axis)] for axis in axes) for number in range(count)
    ]
    params = [_param(values, is_new=values in diagonal) for values in left]
    return pytest.mark.parametrize(names, params)


def _param(values: Iterable[Any], *, is_new: bool) -> Any:
    return pytest.param(*values, marks=() if is_new else pytest.mark.exhaustive)


def _pairs(values: Sequence[Any]) -> set[tuple[int, Any, int, Any]]:
    numbered = list(enumerate(values))
    return {(*one, *other) for one, other in combinations(numbered, 2)}
