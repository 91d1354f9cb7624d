"""Takes one message to one address, and says what went wrong."""

from collections.abc import Sequence
from hashlib import sha256
from logging import INFO, LogRecord
from typing import Final, NamedTuple

from apprise import AppriseAttachment, NotifyBase, NotifyFormat, NotifyType
from apprise.attachment.memory import AttachMemory
from apprise.plugins.custom_form import NotifyForm
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.custom_xml import NotifyXML

from data.exceptions import InvalidRequestError
from data.model import Severity
from data.notify.addresses import masked, opened, without
from data.notify.ears import listening, warnings
from data.notify.handover import Handover, handing_over
from data.notify.http_handover import KEY
from data.rules.scrub import cut, scrub_text

_PROBLEM_BYTES: Final = 300
_TYPES: Final = {
    Severity.INFO: NotifyType.INFO,
    Severity.WARNING: NotifyType.WARNING,
    Severity.CRITICAL: NotifyType.FAILURE,
}
#: Webhooks of one's own: others know nothing of a key.
_TAKE_KEYS: Final = (NotifyForm, NotifyJSON, NotifyXML)
#: What the system says of a connection, and how it is passed on.
_CAUSES: Final = {
    "refused": "connection refused",
    "timed out": "no answer in time",
    "Name or service not known": "no such host",
    "name resolution": "no such host",
    "certificate": "its certificate is not trusted",
    "authentication": "signing in failed",
}


class Outcome(NamedTuple):
    """What became of a message."""

    #: why it did not arrive, "" when it did
    problem: str = ""
    #: some of those behind the address have it: again would be twice for them
    in_part: bool = False
    #: it was sent, and no answer came: it may have arrived
    unknown: bool = False


def deliver(
    url: str,
    severity: Severity,
    title: str,
    body: str,
    pictures: Sequence[bytes] = (),
    *,
    handover: Handover | None = None,
) -> Outcome:
    """Send it; takes some seconds at most, and never raises.

    It is sent as plain text: no service makes markup of what a job named itself.
    ``pictures`` are PNGs, for a service that takes some.
    """
    try:
        service = opened(url)
    except InvalidRequestError as error:
        return Outcome(str(error))
    handover = handover or Handover()
    handover.text = f"{title} {body}"
    _mark(service, handover.key)
    with listening() as heard, handing_over(handover):
        try:
            arrived = service.notify(
                body=body,
                title=title,
                notify_type=_TYPES[severity],
                body_format=NotifyFormat.TEXT,
                attach=_attached(service, pictures),
            )
        except Exception as error:  # noqa: BLE001 - somebody else's plugin, or server
            said = f"{type(error).__name__}: {error}"
            return _failed(said, url, heard, handover)
    if arrived:
        return Outcome()
    return _failed(_reason(heard), url, heard, handover)


def _failed(
    problem: str, url: str, heard: list[LogRecord], handover: Handover
) -> Outcome:
    """It was not taken, for all we know; its content may be out all the same."""
    return Outcome(_shown(problem, url), _is_in_part(heard), unknown=handover.is_out)


def _mark(service: NotifyBase, key: str) -> None:
    """Let a webhook tell a second try from a second message."""
    if key and isinstance(service, _TAKE_KEYS):
        service.headers[KEY] = sha256(key.encode()).hexdigest()[:32]


def _attached(
    service: NotifyBase, pictures: Sequence[bytes]
) -> AppriseAttachment | None:
    if not pictures or not service.attachment_support:
        return None
    return AppriseAttachment(
        [
            AttachMemory(picture, f"week-{number}.png", "image/png")  # type: ignore[no-untyped-call]
            for number, picture in enumerate(pictures, 1)
        ]
    )


def _reason(heard: list[LogRecord]) -> str:
    said = " ".join(record.getMessage() for record in heard)
    causes = {words for sign, words in _CAUSES.items() if sign in said}
    told = [*dict.fromkeys(warnings(heard)), *sorted(causes)]
    return ": ".join(told) or "it was not taken"


def _is_in_part(heard: list[LogRecord]) -> bool:
    return any(
        record.levelno == INFO and record.getMessage().startswith("Sent ")
        for record in heard
    )


def _shown(problem: str, url: str) -> str:
    hidden = without(problem, url, shown=masked(url))
    return cut(scrub_text(hidden), _PROBLEM_BYTES)
