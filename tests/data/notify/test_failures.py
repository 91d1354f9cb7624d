"""Channels that fail: told on the page, tried again, and no burden to the others."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from data.clock import MINUTE_MS, SECOND_MS
from data.model import Severity
from data.notify import Messenger
from data.rules.messages import CLAIM_MS, Delivery, DeliveryState, Kind, Message
from data.store import Store
from tests.conftest import FakeClock
from tests.data.notify.mailbox import Mailbox, receiving_mail
from tests.data.notify.news import messenger_over, news
from tests.data.tracking.receiver import Receiver, receiving
from tests.factories import until

pytestmark = pytest.mark.one_database

TOKEN = "TIiajkdnlazkcOXrIdevi7FQ"
WAITING, SENT = DeliveryState.WAITING, DeliveryState.SENT
FAILED, UNKNOWN = DeliveryState.FAILED, DeliveryState.UNKNOWN


class Hanging:
    """A web server that answers when it is let go on."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = Event()
        self.go_on = Event()


@contextmanager
def hanging_server() -> Iterator[Hanging]:
    found = Hanging()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.set()
            found.go_on.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Nothing to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_port
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.go_on.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    with hanging_server() as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mail() as found:
        yield found


def dead_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def idle(messenger: Messenger) -> bool:
    return not any(line.is_busy for line in messenger._lines.values())


def tried(messenger: Messenger, clock: FakeClock) -> Delivery:
    """Send what is due, wait for what becomes of it, and give the newest delivery."""
    messenger.do(clock.now_ms)
    until(lambda: idle(messenger))
    return messenger.deliveries(1)[0]


