"""What commands are given by the composition root, and how they talk."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.settings import Settings, SettingsError, load_settings
from data.exceptions import DataError
from data.snapshot import Source

#: Settings or arguments that make no sense (contract).
EXIT_USAGE = 2
EXIT_FAILED = 1


@dataclass(frozen=True)
class Tools:
    """The makers of the program's parts; see app.py."""

    #: settings -> what serves them
    compose: Callable[..., Any]
    #: settings -> its sources, not yet connected
    open_sources: Callable[[Settings], Mapping[str, Source]]


def settings_here() -> Settings:
    """The settings of this environment and folder. Raises SettingsError."""
    return load_settings(os.environ, directory=Path.cwd())


def settings_with_sources() -> Settings:
    """The same, when there is a source to work with."""
    settings = settings_here()
    if not settings.sources:
        message = (
            "No source: set JOBS_DATABASE_URL to the database with your job table, "
            "or add [sources.NAME] to job-manager.toml."
        )
        raise SettingsError(message)
    return settings


def say(line: str) -> None:
    """What was asked for, for people and pipes."""
    sys.stdout.write(line + "\n")


def warn(line: str) -> None:
    """What went wrong."""
    sys.stderr.write(line + "\n")


def status_of(error: SettingsError | DataError) -> int:
    """Say in one line why it cannot be done; the exit status."""
    warn(str(error))
    return EXIT_USAGE if isinstance(error, SettingsError) else EXIT_FAILED
