"""What may be handed to a job."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.exceptions import InvalidParamsError
from data.rules.params import MAX_DEPTH, MAX_LENGTH, checked_params

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "params.json").read_text("utf-8")
)

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "ü"]), _values))
def test_every_object_is_taken_as_it_is_written(params: dict[str, object]) -> None:
    text = json.dumps(params)

    assert checked_params(text) == text


@given(st.text())
def test_any_text_is_an_object_or_a_clear_error(text: str) -> None:
    try:
        taken = checked_params(text)
    except InvalidParamsError:
        return
    assert isinstance(json.loads(taken), dict)


def test_nothing_is_an_empty_object() -> None:
    assert checked_params(" \n") == "{}"


def test_an_error_says_where_it_is() -> None:
    with pytest.raises(InvalidParamsError, match="line 2, column 8") as caught:
        checked_params('{\n  "a": oops\n}')

    assert (caught.value.line, caught.value.column) == (2, 8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "must be a JSON object"),
        ('"x"', "must be a JSON object"),
        ('{"a": ' * (MAX_DEPTH + 1), "nested more than 100 deep"),
        ("[" * 100_000, "nested more than 100 deep"),
        ('{"a": "' + "x" * MAX_LENGTH + '"}', "longer than 1,000,000"),
        ('{"a": "\\u0000"}', "cannot be stored"),
        ('{"a": "\\ud83d"}', "cannot be stored"),
        ('{"a": ' + "9" * 5_000 + "}", "no JSON that a database takes"),
    ],
)
def test_what_a_database_does_not_take_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidParamsError, match=words):
        checked_params(text)


def test_brackets_inside_texts_do_not_count() -> None:
    text = json.dumps({"a": "[" * 500 + '\\"{' * 500})

    assert checked_params(text) == text


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_fault_is_at_the_line_that_the_page_names_too(
    vector: dict[str, Any],
) -> None:
    if vector["line"] is None:
        checked_params(vector["text"])
        return
    with pytest.raises(InvalidParamsError) as caught:
        checked_params(vector["text"])
    assert caught.value.line == vector["line"]
