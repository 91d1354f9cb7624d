"""When an alert fires and when it is over: a state machine without a clock of its own.

inactive -> pending at the first breach -> firing when that lasted for `for` -> still
firing for `keep` after the recovery -> resolved for a quarter of an hour -> inactive.
Between the limit that it fires above and the one that it is over below, nothing changes.
Without data nothing moves: "no data" is said beside the state, which goes on from where
it was.
"""

from collections.abc import Iterable
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


def instant_of(evaluated_at: int, now_ms: int) -> int:
    """The time that alerts go by: it stands still while the clock was set back.

    Windows and durations then neither shrink nor show again what was over. A last
    evaluation more than an hour ahead was made by a wrong clock: then it is ``now_ms``.
    """
    ahead_ms = evaluated_at - now_ms
    return evaluated_at if 0 < ahead_ms <= CLOCK_ERROR_MS else now_ms


def step(standing: Standing, reading: Reading, terms: Terms, now_ms: int) -> Standing:
    """Where the alert stands after one evaluation; its episode is as before."""
    now = instant_of(standing.evaluated_at, now_ms)
    if now < standing.evaluated_at:
        return _shifted(standing, now)
    seen = standing._replace(
        evaluated_at=now, value=reading.value, sentence=reading.sentence
    )
    if _is_missing(standing, reading):
        missing = standing.missing + 1
        state = AlertState.NO_DATA if missing >= MISSING_LIMIT else standing.state
        return seen._replace(missing=missing, state=state)
    moved = _moved(seen._replace(missing=0), reading, terms, now)
    return moved._replace(state=_state_of(moved))


def at_rest(standing: Standing, sentence: str, now_ms: int) -> Standing:
    """Where an alert stands that is not judged any more, and why."""
    return Standing(
        standing.rule,
        standing.label,
        AlertState.NO_DATA,
        evaluated_at=now_ms,
        sentence=sentence,
        episode=standing.episode,
    )


def announced(
    before: Standing, after: Standing, *, muted: bool, now_ms: int
) -> tuple[Standing, str]:
    """``after`` with its episode moved on, and the kind of news to tell, "" for none.

    While it is muted nobody is told that it fires; when that ends and it still fires,
    they are. Who was told that it fires is told that it is over in any case.
    """
    if after.firing:
        episode = _worse(after.episode or _begun(after), after)
        kind = "" if muted else _due(after.episode, episode, now_ms)
        if kind:
            told = episode.step + (kind == "escalated")
            episode = episode._replace(step=told, told_at=now_ms)
        return after._replace(episode=episode), kind
    if before.firing and before.episode:
        episode = before.episode._replace(resolved_at=now_ms)
        over = after._replace(episode=episode, episode_id=None)
        return over, "resolved" if episode.told_at is not None else ""
    return after._replace(episode=None, episode_id=None), ""


def is_silenced(
    rule: str, label: str, silences: Iterable[Silence], now_ms: int
) -> bool:
    """Is nobody to be told of this alert now?"""
    return any(
        silence.rule in {"", rule}
        and silence.label in {"", label}
        and silence.from_at <= now_ms < silence.until_at
        for silence in silences
    )


def _is_missing(standing: Standing, reading: Reading) -> bool:
    """Few samples say nothing, except that what fired is over."""
    if reading.value is None:
        return True
    return not reading.enough and not (standing.firing and reading.clear)


def _moved(standing: Standing, reading: Reading, terms: Terms, now: int) -> Standing:
    if standing.firing and now - (standing.active_at or now) < terms.for_ms:
        standing = standing._replace(fired_at=None, keep_since=None)
    if standing.firing:
        return _while_firing(standing, reading, terms, now)
    if reading.breach:
        return _while_breached(standing, reading, terms, now)
    if standing.resolved_at is not None:
        is_old = now - standing.resolved_at >= RESOLVED_KEPT_MS
        return _reset(standing) if is_old else standing
    return _reset(standing) if reading.clear else standing


def _while_firing(
    standing: Standing, reading: Reading, terms: Terms, now: int
) -> Standing:
    if reading.breach:
        return standing._replace(keep_since=None, severity=reading.severity)
    if not reading.clear:
        return standing
    since = now if standing.keep_since is None else standing.keep_since
    if now - since >= terms.keep_ms:
        return standing._replace(keep_since=None, resolved_at=now)
    return standing._replace(keep_since=since)


def _while_breached(
    standing: Standing, reading: Reading, terms: Terms, now: int
) -> Standing:
    """Pending, or for long enough to fire."""
    if standing.resolved_at is not None:
        standing = _reset(standing)
    since = now if standing.active_at is None else standing.active_at
    fired_at = now if now - since >= terms.for_ms else None
    return standing._replace(
        active_at=since, fired_at=fired_at, severity=reading.severity
    )


def _reset(standing: Standing) -> Standing:
    return standing._replace(
        active_at=None, fired_at=None, keep_since=None, resolved_at=None
    )


def _state_of(standing: Standing) -> AlertState:
    if standing.resolved_at is not None:
        return AlertState.RESOLVED
    if standing.fired_at is not None:
        return AlertState.FIRING
    return AlertState.INACTIVE if standing.active_at is None else AlertState.PENDING


def _shifted(standing: Standing, now: int) -> Standing:
    """As it is, with every instant as long ago as it was before the clock was mended."""
    by_ms = standing.evaluated_at - now

    def back(instant: int | None) -> int | None:
        return None if instant is None else instant - by_ms

    episode = standing.episode
    return standing._replace(
        evaluated_at=now,
        active_at=back(standing.active_at),
        keep_since=back(standing.keep_since),
        resolved_at=back(standing.resolved_at),
        episode=episode and episode._replace(told_at=back(episode.told_at)),
    )


def _begun(standing: Standing) -> AlertEpisode:
    """The episode of an alert that has just fired; it has no number yet."""
    fired_at = standing.fired_at or standing.evaluated_at
    return AlertEpisode(
        0,
        standing.rule,
        standing.label,
        standing.severity,
        "",
        standing.sentence,
        standing.value,
        standing.active_at or fired_at,
        fired_at,
    )


def _worse(episode: AlertEpisode, standing: Standing) -> AlertEpisode:
    """The episode with the worst of both."""
    if standing.severity.rank > episode.severity.rank:
        episode = episode._replace(
            severity=standing.severity, sentence=standing.sentence
        )
    value = standing.value
    if value is not None and value > (episode.value or 0):
        return episode._replace(value=value, sentence=standing.sentence)
    return episode


def _due(before: AlertEpisode | None, episode: AlertEpisode, now: int) -> str:
    """What is to be told of an episode that goes on."""
    if episode.acked_at is not None:
        return ""
    if episode.told_at is None:
        return "fired"
    if episode.step >= MOST_STEPS:
        return ""
    is_worse = before is not None and episode.severity.rank > before.severity.rank
    waited = now - episode.told_at >= ESCALATE_AFTER_MS
    return "escalated" if is_worse or waited else ""
