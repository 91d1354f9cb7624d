"""The demo's DBOS application: ``python -m data.demo.flows PATH --parent PID``.

It starts workflows and works on them as an application would, until SIGTERM, SIGINT or
the end of the process that started it. What is at work then is taken up again by the
next one: that is DBOS's promise. One job hangs in a step for ever, and so is found to
be stalled when its limit is over.
"""

import argparse
import os
import signal
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Event
from typing import Final
from urllib.parse import quote

from dbos import (
    DBOS,
    DBOSConfig,
    EnqueueOptions,
    WorkflowSerializationFormat,
    run_dbos_database_migrations,
)

from data.demo.catalog import HANGING

_SHIP: Final = "ship-order"
_IMPORT: Final = "import-catalog"
_REMIND: Final = "send-reminder"
_QUEUE: Final = "shop"
_LEDGER: Final = "ledger"
#: How often the application looks around, in seconds.
_LOOK_S: Final = 0.5
#: One workflow in so many looks.
_LOOKS_PER_START: Final = 6
_FAILS: Final = 0.15
_REMIND_AFTER_S: Final = 300
_OPEN_AT_MOST: Final = 12

_rng = Random()  # noqa: S311 - a demo
_pause = Event()


@DBOS.step(name="reserve stock")
def reserve(order: int) -> str:
    """Take the goods off the shelf."""
    _pause.wait(_rng.uniform(1, 4))
    return f"shelf {order % 40}"


@DBOS.step(name="print label")
def label(order: int) -> str:
    """Ask the carrier for a label; it is not always there."""
    _pause.wait(_rng.uniform(0.5, 3))
    if _rng.random() < _FAILS:
        message = f"the carrier did not answer for order {order}"
        raise TimeoutError(message)
    return f"1Z{order:08}"


@DBOS.step(name="tell customer")
def tell(order: int) -> str:
    """Send the message that it is on its way."""
    _pause.wait(_rng.uniform(0.2, 1))
    return f"message {order}"


@DBOS.step(name="read page")
def read_page(page: int) -> int:
    """One page of the supplier's catalog."""
    _pause.wait(_rng.uniform(1, 2))
    return 500 - page


@DBOS.step(name="wait for the bank")
def wait_for_bank() -> None:
    """An answer that never comes."""
    _pause.wait()


@DBOS.workflow(name=_SHIP)
def ship_order(order: int) -> str:
    """Three steps; the second one fails now and then."""
    reserve(order)
    parcel = label(order)
    tell(order)
    return parcel


@DBOS.workflow(name=_IMPORT)
def import_catalog(pages: int) -> int:
    """Many steps of one kind."""
    return sum(read_page(page) for page in range(pages))


@DBOS.workflow(name=_REMIND)
def send_reminder(order: int) -> None:
    """Is not due at once."""
    tell(order)


@DBOS.workflow(name=HANGING)
def reconcile_ledger(account: str) -> str:
    """Hangs in its second step."""
    read_page(0)
    wait_for_bank()
    return account


def prepare_flows(path: Path) -> None:
    """Make the database ``path`` with DBOS's tables; it appears when it is complete."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    run_dbos_database_migrations(_url(part))
    with closing(sqlite3.connect(part)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    part.replace(path)


def run_flows(path: Path, *, stop: Event, parent: int) -> None:
    """Work on the database in ``path`` until ``stop`` is set or the parent is gone."""
    DBOS(config=_config(path))
    DBOS.launch()
    DBOS.register_queue(_QUEUE, worker_concurrency=4)
    DBOS.register_queue(_LEDGER, worker_concurrency=1)
    if not DBOS.list_workflows(name=HANGING, load_input=False, load_output=False):
        _start(HANGING, _LEDGER, account="savings")
    while not stop.wait(_LOOK_S) and os.getppid() == parent:
        if _rng.randrange(_LOOKS_PER_START) == 0 and _open() < _OPEN_AT_MOST:
            _start_one()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the application on the file named in ``arguments`` until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m data.demo.flows")
    parser.add_argument("path", type=Path, help="a SQLite file with DBOS's tables")
    parser.add_argument("--parent", type=int, default=os.getppid())
    given = parser.parse_args(arguments)
    if not given.path.is_file():
        parser.error(f"there is no file {given.path}")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_flows(given.path, stop=stop, parent=given.parent)
    # steps at work are left where they are: DBOS takes them up again
    os._exit(0)


def _start_one() -> None:
    order = _rng.randrange(10_000, 99_999)
    dice = _rng.random()
    if dice < 0.7:  # noqa: PLR2004
        _start(_SHIP, _QUEUE, order=order)
    elif dice < 0.9:  # noqa: PLR2004
        # as applications do it: what it is given is a pickle
        DBOS.enqueue_workflow(_QUEUE, import_catalog, _rng.randrange(4, 12))
    else:
        _start(_REMIND, _QUEUE, delay_s=_REMIND_AFTER_S, order=order)


def _start(name: str, queue: str, *, delay_s: float = 0, **params: object) -> None:
    """Start a workflow with params that programs in any language can read."""
    options: EnqueueOptions = {
        "workflow_name": name,
        "queue_name": queue,
        "serialization_type": WorkflowSerializationFormat.PORTABLE,
    }
    if delay_s:
        options["delay_seconds"] = delay_s
    DBOS.enqueue_workflow_with_options(options, **params)


def _open() -> int:
    waiting = ["PENDING", "ENQUEUED"]
    return len(DBOS.list_workflows(status=waiting, load_input=False, load_output=False))


def _config(path: Path) -> DBOSConfig:
    return {
        "name": "shop",
        "system_database_url": _url(path),
        "executor_id": "shop-flows",
        "application_version": "demo",
        "log_level": "CRITICAL",
    }


def _url(path: Path) -> str:
    return "sqlite:///" + quote(str(path))


if __name__ == "__main__":
    main()
