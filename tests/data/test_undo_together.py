"""Undo of clean-ups in several sources: what was undone is told, whatever fails after."""

from typing import Any, cast

import pytest

from data.actions import Actions, Undone
from data.actions.everywhere import joined_tokens
from data.all_sources import joined
from data.exceptions import SourceUnavailableError
from data.rules.stalls import StallLimits
from data.store import Store
from tests.conftest import FakeClock

pytestmark = pytest.mark.one_database


def test_a_store_that_fails_midway_loses_nothing_of_what_was_undone(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = Actions(
        dict.fromkeys(("orders", "mail"), cast(Any, None)),
        store,
        limits=StallLimits(),
        clock=clock,
        changed=lambda _name: None,
    )

    def gone(*_what: object, **_more: object) -> None:
        message = "store: the disk cannot be read or written."
        raise SourceUnavailableError(message)

    def undo_one(token: str, *, actor: str) -> tuple[str, Undone]:
        if token == "first":
            return "orders", Undone(restored=["1"])
        monkeypatch.setattr(type(store.audit), "batch", gone)
        monkeypatch.setattr(type(store.audit), "undone_runs", gone)
        gone()
        raise AssertionError(actor)

    monkeypatch.setattr(actions, "_undo_of", undo_one)
    undone = actions.undo(joined_tokens(["first", "second"]), actor="ann")

    assert undone == Undone(restored=[joined("orders", "1")])
