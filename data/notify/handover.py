"""The moment a message leaves our hands: from then on the outcome is the server's.

A server that is slow to say "taken" has taken it in all likelihood: the same message
again would be a second one. Until then nothing is lost by trying again. Here is the watch
over mails; ``http_handover`` has that over requests.
"""

import re
import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from threading import Lock
from typing import Any, Final, NoReturn

from apprise.plugins.email import smtp as apprise_smtp

#: Seconds that a server may take to say that it took the content.
_ANSWER_S: Final = 50.0
_GO_ON: Final = 354
_MESSAGE_ID: Final = re.compile(
    r"^(Message-ID: <)[^@>]*(@[^>]*>)", re.IGNORECASE | re.MULTILINE
)


class Handover:
    """How far one message has come; ``key`` is the same for each try of it."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        #: what it says, as far as is known
        self.text = ""
        self._lock = Lock()
        self._given_up = False
        self._is_out = False
        #: one of several recipients never answered
        self._unanswered = False

    @property
    def is_out(self) -> bool:
        """Was its content sent to somebody who did not answer yet?"""
        return self._is_out or self._unanswered

    def begin(self) -> bool:
        """The content goes now; False when it was given up: then it must not."""
        with self._lock:
            self._unanswered = self.is_out
            self._is_out = not self._given_up
            return self._is_out

    def answered(self) -> None:
        """The server said yes or no to it."""
        self._is_out = False

    def give_up(self) -> bool:
        """Send nothing from now on; True when the content is out already."""
        with self._lock:
            self._given_up = True
            return self.is_out


_CURRENT: ContextVar[Handover | None] = ContextVar("handover", default=None)


def current() -> Handover | None:
    """Of the message that this thread sends."""
    return _CURRENT.get()


@contextmanager
def handing_over(handover: Handover) -> Iterator[None]:
    """Messages that this thread sends within are those of ``handover``."""
    token = _CURRENT.set(handover)
    try:
        yield
    finally:
        _CURRENT.reset(token)


class _Watched(smtplib.SMTP):
    """Tells the handover of its thread when content goes out, and of the answer."""

    def sendmail(
        self, from_addr: str, to_addrs: str | Sequence[str], msg: Any, *more: Any
    ) -> Any:
        """Send it under a Message-ID that is the same for each try."""
        handover = _CURRENT.get()
        if handover and handover.key and isinstance(msg, str):
            about = f"{handover.key}\0{to_addrs}".encode()
            local = sha256(about).hexdigest()[:32]
            msg = _MESSAGE_ID.sub(rf"\g<1>{local}\g<2>", msg, count=1)
        return super().sendmail(from_addr, to_addrs, msg, *more)

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the content."""
        answer = super().data(msg)
        if handover := _CURRENT.get():
            handover.answered()
        return answer

    def getreply(self) -> tuple[int, bytes]:
        """The server's answer; after "go on" the content follows."""
        code, words = super().getreply()
        handover = _CURRENT.get()
        if code == _GO_ON and handover:
            if not handover.begin():
                self._leave()
            if self.sock:
                self.sock.settimeout(_ANSWER_S)
        return code, words

    def _leave(self) -> NoReturn:
        self.close()
        message = "given up before it was sent"
        raise smtplib.SMTPServerDisconnected(message)


class _WatchedSSL(_Watched, smtplib.SMTP_SSL):
    """The same over TLS from the start."""


class _Smtplib:
    """What apprise takes for smtplib."""

    SMTP = _Watched
    SMTP_SSL = _WatchedSSL

    def __getattr__(self, name: str) -> Any:
        return getattr(smtplib, name)


setattr(apprise_smtp, "smtplib", _Smtplib())  # noqa: B010 - apprise exports no name
