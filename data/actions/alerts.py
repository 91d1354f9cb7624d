"""What people do about alerts: see to one, silence some, change a rule; by name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from data.actions.auditing import audited
from data.clock import DAY_MS, Clock, now_ms
from data.exceptions import (
    ChangedMeanwhileError,
    InvalidRequestError,
    UnknownAlertError,
)
from data.rules.alarms import checked, differing, rule_of
from data.rules.alerts import AlertEpisode
from data.store import Store
from data.store.audit import AuditEntry

ACKNOWLEDGE: Final = "acknowledge"
SILENCE: Final = "silence"
END_SILENCE: Final = "end silence"
CHANGE: Final = "change rule"
#: Nobody forgets an alert for longer than this.
LONGEST_SILENCE_MS: Final = 90 * DAY_MS


class AlertActions:
    """What is done to alerts and to what they follow; the audit has it before it is done."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def episode(self, id_: int) -> AlertEpisode:
        """The alert of this number. Raises UnknownAlertError."""
        found = self._store.alerts.episodes(before=id_ + 1, limit=1)
        if not found or found[0].id != id_:
            raise UnknownAlertError(id_)
        return found[0]

    def acknowledge(self, id_: int, *, note: str, actor: str) -> AlertEpisode:
        """See to an alert; how it stands then: somebody else may have been faster.

        Raises InvalidRequestError when it is over, unknown, or seen to by another.
        """
        before = self.episode(id_)
        what = f"{before.rule} {before.label}".strip()
        with self.audited(actor, ACKNOWLEDGE, what, detail=note) as after:
            self._store.alerts.acknowledge(
                id_, by=actor, note=note, at_ms=now_ms(self._clock)
            )
            after.update(alert=id_)
        return self.episode(id_)

    def silence(
        self,
        rule: str,
        label: str,
        *,
        from_ms: int,
        until_ms: int,
        reason: str,
        actor: str,
    ) -> int:
        """Tell nobody of these alerts for this span; the number of the silence.

        It begins when the caller looked at the clock, so that an hour is an hour.
        """
        if not from_ms < until_ms <= from_ms + LONGEST_SILENCE_MS:
            days = LONGEST_SILENCE_MS // DAY_MS
            message = f"A silence ends after now, and within {days} days."
            raise InvalidRequestError(message)
        what = f"{rule} {label}".strip() or "every rule"
        with self.audited(actor, SILENCE, what, detail=reason) as after:
            id_ = self._store.alerts.silence(
                rule, label, reason=reason, by=actor, from_ms=from_ms, until_ms=until_ms
            )
            after.update(silence=id_, until=until_ms)
        return id_

    def end_silence(self, id_: int, *, actor: str) -> None:
        """Tell people again, from now on."""
        now = now_ms(self._clock)
        found = [one for one in self._store.alerts.silences(now) if one.id == id_]
        if not found:
            message = "This silence is over, or unknown."
            raise InvalidRequestError(message)
        what = f"{found[0].rule} {found[0].label}".strip() or "every rule"
        with self.audited(actor, END_SILENCE, what, before={"silence": id_}):
            self._store.alerts.end_silence(id_, now)

    def change(
        self,
        rule: str,
        settings: Mapping[str, object],
        *,
        actor: str,
        seen: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        """Judge by these from now on; what was set before.

        With ``seen`` it is refused when the rule is not as it was seen. Raises
        InvalidRequestError.
        """
        wanted = differing(rule, checked(rule, settings))
        before = self._store.alerts.settings().get(rule, {})
        if seen is not None and dict(seen) != before:
            message = (
                f"Somebody else changed {rule_of(rule).title!r} meanwhile"
                f" ({settings_words(rule, before)}). Save again to have yours."
            )
            raise ChangedMeanwhileError(message, before)
        with self.audited(actor, CHANGE, rule, before=before) as after:
            self._store.alerts.change(rule, wanted, by=actor, at_ms=now_ms(self._clock))
            after.update(wanted)
        return before

    @contextmanager
    def audited(
        self,
        actor: str,
        action: str,
        what: str,
        *,
        before: Mapping[str, object] | None = None,
        detail: str = "",
    ) -> Iterator[dict[str, object]]:
        """Do something, and have it in the audit: what it came to, or that it failed."""
        entry = AuditEntry("", what, before or {}, detail)
        with audited(self._store, self._clock, actor, action, entry) as after:
            yield after


def settings_words(rule: str, settings: Mapping[str, object]) -> str:
    """What is set for a rule, and differs from what it is by itself."""
    said = [
        f"{threshold.words.lower()} {settings[threshold.name]} {threshold.unit}".strip()
        for threshold in rule_of(rule).thresholds
        if threshold.name in settings
    ]
    return ", ".join(said) or "as it is by itself"
