"""Numbers keep the digits that they were written with."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.engines.dbos_control import readable_params
from data.rules import exact_json

NUMBERS = [
    "1970670598291982290",
    "12.10",
    "0.12345678901234567890",
    "1E400",
    "1e5",
    "-0",
    "-0.0",
    "NaN",
    "Infinity",
    "-Infinity",
]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_written_as_it_was_read(number: str) -> None:
    text = f'{{"a": [{number}, {{"b": {number}}}]}}'

    assert exact_json.dumps(exact_json.loads(text)) == text
    assert (
        exact_json.reindent(text).split()
        == text.replace("[", "[ ")
        .replace("]", " ]")
        .replace("{", "{ ")
        .replace("}", " }")
        .split()
    )


def test_numbers_are_numbers() -> None:
    whole, fraction, none = exact_json.loads("[7, 12.10, NaN]")

    assert (whole + 1, fraction * 2) == (8, 24.2)
    assert math.isnan(none)


def test_values_stand_on_lines_of_their_own_and_nothing_else_is_changed() -> None:
    text = '{"a":1,"a":[],"b":{},"c":[true,null,"\\u00fc"],"d":"\\ud83d"}'

    assert exact_json.reindent(text) == (
        '{\n  "a": 1,\n  "a": [],\n  "b": {},\n  "c": [\n    true,\n    null,\n'
        '    "ü"\n  ],\n  "d": "\\ud83d"\n}'
    )


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=12,
)


@given(_VALUES)
def test_whatever_python_writes_is_read_and_written_the_same(value: object) -> None:
    text = json.dumps(value)

    for again in (exact_json.dumps(exact_json.loads(text)), exact_json.reindent(text)):
        assert json.dumps(json.loads(again)) == text


@pytest.mark.parametrize("text", ["", "{", "[1,]", "{'a': 1}", "01"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        exact_json.loads(text)
    with pytest.raises(ValueError, match="line 1"):
        exact_json.reindent(text)


def test_portable_params_of_dbos_keep_their_digits() -> None:
    stored = '{"namedArgs":{"a":12.10,"b":NaN},"positionalArgs":[]}'

    assert readable_params(stored) == '{"a": 12.10, "b": NaN}'
