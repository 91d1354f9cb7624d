"""Asking the store of alerts for some of its episodes; who sees to one stays who does."""

import pytest
from sqlalchemy import insert

from data.exceptions import InvalidRequestError
from data.store import Store
from data.store.alert_tables import alert_episode
from tests.factories import NOW


def fired(store: Store, rule: str, **more: object) -> None:
    values = {
        "rule": rule,
        "label": "",
        "severity": "warning",
        "title": rule,
        "sentence": "It fired.",
        "value": 3.0,
        "active_at": NOW,
        "fired_at": NOW,
        "acked_by": "",
        "ack_note": "",
        "step": 0,
        **more,
    }
    with store.database.writing() as connection:
        connection.execute(insert(alert_episode).values(values))


def test_episodes_of_one_rule_are_found_page_by_page(store: Store) -> None:
    for number in range(4):
        fired(store, ("SourceDown", "TelemetryDead")[number % 2])

    assert [one.id for one in store.alerts.episodes(rule="SourceDown")] == [3, 1]
    older = store.alerts.episodes(rule="SourceDown", before=3, limit=1)
    assert [one.id for one in older] == [1]
    assert store.alerts.episodes(rule="nothing\x00like it") == []


def test_who_sees_to_an_alert_may_say_more_and_nobody_else_takes_it_over(
    store: Store,
) -> None:
    fired(store, "SourceDown")
    store.alerts.acknowledge(1, by="ann", note="on it", at_ms=NOW)
    store.alerts.acknowledge(1, by="ann", note="restarted it", at_ms=NOW + 1)

    with pytest.raises(InvalidRequestError, match="somebody else"):
        store.alerts.acknowledge(1, by="bob", note="me too", at_ms=NOW + 2)
    [kept] = store.alerts.episodes()
    assert (kept.acked_by, kept.ack_note) == ("ann", "restarted it")
