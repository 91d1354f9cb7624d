"""Readers of addresses: databases, origins, hosts, paths, links.

Each raises ValueError with a sentence that ends in what is allowed, and never with
the address itself: it may hold a password.
"""

import re
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from pkgutil import resolve_name
from typing import Final
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from dashboard.settings.values import text_of, texts_of

#: What a link to a run's logs may name.
LOG_FIELDS: Final = ("{run_id}", "{job_name}", "{worker}")

_DATABASES: Final = (
    "allowed: sqlite:///path/to/file.db or postgresql://user:password@host/name"
)
_ESCAPED: Final = (
    "in user, password and name write %40 for @, %2F for /, %3A for :, %25 for %"
)
_PARAMETERS: Final = (
    "allowed: those of libpq, as in ?sslmode=require; "
    "in user and password write %40 for @, %3F for ?"
)
_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_LABEL: Final = r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
#: An ``@`` before the path, and another one behind it but in the value of a parameter.
_MORE_ATS = re.compile(r"[^:/?#]*://[^/?#@]*@(?:[^?#]*@|[^?#]*\?[^#=]*@|[^#]*#.*@)")
_BEFORE_NEXT = re.compile(r"[\s,;]+(?=[\w.+-]+://)")


def database_url_of(value: object) -> str:
    """A SQLAlchemy URL with the driver that is installed."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        hint = _ESCAPED if text.count("@") > 1 else _DATABASES
        raise ValueError(f"not a database address; {hint}") from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise ValueError(f"this database is not supported; {_DATABASES}")
    if driver == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file; allowed: sqlite:///path/to/file.db")
    else:
        _require_unambiguous(url)
    return url.set(drivername=driver).render_as_string(hide_password=False)


def _require_unambiguous(url: URL) -> None:
    """A password with a bare ``@`` would end in the host, and so in messages and logs."""
    hosts = (url.host or "").split(",")
    known = all(
        not host or _is_address(host) or _NAME.fullmatch(host) for host in hosts
    )
    if not known or "@" in (url.database or ""):
        raise ValueError(f"the host of this address cannot be read; {_ESCAPED}")
    if unknown := url.query.keys() - _known_parameters():
        several = "parameters" if len(unknown) > 1 else "a parameter"
        raise ValueError(f"{several} of this address cannot be read; {_PARAMETERS}")


@cache
def _known_parameters() -> frozenset[str]:
    """What the driver takes behind the ``?``."""
    conninfo = resolve_name("psycopg.pq:Conninfo")  # only for those who need it
    return frozenset(one.keyword.decode() for one in conninfo.get_defaults())


def origins_of(value: object) -> tuple[str, ...]:
    """Public origins as browsers spell them: lower case, no default port, no path."""
    return tuple(_origin(text, ("http", "https")) for text in texts_of(value))


def ancestors_of(value: object) -> tuple[str, ...]:
    """Sources for ``frame-ancestors``: origins, and ``'self'`` with or without quotes."""
    return tuple(
        "'self'"
        if text.strip("'").lower() == "self"
        else _origin(text, ("http", "https"))
        for text in texts_of(value)
    )


def connect_of(value: object) -> tuple[str, ...]:
    """Sources for ``connect-src``: origins; a host may start with ``*.``."""
    return tuple(
        _origin(text, tuple(_DEFAULT_PORTS), any_of="*.") for text in texts_of(value)
    )


def host_of(value: object) -> str:
    """An IP address or a host name, without brackets or port."""
    host = str(value).strip().removeprefix("[").removesuffix("]").lower()
    if not _is_address(host) and not _NAME.fullmatch(host):
        raise ValueError("not a host; allowed: an IP address or a name, without a port")
    # as browsers spell it: 0:0:0:0:0:0:0:1 is ::1
    return str(ip_address(host)) if _is_address(host) else host


def is_loopback(host: str) -> bool:
    """Can only this machine reach ``host``?"""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def prefix_of(value: object) -> str:
    """A path that starts and ends with one slash."""
    segments = str(value).strip().removeprefix("/").removesuffix("/").split("/")
    if segments == [""]:
        return "/"
    if not all(_SEGMENT.fullmatch(s) and s.strip(".") for s in segments):
        raise ValueError(
            "not a path; allowed: /name/ or /a/b/ of letters, digits, '.', '_', '~', '-'"
        )
    return f"/{'/'.join(segments)}/"


def web_url(*, mailto: bool = False) -> Callable[[object], str]:
    """A reader of links to follow or call; ``mailto`` allows a mail address too."""
    allowed = "allowed: https://... or http://..." + (
        " or mailto:..." if mailto else ""
    )

    def read(value: object) -> str:
        text = text_of(value)
        if mailto and re.fullmatch(r"mailto:[^\s@]+@[^\s@]+", text, re.IGNORECASE):
            return text
        if not _is_web(text):
            raise ValueError(f"not a web address; {allowed}")
        _require_one_at(text)
        return text

    return read


def _require_one_at(text: str) -> None:
    """A user or password with a bare ``@`` would end early: the rest would be the host."""
    if _MORE_ATS.match(text):
        raise ValueError(f"the host of this address cannot be read; {_ESCAPED}")


def logs_url_of(value: object) -> str:
    """A web address with any of LOG_FIELDS behind its host."""
    text = rest = text_of(value)
    for name in LOG_FIELDS:
        rest = rest.replace(name, "")
    parts = _split(text)
    in_host = parts is not None and "{" in parts.netloc
    if not _is_web(text) or in_host or "{" in rest or "}" in rest:
        fields = ", ".join(LOG_FIELDS)
        raise ValueError(
            f"not a link to logs; allowed: https://..., with {fields} in its path"
        )
    _require_one_at(text)
    return text


def script_of(value: object) -> str:
    """The address of a script, or a file that is there."""
    text = text_of(value)
    if _is_web(text):
        _require_one_at(text)
        return text
    if text and Path(text).is_file():
        return text
    raise ValueError("not a script; allowed: a file that is there, or https://...")


def notify_urls_of(value: object) -> tuple[str, ...]:
    """Addresses for messages; one with a comma inside stays whole."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        value = _BEFORE_NEXT.split(value.strip())
    urls = texts_of(value)
    if not all("://" in url for url in urls):
        raise ValueError(
            'not addresses; allowed: mailto://..., or ["mailto://...", "slack://..."]'
        )
    return urls