def test_three_tries_then_it_has_failed_and_the_channel_says_so(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answers = [500, 503, 500, 500, 500, 500]
    warned: list[str] = []
    url = f"json://127.0.0.1:{receiver.port}/{TOKEN}"
    messenger = messenger_over(store, clock, url, warn=warned.append)
    messenger.tell(news(), clock.now_ms)

    first = tried(messenger, clock)
    assert (first.state, first.tries) == (WAITING, 1)
    assert first.due_at == clock.now_ms + 30 * SECOND_MS
    clock.advance_ms(30 * SECOND_MS - 1)
    assert tried(messenger, clock).tries == 1
    clock.advance_ms(1)
    assert tried(messenger, clock).due_at == clock.now_ms + 2 * MINUTE_MS
    clock.advance_ms(2 * MINUTE_MS)
    last = tried(messenger, clock)
    clock.advance_ms(60 * MINUTE_MS)
    tried(messenger, clock)

    assert (last.state, last.tries, len(receiver.got)) == (FAILED, 3, 3)
    assert "error=500" in last.problem
    assert messenger.channels()[0].problem == last.problem
    [warning] = warned
    assert warning.startswith("Messages do not arrive at json://127.0.0.1: Failed")
    assert TOKEN not in f"{warning} {last}"

    messenger.tell(news(episode_id=13), clock.now_ms)
    for pause in (0, 30 * SECOND_MS, 2 * MINUTE_MS):
        clock.advance_ms(pause)
        tried(messenger, clock)
    assert len(receiver.got) == 6
    assert len(warned) == 1  # it was told

    messenger.tell(news(episode_id=14), clock.now_ms)
    assert tried(messenger, clock).state is SENT
    assert messenger.channels()[0].problem == ""


def test_a_server_that_recovers_gets_it_once(
    store: Store, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answers = [502]
    warned: list[str] = []
    url = f"json://127.0.0.1:{receiver.port}/"
    messenger = messenger_over(store, clock, url, warn=warned.append)
    messenger.tell(news(), clock.now_ms)
    tried(messenger, clock)
    clock.advance_ms(30 * SECOND_MS)

    assert tried(messenger, clock).state is SENT
    assert (len(receiver.got), warned) == (2, [])


def test_a_refused_connection_is_named(store: Store, clock: FakeClock) -> None:
    hook = f"json://u:{TOKEN}@127.0.0.1:{dead_port()}/{TOKEN}"
    mail = f"mailto://u:{TOKEN}@127.0.0.1:{dead_port()}?from=a@b.org&to=c@d.org"
    messenger = messenger_over(store, clock, hook, mail)
    messenger.tell(news(), clock.now_ms)
    tried(messenger, clock)

    for delivery in messenger.deliveries(2):
        assert delivery.problem.endswith("connection refused")
        assert TOKEN not in delivery.problem


def test_a_redirect_is_not_followed(
    store: Store, receiver: Receiver, mailbox: Mailbox, clock: FakeClock
) -> None:
    receiver.answers = [302]
    receiver.headers = {"Location": f"http://127.0.0.1:{mailbox.port}/"}
    url = f"json://127.0.0.1:{receiver.port}/"
    messenger = messenger_over(store, clock, url)
    messenger.tell(news(), clock.now_ms)

    assert "error=302" in tried(messenger, clock).problem


def test_a_test_has_one_try(store: Store, receiver: Receiver, clock: FakeClock) -> None:
    receiver.answers = [500]
    messenger = messenger_over(store, clock, f"json://127.0.0.1:{receiver.port}/")
    messenger.test(messenger.channels()[0].key, clock.now_ms)
    until(lambda: idle(messenger))

    [delivery] = messenger.deliveries(2)
    assert (delivery.state, delivery.kind) == (FAILED, "test")


def test_what_some_have_is_not_sent_to_them_again(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    mailbox.unknown = {"gone@example.org"}
    both = mailbox.url.replace("ops@", "gone@example.org,ops@")
    messenger = messenger_over(store, clock, both)
    messenger.tell(news(), clock.now_ms)
    delivery = tried(messenger, clock)
    clock.advance_ms(60 * MINUTE_MS)
    tried(messenger, clock)

    assert (delivery.state, delivery.tries) == (FAILED, 1)
    assert "refused" in delivery.problem or "failed" in delivery.problem
    assert "gone@" not in delivery.problem
    assert [mail.to for mail in mailbox.mails] == [["ops@example.org"]]


def test_a_channel_that_hangs_costs_the_others_nothing(
    store: Store, hanging: Hanging, mailbox: Mailbox, clock: FakeClock
) -> None:
    warned: list[str] = []
    url = f"json://127.0.0.1:{hanging.port}/"
    messenger = messenger_over(store, clock, url, mailbox.url, warn=warned.append)
    stuck = messenger._fixed[0].key
    for episode in range(5):
        urgent = news(episode_id=episode, severity=Severity.CRITICAL)
        messenger.tell(urgent, clock.now_ms)
        messenger.do(clock.now_ms)
        mailbox.wait_for(episode + 1)
        until(lambda: not messenger._lines[_other(messenger, stuck)].is_busy)
    assert hanging.asked.wait(60)
    assert len(_of(messenger, stuck, DeliveryState.SENDING)) == 1

    for pause in (10 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 2 * MINUTE_MS):
        clock.advance_ms(pause)
        messenger.do(clock.now_ms)

    first = _of(messenger, stuck, FAILED)[-1]
    assert "no answer" in first.problem
    assert len(warned) == 1
    assert len(mailbox.mails) == 5


def test_what_arrives_late_has_arrived(
    store: Store, hanging: Hanging, clock: FakeClock
) -> None:
    messenger = messenger_over(store, clock, f"json://127.0.0.1:{hanging.port}/")
    messenger.tell(news(), clock.now_ms)
    messenger.do(clock.now_ms)
    assert hanging.asked.wait(60)
    clock.advance_ms(10 * SECOND_MS)
    messenger.do(clock.now_ms)
    assert messenger.deliveries(1)[0].state is WAITING

    hanging.go_on.set()
    until(lambda: messenger.deliveries(1)[0].state is SENT)

    clock.advance_ms(5 * MINUTE_MS)
    assert tried(messenger, clock).tries == 1


def test_a_fired_message_that_fails_after_the_end_is_not_tried_again(
    store: Store, hanging: Hanging, clock: FakeClock
) -> None:
    messenger = messenger_over(store, clock, f"json://127.0.0.1:{hanging.port}/")
    messenger.tell(news(), clock.now_ms)
    messenger.do(clock.now_ms)
    assert hanging.asked.wait(60)
    messenger.tell(news("resolved"), clock.now_ms)
    clock.advance_ms(10 * SECOND_MS)
    messenger.do(clock.now_ms)

    resolved, fired = messenger.deliveries(2)
    assert (fired.state, resolved.kind) == (DeliveryState.DROPPED, "resolved")


def test_what_a_dead_process_was_sending_is_never_sent_again(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    messenger = messenger_over(store, clock, mailbox.url)
    messenger.tell(news(), clock.now_ms)
    [due] = store.messages.due(clock.now_ms)
    assert store.messages.claim([due.id], "dead:1", clock.now_ms) == {due.id}
    assert store.messages.claim([due.id], "here:1", clock.now_ms) == set()

    clock.advance_ms(CLAIM_MS - 1)
    assert tried(messenger, clock).state is DeliveryState.SENDING
    clock.advance_ms(1)
    lost = tried(messenger, clock)
    clock.advance_ms(60 * MINUTE_MS)
    tried(messenger, clock)

    assert lost.state is UNKNOWN
    assert lost.problem.startswith("may not have been sent")
    assert messenger.channels()[0].problem == lost.problem
    assert mailbox.mails == []

    messenger.tell(news("resolved"), clock.now_ms)
    tried(messenger, clock)
    assert len(mailbox.mails) == 1  # it may have been told of the beginning


def test_what_waits_in_the_store_is_kept_as_it_was_told(
    store: Store, clock: FakeClock
) -> None:
    message = Message("k", "", Kind.ALERT, Severity.INFO, "Title \x00 é", "Body \ud800")
    store.messages.write(message, {"1": clock.now_ms}, clock.now_ms)
    store.messages.write(message, {"1": 0, "2": clock.now_ms}, clock.now_ms)

    second, first = store.messages.page(10)
    assert (first.channel, second.channel) == ("1", "2")
    assert (first.title, first.body) == ("Title \ufffd é", "Body \ufffd")
    assert store.messages.prune(clock.now_ms) == 0
    assert store.messages.prune(clock.now_ms + 1) == 2


def _other(messenger: Messenger, key: str) -> str:
    return next(name for name in messenger._lines if name != key)


def _of(messenger: Messenger, key: str, state: DeliveryState) -> list[Delivery]:
    found = messenger.deliveries(100)
    return [one for one in found if (one.channel, one.state) == (key, state)]
