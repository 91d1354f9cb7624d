"""What can be set, by ``JOBS_*`` variables or a TOML file. Read once, in app.py."""

from dashboard.settings.durations import duration_of
from dashboard.settings.errors import SettingsError
from dashboard.settings.model import Settings, SourceSettings
from dashboard.settings.reading import load_settings

__all__ = [
    "Settings",
    "SettingsError",
    "SourceSettings",
    "duration_of",
    "load_settings",
]
