"""Which errors are the same error: a fingerprint out of type, place and message.

``norm`` has a twin in ``assets/errorTracking.js``; ``tests/vectors/errors.json`` holds
both to it. The algorithm has a version: what is stored under an older one is regrouped
by ``data.store.error_regrouping``.
"""

import re
from collections.abc import Sequence
from hashlib import sha1
from itertools import dropwhile
from typing import Final, NamedTuple

from data.rules.error_codes import codes_in, shield, unshield
from data.rules.scrub import cut

VERSION: Final = "v2"
#: Of a longer message only the beginning is looked at.
MESSAGE_LIMIT: Final = 2_000
#: A title is no longer than this, in UTF-8 bytes.
TITLE_BYTES: Final = 300
#: The innermost frames of one's own code that tell a place.
PLACES: Final = 5
#: Types that say nothing: with them the message decides too.
GENERIC: Final = frozenset({"", "Error", "Exception", "RuntimeError", "Callback error"})
_LIBRARIES: Final = re.compile(
    r"site-packages|dist-packages|lib/python[0-9]|^<|/node_modules/|_dash-component-suites"
)
_FRAME: Final = re.compile(
    r'^ *File "([^"\n]+)", line ([0-9]+), in (.+)$', re.MULTILINE
)
#: The class of a raised error, as a traceback's last line spells it.
_RAISED: Final = re.compile(
    r"^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: (.*))?$", re.DOTALL
)
_HASHED: Final = re.compile(r"[.-][0-9a-f]{8,}\.js|\.min\.")


