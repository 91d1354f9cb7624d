"""Names that do not fit: what differs stays, and what nobody can see is made visible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.format import shorten_name

LONG = "com.example.billing.reconciliation.InvoiceMatchingJob"


@pytest.mark.parametrize(
    ("name", "length", "expected"),
    [
        ("send-mail", 20, "send-mail"),
        (f"{LONG}Primary", 30, "com.example.billing…JobPrimary"),
        (f"{LONG}Secondary", 30, "com.example.billing…bSecondary"),
        ("a\nb", 20, "a b"),
        ("in\u202evoice", 20, "in\ufffdvoice"),
        ("x" * 10, 1, "…"),
    ],
)
def test_the_middle_is_left_out(name: str, length: int, expected: str) -> None:
    assert shorten_name(name, length) == expected


@given(st.text(), st.integers(1, 40))
def test_a_name_fits_and_keeps_both_ends(name: str, length: int) -> None:
    said = shorten_name(name, length)

    assert len(said) <= length
    if len(name) > length >= 6:
        assert "…" in said
