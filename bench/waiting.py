"""Waiting for something, but not for ever."""

import time
from collections.abc import Callable

_LOOK_EVERY_S = 0.05


def wait_until(
    is_so: Callable[[], bool], otherwise: str, *, limit_s: float = 20.0
) -> None:
    """Look until ``is_so``; raises TimeoutError, saying ``otherwise``."""
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(_LOOK_EVERY_S)
