"""A mail whose content is out is never sent twice, however slow its server is."""

from collections.abc import Iterator

import pytest

from data.clock import MINUTE_MS, SECOND_MS
from data.model import Severity
from data.notify import Messenger, courier
from data.notify.handover import Handover
from data.rules.messages import Delivery, DeliveryState
from data.store import Store
from tests.conftest import FakeClock
from tests.data.notify.mailbox import Mailbox, receiving_mail
from tests.data.notify.news import messenger_over, news
from tests.data.tracking.receiver import receiving
from tests.factories import until

pytestmark = pytest.mark.one_database


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mail() as found:
        yield found


def _idle(messenger: Messenger) -> bool:
    return not any(line.is_busy for line in messenger._lines.values())


def _tried(messenger: Messenger, clock: FakeClock) -> Delivery:
    messenger.do(clock.now_ms)
    until(lambda: _idle(messenger))
    return messenger.deliveries(1)[0]


def test_a_server_that_is_slow_to_say_taken_gets_a_mail_once(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    mailbox.go_on.clear()
    messenger = messenger_over(store, clock, mailbox.url)
    messenger.tell(news(), clock.now_ms)
    messenger.do(clock.now_ms)
    assert mailbox.asked.wait(60)

    clock.advance_ms(10 * SECOND_MS)
    messenger.do(clock.now_ms)
    [unknown] = messenger.deliveries(1)
    assert unknown.state is DeliveryState.UNKNOWN
    assert unknown.problem == "sent, but no answer came: it may have arrived"
    for _ in range(5):
        clock.advance_ms(MINUTE_MS)
        messenger.do(clock.now_ms)
    assert len(mailbox.mails) == 1

    mailbox.go_on.set()
    until(lambda: messenger.deliveries(1)[0].state is DeliveryState.SENT)
    assert len(mailbox.mails) == 1


def test_a_mail_that_was_given_up_before_its_content_went_is_sent_by_the_next_try_only(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    mailbox.knows.clear()
    messenger = messenger_over(store, clock, mailbox.url)
    messenger.tell(news(), clock.now_ms)
    messenger.do(clock.now_ms)
    assert mailbox.greeted.wait(60)

    clock.advance_ms(10 * SECOND_MS)
    messenger.do(clock.now_ms)
    assert messenger.deliveries(1)[0].state is DeliveryState.WAITING
    mailbox.knows.set()
    until(lambda: _idle(messenger))
    assert mailbox.mails == []

    clock.advance_ms(MINUTE_MS)
    assert _tried(messenger, clock).state is DeliveryState.SENT
    assert len(mailbox.mails) == 1


def test_each_try_of_a_message_has_the_same_message_id(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    mailbox.refusals = ["451 later"]
    messenger = messenger_over(store, clock, mailbox.url)
    messenger.tell(news(), clock.now_ms)
    assert _tried(messenger, clock).state is DeliveryState.WAITING
    clock.advance_ms(MINUTE_MS)
    assert _tried(messenger, clock).state is DeliveryState.SENT
    clock.advance_ms(10 * MINUTE_MS)
    messenger.tell(news(episode_id=77), clock.now_ms)
    _tried(messenger, clock)

    first, again, another = (mail.message_id for mail in mailbox.mails)
    assert first == again != another
    assert first.endswith("@127.0.0.1>")


def test_each_try_at_a_webhook_has_the_same_key(store: Store, clock: FakeClock) -> None:
    with receiving() as receiver:
        receiver.answers = [500]
        url = f"json://127.0.0.1:{receiver.port}/"
        messenger = messenger_over(store, clock, url)
        messenger.tell(news(), clock.now_ms)
        _tried(messenger, clock)
        clock.advance_ms(MINUTE_MS)
        _tried(messenger, clock)

        [first, again] = [_key(got) for got in receiver.got]
    assert first == again != ""


def _key(got: tuple[object, ...]) -> str:
    headers = next(part for part in got if hasattr(part, "get"))
    return str(headers.get("Idempotency-Key", ""))


def test_a_fault_after_the_content_went_is_no_reason_to_send_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handover = Handover("key")

    class Faulty:
        def notify(self, **_what: object) -> bool:
            handover.begin()
            message = "no such attribute"
            raise AttributeError(message)

    monkeypatch.setattr(courier, "opened", lambda _url: Faulty())
    outcome = courier.deliver(
        "mailto://example.org", Severity.INFO, "a", "b", handover=handover
    )

    assert outcome == courier.Outcome("AttributeError: no such attribute", unknown=True)
