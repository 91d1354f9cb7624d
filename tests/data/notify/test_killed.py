"""A process is killed while it sends: another takes over, and nothing is sent twice."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from data.clock import SECOND_MS
from data.model import Severity
from data.monitor.duties import LEASE_MS, Duties
from data.notify import Messenger
from data.rules.messages import DeliveryState
from data.store import Store
from tests.conftest import FakeClock
from tests.data.notify.mailbox import Mailbox, receiving_mail
from tests.data.notify.news import messenger_over, news
from tests.factories import until

pytestmark = pytest.mark.one_database


@contextmanager
def sending(store_url: str, mailbox: Mailbox, now_ms: int) -> Iterator[None]:
    """A real process that leads and sends; killed at the end of the block."""
    words = ["tests.data.notify.sender", store_url, mailbox.url, str(now_ms)]
    process = subprocess.Popen([sys.executable, "-m", *words])  # noqa: S603
    try:
        yield
    finally:
        process.kill()
        process.wait(timeout=60)


def test_another_process_takes_over_and_nothing_is_sent_twice(
    store: Store, store_url: str, clock: FakeClock
) -> None:
    with receiving_mail() as mailbox:
        messenger = messenger_over(store, clock, mailbox.url, holder="alive:1")
        duties = Duties({}, store, clock=clock, holder="alive:1", chores=[messenger])
        mailbox.go_on.clear()
        with sending(store_url, mailbox, clock.now_ms):
            tell(messenger, clock, 1)
            assert mailbox.asked.wait(60)
            tell(messenger, clock, 2)
            duties.step(Event())
            assert not sends(duties)
        mailbox.go_on.set()

        clock.advance_ms(LEASE_MS)
        assert LEASE_MS <= 30 * SECOND_MS
        duties.step(Event())
        assert sends(duties)
        until(lambda: states(messenger) == ["sending", "sent"])
        clock.advance_ms(30 * SECOND_MS)
        duties.step(Event())
        for _ in range(10):
            clock.advance_ms(60 * SECOND_MS)
            duties.step(Event())
            until(lambda: not any(x.is_busy for x in messenger._lines.values()))

        assert states(messenger) == ["unknown", "sent"]
        subjects = [mail.subject for mail in mailbox.mails]
        assert subjects == ["Firing: No. 1", "Firing: No. 2"]


def sends(duties: Duties) -> bool:
    """Does this process send the messages?"""
    return duties._led[0].leadership.held


def tell(messenger: Messenger, clock: FakeClock, number: int) -> None:
    urgent = news(episode_id=number, title=f"No. {number}", severity=Severity.CRITICAL)
    messenger.tell(urgent, clock.now_ms)


def states(messenger: Messenger) -> list[DeliveryState]:
    """Of all deliveries, oldest first."""
    return [one.state for one in reversed(messenger.deliveries(10))]
