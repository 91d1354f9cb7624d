"""Waiting for what a page, a process or a database will say, without sleeping blindly."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from selenium.common.exceptions import WebDriverException

_T = TypeVar("_T")
#: How long anything may take before a test fails: no test depends on a machine's speed.
LIMIT_S = 60.0
#: Between two looks; longer each time, so that looking takes nothing from what is awaited.
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25
#: What "not yet" looks like; everything else is a fault of the test.
_NOT_YET = (AssertionError, OSError, LookupError, WebDriverException)


def wait_until(check: Callable[[], _T]) -> _T:
    """Call ``check`` until it raises nothing; what it gave. Its last error at the end."""
    nobody, pause_s = Event(), _FIRST_PAUSE_S
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            return check()
        except _NOT_YET:
            if time.monotonic() > deadline:
                raise
        nobody.wait(pause_s)
        pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)


def wait_for(condition: Callable[[], _T]) -> _T:
    """The same for a condition: until what it gives is true."""

    def check() -> _T:
        found = condition()
        assert found
        return found

    return wait_until(check)
