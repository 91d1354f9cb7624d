"""The ``job-manager`` command."""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from dashboard.commands import cleanup, doctor, openapi, prune
from dashboard.commands.tools import (
    EXIT_FAILED,
    Tools,
    settings_with_sources,
    status_of,
)
from dashboard.serving import configure_logging, serve_here, serve_with_workers
from dashboard.settings import (
    Settings,
    SettingsError,
    SourceSettings,
    load_settings,
)
from data.clock import now_ms, utc_now
from data.demo.catalog import HANGING
from data.demo.directory import ORDERS, STORE, WORKFLOWS, prepare, progress_bar
from data.exceptions import DataError

#: Job types of the demo with limits of their own.
_DEMO_LIMITS: Final = json.dumps({"nightly-invoices": "1h30m", HANGING: "1m"})


def run_command(arguments: Sequence[str], tools: Tools) -> int:
    """Do what the arguments ask; the exit status."""
    asked = _parser().parse_args(arguments)
    configure_logging()
    try:
        return int(asked.run(asked, tools))
    except (SettingsError, DataError) as error:
        return status_of(error)
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="job-manager", description="A live dashboard over your job tables."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve", help="serve the pages for the configured sources"
    )
    serve.set_defaults(run=_serve)
    demo = commands.add_parser("demo", help="make a demo with real jobs and serve it")
    demo.add_argument("--dir", type=Path, default=Path("demo"), help="where it lives")
    demo.add_argument("--port", default=None, help="default: JOBS_PORT or 8050")
    demo.set_defaults(run=_demo)
    for command in (doctor, cleanup, prune, openapi):
        command.add(commands)
    return parser


def _serve(_asked: argparse.Namespace, tools: Tools) -> int:
    settings = settings_with_sources()
    if settings.workers > 1:
        return serve_with_workers("app:worker", settings)
    return 0 if serve_here(tools.compose(settings).asgi, settings) else EXIT_FAILED


def _demo(asked: argparse.Namespace, tools: Tools) -> int:
    directory = asked.dir.resolve()
    settings = _demo_settings(os.environ, directory, asked.port)
    orders = prepare(directory, now_ms=now_ms(utc_now), report=progress_bar(sys.stdout))
    workflows = directory / WORKFLOWS
    workers = {"data.demo.worker": orders, "data.demo.flows": workflows}
    with _running(workers):
        asgi = tools.compose(settings, ribbon="demo").asgi
        served = serve_here(asgi, settings)
    return 0 if served else EXIT_FAILED


def _demo_settings(
    environ: Mapping[str, str], directory: Path, port: str | None
) -> Settings:
    """The person's own settings, but for where the data is."""
    wanted = {"JOBS_STALL_LIMITS": _DEMO_LIMITS, **environ}
    wanted["JOBS_DATABASE_URL"] = _sqlite_url(directory / ORDERS)
    wanted["JOBS_STORE_URL"] = _sqlite_url(directory / STORE)
    wanted.pop("JOBS_ENGINE", None)
    if port:
        wanted["JOBS_PORT"] = port
    settings = load_settings(wanted, directory=Path.cwd())
    sources = {
        "orders": SourceSettings(
            url=_sqlite_url(directory / ORDERS),
            label="Orders",
        ),
        "workflows": SourceSettings(
            engine="dbos",
            url=_sqlite_url(directory / WORKFLOWS),
            label="Workflows",
        ),
    }
    only = {"named_sources": sources, "database_url": None, "workers": 1}
    return settings.model_copy(update=only)


def _sqlite_url(path: Path) -> str:
    return "sqlite:///" + quote(str(path))


@contextmanager
def _running(workers: Mapping[str, Path]) -> Iterator[None]:
    """The demo's worker processes, for as long as the pages are served."""
    parent = ["--parent", str(os.getpid())]
    started = [
        subprocess.Popen([sys.executable, "-m", module, str(path), *parent])  # noqa: S603
        for module, path in workers.items()
    ]
    # a stop must unwind through here, however it is asked for
    signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        yield
    finally:
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.wait(timeout=10)


def _raise_interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