def _compiled(*parts: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    flags = re.ASCII | re.IGNORECASE
    return tuple((re.compile(pattern, flags), name) for pattern, name in parts)


#: What changes from one occurrence to the next and holds no code, in this order.
_ADDRESSES: Final = _compiled(
    (r"\b[a-z][a-z0-9+.-]{0,20}://[^ \t\n\r\f\v\"'<>]+", "<url>"),
    (r"[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+", "<email>"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
    (
        (
            r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
            r"(?:z|[+-][0-9]{2}:?[0-9]{2})?)?\b"
        ),
        "<time>",
    ),
    (r"\b[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?\b", "<time>"),
    (r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?\b", "<ip>"),
    (r"\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b", "<ip>"),
)
#: What changes as well; codes are shielded from it.
_PARTS: Final = _compiled(
    (r"\b0x[0-9a-f]+\b", "<hex>"),
    (r"\b(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,128}\b", "<hex>"),
    (r"(?:\b[a-z]:)?(?:[\\/][\w.@~-]{1,200}){2,}[\\/]?", "<path>"),
    (r"\b[a-z_][a-z_.-]{0,60}[-_:#][0-9][0-9a-z_-]*\b", "<id>"),
    (
        (
            r"[+-]?\b[0-9]+(?:[.,][0-9]+)*(?:e[+-]?[0-9]+)?"
            r"(?: ?(?:ms|s|m|h|d|kb|mb|gb|bytes|%))?(?![\w])"
        ),
        "<n>",
    ),
)
_REPEATED: Final = re.compile(r"(<[a-z]{1,5}>)(?:[ \t\n\r\f\v,;]+\1)+", re.ASCII)
_SPACES: Final = re.compile(r"[ \t\n\r\f\v]+")


class Frame(NamedTuple):
    """One line of a stack."""

    function: str
    #: "package.module" or the path of a file
    module: str
    lineno: int | None
    in_app: bool


class Raised(NamedTuple):
    """What a traceback's text says."""

    type: str
    message: str
    #: innermost first
    frames: list[Frame]


def norm(message: str) -> str:
    """The message without what changes from one occurrence to the next.

    An error's code stays: SQLSTATE, errno, HTTP status, a vendor's code.
    """
    text = _shielded(message)
    for pattern, name in _PARTS:
        text = pattern.sub(name, text)
    return unshield(_SPACES.sub(" ", _REPEATED.sub(r"\1", text)).strip(" "))


def codes_of(message: str) -> tuple[str, ...]:
    """The codes of the error that its message names, three at most."""
    return codes_in(_shielded(message))


def title_of(type_: str, message: str) -> str:
    """What errors like this one are called: the type, and the message's first line.

    At most ``TITLE_BYTES`` long, and never "".
    """
    lines = [line for line in message.split("\n") if line.strip()]
    told = norm(lines[0] if lines else "")
    named = f"{type_}: {told}" if type_ not in ("", "Error") and told else told or type_
    return cut(named or "An error without a message", TITLE_BYTES)


def fingerprint(type_: str, message: str, frames: Sequence[Frame]) -> str:
    """The same for errors that are the same: "v2:" and 16 hex digits.

    ``frames`` are innermost first, and count without their line numbers. Minified ones,
    which a new build renames, count as none. Of the message the error's code counts,
    and all of it where type and place say nothing.
    """
    place = _place(frames)
    says_nothing = not place or type_ in GENERIC
    told = [norm(message)] if says_nothing else codes_of(message)
    return f"{VERSION}:{_digest(type_, *place, *told)}"


def fingerprint_v1(type_: str, message: str, frames: Sequence[Frame]) -> str:
    """As version 1 had it, which did not tell errors apart by their codes."""
    place = _place(frames)
    told = [_norm_v1(message)] if not place or type_ in GENERIC else []
    return f"v1:{_digest(type_, *place, *told)}"


def fingerprint_without_place(old: str, message: str) -> str:
    """Of an event whose frames were not kept: by its older fingerprint and its code.

    Without a code it is what ``fingerprint`` gives.
    """
    codes = codes_of(message)
    own = old.partition(":")[2]
    return f"{VERSION}:{_digest(own, *codes) if codes else own}"


def raised(text: str, type_: str = "") -> Raised:
    """What a job kept of its error: message and traceback, in any order.

    ``type_`` is the class where the job kept it apart; without a traceback the first
    line is the message.
    """
    frames = [
        Frame(function.strip(), path, int(line), _LIBRARIES.search(path) is None)
        for path, line, function in _FRAME.findall(text)
    ]
    told = _after_frames(text) if frames else ""
    told = told or next((line for line in text.strip().split("\n") if line.strip()), "")
    found = _RAISED.match(told)
    if found and (frames or _looks_like_class(found[1], type_)):
        return Raised(type_ or found[1], found[2] or "", frames[::-1])
    return Raised(type_, told, frames[::-1])


def _after_frames(text: str) -> str:
    """What a traceback ends with: the error, all lines of it; "" without one."""
    *_, last = _FRAME.finditer(text)
    lines = text[last.end() :].split("\n")
    own = dropwhile(lambda line: not line.strip() or line[0] in " \t", lines)
    return "\n".join(own).strip()


def _digest(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "replace")
    return sha1(text, usedforsecurity=False).hexdigest()[:16]


def _norm_v1(message: str) -> str:
    text = message[:MESSAGE_LIMIT]
    for pattern, name in (*_ADDRESSES, *_PARTS):
        text = pattern.sub(name, text)
    return _SPACES.sub(" ", _REPEATED.sub(r"\1", text)).strip(" ")


def _shielded(message: str) -> str:
    """The message's beginning without addresses and times, its codes shielded."""
    text = message[:MESSAGE_LIMIT]
    for pattern, name in _ADDRESSES:
        text = pattern.sub(name, text)
    return shield(text)


def in_app(module: str) -> bool:
    """Is this one's own code, and not a library's?"""
    return _LIBRARIES.search(module) is None


def _looks_like_class(name: str, type_: str) -> bool:
    """``KeyError: 'x'`` names its class, ``error: no`` does not."""
    return name == type_ or name.rpartition(".")[2].endswith(("Error", "Exception"))


def _place(frames: Sequence[Frame]) -> list[str]:
    """Up to five places of one's own code, a recursion once."""
    found: list[str] = []
    for frame in frames:
        name = f"{frame.module}:{frame.function}"
        if (
            frame.in_app
            and not _is_minified(frame)
            and (not found or found[-1] != name)
        ):
            found.append(name)
    return found[:PLACES]


def _is_minified(frame: Frame) -> bool:
    return len(frame.function) <= 1 or _HASHED.search(frame.module) is not None
