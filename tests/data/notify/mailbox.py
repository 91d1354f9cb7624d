"""A real mail server on 127.0.0.1 that keeps what it is sent."""

from asyncio import to_thread
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Condition, Event
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mail(NamedTuple):
    """One mail, as its reader sees it."""

    to: list[str]
    subject: str
    text: str
    #: what is attached: its name, its type, its bytes
    attached: list[tuple[str, str, bytes]]
    message_id: str = ""


class Mailbox:
    """What arrived."""

    def __init__(self) -> None:
        #: somebody sends a mail
        self.asked = Event()
        #: unset it to leave senders without an answer
        self.go_on = Event()
        self.go_on.set()
        #: unset it to leave senders without an answer to whom they write
        self.knows = Event()
        self.knows.set()
        self.greeted = Event()
        #: what is said of the next mails, instead of taking them
        self.refusals: list[str] = []
        #: recipients that are unknown here
        self.unknown: set[str] = set()
        self.mails: list[Mail] = []
        self.port = 0
        self._changed = Condition()

    @property
    def url(self) -> str:
        """The address of a channel whose messages arrive here."""
        sender = "from=jobs@example.org&to=ops@example.org"
        return f"mailto://127.0.0.1:{self.port}?{sender}"

    async def handle_RCPT(  # noqa: N802 - its name in aiosmtpd
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        self.greeted.set()
        await to_thread(self.knows.wait, 20)
        if address in self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - its name in aiosmtpd
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        read = message_from_bytes(envelope.content or b"", policy=policy.default)
        assert isinstance(read, EmailMessage)
        body = read.get_body(("plain", "html"))
        assert body is not None
        text = str(body.get_content())
        attached = [
            (str(part.get_filename()), part.get_content_type(), part.get_content())
            for part in read.iter_attachments()
        ]
        mail = Mail(
            envelope.rcpt_tos,
            str(read["Subject"]),
            text,
            attached,
            str(read["Message-ID"]),
        )
        with self._changed:
            self.mails.append(mail)
            self._changed.notify_all()
        self.asked.set()
        await to_thread(self.go_on.wait, 60)
        return self.refusals.pop(0) if self.refusals else "250 OK"

    def wait_for(self, number: int) -> list[Mail]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.mails) >= number, 60)
        return self.mails


class _AnyPort(Controller):
    """Takes a port that is free, and says which."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def receiving_mail() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    controller = _AnyPort(mailbox, hostname="127.0.0.1", port=0)
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        mailbox.go_on.set()
        mailbox.knows.set()
        controller.stop()
