"""Addresses: what is refused and why, and that nothing ever repeats a secret."""

import logging
from collections.abc import Iterator

import pytest
from apprise.apprise import N_MGR

from data.exceptions import InvalidRequestError
from data.notify.addresses import LOCAL, masked, opened

SECRET = "hunter2-geheim"
TOKENS = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.fixture
def printed() -> Iterator[list[str]]:
    """What a log that prints everything would print."""
    lines: list[str] = []

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    root, printer = logging.getLogger(), Printer(logging.DEBUG)
    level = root.level
    root.addHandler(printer)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(printer)
    root.setLevel(level)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"mailto://ops:{SECRET}@mail.example.org", "mailto://mail.example.org"),
        (f"mailtos://o:{SECRET}@example.org?to=a@b.org", "mailtos://example.org"),
        (f"slack://{TOKENS}/#ops", "slack://****"),
        (f"json://ops:{SECRET}@127.0.0.1:8080/{SECRET}", "json://127.0.0.1"),
        (f"jsons://example.org/hook?+X-Token={SECRET}", "jsons://example.org"),
        (f"json://ops%40x:a%40{SECRET}@example.org/a%40b", "json://example.org"),
        (f"json://u:{SECRET}@example.org/?to=a@b&cc=c@d", "json://example.org"),
        ("json://example.org/a@b", "json://example.org"),
        (f"ntfy://{SECRET}", "ntfy://****"),
        (f"https://discord.com/api/webhooks/1234567890/{SECRET}", "discord://****"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    opened(url)

    assert masked(url) == shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "This is no address"),
        (SECRET, "This is no address"),
        (f"https://example.org/{SECRET}", "No service is called so"),
        (f"{SECRET.replace('-', '')}://a/b", "No service is called so"),
        ("syslog://", "syslog:// acts on this machine"),
        ("DBUS://", "dbus:// acts on this machine"),
        ("windows://", "windows:// acts on this machine"),
        (f"mailto://{SECRET}", "This is no address of E-Mail. Invalid ~From~ email"),
        (f"mailto://u:{SECRET}@example.org?mode=x", "This is no address of E-Mail."),
        (f"mailto://u:{SECRET}@example.org?to=ops", "This is no address of E-Mail."),
        (f"slack://{SECRET}", "This is no address of Slack."),
        (f"tgram://{SECRET}/1", "This is no address of Telegram."),
        (f"json://:{SECRET}", "This is no address of JSON."),
        (f"json://u:{SECRET}@example.org:99999/", "A port is a number from 1 to"),
        (f"mqtt://u:{SECRET}@example.org/topic", "mqtt:// needs a Python package"),
        (
            f"mailto://u:{SECRET}@example.org?pgpprv=/etc/passwd",
            "An address may not name files of this machine",
        ),
        (
            f"slack://{TOKENS}?template=/etc/passwd&x={SECRET}",
            "An address may not name files",
        ),
        ("fcm://project/device?keyfile=/etc/passwd", "An address may not name files"),
        ("json://example.org/" + "x" * 2_000, "An address has at most 2000"),
        (f"json://u:a@{SECRET}@example.org/x", "An address has one @: write %40 for @"),
        (f"mailto://u:a@{SECRET}@example.org", "An address has one @: write %40 for @"),
        (f"jsons://u@{SECRET}:{SECRET}@example.org", "An address has one @: write %40"),
        (f"json://u:a@b/{SECRET}@example.org/x", "An address has one @: write %40"),
        (f"mailto://u:a@{SECRET}/b@example.org", "An address has one @: write %40"),
        (f"json://u:a@{SECRET}#b@example.org", "An address has one @: write %40"),
        (f"json://u:a@{SECRET}?b@example.org?c=d", "An address has one @: write %40"),
    ],
)
def test_a_wrong_address_is_refused_with_the_reason(
    url: str,
    said: str,
    printed: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        opened(url)

    told = f"{refused.value} {printed} {''.join(capfd.readouterr())}"
    assert str(refused.value).startswith(said)
    assert SECRET not in told
    assert SECRET.replace("-", "") not in told
    assert "passwd" not in told


@pytest.mark.parametrize(
    "url",
    [
        "mailto://Xu:Xp@Xss/Xword@mail.example.org",
        "mailto://Xu:Xp@Xss",
        "mailto://Xu:Xp/Xq@mail.example.org",
        "json://Xu:Xp/Xq@Xh/x",
        "mailto://Xu:Xp@Xss?to=Xy",
    ],
)
def test_a_refusal_repeats_no_short_part_either(url: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        opened(url)

    assert "X" not in str(refused.value)


def test_every_service_without_a_place_to_reach_acts_on_this_machine() -> None:
    nowhere = {
        scheme
        for scheme in N_MGR.schemas()
        if all(
            "{" not in template.replace("{schema}", "")
            for template in N_MGR[scheme].templates
        )
    }

    assert nowhere
    assert nowhere <= LOCAL
    assert set(N_MGR.schemas()) >= LOCAL


def test_no_redirect_is_followed_and_no_answer_is_waited_for_long() -> None:
    service = opened("json://example.org/hook?rto=600&cto=600")

    assert not service.redirects
    assert service.request_timeout == (4.0, 5.0)
