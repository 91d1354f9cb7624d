"""Alerts for tests: moved on in the store as the program moves them."""

from collections.abc import Sequence
from typing import Any

from data.model import AlertState, Severity
from data.rules.alarms import RULES
from data.rules.alerts import AlertEpisode, Standing
from data.store import Store
from data.store.alerts import Move


def stand(store: Store, rule: str, label: str = "", *, now: int, **more: Any) -> None:
    """Where an alert stands from now on."""

    def move(standings: Sequence[Standing], _silences: object) -> list[Move]:
        known = {(one.rule, one.label): one for one in standings}
        before = known.get((rule, label), Standing(rule, label))
        after = before._replace(**{"evaluated_at": now, **more})
        return [Move(before, after, RULES[rule].title)]

    store.alerts.advance(move, now)


def fire(
    store: Store,
    rule: str = "StalledFrequency",
    label: str = "",
    *,
    now: int,
    severity: Severity = Severity.WARNING,
    sentence: str = "3 runs were stalled in 24 hours; the limit is 2 a day.",
    value: float | None = 3,
    since: int | None = None,
) -> int:
    """It fires; the number of its episode."""
    began = now if since is None else since
    episode = AlertEpisode(
        0, rule, label, severity, "", sentence, value, active_at=began, fired_at=now
    )
    stand(
        store,
        rule,
        label,
        now=now,
        state=AlertState.FIRING,
        active_at=began,
        fired_at=now,
        resolved_at=None,
        severity=severity,
        sentence=sentence,
        value=value,
        episode=episode,
    )
    return store.alerts.episodes(limit=1)[0].id


def resolve(store: Store, rule: str, label: str = "", *, now: int) -> None:
    """It is over."""
    [one] = [x for x in store.alerts.standings() if (x.rule, x.label) == (rule, label)]
    assert one.episode is not None
    over = one.episode._replace(resolved_at=now)
    state = AlertState.RESOLVED
    stand(store, rule, label, now=now, state=state, resolved_at=now, episode=over)
