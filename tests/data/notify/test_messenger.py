"""Messages through real servers: once each, in time, and never two at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from data.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from data.exceptions import InvalidRequestError
from data.model import Severity
from data.notify import Messenger
from data.rules.messages import DeliveryState
from data.store import Store
from tests.conftest import FakeClock
from tests.data.notify.mailbox import Mailbox, receiving_mail
from tests.data.notify.news import HOME, messenger_over, news
from tests.factories import until

pytestmark = pytest.mark.one_database

NIGHT = "22:00-07:00 Europe/Berlin"
WAITING, SENT = DeliveryState.WAITING, DeliveryState.SENT


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mail() as found:
        yield found


@pytest.fixture
def messenger(store: Store, clock: FakeClock) -> Messenger:
    return messenger_over(store, clock)


def added(messenger: Messenger, url: str, clock: FakeClock, **changes: Any) -> int:
    values: dict[str, Any] = {
        "min_severity": Severity.INFO,
        "quiet": "",
        "by": "local",
        "at_ms": clock.now_ms,
    }
    return messenger.add("Ops", url, **{**values, **changes})


def done(messenger: Messenger, clock: FakeClock) -> None:
    """Send what is due now, and wait until it is noted what became of it."""
    messenger.do(clock.now_ms)
    until(lambda: DeliveryState.SENDING not in states(messenger))
    until(lambda: not any(line.is_busy for line in messenger._lines.values()))


def states(messenger: Messenger) -> list[DeliveryState]:
    """Of all deliveries, oldest first."""
    return [one.state for one in reversed(messenger.deliveries(1_000))]


def test_one_mail_an_episode_and_step_whatever_is_told_again(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    added(messenger, mailbox.url, clock)

    for _ in range(3):
        messenger.tell(news(), clock.now_ms)
        done(messenger, clock)
        clock.advance_ms(6 * MINUTE_MS)

    [mail] = mailbox.mails
    assert mail.to == ["ops@example.org"]
    assert mail.subject == "Firing: Stalled runs, 3 in 24 h (limit 2)"
    assert mail.text.splitlines() == [
        "3 runs became stalled in the last 24 hours; 2 are allowed.",
        "Since 2026-03-18 12:34 UTC.",
        f"{HOME}alerts?rule=StalledFrequency",
    ]
    assert states(messenger) == [SENT]


def test_every_step_and_the_end_are_told(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    added(messenger, mailbox.url, clock)

    steps = [("fired", 0), ("escalated", 1), ("escalated", 2), ("resolved", 2)]
    for kind, step in steps:
        messenger.tell(news(kind, step=step), clock.now_ms)
        done(messenger, clock)
        clock.advance_ms(6 * MINUTE_MS)

    heads = [mail.subject.split(":")[0] for mail in mailbox.mails]
    assert heads == ["Firing", "Still firing", "Still firing", "Resolved"]
    assert states(messenger) == [SENT] * 4


def test_what_is_over_before_it_was_sent_is_told_to_nobody(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    added(messenger, mailbox.url, clock, quiet=NIGHT)

    messenger.tell(news(), clock.now_ms)
    done(messenger, clock)
    messenger.tell(news("resolved"), clock.now_ms + HOUR_MS)
    clock.advance_ms(12 * HOUR_MS)
    done(messenger, clock)

    assert mailbox.mails == []
    assert states(messenger) == [DeliveryState.DROPPED]


def test_the_end_goes_to_those_who_were_told_of_the_beginning(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    with receiving_mail() as other:
        added(messenger, mailbox.url, clock)
        added(messenger, other.url, clock, min_severity=Severity.CRITICAL)
        messenger.tell(news(), clock.now_ms)
        done(messenger, clock)
        clock.advance_ms(6 * MINUTE_MS)
        messenger.tell(news("resolved"), clock.now_ms)
        done(messenger, clock)

        assert len(mailbox.mails) == 2
        assert other.mails == []


def test_only_critical_messages_pass_quiet_hours(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    added(messenger, mailbox.url, clock, quiet=NIGHT)

    messenger.tell(news(), clock.now_ms)
    messenger.tell(news(severity=Severity.CRITICAL, episode_id=13), clock.now_ms)
    done(messenger, clock)
    assert states(messenger) == [WAITING, SENT]

    clock.now = datetime(2026, 11, 25, 5, 59, 59, tzinfo=UTC)
    done(messenger, clock)
    assert states(messenger) == [WAITING, SENT]

    clock.advance_ms(SECOND_MS)
    done(messenger, clock)
    assert states(messenger) == [SENT, SENT]
    assert len(mailbox.mails) == 2


def test_what_comes_within_five_minutes_is_put_together(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    added(messenger, mailbox.url, clock)
    messenger.tell(news(episode_id=1), clock.now_ms)
    done(messenger, clock)

    for episode in range(2, 6):
        clock.advance_ms(MINUTE_MS)
        messenger.tell(news(episode_id=episode, title=f"No. {episode}"), clock.now_ms)
        done(messenger, clock)
    assert len(mailbox.mails) == 1
    clock.advance_ms(MINUTE_MS - 1)
    done(messenger, clock)
    assert len(mailbox.mails) == 1
    clock.advance_ms(1)
    done(messenger, clock)

    assert [mail.subject for mail in mailbox.mails[1:]] == ["4 messages"]
    assert all(f"Firing: No. {no}" in mailbox.mails[1].text for no in range(2, 6))
    assert states(messenger) == [SENT] * 5


def test_critical_messages_do_not_wait_for_the_five_minutes(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    added(messenger, mailbox.url, clock)

    for episode in range(1, 4):
        urgent = news(episode_id=episode, severity=Severity.CRITICAL)
        messenger.tell(urgent, clock.now_ms)
        done(messenger, clock)
        clock.advance_ms(SECOND_MS)
    messenger.tell(news(episode_id=9), clock.now_ms)
    done(messenger, clock)

    assert len(mailbox.mails) == 4


def test_without_channels_nothing_is_written(
    messenger: Messenger, clock: FakeClock
) -> None:
    messenger.tell(news(), clock.now_ms)
    messenger.tell(news("resolved"), clock.now_ms)
    messenger.do(clock.now_ms)

    assert messenger.deliveries(10) == []


def test_channels_of_the_settings_are_there_and_cannot_be_changed(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    url = mailbox.url.replace("127.0.0.1", "ops:hunter2@127.0.0.1")
    messenger = messenger_over(store, clock, url, f"{url}&x=1", url)
    added(messenger, mailbox.url, clock, quiet=f" {NIGHT}")

    first, second, third = messenger.channels()

    assert (first.name, second.name) == (
        "mailto://127.0.0.1",
        "mailto://127.0.0.1 (2)",
    )
    assert (first.id, second.id) == (None, None)
    assert first.min_severity is Severity.INFO
    assert (third.name, third.address) == ("Ops", "mailto://127.0.0.1")
    assert (third.key, third.quiet) == (str(third.id), NIGHT)
    assert "hunter2" not in repr(messenger.channels())


def test_a_wrong_address_in_the_settings_is_named_by_its_place(
    store: Store, clock: FakeClock
) -> None:
    with pytest.raises(InvalidRequestError, match=r"^address 2: syslog:// acts on"):
        messenger_over(store, clock, "mailto://u:p@example.org", "syslog://")


@pytest.mark.parametrize(
    ("url", "quiet", "said"),
    [
        ("slack://hunter2", "", "This is no address of Slack"),
        ("mailto://u:p@example.org", "at night", "These are no quiet hours"),
    ],
)
def test_a_channel_that_makes_no_sense_is_not_kept(
    messenger: Messenger, clock: FakeClock, url: str, quiet: str, said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        added(messenger, url, clock, quiet=quiet)

    assert messenger.channels() == []


def test_a_removed_channel_and_one_that_rests_get_nothing(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    resting, removed = (added(messenger, mailbox.url, clock) for _ in range(2))
    messenger.tell(news(), clock.now_ms)

    messenger.switch(resting, enabled=False)
    messenger.remove(removed)
    messenger.tell(news(episode_id=13), clock.now_ms)
    done(messenger, clock)

    assert mailbox.mails == []
    assert states(messenger) == [DeliveryState.DROPPED] * 2
    assert [channel.enabled for channel in messenger.channels()] == [False]

    messenger.switch(resting, enabled=True)
    messenger.tell(news(episode_id=14), clock.now_ms)
    done(messenger, clock)
    assert len(mailbox.mails) == 1


def test_what_waits_for_a_channel_that_left_the_settings_is_dropped(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    messenger_over(store, clock, mailbox.url).tell(news(), clock.now_ms)

    without = messenger_over(store, clock)
    done(without, clock)

    assert states(without) == [DeliveryState.DROPPED]


def test_a_test_is_sent_at_once_whatever_the_hour(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    clock.now = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    id_ = added(messenger, mailbox.url, clock, quiet=NIGHT)
    messenger.tell(news(), clock.now_ms)

    messenger.test(str(id_), clock.now_ms)

    [mail] = mailbox.wait_for(1)
    assert mail.subject == "Test: messages arrive here"
    assert HOME in mail.text
    until(lambda: states(messenger) == [WAITING, SENT])
    with pytest.raises(InvalidRequestError, match="There is no such channel"):
        messenger.test("4711", clock.now_ms)


def test_two_processes_never_send_the_same(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    both = [messenger_over(store, clock, mailbox.url, holder=h) for h in "ab"]
    for episode in range(20):
        urgent = news(episode_id=episode, severity=Severity.CRITICAL)
        both[episode % 2].tell(urgent, clock.now_ms)
        for one in both:
            one.do(clock.now_ms)
    until(lambda: not any(x.is_busy for one in both for x in one._lines.values()))
    for one in both:
        done(one, clock)

    told = sum(
        int(mail.subject.split()[0]) if mail.subject.endswith(" messages") else 1
        for mail in mailbox.mails
    )
    assert told == 20
    assert states(both[0]) == [SENT] * 20


def test_instants_are_those_of_the_clock(
    messenger: Messenger, mailbox: Mailbox, clock: FakeClock
) -> None:
    made = clock.now_ms
    added(messenger, mailbox.url, clock)
    messenger.tell(news(), made)
    clock.advance_ms(2 * SECOND_MS)
    done(messenger, clock)

    [delivery] = messenger.deliveries(1)
    assert (delivery.made_at, delivery.done_at) == (made, made + 2 * SECOND_MS)
    assert (delivery.kind, delivery.tries, delivery.holder) == ("alert", 1, "here:1")
