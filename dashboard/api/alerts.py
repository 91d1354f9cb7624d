"""Alerts for programs: how they stand, what fired, seeing to one, silences, rules."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from dashboard.api.errors import RESPONSES
from dashboard.api.export import Lines, csv_text, safe
from dashboard.auth import require
from dashboard.deps import Action, Deps
from dashboard.views.alert_history import COLUMNS, PAGE, episode_cells
from dashboard.views.alerts import limit_of, silence_of, values_of
from data.actions.alerts import LONGEST_SILENCE_MS, AlertActions
from data.all_sources import ALL
from data.clock import MINUTE_MS, now_ms
from data.model import AlertState, Severity
from data.monitor.stall_limit import RULE as STALLS
from data.monitor.stall_limit import stall_limit
from data.rules.alarms import RULES, Rule, meaning_of, rule_of
from data.rules.alerts import AlertEpisode, Silence, Standing
from data.rules.stall_frequency import DayLimit
from data.store.alerts import NOTE_LENGTH, AlertLog

_MS: Final = Query(ge=0, le=253_402_214_400_000, description="epoch milliseconds")
_READ: Final[dict[int | str, dict[str, Any]]] = {
    status: RESPONSES[status] for status in (403, 404, 422, 503)
}
_ACTED: Final[dict[int | str, dict[str, Any]]] = {
    **_READ,
    **{status: RESPONSES[status] for status in (400, 404, 409, 413)},
}
_Source = Annotated[str, Query(max_length=500)]
_Rule = Annotated[
    str, Field(max_length=100, json_schema_extra={"enum": [*RULES]}, examples=[*RULES])
]


class EpisodeAnswer(BaseModel):
    """One time that an alert fired; instants are epoch ms."""

    id: int
    rule: str
    label: str
    severity: Severity
    title: str
    sentence: str
    #: the worst, in the unit of the rule
    value: float | None
    active_at: int
    fired_at: int
    #: null while it goes on
    resolved_at: int | None
    acked_at: int | None
    acked_by: str
    ack_note: str


class EpisodesAnswer(BaseModel):
    """Some of what fired, newest first."""

    alerts: list[EpisodeAnswer]
    #: where to go on: hand it back as ``before``; null at the end
    next: int | None


class StandingAnswer(BaseModel):
    """Where one alert stands; instants are epoch ms."""

    rule: str
    label: str
    state: AlertState
    #: it fires, with or without data just now
    firing: bool
    severity: Severity
    value: float | None
    sentence: str
    active_at: int | None
    fired_at: int | None
    resolved_at: int | None
    evaluated_at: int
    #: nobody is told of it
    silenced: bool
    #: what goes on while it fires
    episode: EpisodeAnswer | None


class ThresholdAnswer(BaseModel):
    """A number that a rule is judged by."""

    name: str
    words: str
    unit: str
    value: float
    default: float
    low: float
    high: float


class RuleAnswer(BaseModel):
    """A rule, and what it is judged by."""

    rule: str
    title: str
    meaning: str
    severity: Severity
    thresholds: list[ThresholdAnswer]
    #: what a value is held against now, in words: "5", "1.5 times"; "" for no number
    limit: str
    #: why it is not what is set, "" where it is
    limit_why: str


class SilenceAnswer(BaseModel):
    """Nobody is told of these alerts until then; instants are epoch ms."""

    silence: int
    #: "" means every rule
    rule: str
    #: "" means every alert of the rule
    label: str
    reason: str
    made_by: str
    from_at: int
    until_at: int


class AlertsAnswer(BaseModel):
    """Where every alert stands, the rules, and who is not told."""

    alerts: list[StandingAnswer]
    rules: list[RuleAnswer]
    silences: list[SilenceAnswer]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AcknowledgeAsked(_Asked):
    """An alert that fires and that somebody sees to."""

    alert: int = Field(ge=1, le=2**53)
    note: str = Field(default="", max_length=NOTE_LENGTH)


class SilenceAsked(_Asked):
    """Alerts that nobody is to be told of for a while."""

    rule: _Rule
    #: only this alert of the rule; all without
    label: str = Field(default="", max_length=500)
    for_ms: int = Field(ge=MINUTE_MS, le=LONGEST_SILENCE_MS)
    reason: str = Field(min_length=1, max_length=NOTE_LENGTH)


class EndAsked(_Asked):
    """A silence that is to end now."""

    silence: int = Field(ge=1, le=2**53)


class RuleAsked(_Asked):
    """What a rule is to be judged by; what is left out is as it is by itself."""

    rule: _Rule
    settings: dict[str, float]


def register(router: APIRouter, deps: Deps) -> None:
    """Attach the routes."""
    desk = AlertActions(deps.store, deps.clock)
    _register_reading(router, deps, deps.store.alerts)
    _register_acting(router, deps, desk)


def _register_reading(router: APIRouter, deps: Deps, log: AlertLog) -> None:
    @router.get("/alerts", responses=_READ)
    def alerts(source: _Source = "") -> AlertsAnswer:
        """Where every alert stands now, every rule, and every silence.

        With ``source`` the alerts that concern it, or no source.
        """
        of = _narrowed(deps, source)
        silences = log.silences(now_ms(deps.clock))
        settings = log.settings()
        holds = stall_limit(deps.store, now_ms(deps.clock))
        return AlertsAnswer(
            alerts=[_standing(one, silences) for one in log.standings(of)],
            rules=[
                _rule(one, values_of(one, settings), holds) for one in RULES.values()
            ],
            silences=[_silence(one) for one in silences],
        )

    @router.get("/alerts/history", responses=_READ)
    def history(
        rule: Annotated[str, Query(max_length=100)] = "",
        since: Annotated[int, _MS] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = PAGE,
        before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
        source: _Source = "",
    ) -> EpisodesAnswer:
        """What fired, newest first; of one rule, of one source, or since an instant."""
        of = _narrowed(deps, source)
        found = log.episodes(
            since=since, limit=limit, before=before, rule=rule, source=of
        )
        return EpisodesAnswer(
            alerts=[_episode(one) for one in found],
            next=found[-1].id if len(found) == limit else None,
        )

    @router.get(
        "/alerts/history.csv",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {}}}, **_READ},
    )
    def history_csv(
        rule: Annotated[str, Query(max_length=100)] = "",
        since: Annotated[int, _MS] = 0,
        source: _Source = "",
    ) -> Response:
        """The same as CSV, all of it; instants are UTC."""
        require(deps.viewer(), Action.EXPORT)
        of = _narrowed(deps, source)
        page = partial(log.episodes, since=since, limit=PAGE, rule=rule, source=of)
        return Lines(_lines(page), lambda: None, "alerts")


def _register_acting(router: APIRouter, deps: Deps, desk: AlertActions) -> None:
    @router.post("/alerts/acknowledge", responses=_ACTED)
    def acknowledge(asked: AcknowledgeAsked) -> EpisodeAnswer:
        """See to an alert: nobody else is told of it until it is over."""
        actor = require(deps.viewer(), Action.ALERT)
        return _episode(desk.acknowledge(asked.alert, note=asked.note, actor=actor))

    @router.post("/alerts/silence", responses=_ACTED)
    def silence(asked: SilenceAsked) -> SilenceAnswer:
        """Tell nobody of these alerts for so long; they are judged all the same."""
        actor = require(deps.viewer(), Action.ALERT)
        now = now_ms(deps.clock)
        id_ = desk.silence(
            asked.rule,
            asked.label,
            from_ms=now,
            until_ms=now + asked.for_ms,
            reason=asked.reason,
            actor=actor,
        )
        [made] = [one for one in deps.store.alerts.silences(now) if one.id == id_]
        return _silence(made)

    @router.post("/alerts/silence/end", status_code=204, responses=_ACTED)
    def end(asked: EndAsked) -> None:
        """Tell people again, from now on."""
        actor = require(deps.viewer(), Action.ALERT)
        desk.end_silence(asked.silence, actor=actor)

    @router.post("/alerts/rule", responses=_ACTED)
    def rule(asked: RuleAsked) -> RuleAnswer:
        """Judge by these from now on."""
        actor = require(deps.viewer(), Action.ALERT)
        desk.change(asked.rule, asked.settings, actor=actor)
        found = rule_of(asked.rule)
        holds = stall_limit(deps.store, now_ms(deps.clock))
        return _rule(found, values_of(found, deps.store.alerts.settings()), holds)


def _standing(one: Standing, silences: list[Silence]) -> StandingAnswer:
    known = one._asdict()
    return StandingAnswer(
        **{name: known[name] for name in StandingAnswer.model_fields if name in _PLAIN},
        firing=one.firing,
        silenced=silence_of(one.rule, one.label, silences) is not None,
        episode=_episode(one.episode) if one.episode else None,
    )


#: Fields of a standing that are handed on as they are.
_PLAIN: Final = frozenset(Standing._fields) - {"episode"}


def _episode(one: AlertEpisode) -> EpisodeAnswer:
    known = one._asdict()
    return EpisodeAnswer(**{name: known[name] for name in EpisodeAnswer.model_fields})


def _rule(rule: Rule, values: dict[str, float], stalls: DayLimit) -> RuleAnswer:
    holds = stalls if rule.name == STALLS else None
    return RuleAnswer(
        limit=f"{holds.value:g}" if holds else limit_of(rule, values),
        limit_why=holds.note if holds else "",
        rule=rule.name,
        title=rule.title,
        meaning=meaning_of(rule, values),
        severity=rule.severity,
        thresholds=[
            ThresholdAnswer(**one._asdict(), value=values[one.name])
            for one in rule.thresholds
        ],
    )


def _silence(one: Silence) -> SilenceAnswer:
    return SilenceAnswer(**{**one._asdict(), "silence": one.id})


def _narrowed(deps: Deps, source: str) -> str:
    """The source of several that is asked for. Raises UnknownSourceError."""
    if source and source != ALL:
        deps.source(source)
    return deps.narrowed(source)


def _lines(page: Callable[..., list[AlertEpisode]]) -> Iterator[str]:
    yield csv_text([COLUMNS])
    rows = page()
    while rows:
        yield csv_text([[*map(safe, episode_cells(row))] for row in rows])
        rows = page(before=rows[-1].id)
