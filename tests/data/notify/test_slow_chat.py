"""A message that went out to a service without a key is never sent twice."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from requests import Request

from data.clock import MINUTE_MS, SECOND_MS
from data.model import Severity
from data.notify import Messenger, addresses, courier
from data.notify.handover import Handover
from data.notify.http_handover import carries
from data.rules.messages import Delivery, DeliveryState
from data.store import Store
from tests.conftest import FakeClock
from tests.data.notify.news import messenger_over, news
from tests.data.tracking.receiver import receiving
from tests.factories import until

pytestmark = pytest.mark.one_database

TOKEN = "abcdefghijklmnopqrstuvwxyz"
CHATS = {
    "mmost": f"mmost://{{}}/{TOKEN}",
    "gotify": f"gotify://{{}}/{TOKEN[:15]}",
    "rocket": f"rocket://{TOKEN}/abcdefghijklmnop@{{}}/#ops?mode=webhook",
    "apprise": f"apprise://{{}}/{TOKEN}",
}
SENT_UNKNOWN = "sent, but no answer came: it may have arrived"


class Answerless:
    """A server that takes a whole request and then does as it is told."""

    def __init__(self, then: Callable[[socket.socket], object]) -> None:
        self.then = then
        self.requests: list[bytes] = []
        self.go_on = Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            self.requests.append(_whole(connection))
            self.then(connection)
            self.go_on.wait(60)


def _whole(connection: socket.socket) -> bytes:
    """A request with its body."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    lengths = [
        x for x in head.lower().split(b"\r\n") if x.startswith(b"content-length")
    ]
    length = int(lengths[0].split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + body


@contextmanager
def answerless(then: Callable[[socket.socket], object]) -> Iterator[Answerless]:
    server = Answerless(then)
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join()


def stay_silent(_connection: socket.socket) -> None:
    """Say nothing."""


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket) -> None:
    now = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
    connection.close()


def begin_to_answer(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def dead_place() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is waited for a moment only."""
    monkeypatch.setattr(addresses, "_ANSWER_S", 0.2)


def deliver(url: str) -> courier.Outcome:
    return courier.deliver(
        url, Severity.CRITICAL, "Firing: it", "b", handover=Handover("key")
    )


def tried(messenger: Messenger, clock: FakeClock) -> Delivery:
    messenger.do(clock.now_ms)
    until(lambda: not any(line.is_busy for line in messenger._lines.values()))
    return messenger.deliveries(1)[0]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("url", CHATS.values(), ids=CHATS)
@pytest.mark.parametrize("then", [stay_silent, hang_up, reset, begin_to_answer])
def test_what_was_sent_to_a_chat_that_does_not_answer_is_unknown(
    url: str, then: Callable[[socket.socket], object]
) -> None:
    with answerless(then) as server:
        outcome = deliver(url.format(server.place))

    assert outcome.problem
    assert outcome.unknown
    assert len(server.requests) == 1
    assert b"idempotency-key" not in server.requests[0].lower()


@pytest.mark.usefixtures("impatient")
def test_the_same_holds_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with answerless(stay_silent) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.place}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        assert deliver(CHATS["mmost"].format("chat.invalid")).unknown
    monkeypatch.setenv("HTTP_PROXY", f"http://{dead_place()}")
    assert not deliver(CHATS["mmost"].format("chat.invalid")).unknown


@pytest.mark.usefixtures("impatient")
def test_it_is_not_sent_again(store: Store, clock: FakeClock) -> None:
    with answerless(stay_silent) as server:
        messenger = messenger_over(store, clock, CHATS["mmost"].format(server.place))
        messenger.tell(news(), clock.now_ms)
        unknown = tried(messenger, clock)
        for _ in range(5):
            clock.advance_ms(MINUTE_MS)
            tried(messenger, clock)

    assert (unknown.state, unknown.problem) == (DeliveryState.UNKNOWN, SENT_UNKNOWN)
    assert unknown == messenger.deliveries(1)[0]
    assert len(server.requests) == 1


def test_a_chat_that_takes_longer_than_a_message_may_has_it_at_last(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "_ANSWER_S", 60.0)
    with receiving() as receiver:
        answer, take = Event(), receiver.note

        def note(*got: object) -> int:
            status = take(*got)  # type: ignore[arg-type]
            answer.wait(60)
            return status

        monkeypatch.setattr(receiver, "note", note)
        url = CHATS["mmost"].format(f"127.0.0.1:{receiver.port}")
        messenger = messenger_over(store, clock, url)
        messenger.tell(news(), clock.now_ms)
        messenger.do(clock.now_ms)
        receiver.wait_for(1)
        clock.advance_ms(10 * SECOND_MS)
        messenger.do(clock.now_ms)
        assert messenger.deliveries(1)[0].state is DeliveryState.UNKNOWN
        answer.set()
        until(lambda: messenger.deliveries(1)[0].state is DeliveryState.SENT)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("scheme", ["json", "xml", "form"])
def test_a_webhook_that_has_a_key_is_tried_again(scheme: str) -> None:
    with answerless(stay_silent) as server:
        outcome = deliver(f"{scheme}://{server.place}/")

    assert outcome.problem
    assert not outcome.unknown
    assert b"idempotency-key: " in server.requests[0].lower()


@pytest.mark.parametrize("url", CHATS.values(), ids=CHATS)
def test_what_was_not_sent_or_refused_is_tried_again(url: str) -> None:
    assert not deliver(url.format(dead_place())).unknown
    with receiving() as receiver:
        for status in (500, 503, 429, 404):
            receiver.answers = [status]
            outcome = deliver(url.format(f"127.0.0.1:{receiver.port}"))
            assert outcome.problem
            assert not outcome.unknown


def test_a_message_that_was_given_up_is_not_sent() -> None:
    handover = Handover("key")
    assert not handover.give_up()
    with receiving() as receiver:
        url = CHATS["mmost"].format(f"127.0.0.1:{receiver.port}")
        outcome = courier.deliver(url, Severity.INFO, "a", "b", handover=handover)

    assert outcome.problem
    assert not outcome.unknown
    assert receiver.got == []


def test_an_answer_of_one_recipient_is_none_of_another() -> None:
    handover = Handover()
    handover.begin()
    handover.begin()
    handover.answered()
    assert handover.is_out


def test_no_service_tries_by_itself() -> None:
    with receiving() as receiver:
        receiver.answers = [500]
        url = CHATS["mmost"].format(f"127.0.0.1:{receiver.port}")
        assert deliver(f"{url}?retry=3&wait=0.1").problem
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("method", "url", "body", "is_it"),
    [
        ("POST", "https://chat/hooks/x", '{"text": "Firing: it"}', True),
        ("POST", "https://chat/hooks/x", "c2VjcmV0", True),
        ("GET", "https://sms/send?text=Firing%3A+it", None, True),
        ("GET", "https://chat/api/v4/teams/name/ops", None, False),
        ("POST", "https://chat/api/v1/login", b'{"user": "jobs"}', False),
        ("POST", "https://chat/topics/login", b'{"text": "Firing: it"}', True),
    ],
)
def test_a_question_or_a_login_is_not_the_message(
    method: str,
    url: str,
    body: str | bytes | None,
    is_it: bool,  # noqa: FBT001 - from the list above
) -> None:
    request = Request(method, url, data=body).prepare()
    assert carries(request, "Firing: it b") is is_it
    assert carries(request, "")
