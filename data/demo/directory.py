"""The directory the demo lives in."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Final, TextIO

from data.demo.history import RUNS, write_history
from data.demo.learnt import prepare_store

ORDERS: Final = "orders.db"
WORKFLOWS: Final = "workflows.db"
STORE: Final = "job-manager.db"
_BAR_WIDTH: Final = 40


def prepare(
    directory: Path,
    *,
    now_ms: int,
    report: Callable[[float], None],
    runs: int = RUNS,
) -> Path:
    """The path of ``orders.db`` in ``directory``; all is made that is missing.

    Beside it are ``workflows.db``, the database of the demo's DBOS application, and
    ``job-manager.db``, the store, with ninety days of tracked errors, of what viewers'
    pages told, and of alerts.

    A file that is there is kept as it is: its history then ends where the demo was
    last stopped. ``report`` hears 0 to 1 while the file is made, and nothing otherwise.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / ORDERS
    if not path.exists():
        write_history(path, now_ms=now_ms, runs=runs, report=report)
    workflows = directory / WORKFLOWS
    if not workflows.exists():
        # only then: it brings DBOS along, which every other command is spared
        resolve_name("data.demo.flows:prepare_flows")(workflows)
    store = directory / STORE
    if not store.exists():
        prepare_store(store, path, now_ms=now_ms)
    return path


def progress_bar(stream: TextIO) -> Callable[[float], None]:
    """A bar on one line of ``stream`` to hand to ``prepare``; 1.0 ends the line.

    On a stream that is not a terminal it says once that it began, and when it is done.
    """
    shown = -1

    def draw(part: float) -> None:
        nonlocal shown
        percent = int(100 * part)
        if percent == shown or (not stream.isatty() and shown >= 0 and part < 1):
            return
        shown = percent
        bar = "#" * int(_BAR_WIDTH * part)
        start, end = ("\r", "") if stream.isatty() else ("", "\n")
        text = (
            f"{start}Making the demo's history [{bar:<{_BAR_WIDTH}}] {percent:3} %{end}"
        )
        stream.write(text + ("\n" if part >= 1 and not end else ""))
        stream.flush()

    return draw
