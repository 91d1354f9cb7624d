"""Words: the vectors that the browser is held to as well, and what only Python can show."""

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import format as words

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/format.json").read_text())
TAKES_ZONE = {"clock_time", "moment"}
CASES = [
    pytest.param(name, case["in"], case["out"], id=f"{name}-{number}")
    for name, cases in VECTORS.items()
    for number, case in enumerate(cases)
]


@pytest.mark.parametrize(("name", "given", "expected"), CASES)
def test_words_are_those_of_the_vector_file(name, given, expected):
    arguments = list(given)
    if name in TAKES_ZONE:
        arguments[1] = ZoneInfo(arguments[1])

    assert getattr(words, name)(*arguments) == expected


def test_every_public_function_has_vectors():
    public = {
        name
        for name, value in vars(words).items()
        if callable(value) and getattr(value, "__module__", "") == words.__name__
    }

    assert {name for name in public if not name.startswith("_")} == set(VECTORS)


def test_a_name_of_10000_characters_is_cut_to_its_length():
    assert words.shorten("x" * 10_000, 120) == "x" * 119 + "…"


@given(st.text(st.characters(codec=None)), st.integers(1, 50))
def test_a_shortened_text_fits_and_can_be_sent(text, length):
    said = words.shorten(text, length)

    assert len(said) <= length
    assert "\n" not in said
    said.encode()


@given(st.integers(0, 10**12))
def test_a_limit_in_short_form_loses_nothing(span_ms):
    sizes = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
    parts = words.limit(span_ms).split()
    numbers = [part.rstrip("dhms") for part in parts]
    units = [part.lstrip("0123456789") for part in parts]

    pairs = zip(numbers, units, strict=True)
    assert sum(int(number) * sizes[unit] for number, unit in pairs) == span_ms
