"""Waiting for what a page, a process or a database will say, without sleeping blindly."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from selenium.common.exceptions import WebDriverException

_T = TypeVar("_T")
_LOOK_S = 0.05
#: What "not yet" looks like; everything else is a fault of the test.
_NOT_YET = (AssertionError, OSError, LookupError, WebDriverException)


def wait_until(check: Callable[[], _T], timeout_s: float = 20) -> _T:
    """Call ``check`` until it raises nothing; what it gave. Its last error at the end."""
    pause = Event()
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return check()
        except _NOT_YET:
            if time.monotonic() > deadline:
                raise
        pause.wait(_LOOK_S)


def wait_for(condition: Callable[[], _T], timeout_s: float = 20) -> _T:
    """The same for a condition: until what it gives is true."""

    def check() -> _T:
        found = condition()
        assert found
        return found

    return wait_until(check, timeout_s)
