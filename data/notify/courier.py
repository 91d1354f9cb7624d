"""Takes one message to one address, and says what went wrong."""

from typing import Final

from apprise import NotifyFormat, NotifyType

from data.exceptions import InvalidRequestError
from data.model import Severity
from data.notify.addresses import masked, opened, without
from data.notify.ears import listening, warnings
from data.rules.scrub import cut, scrub_text

_PROBLEM_BYTES: Final = 300
_TYPES: Final = {
    Severity.INFO: NotifyType.INFO,
    Severity.WARNING: NotifyType.WARNING,
    Severity.CRITICAL: NotifyType.FAILURE,
}
#: What the system says of a connection, and how it is passed on.
_CAUSES: Final = {
    "refused": "connection refused",
    "timed out": "no answer in time",
    "Name or service not known": "no such host",
    "name resolution": "no such host",
    "certificate": "its certificate is not trusted",
    "authentication": "signing in failed",
}


def deliver(url: str, severity: Severity, title: str, body: str) -> str:
    """Send it; why it did not arrive, "" when it did. Takes some seconds at most.

    It is sent as plain text: no service makes markup of what a job named itself.
    """
    try:
        service = opened(url)
    except InvalidRequestError as error:
        return str(error)
    with listening() as heard:
        try:
            arrived = service.notify(
                body=body,
                title=title,
                notify_type=_TYPES[severity],
                body_format=NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 - somebody else's plugin, or server
            return _shown(f"{type(error).__name__}: {error}", url)
    if arrived:
        return ""
    said = " ".join(record.getMessage() for record in heard)
    causes = {words for sign, words in _CAUSES.items() if sign in said}
    told = [*dict.fromkeys(warnings(heard)), *sorted(causes)]
    return _shown(": ".join(told) or "it was not taken", url)


def _shown(problem: str, url: str) -> str:
    return cut(scrub_text(without(problem, url, shown=masked(url))), _PROBLEM_BYTES)
