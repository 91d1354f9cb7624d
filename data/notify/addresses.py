"""Addresses of channels, as apprise reads them: checked, opened, and masked.

An address holds secrets. Nothing that is said here repeats a part of one but the name
of its service and, where that is a machine of one's own, its host.
"""

import re
from typing import Final
from urllib.parse import parse_qsl, unquote

from apprise import Apprise, AppriseAsset, AppriseAttachment, NotifyBase
from apprise.apprise import N_MGR

from data.exceptions import InvalidRequestError
from data.notify.ears import listening, warnings

#: Services that act on this machine, or keep files on it.
LOCAL: Final = frozenset(
    {
        *("blink1", "dbus", "gio", "glib", "gnome", "kde"),
        *("macosx", "qt", "syslog", "vapid", "windows"),
    }
)
_LONGEST: Final = 2_000
#: Seconds to connect and to wait for an answer, at most.
_CONNECT_S: Final = 4.0
_ANSWER_S: Final = 5.0
_LAST_PORT: Final = 65_535
#: Keys of a mail's address that name files of this machine.
_FILES: Final = re.compile(r"[?&](?:pgppub|pgpprv)=", re.IGNORECASE)
_SCHEME: Final = re.compile(r"([A-Za-z0-9]{1,30})://")
#: An @ before the path, and another one behind it but in the value of a parameter: part
#: of a password may be the host.
_TWO_ENDS: Final = re.compile(r"[^:/]*://[^/?#@]*@(?:[^?#]*@|[^?#]*[?#][^=]*@)")
_HOST: Final = re.compile(r"\{(?:host|domain)\}")
_DELIMITERS: Final = re.compile(r"[/:@?&=,#+;]+")
_IN_BRACKETS: Final = re.compile(r"\s*\([^()]*\)")
#: Shorter parts of an address may be any word.
_SHORTEST_SECRET: Final = 4
_FILTERED: Final = "[Filtered]"
_EXAMPLES: Final = "mailto://, slack://, workflows://, pagerduty://, json://"
_ALLOWED: Final = (
    f"Allowed are services that apprise reaches over the network: {_EXAMPLES} "
    "and others."
)
#: No redirects: elsewhere the secrets would be somebody else's. No pictures.
_ASSET: Final = AppriseAsset(
    app_id="Job Manager",
    app_desc="Job Manager",
    http_redirects=False,
    image_url_mask="",
    image_url_logo="",
    image_path_mask=False,
)


def opened(url: str) -> NotifyBase:
    """The service behind an address.

    Raises InvalidRequestError with the reason when there is none, or none that may be
    used.
    """
    url = url.strip()
    if len(url) > _LONGEST:
        raise InvalidRequestError(f"An address has at most {_LONGEST} characters.")
    _look_at_scheme(url)
    if _FILES.search(url):
        message = "An address may not name files of this machine: pgppub, pgpprv."
        raise InvalidRequestError(message)
    if _TWO_ENDS.match(url):
        message = (
            "An address has one @: write %40 for @ in the user and the password, and "
            "recipients as ?to=."
        )
        raise InvalidRequestError(message)
    service = _instance(url)
    if _reads_files(service):
        message = "An address may not name files, as a template or as a key."
        raise InvalidRequestError(message)
    if service.port is not None and not 0 < int(service.port) <= _LAST_PORT:
        raise InvalidRequestError(f"A port is a number from 1 to {_LAST_PORT}.")
    service.socket_connect_timeout = min(service.socket_connect_timeout, _CONNECT_S)
    service.socket_read_timeout = min(service.socket_read_timeout, _ANSWER_S)
    service.retry = 0  # it is tried again here, and not when it may have arrived
    return service


def masked(url: str) -> str:
    """An address for people: its service, and its host where that is no secret."""
    try:
        service = opened(url)
    except InvalidRequestError:
        return _FILTERED
    host = _host(service)
    return f"{service.schema}://{host}" if host else f"{service.schema}://****"


def without(text: str, url: str, *, shown: str = "") -> str:
    """``text`` without any part of the address that is not in ``shown``."""
    for part in _parts_of(url):
        if len(part) >= _SHORTEST_SECRET and part not in shown:
            text = text.replace(part, _FILTERED)
    return text


def _parts_of(url: str) -> list[str]:
    """What an address is made of, the longest first."""
    place, _, query = url.partition("?")
    values = [place, *(value for _, value in parse_qsl(query))]
    parts = [x for one in values for x in (*_DELIMITERS.split(one), unquote(one))]
    return sorted({*parts} - {""}, key=len, reverse=True)


def _without_any(text: str, url: str) -> str:
    """The same, without its shortest parts too where they stand alone."""
    alone = "|".join(map(re.escape, _parts_of(url)))
    return re.sub(rf"(?<!\w)(?:{alone})(?!\w)", _FILTERED, without(text, url))


def _look_at_scheme(url: str) -> None:
    found = _SCHEME.match(url)
    if found is None:
        message = f"This is no address: it begins with no service. {_ALLOWED}"
        raise InvalidRequestError(message)
    scheme = found[1].lower()
    if scheme in LOCAL:
        message = f"{scheme}:// acts on this machine. {_ALLOWED}"
        raise InvalidRequestError(message)


def _instance(url: str) -> NotifyBase:
    """Whatever apprise warns of is refused: it would leave that part out."""
    with listening() as heard:
        try:
            service = Apprise.instantiate(url, _ASSET, suppress_exceptions=False)
        except Exception:  # noqa: BLE001 - a plugin's constructor may raise anything
            service = None
    warned = warnings(heard)
    if service is None or service.schema in LOCAL or warned:
        raise InvalidRequestError(_refusal(url, warned))
    return service


def _refusal(url: str, warned: list[str]) -> str:
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    if scheme not in N_MGR:
        return f"No service is called so. {_ALLOWED}"
    plugin = N_MGR[scheme]
    if not plugin.enabled:
        return f"{scheme}:// needs a Python package that is not installed."
    form = max(plugin.templates, key=len).replace("{schema}", scheme)
    reason = _IN_BRACKETS.sub("", warned[0]).strip(" .:") if warned else ""
    said = f" {_without_any(reason, url)}." if reason else ""
    return f"This is no address of {plugin.service_name}.{said} One looks like {form}"


def _reads_files(service: NotifyBase) -> bool:
    held = vars(service).values()
    return any(isinstance(one, AppriseAttachment) and len(one) for one in held)


def _host(service: NotifyBase) -> str:
    """Its host; "" where its place may be taken by a token."""
    templates: tuple[str, ...] = service.templates
    always = all(_HOST.search(template) for template in templates)
    return str(service.host or "") if always else ""