def _origin(text: str, schemes: tuple[str, ...], *, any_of: str = "") -> str:
    parts = _split(text)
    bare = parts and f"{parts.scheme}://{parts.netloc}".lower() == text.lower()
    host = (parts.hostname or "") if parts else ""
    named = host.removeprefix(any_of) if any_of else host
    if (
        not parts
        or not bare
        or parts.scheme not in schemes
        or not _is_host(named, parts)
    ):
        allowed = " or ".join(f"{scheme}://host[:port]" for scheme in schemes)
        raise ValueError(f"not an origin; allowed: {allowed}, without a path")
    shown = f"[{host}]" if ":" in host else host
    port = (
        "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    )
    return f"{parts.scheme}://{shown}{port}"


def _is_host(host: str, parts: SplitResult) -> bool:
    """Is it all there is beside the port: no user, no stray colon?"""
    tidy = "@" not in parts.netloc and not parts.netloc.endswith(":")
    return tidy and (_is_address(host) or _NAME.fullmatch(host) is not None)


def _is_web(text: str) -> bool:
    parts = _split(text)
    spaced = re.search(r"\s", text) is not None
    return bool(
        parts and parts.scheme in ("http", "https") and parts.hostname and not spaced
    )


def _split(text: str) -> SplitResult | None:
    """The parts of an address; None when it has no meaning at all."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
