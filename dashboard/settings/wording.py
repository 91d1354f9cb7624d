"""One line for everything that can be wrong with a key or a value. Secrets are masked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from dashboard.settings.model import Settings, SourceSettings

PREFIX: Final = "JOBS_"
#: Names the file, so it can only be said in the environment.
CONFIG: Final = "config"
_LONGEST_SHOWN: Final = 80
_NO_TABLE: Final = "not a table; allowed: [sources.NAME] with url = ..."


@dataclass(frozen=True, kw_only=True)
class Found:
    """Raw values by key in lower case, and where each was found."""

    #: as JOBS_CONFIG spells it
    file: str
    in_environment: Mapping[str, object]
    in_file: Mapping[str, object]

    @property
    def values(self) -> dict[str, Any]:
        """All of them; the environment wins."""
        return {**self.in_file, **self.in_environment}

    def spelled(self, *path: str) -> str:
        """A key as its writer spelled it, with the file when it is in one."""
        if path[0] in self.in_environment:
            return _variable(path[0])
        *tables, key = (part if part.isprintable() else repr(part) for part in path)
        return f"{self.file}: {'[' + '.'.join(tables) + '] ' if tables else ''}{key}"

    def known(self, *path: str) -> set[str]:
        """The keys that are allowed where ``path`` was found."""
        if path[0] in self.in_environment:
            return {*_fields(Settings), CONFIG} - {"sources"}
        return {*_fields(_model(path))}


def unknown(path: Sequence[str], value: object, found: Found) -> str:
    """The line for a key that nobody knows, with the key that was meant."""
    known = found.known(*path)
    plain = path[-1].lower().removeprefix(PREFIX.lower())
    close = get_close_matches(plain, sorted(known), n=1)
    spell = _variable if path[0] in found.in_environment else str
    hint = f"allowed: {', '.join(spell(key) for key in sorted(known))}"
    if close:
        hint = f"did you mean {spell(close[0])}?"
    shown = _shown(value, secret=not close or _is_secret(path, close[0]))
    return f"{found.spelled(*path)} = {shown}: unknown setting; {hint}"


def invalid(details: ErrorDetails, found: Found) -> str:
    """The line for what pydantic found wrong."""
    path = [str(part) for part in details["loc"]]
    reason = str(details.get("ctx", {}).get("error", details["msg"]))
    if not path:  # a combination: the sentence names its keys
        return reason
    if details["type"] == "extra_forbidden":
        return unknown(path, details["input"], found)
    if details["type"] == "missing":
        return f"{found.spelled(*path)} is missing; allowed: the address of a database"
    if path[0] == "sources" and len(path) <= len(("sources", "NAME")):
        where = f"{found.file}: [{'.'.join(path)}]"
        return f"{where}: {reason if details['type'] == 'value_error' else _NO_TABLE}"
    value = _shown(details["input"], secret=_is_secret(path, path[-1]))
    return f"{found.spelled(*path)} = {value}: {reason}"


def _variable(key: str) -> str:
    return f"{PREFIX}{key.upper()}"


def _model(path: Sequence[str]) -> type[BaseModel]:
    return SourceSettings if len(path) > 1 else Settings


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The model's fields by the key that people write."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _is_secret(path: Sequence[str], key: str) -> bool:
    """Must a value of ``key`` stay hidden? What nobody knows may be a secret."""
    field = _fields(_model(path)).get(key)
    return field is None or "SecretStr" in repr(field.annotation)


def _shown(value: object, *, secret: bool) -> str:
    """A value for a message: short, and without what must stay secret."""
    if secret:
        scheme, separator, _ = str(value).partition("://")
        tells = separator and scheme.replace("+", "").isalnum()
        return repr(f"{scheme}://***" if tells else "***")
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
