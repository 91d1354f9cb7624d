"""Whatever text a job system holds can be stored, and keys stay apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.store.texts import KEY_LENGTH, storable, storable_key

ANY_TEXT = st.text(st.characters())


@given(ANY_TEXT)
def test_a_storable_text_can_be_encoded_and_has_no_nul(text: str) -> None:
    clean = storable(text)

    assert b"\0" not in clean.encode()
    assert len(clean) == len(text)
    assert storable(clean) == clean


@given(ANY_TEXT.map(lambda text: text * 50))
def test_a_key_fits_an_index_and_stays_what_it_is(text: str) -> None:
    key = storable_key(text)

    assert len(key) <= KEY_LENGTH
    assert storable_key(key) == key


@pytest.mark.parametrize("length", [KEY_LENGTH, KEY_LENGTH + 1])
def test_keys_of_different_texts_differ(length: int) -> None:
    start = "x" * (length - 1)

    assert storable_key(f"{start}a") != storable_key(f"{start}b")


def test_a_text_that_fits_is_a_key_as_it_is() -> None:
    assert storable_key("é" * KEY_LENGTH) == "é" * KEY_LENGTH
