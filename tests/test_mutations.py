"""The faults that ``make mutations`` puts in are still lines of the product."""

import pytest

from tests.mutations import MUTATIONS, ROOT, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_fault_can_be_put_in(mutation: Mutation) -> None:
    text = (ROOT / mutation.path).read_text(encoding="utf-8")

    assert text.count(mutation.before) == 1
    assert all((ROOT / test).exists() for test in mutation.tests)
