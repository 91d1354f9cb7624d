"""Messages in words: short, plain, and harmless whatever a job called itself."""

import re
from collections.abc import Sequence
from typing import Final

from data.clock import from_ms
from data.model import AlertNews, Severity
from data.rules.messages import Delivery, Kind, Message
from data.rules.scrub import cut, scrub_text

_TITLE_BYTES: Final = 200
_SENTENCE_BYTES: Final = 1_000
_DIGEST_BYTES: Final = 4_000
_HEADS: Final = {
    "fired": "Firing",
    "escalated": "Still firing",
    "resolved": "Resolved",
}
_KINDS: Final = {
    "fired": Kind.ALERT,
    "escalated": Kind.ESCALATION,
    "resolved": Kind.RESOLVED,
}
#: Rules about single runs of jobs that somebody wants to know of at once.
_CRITICAL: Final = frozenset({"CriticalStalled", "CriticalFailed"})
#: What ends lines, moves the cursor, or turns text around.
_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+"
)
#: Before what chats make mentions, links and channels of.
_LIVELY: Final = re.compile(r"(?<=[@<])(?=[\w!@#&/])|(?<=\w:)(?=//)|(?<=\bwww)(?=\.)")
_BREAK: Final = "\u200b"


def message_of(news: AlertNews, home: str) -> Message:
    """What is told of an alert; ``home`` is the address of the overview."""
    about = f"episode:{news.episode_id}"
    kind = _KINDS[news.kind]
    if kind is Kind.ALERT and news.rule in _CRITICAL:
        kind = Kind.CRITICAL
    return Message(
        key=f"{about}:{news.kind}:{news.step}",
        about=about,
        kind=kind,
        severity=news.severity,
        title=f"{_HEADS[news.kind]}: {plain(news.title, _TITLE_BYTES)}",
        body="\n".join(_lines(news, home)),
    )


def test_of(name: str, home: str, now_ms: int) -> Message:
    """A message that says that messages arrive."""
    return Message(
        key=f"test:{now_ms}",
        about="",
        kind=Kind.TEST,
        severity=Severity.INFO,
        title="Test: messages arrive here",
        body=f"Somebody tries the channel {plain(name, _TITLE_BYTES)}.\n{home}",
    )


def together_in_words(messages: Sequence[Delivery]) -> tuple[str, str]:
    """Title and body of one message that says what these say."""
    if len(messages) == 1:
        return messages[0].title, messages[0].body
    parts = "\n\n".join(f"{one.title}\n{one.body}" for one in messages)
    return f"{len(messages)} messages", cut(parts, _DIGEST_BYTES)


def plain(text: str, limit: int) -> str:
    """One line without secrets that no service makes a mention or a link of.

    At most ``limit`` UTF-8 bytes.
    """
    line = _CONTROL.sub(" ", scrub_text(text)).strip()
    return _LIVELY.sub(_BREAK, cut(line, limit))


def instant_in_words(at_ms: int) -> str:
    """To the minute, in UTC: a message has no reader's time zone."""
    return f"{from_ms(at_ms):%Y-%m-%d %H:%M} UTC"


def _lines(news: AlertNews, home: str) -> list[str]:
    since = "Resolved" if news.kind == "resolved" else "Since"
    known = {"Job": news.job_name, "Source": news.source}
    return [
        plain(news.sentence, _SENTENCE_BYTES),
        f"{since} {instant_in_words(news.at)}.",
        *(
            f"{word}: {plain(value, _TITLE_BYTES)}"
            for word, value in known.items()
            if value
        ),
        f"{home}{news.link_path.lstrip('/')}",
    ]
