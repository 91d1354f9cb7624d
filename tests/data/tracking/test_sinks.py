"""Sinks: what arrives at real HTTP servers, and that a dead one costs nothing."""

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from data.clock import to_ms
from data.model import ErrorEvent
from data.tracking.events import About, from_exception
from data.tracking.sentry import Sentry
from data.tracking.sinks import GuardedSink, Sink
from data.tracking.webhook import SIGNATURE, Webhook
from tests.conftest import WEDNESDAY
from tests.data.tracking.receiver import Receiver, receiving

NOW = to_ms(WEDNESDAY)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def an_event() -> ErrorEvent:
    def fail() -> None:
        raise ConnectionError("upstream timed out after 30 s")

    about = About(
        action="cancelJob",
        component="run-details",
        job_name="nightly_etl",
        run_id="r-123",
        params={"limit": 50, "password": "hunter2"},
    )
    with pytest.raises(ConnectionError) as caught:
        fail()
    return from_exception(caught.value, about, now_ms=NOW)


def dead_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def guarded(sink: Sink) -> GuardedSink:
    """Tries at once instead of after pauses."""
    return GuardedSink(sink, pauses_s=(0.0, 0.0), wait=lambda _stop, _s: None)


def sent(sink: GuardedSink, *events: ErrorEvent) -> GuardedSink:
    sink.start()
    for event in events:
        sink.offer(event)
    sink.stop()
    return sink


def test_a_real_sentry_client_delivers_the_event_with_its_tags(
    receiver: Receiver,
) -> None:
    event = an_event()
    dsn = f"http://key@127.0.0.1:{receiver.port}/42"
    sink = sent(guarded(Sentry(dsn, release="1.2.3")), event)
    assert sink.totals == {"sent": 1}
    path, headers, body = receiver.wait_for(1)[0]
    assert path == "/api/42/envelope/"
    assert "sentry_key=key" in headers["X-Sentry-Auth"]
    head, item_head, payload, *_ = body.split(b"\n")
    assert json.loads(head)["event_id"] == event.event_id
    assert json.loads(item_head)["type"] == "event"
    told = json.loads(payload)
    assert told["event_id"] == event.event_id
    assert told["tags"] == {
        "action": "cancelJob",
        "component": "run-details",
        "jobName": "nightly_etl",
        "kind": "manual",
        "origin": "server",
    }
    assert told["fingerprint"] == [event.fingerprint]
    assert told["release"] == "1.2.3"
    value = told["exception"]["values"][0]
    assert value["type"] == "ConnectionError"
    assert value["stacktrace"]["frames"][-1]["function"] == "fail"
    assert told["extra"]["runId"] == "r-123"
    assert told["extra"]["params"] == {"limit": 50, "password": "[Filtered]"}
    assert b"hunter2" not in body
    assert socket.gethostname().encode() not in body


def test_a_sentry_that_refuses_is_told_on_the_page_and_tried_again(
    receiver: Receiver,
) -> None:
    receiver.answers = [500, 500, 500]
    sink = guarded(Sentry(f"http://key@127.0.0.1:{receiver.port}/1", release="1"))
    sink.deliver(an_event())
    assert sink.totals == {"tried again": 2, "lost": 1}
    assert "500" in sink.problem


def test_the_webhook_posts_signed_json(receiver: Receiver) -> None:
    event = an_event()
    url = f"http://127.0.0.1:{receiver.port}/hooks/errors"
    sink = sent(guarded(Webhook(url, "a-key")), event)
    path, headers, body = receiver.wait_for(1)[0]
    assert path == "/hooks/errors"
    assert headers["Content-Type"] == "application/json"
    expected = hmac.new(b"a-key", body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE] == f"sha256={expected}"
    told = json.loads(body)
    assert told["fingerprint"] == event.fingerprint
    assert told["context"]["action"] == "cancelJob"
    assert sink.totals == {"sent": 1}
    assert sink.name == "Webhook (127.0.0.1)"


def test_without_a_key_the_webhook_is_not_signed_and_says_so(
    receiver: Receiver,
) -> None:
    hook = Webhook(f"http://127.0.0.1:{receiver.port}/")
    sent(guarded(hook), an_event())
    _, headers, _ = receiver.wait_for(1)[0]
    assert SIGNATURE not in headers
    assert hook.name == "Webhook (127.0.0.1), not signed"


def test_user_and_password_of_the_webhook_sign_in_and_are_named_nowhere(
    receiver: Receiver,
) -> None:
    hook = Webhook(f"http://jobs:s3%40cret@127.0.0.1:{receiver.port}/x?to=a@b", "k")
    sent(guarded(hook), an_event())
    path, headers, _ = receiver.wait_for(1)[0]
    assert path == "/x?to=a@b"
    expected = base64.b64encode(b"jobs:s3@cret").decode()
    assert headers["Authorization"] == f"Basic {expected}"
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"
    lost = guarded(Webhook("http://jobs:s3cret@localhost:1"))
    lost.deliver(an_event())
    assert lost.problem
    assert "s3cret" not in lost.problem + lost.name


def test_a_failure_is_tried_again_until_it_arrives(receiver: Receiver) -> None:
    receiver.answers = [503, 500]
    sink = guarded(Webhook(f"http://127.0.0.1:{receiver.port}/", "k"))
    sink.deliver(an_event())
    assert len(receiver.wait_for(3)) == 3
    assert sink.totals == {"tried again": 2, "sent": 1}
    assert sink.problem == ""


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [302, 302, 302]
    receiver.headers = {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    sink = guarded(Webhook(f"http://127.0.0.1:{receiver.port}/a"))
    sink.deliver(an_event())
    assert {path for path, _, _ in receiver.got} == {"/a"}
    assert sink.totals["lost"] == 1


def test_a_dead_sink_counts_what_is_lost_and_says_why() -> None:
    sink = guarded(Webhook(f"http://127.0.0.1:{dead_port()}/"))
    sink.deliver(an_event())
    sink.deliver(an_event())
    assert sink.totals == {"tried again": 4, "lost": 2}
    assert "refused" in sink.problem


def test_a_sink_that_hangs_takes_no_more_than_its_room() -> None:
    release, began = Event(), Event()

    class Hanging:
        name = "hanging"

        def send(self, _event: ErrorEvent) -> None:
            began.set()
            release.wait(60)

        def close(self) -> None:
            """Nothing is open."""

    sink = guarded(Hanging())
    sink.start()
    event = an_event()
    sink.offer(event)
    assert began.wait(60)
    for number in range(205):
        sink.offer(replace(event, event_id=f"{number:032x}"))
    assert sink.totals == {"no room": 5}
    release.set()
    sink.stop()
    assert sink.totals == {"no room": 5, "sent": 201}
