"""Secrets go, errors that are the same fall together; JavaScript does the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.rules.grouping import Frame, codes_of, fingerprint, norm, raised, title_of
from data.rules.scrub import (
    DEPTH,
    KEYS,
    VALUE_BYTES,
    cut,
    is_secret,
    scrub,
    scrub_text,
    scrub_url,
)

VECTORS = json.loads((Path(__file__).parent.parent / "vectors/errors.json").read_text())
FUNCTIONS = {
    "codes": lambda message: [*codes_of(message)],
    "norm": norm,
    "scrub_text": scrub_text,
    "scrub_url": scrub_url,
    "is_secret": is_secret,
    "cut": cut,
    "scrub": scrub,
}


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [(name, row[:-1], row[-1]) for name, rows in VECTORS.items() for row in rows],
)
def test_it_agrees_with_the_vectors_that_javascript_is_held_to(
    name: str, arguments: list[Any], expected: Any
) -> None:
    function: Any = FUNCTIONS[name]
    assert function(*arguments) == expected


TRACEBACK = """Traceback (most recent call last):
  File "/app/.venv/lib/python3.12/site-packages/worker/run.py", line {a}, in call
    return job()
  File "/app/etl/scores.py", line {b}, in run
    fetch({n})
  File "/app/etl/http.py", line {c}, in fetch
    raise TimeoutError(f"upstream timed out after {n} s for order {n}")
{type}: upstream timed out after {n} s for order {n}
"""


def of(text: str) -> str:
    found = raised(text)
    return fingerprint(found.type, found.message, found.frames)


def test_fifty_copies_with_other_ids_and_lines_are_one_group() -> None:
    copies = {
        of(TRACEBACK.format(a=n, b=2 * n, c=3 * n, n=n * 7919, type="TimeoutError"))
        for n in range(1, 51)
    }
    assert len(copies) == 1
    other = of(TRACEBACK.format(a=1, b=2, c=3, n=7919, type="ConnectionError"))
    assert other not in copies


def test_a_fingerprint_never_changes() -> None:
    frames = [Frame("fetch", "etl.http", 12, in_app=True)]
    assert fingerprint("TimeoutError", "after 3 s", frames) == "v2:df8d23d9676966a2"


def test_errors_of_one_place_with_different_codes_are_different_errors() -> None:
    frames = [Frame("store", "shop.thumbnails", 41, in_app=True)]
    text = "An error occurred ({}) when calling the PutObject operation: key {}"
    codes = ("AccessDenied", "SlowDown", "NoSuchKey")
    found = {
        code: {
            fingerprint("botocore.exceptions.ClientError", text.format(code, n), frames)
            for n in range(7, 900, 100)
        }
        for code in codes
    }
    assert [len(found[code]) for code in codes] == [1, 1, 1]
    assert len(set.union(*found.values())) == 3


@pytest.mark.parametrize(
    "messages",
    [
        ("(pymysql.err.OperationalError) ({}, 'x')", 1213, 1205),
        ("(MySQLdb.OperationalError) ({}, 'x')", 2006, 1213),
        ("{} (HY000): it failed", 1205, 2003),
        ("{} (57014): it failed", "000604", "000630"),
        ('{{"error_code": {}}}', 190, 100),
        ("Twilio: error_code={}", 21211, 21614),
        ("{}, message='', url=URL('https://x/y')", 503, 403),
        ("{} GET https://x/y: it failed", 403, 503),
        ("ResponseError('too many {} error responses')", 500, 503),
        ("Stripe returned {}", 402, 503),
        ("S3 responded with {}", 503, 403),
        ("Request failed ({})", 503, 404),
        ("Upload failed: {}", 503, 413),
        ("{}: it failed", "SQLITE_BUSY", "SQLITE_FULL"),
        ("{} Redis cannot do it", "READONLY", "LOADING"),
        ("{} Permission denied", 550, 530),
    ],
)
def test_a_code_makes_two_groups_of_one_place(messages: tuple[str, ...]) -> None:
    text, one, two = messages
    frames = [Frame("store", "shop.thumbnails", 41, in_app=True)]
    found = {fingerprint("ApiError", text.format(code), frames) for code in (one, two)}
    assert len(found) == 2


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("MuellerSchmidt: no stock", "FooBar: no stock"),
        ("user john_unknown", "user jane_unknown"),
        ("code=SAVE20", "code=SAVE30"),
        ("Order failed: 503", "Order failed: 404"),
        ("404 Main Street not found", "503 Oak Street not found"),
        ("error_rate=17", "error_rate=19"),
    ],
)
def test_names_and_numbers_that_are_no_code_split_no_group(one: str, two: str) -> None:
    frames = [Frame("reserve", "shop.stock", 7, in_app=True)]
    assert fingerprint("ApiError", one, frames) == fingerprint("ApiError", two, frames)


def test_a_title_has_the_code_and_the_first_line_only() -> None:
    message = "(psycopg.errors.DeadlockDetected) deadlock of process 71\nDETAIL: 7"
    told = "OperationalError: (psycopg.errors.DeadlockDetected) deadlock of process <n>"
    assert title_of("OperationalError", message) == told
    assert title_of("Error", "after 3 s") == "after <n>"
    assert title_of("KeyError", "") == "KeyError"


@pytest.mark.parametrize("generic", ["", "Error", "Exception", "RuntimeError"])
def test_a_type_that_says_nothing_lets_the_message_decide(generic: str) -> None:
    frames = [Frame("run", "etl", 1, in_app=True)]
    one, two = (fingerprint(generic, text, frames) for text in ("a is no", "b is no"))
    assert one != two
    assert fingerprint("KeyError", "a", frames) == fingerprint("KeyError", "b", frames)


def test_libraries_recursion_and_minified_frames_are_no_place() -> None:
    own = Frame("walk", "etl.tree", 1, in_app=True)
    library = Frame("get", "httpx", 1, in_app=False)
    minified = Frame("t", "assets/app.3f9ab2c1.js", 1, in_app=True)
    once = fingerprint("KeyError", "x", [own])
    assert fingerprint("KeyError", "y", [library, own, own, own]) == once
    assert fingerprint("KeyError", "x", [minified]) == fingerprint("KeyError", "x", [])


@pytest.mark.parametrize(
    ("text", "type_", "expected"),
    [
        ("", "", ("", "")),
        ("boom", "", ("", "boom")),
        ("KeyError: 'ean'", "", ("KeyError", "'ean'")),
        ("error: no", "", ("", "error: no")),
        ("no class here", "ValueError", ("ValueError", "no class here")),
        ("it broke\nTraceback (most recent call last):\n", "", ("", "it broke")),
        (
            TRACEBACK.format(a=1, b=2, c=3, n=4, type="db.Deadlock") + "DETAIL: x\n",
            "",
            (
                "db.Deadlock",
                "upstream timed out after 4 s for order 4\nDETAIL: x",
            ),
        ),
        (
            TRACEBACK.format(a=1, b=2, c=3, n=4, type="my.app.Late"),
            "",
            ("my.app.Late", "upstream timed out after 4 s for order 4"),
        ),
    ],
)
def test_class_and_message_are_read_out_of_what_jobs_keep(
    text: str, type_: str, expected: tuple[str, str]
) -> None:
    assert raised(text, type_)[:2] == expected


SECRETS = [
    "hunter2secret",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "4111 1111 1111 1111",
    "jane.doe@example.org",
    "AKIAIOSFODNN7EXAMPLE",
]


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRETS[0]}",
        f'{{"apiKey": "{SECRETS[0]}"}}',
        f"https://jane:{SECRETS[0]}@db/",
        f"Authorization: Bearer {SECRETS[0]}",
        f"Cookie: a=1; sid={SECRETS[0]}",
        *SECRETS[1:],
    ],
)
def test_no_secret_is_left_in_a_text(text: str) -> None:
    cleaned = scrub_text(f"before {text} after")
    assert not any(secret in cleaned for secret in SECRETS)
    assert cleaned.startswith("before ")


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text()
    | st.binary()
    | st.sampled_from(SECRETS[1:])
    | st.characters(categories=["Cs"]),
    lambda inner: (
        st.lists(inner, max_size=30)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=30)
        | st.tuples(inner, inner)
        | st.sets(st.integers(), max_size=5)
    ),
    max_leaves=40,
)


@given(odd)
def test_scrub_bounds_whatever_it_is_given(value: Any) -> None:
    found = scrub(value)
    text = json.dumps(found, allow_nan=False)
    assert not any(secret in text for secret in SECRETS[1:])
    require_bounded(found, DEPTH)


def require_bounded(value: Any, levels: int) -> None:
    if isinstance(value, str):
        assert len(value.encode()) <= VALUE_BYTES
        assert "\0" not in value
    if isinstance(value, dict | list):
        assert levels > 0
        assert len(value) <= KEYS
        for one in [*value, *value.values()] if isinstance(value, dict) else value:
            require_bounded(one, levels - 1)


@given(st.text(max_size=3_000), st.text(max_size=50))
def test_norm_and_fingerprint_take_any_text(message: str, type_: str) -> None:
    assert len(norm(message)) <= 2 * 2_000 + 10
    assert norm(norm(message)) is not None
    assert len(fingerprint(type_, message, [])) == len("v2:") + 16
    found = raised(message, type_)
    assert isinstance(found.message, str)


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_an_object_that_cannot_be_read_says_so() -> None:
    assert scrub({"x": Hostile(), "y": 1}) == {"x": "[unreadable]", "y": 1}


def test_a_circle_ends() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    assert scrub(circle) == {"self": {"self": {"self": "…"}}}
