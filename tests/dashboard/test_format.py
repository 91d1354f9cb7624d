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
    public = {name for name in words.__all__ if callable(getattr(words, name))}

    assert public == set(VECTORS)


def test_a_name_of_10000_characters_is_cut_to_its_length():
    assert words.shorten("x" * 10_000, 120) == "x" * 119 + "…"


ANY_TEXT = st.text(st.characters(codec=None))
HOSTILE_TEXT = st.text(
    "ab \n\r\t\0\x1b\x85\u0301\u200b\u200d\u2028\u202e\u2066\ud83d\ude80🚀…"
)


@given(ANY_TEXT | HOSTILE_TEXT, st.integers(1, 50))
def test_a_shortened_text_fits_on_one_line_and_can_be_sent(text, length):
    said = words.shorten(text, length)

    assert len(said) <= length
    assert len(said.splitlines()) <= 1
    assert not set(said) & set("\0\x1b\u200b\u202a\u202e\u2066\u2069\ud83d\ude80")
    said.encode()


@given(ANY_TEXT | HOSTILE_TEXT, st.integers(1, 50))
def test_to_shorten_twice_changes_nothing(text, length):
    said = words.shorten(text, length)

    assert words.shorten(said, length) == said


@given(st.text("abc 🚀é", max_size=60))
def test_a_harmless_text_that_fits_stays_as_it_is(text):
    assert words.shorten(text, 60) == text


@pytest.mark.parametrize(
    "character",
    [
        pytest.param("\0", id="nul"),
        pytest.param("\u202e", id="bidi-override"),
        pytest.param("\ud83d", id="half-a-pair"),
        pytest.param("\u0301", id="combining"),
        pytest.param("🚀", id="emoji"),
        pytest.param("\n", id="line-break"),
    ],
)
def test_10000_hostile_characters_are_cut_to_their_length(character):
    said = words.shorten(character * 10_000, 120)

    assert len(said) <= 120
    assert said.endswith("…")
    said.encode()


SIZES = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def _read_back(said):
    """The milliseconds that words like "2h 05m" name, and their smallest unit."""
    parts = [(int(part[:-1]), part[-1]) for part in said.split()]
    return sum(many * SIZES[unit] for many, unit in parts), SIZES[parts[-1][1]]


@given(st.integers(0, 10**15))
def test_a_duration_is_rounded_to_its_smallest_unit(span_ms):
    said_ms, unit_ms = _read_back(words.duration(span_ms))

    assert abs(span_ms - said_ms) <= unit_ms / 2


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_longer_duration_never_reads_as_a_shorter_one(one, other):
    shorter, longer = sorted((one, other))

    assert (
        _read_back(words.duration(shorter))[0] <= _read_back(words.duration(longer))[0]
    )


@given(st.floats(0, 2))
def test_only_nothing_is_0_percent_and_only_all_is_100(fraction):
    said = words.percent(fraction)

    assert (said == "0%") == (fraction == 0)
    assert said != "100%" or not fraction < 1


@given(st.integers(0, 10**12))
def test_a_limit_in_short_form_loses_nothing(span_ms):
    parts = words.limit(span_ms).split()
    numbers = [part.rstrip("dhms") for part in parts]
    units = [part.lstrip("0123456789") for part in parts]

    pairs = zip(numbers, units, strict=True)
    assert sum(int(number) * SIZES[unit] for number, unit in pairs) == span_ms
