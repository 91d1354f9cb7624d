"""What is peculiar to SQLite: its file, its texts, its statements that take too long."""

import time
from pathlib import Path
from typing import Any, Final

#: SQLite asks whether to go on after this many steps of its virtual machine.
_STEPS_BETWEEN_LOOKS: Final = 20_000


def identity_of(path: Path | None) -> tuple[int, int] | None:
    """Tells a file from another one at the same path; None when there is none."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def mended(text: bytes) -> str:
    """A text that may be no UTF-8."""
    return text.decode("utf-8", "replace")


def limit_statement(driver: Any, limit_s: float) -> None:
    """Interrupt whatever this connection does in ``limit_s`` seconds."""
    deadline = time.monotonic() + limit_s
    driver.set_progress_handler(
        lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS
    )
