"""Messages in words, and that no text of a job does anything but be read."""

import pytest
from apprise import NotifyFormat
from apprise.conversion import convert_between

from data.model import Severity
from data.notify.texts import message_of, plain, together_in_words
from data.rules.messages import Delivery, DeliveryState, Kind
from tests.data.notify.news import HOME, news

BREAK = "\u200b"


def a_delivery(number: int, body: str = "Body") -> Delivery:
    return Delivery(
        id=number,
        channel="1",
        key=str(number),
        about="",
        kind=Kind.ALERT,
        severity=Severity.INFO,
        title=f"Title {number}",
        body=body,
        state=DeliveryState.WAITING,
        tries=0,
        made_at=0,
        due_at=0,
        done_at=None,
        holder="",
        problem="",
    )


@pytest.mark.parametrize(
    ("kind", "rule", "title", "second", "about"),
    [
        ("fired", "StalledFrequency", "Firing: X", "Since", Kind.ALERT),
        ("fired", "CriticalStalled", "Firing: X", "Since", Kind.CRITICAL),
        ("fired", "CriticalFailed", "Firing: X", "Since", Kind.CRITICAL),
        ("escalated", "UptimeBurnFast", "Still firing: X", "Since", Kind.ESCALATION),
        ("resolved", "CriticalStalled", "Resolved: X", "Resolved", Kind.RESOLVED),
    ],
)
def test_what_is_told_of_an_alert(
    kind: str, rule: str, title: str, second: str, about: Kind
) -> None:
    told = message_of(news(kind, rule=rule, title="X", step=1), HOME)

    assert told.title == title
    assert told.body.splitlines()[1] == f"{second} 2026-03-18 12:34 UTC."
    assert (told.key, told.about) == (f"episode:12:{kind}:1", "episode:12")
    assert told.kind is about


def test_job_and_source_are_said_and_the_link_is_whole() -> None:
    told = message_of(
        news(source="orders", job_name="nightly-invoices", link_path="?run=7"), HOME
    )

    assert told.body.splitlines()[2:] == [
        "Job: nightly-invoices",
        "Source: orders",
        "https://jobs.example.org/jm/?run=7",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nBcc: x@example.org\n.", "a Bcc: [email] ."),
        ("password=hunter2 in it", "password=[Filtered] in it"),
        ("\x1b[31mred\x00 \u202egnp.exe", "[31mred  gnp.exe"),
        ("@everyone and @here", f"@{BREAK}everyone and @{BREAK}here"),
        ("<!here> <@U1> <#C1>", f"<{BREAK}!here> <{BREAK}@{BREAK}U1> <{BREAK}#C1>"),
        ("see https://evil.example/x", f"see https:{BREAK}//evil.example/x"),
        ("www.evil.example", f"www{BREAK}.evil.example"),
        ("<b>list<int></b>", f"<{BREAK}b>list<{BREAK}int><{BREAK}/b>"),
        ("12:30, 3 > 2, a < b, x: y", "12:30, 3 > 2, a < b, x: y"),
    ],
)
def test_a_text_of_a_job_is_only_read(text: str, shown: str) -> None:
    assert plain(text, 200).replace("\ufffd", "") == shown


def test_a_long_text_is_cut() -> None:
    told = message_of(news(title="x" * 10_000, sentence="y" * 10_000), HOME)

    assert len(told.title) < 250
    assert len(told.body) < 1_200


def test_no_service_makes_markup_of_it() -> None:
    hostile = plain('*b* _i_ `c` [x](http://e.example) <a href="x">', 200)
    html = convert_between(NotifyFormat.TEXT, NotifyFormat.HTML, hostile)
    markdown = convert_between(NotifyFormat.TEXT, NotifyFormat.MARKDOWN, hostile)

    assert "<a" not in html
    assert r"\*b\*" in markdown
    assert r"\[x\]" in markdown


def test_one_message_is_sent_as_it_is_and_several_as_one() -> None:
    assert together_in_words([a_delivery(1)]) == ("Title 1", "Body")
    assert together_in_words([a_delivery(1), a_delivery(2)]) == (
        "2 messages",
        "Title 1\nBody\n\nTitle 2\nBody",
    )
    _, long = together_in_words([a_delivery(no, "x" * 900) for no in range(50)])
    assert len(long.encode()) <= 4_000
