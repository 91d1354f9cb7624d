"""Which errors are the same error: a fingerprint out of type, place and message.

``norm`` has a twin in ``assets/errorTracking.js``; ``tests/vectors/errors.json`` holds
both to it. The algorithm has a version, so that groups never jump.
"""

import re
from collections.abc import Sequence
from hashlib import sha1
from typing import Final, NamedTuple

VERSION: Final = "v1"
#: Of a longer message only the beginning is looked at.
MESSAGE_LIMIT: Final = 2_000
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
#: What changes from one occurrence to the next, in this order.
_PARTS: Final = tuple(
    (re.compile(pattern, re.ASCII | re.IGNORECASE), name)
    for pattern, name in (
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
    """The message without what changes from one occurrence to the next."""
    text = message[:MESSAGE_LIMIT]
    for pattern, name in _PARTS:
        text = pattern.sub(name, text)
    return _SPACES.sub(" ", _REPEATED.sub(r"\1", text)).strip(" ")


def fingerprint(type_: str, message: str, frames: Sequence[Frame]) -> str:
    """The same for errors that are the same: "v1:" and 16 hex digits.

    ``frames`` are innermost first, and count without their line numbers. Minified ones,
    which a new build renames, count as none.
    """
    place = _place(frames)
    parts = [type_, *place]
    if not place or type_ in GENERIC:
        parts.append(norm(message))
    digest = sha1("\0".join(parts).encode("utf-8", "replace"), usedforsecurity=False)
    return f"{VERSION}:{digest.hexdigest()[:16]}"


def raised(text: str, type_: str = "") -> Raised:
    """What a job kept of its error: message and traceback, in any order.

    ``type_`` is the class where the job kept it apart; without a traceback the first
    line is the message.
    """
    frames = [
        Frame(function.strip(), path, int(line), _LIBRARIES.search(path) is None)
        for path, line, function in _FRAME.findall(text)
    ]
    lines = [line for line in text.strip().split("\n") if line.strip()]
    last = lines[-1] if lines else ""
    told = last if frames and not last.startswith(" ") else lines[0] if lines else ""
    found = _RAISED.match(told)
    if found and (frames or _looks_like_class(found[1], type_)):
        return Raised(type_ or found[1], found[2] or "", frames[::-1])
    return Raised(type_, told, frames[::-1])


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
