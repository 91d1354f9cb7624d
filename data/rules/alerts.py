"""When an alert fires and when it is over: a state machine without a clock of its own.

inactive -> pending at the first breach -> firing when that lasted for `for` -> still
firing for `keep` after the recovery -> resolved for a quarter of an hour -> inactive.
Between the limit that it fires above and the one that it is over below, nothing changes.
Without data nothing moves: "no data" is said beside the state, which goes on from where
it was.
"""

from typing import Final, NamedTuple

from data.clock import HOUR_MS, MINUTE_MS
from data.model import AlertState, Severity

#: Who was told and did nothing is told again after this long, so often at most.
ESCALATE_AFTER_MS: Final = 15 * MINUTE_MS
MOST_STEPS: Final = 3
#: How long an alert that is over is still shown as resolved.
RESOLVED_KEPT_MS: Final = 15 * MINUTE_MS
#: So many evaluations without samples, and it is said that there is no data.
MISSING_LIMIT: Final = 3
#: A last evaluation that lies further ahead than this was made by a wrong clock.
CLOCK_ERROR_MS: Final = HOUR_MS


class Reading(NamedTuple):
    """What a rule makes of what was measured."""

    #: in the unit of the rule; None without samples
    value: float | None
    #: it is above the limit
    breach: bool
    #: it is below the limit that ends it
    clear: bool
    severity: Severity
    sentence: str
    #: how many samples it rests on
    n: int
    #: False: too few samples to say that all is well
    enough: bool = True


class Terms(NamedTuple):
    """How long a breach, and a recovery, must last."""

    for_ms: int
    keep_ms: int


class AlertEpisode(NamedTuple):
    """One time an alert fired: an incident."""

    id: int
    rule: str
    label: str
    #: the worst so far
    severity: Severity
    title: str
    sentence: str
    #: the worst so far
    value: float | None
    active_at: int
    fired_at: int
    resolved_at: int | None = None
    acked_at: int | None = None
    acked_by: str = ""
    ack_note: str = ""
    #: messages so far: 0 the first one, then escalations
    step: int = 0
    #: when somebody was last told; None while nobody was
    told_at: int | None = None


class Silence(NamedTuple):
    """Nobody is told of these alerts until then."""

    id: int
    #: "" means every rule
    rule: str
    #: "" means every alert of the rule
    label: str
    reason: str
    made_by: str
    from_at: int
    until_at: int


class Standing(NamedTuple):
    """Where one alert stands."""

    rule: str
    label: str = ""
    state: AlertState = AlertState.INACTIVE
    #: first breach
    active_at: int | None = None
    fired_at: int | None = None
    #: recovered since, while it is kept firing
    keep_since: int | None = None
    resolved_at: int | None = None
    #: evaluations in a row without data
    missing: int = 0
    evaluated_at: int = 0
    severity: Severity = Severity.WARNING
    value: float | None = None
    sentence: str = ""
    episode_id: int | None = None
    #: the episode that goes on; None when it does not fire
    episode: AlertEpisode | None = None

    @property
    def firing(self) -> bool:
        """Does it fire, with or without data just now?"""
        return self.fired_at is not None and self.resolved_at is None
