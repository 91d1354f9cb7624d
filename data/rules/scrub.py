"""Secrets out of what errors carry, and every part cut to its limit.

Done before anything is stored, sent or shown. ``assets/errorTracking.js`` does the same
first; ``tests/vectors/errors.json`` holds both to it.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

FILTERED: Final = "[Filtered]"
UNREADABLE: Final = "[unreadable]"
#: Of params: how deep, how many keys or items each, UTF-8 bytes of a text.
DEPTH: Final = 3
KEYS: Final = 20
VALUE_BYTES: Final = 200
#: What is longer is cut to this many characters before it is looked at.
LONGEST: Final = 8_000
_MORE: Final = "…"
#: Room for the mark of a cut: "…[+9999999]".
_MARK_BYTES: Final = 14
#: Integers that fit a browser, and of these the ones that no card number looks like.
_LARGEST: Final = 2**53
_CARD_LIKE: Final = 10**13
#: What is larger takes too long to write down.
_LONG: Final = 10**40

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_SEPARATORS: Final = re.compile(r"[-_ .]")
_SECRET_KEY: Final = re.compile(
    "password|passwd|pwd|secret|token|apikey|auth|credential|privatekey|session|cookie"
    "|csrf|xsrf|dsn|connectionstring"
)
_HOST: Final = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]{0,20}:)?(?://[^/?#]*)?")
#: Where PostgreSQL repeats a row.
_ROW_VALUES: Final = re.compile(r"^(DETAIL:|CONTEXT:)[^\n]*", re.MULTILINE)
_KEYS_ONLY: Final = re.compile(r"\[[^\]=&]*\]")
_S: Final = r"[ \t\n\r\f\v]"
#: A quoted text, quotes in it escaped; also in JSON within JSON, and cut off.
_QUOTED: Final = (
    r"\\+\"[^\"]*(?:\"|\Z)|\\+'[^']*(?:'|\Z)"
    r"|\"(?:[^\"\\]|\\[\s\S])*(?:\"|\\?\Z)|'(?:[^'\\]|\\[\s\S])*(?:'|\\?\Z)"
)
_VALUES: Final = tuple(
    (re.compile(pattern, re.ASCII | flags), mask)
    for pattern, flags, mask in (
        (
            (
                r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,20000}"
                r"(?:-----END [A-Z ]{0,40}-----)?"
            ),
            0,
            FILTERED,
        ),
        (
            (
                r"\b((?:(?:set-)?cookie|(?:proxy-)?authorization)\\*[\"']?[ \t]*[=:])"
                r"(?![ \t]*\[Filtered\](?:[,}\]]|[ \t]*(?:[\r\n]|\Z)))"
                rf"[ \t]*(?:{_QUOTED}|[^\r\n]+)"
            ),
            re.IGNORECASE,
            rf"\1 {FILTERED}",
        ),
        (rf"\b(bearer){_S}+[A-Za-z0-9._~+/=-]{{6,}}", re.IGNORECASE, rf"\1 {FILTERED}"),
        (
            (
                rf"\b([Bb]asic){_S}+(?=[A-Za-z]{{0,200}}(?:[0-9=+/]|[a-z][A-Z]))"
                r"[A-Za-z0-9+/]{6,}={0,2}"
            ),
            0,
            rf"\1 {FILTERED}",
        ),
        (r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?", 0, FILTERED),
        (
            (
                r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}"
                r"|sk[-_][A-Za-z0-9_-]{16,})"
            ),
            0,
            FILTERED,
        ),
        (
            (
                r"([A-Za-z0-9_-]{0,40}(?:password|passwd|pwd|secret|token|api[-_]?key"
                r"|private[-_]?key|credentials?|csrf|xsrf|dsn|session[-_]?id)"
                r"[A-Za-z0-9_-]{0,20}\\*[\"']?[ \t]*[=:][ \t]*)"
                rf"(?:{_QUOTED}|(?!\[Filtered\])[^ \t\n\r\f\v,;&\"'}}\])]+)"
            ),
            re.IGNORECASE,
            rf"\1{FILTERED}",
        ),
        # of a database's address: a password may hold "/" and "@" all the same
        (
            (
                r"\b((?:postgres|mysql|mariadb|redis|valkey|amqp|mongodb|mssql|sqlserver"
                r"|oracle|db2|cockroachdb|clickhouse|snowflake)[+a-z0-9_]{0,40}://)"
                r"[^ \t\n\r\f\v\"'<>]+@"
            ),
            re.IGNORECASE,
            rf"\1{FILTERED}@",
        ),
        # of any other, where a user is: up to its last "@"
        (
            r"(://)(?=[^ \t\n\r\f\v/?#\"']+@)[^ \t\n\r\f\v?#\"']+@",
            0,
            rf"\1{FILTERED}@",
        ),
        (r"(://)(?!\[Filtered\]@)[^ \t\n\r\f\v/]+@", 0, rf"\1{FILTERED}@"),
        (
            r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+",
            0,
            "[email]",
        ),
        (r"\b[0-9](?:[ -]?[0-9]){12,18}\b", 0, "[number]"),
    )
)


def scrub(value: object, depth: int = 0) -> Any:
    """``value`` as JSON holds it, without secrets, whatever it is; never raises.

    Texts are cut to ``VALUE_BYTES``, mappings and lists to ``KEYS`` entries, and below
    ``DEPTH`` levels nothing is kept.
    """
    try:
        return _scrubbed(value, depth)
    except Exception:  # noqa: BLE001 - a stranger's object may do anything
        return UNREADABLE


def is_secret(key: str) -> bool:
    """Does the key say that its value is nobody's business?"""
    return _SECRET_KEY.search(_SEPARATORS.sub("", key).lower()) is not None


