"""From the environment and the file to Settings, or to one line that says what is wrong."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from dashboard.settings.errors import SettingsError
from dashboard.settings.model import Settings
from dashboard.settings.wording import CONFIG, PREFIX, Found, invalid, unknown

DEFAULT_FILE: Final = "job-manager.toml"


def load_settings(environ: Mapping[str, str], *, directory: Path) -> Settings:
    """The settings of ``environ`` and of the file that it names, environment first.

    ``directory`` is where a relative ``JOBS_CONFIG`` and the default file
    ``job-manager.toml`` are looked for. An empty value counts as not set.
    Raises SettingsError.
    """
    named = environ.get(f"{PREFIX}{CONFIG}".upper(), "").strip()
    found = Found(
        file=named or DEFAULT_FILE,
        in_environment=_from_environment(environ),
        in_file=_from_file(named, directory),
    )
    # Before pydantic-settings sees them: it takes a key like ``_env_file`` for its own.
    for key, value in found.values.items():
        if key not in found.known(key):
            raise SettingsError(unknown((key,), value, found))
    try:
        return Settings(**found.values)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise SettingsError(invalid(details, found)) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    """Raw text by key in lower case."""
    keys = {key.lower(): key for key in environ if key.upper().startswith(PREFIX)}
    return {
        lower.removeprefix(PREFIX.lower()): environ[key]
        for lower, key in keys.items()
        if lower != f"{PREFIX}{CONFIG}".lower() and environ[key].strip()
    }


def _from_file(named: str, directory: Path) -> dict[str, object]:
    """What the file says, by key; nothing when no file is named and none is there."""
    path = directory / (named or DEFAULT_FILE)
    if not named and not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        where = f"{PREFIX}CONFIG = {named!r}" if named else DEFAULT_FILE
        raise SettingsError(
            f"{where}: {error.strerror}; allowed: a TOML file"
        ) from None
    except ValueError as error:  # it says line and column
        raise SettingsError(f"{named or DEFAULT_FILE}: not TOML: {error}") from None
    return {key: value for key, value in table.items() if value != ""}