def scrub_text(text: str) -> str:
    """A text with addresses, tokens and numbers masked, fit to be stored."""
    text = _UNSTORABLE.sub("\ufffd", text[:LONGEST])
    for pattern, mask in _VALUES:
        text = pattern.sub(mask, text)
    return text


def scrub_driver_text(text: str) -> str:
    """A driver's message or a traceback with one: line by line, without values of rows."""
    text = _ROW_VALUES.sub(rf"\1 {FILTERED}", text)
    return "\n".join(map(scrub_text, text.split("\n")))


def scrub_url(url: str) -> str:
    """Path and the names of the query's keys: no values, no host, no user."""
    below = _HOST.sub("", url[:LONGEST]).split("#")[0]
    path, _, query = below.partition("?")
    if not query or _KEYS_ONLY.fullmatch(query):  # an address that was scrubbed before
        return scrub_text(path) + scrub_text(f"?{query}" if query else "")
    keys = [pair.split("=")[0] for pair in query.split("&") if pair]
    return scrub_text(path) + (scrub_text(f"?[{','.join(keys)}]") if keys else "")


def cut(text: str, limit: int) -> str:
    """At most ``limit`` UTF-8 bytes, cut between characters; "…[+n]" tells of n more."""
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return text
    kept = data[: max(limit - _MARK_BYTES, 0)].decode("utf-8", "ignore")
    return f"{kept}{_MORE}[+{len(text) - len(kept)}]"


def describe_error(error: BaseException, limit: int = 300) -> str:
    """Class and message of an exception for people: scrubbed, at most ``limit`` bytes."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - its __str__ may do anything
        message = UNREADABLE
    kind = type(error).__name__
    return cut(scrub_text(f"{kind}: {message}" if message else kind), limit)


def _scrubbed(value: object, depth: int) -> Any:
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _parts(value, depth) if depth < DEPTH else _MORE
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return cut(scrub_text(str(value)), VALUE_BYTES)


def _parts(value: Mapping[Any, Any] | Iterable[Any], depth: int) -> Any:
    if not isinstance(value, Mapping):
        return [scrub(one, depth + 1) for one in islice(value, KEYS)]
    return {
        cut(scrub_text(str(key)), VALUE_BYTES): FILTERED
        if is_secret(str(key))
        else scrub(one, depth + 1)
        for key, one in islice(value.items(), KEYS)
    }


def _number(value: float) -> float | str:
    if isinstance(value, float) and not value.is_integer():
        return value if abs(value) < _LARGEST else str(value)
    if abs(value) >= _LONG:
        return str(value) if isinstance(value, float) else UNREADABLE
    if abs(value) >= _LARGEST:
        return scrub_text(str(int(value)))
    return "[number]" if abs(value) >= _CARD_LIKE else value
