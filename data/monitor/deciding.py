"""What becomes of alerts: pure, out of where they stand and what was judged."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from data.clock import MINUTE_MS
from data.model import AlertNews, AlertState, Severity
from data.rules.alarms import INHIBITS, MOST_LABELS, Rule
from data.rules.alerts import (
    Reading,
    Silence,
    Standing,
    Terms,
    announced,
    at_rest,
    is_silenced,
    step,
)
from data.rules.judging import Limits, at_ease
from data.store.alerts import OTHERS, Move

_NAMED: Final = 3


class About(NamedTuple):
    """What an alert is about, for those who are told."""

    title: str
    link_path: str
    source: str = ""
    job_name: str = ""


class Judged(NamedTuple):
    """One rule, judged."""

    rule: Rule
    limits: Limits
    #: by label; what is missing has no cause any more
    readings: Mapping[str, Reading]
    #: why it is not judged; "" when it is
    rest: str = ""


def decide(
    judged: Sequence[Judged],
    about: Callable[[Rule, str], About],
    now_ms: int,
    standings: Sequence[Standing],
    silences: Sequence[Silence],
) -> list[Move]:
    """What becomes of every alert, and what is to be told of it."""
    by_rule: dict[str, dict[str, Standing]] = {}
    for standing in standings:
        by_rule.setdefault(standing.rule, {})[standing.label] = standing
    steps = [
        (one.rule, before, after)
        for one in judged
        for before, after in _steps(one, by_rule.get(one.rule.name, {}), now_ms)
    ]
    inhibited = _inhibited(after for _, _, after in steps)
    moves: list[Move] = []
    for rule, before, after in steps:
        muted = rule.name in inhibited or is_silenced(
            rule.name, after.label, silences, now_ms
        )
        now_after, kind = announced(before, after, muted=muted, now_ms=now_ms)
        topic = about(rule, after.label)
        news = _news(kind, now_after, topic, now_ms) if kind else None
        gone = _is_gone(rule, now_after)
        if before.evaluated_at or not gone:
            moves.append(Move(before, now_after, topic.title, news, gone))
    return moves


def capped(
    readings: Mapping[str, Reading], known: Collection[str], severity: Severity
) -> dict[str, Reading]:
    """At most so many alerts of a rule; breaches beyond that are one alert more."""
    if len(readings) <= MOST_LABELS:
        return dict(readings)
    order = sorted(
        readings,
        key=lambda label: (label not in known, not readings[label].breach, label),
    )
    kept = {label: readings[label] for label in order[:MOST_LABELS]}
    rest = [label for label in order[MOST_LABELS:] if readings[label].breach]
    if rest:
        more = "..." if len(rest) > _NAMED else ""
        kept[OTHERS] = Reading(
            len(rest),
            breach=True,
            clear=False,
            severity=severity,
            sentence=f"{len(rest)} more: {', '.join(rest[:_NAMED])}{more}",
            n=len(rest),
        )
    return kept


def terms_of(limits: Limits) -> Terms:
    """How long breaches and recoveries must last."""
    return Terms(int(limits["for"] * MINUTE_MS), int(limits["keep"] * MINUTE_MS))


def _steps(
    judged: Judged, known: Mapping[str, Standing], now_ms: int
) -> list[tuple[Standing, Standing]]:
    """(before, after) of every alert of one rule; episodes are as before."""
    rule = judged.rule
    if judged.rest:
        return [
            (before, at_rest(before, judged.rest, now_ms))
            for label in {"", *known}
            for before in [known.get(label, Standing(rule.name, label))]
        ]
    readings = capped(judged.readings, known, rule.severity)
    terms = terms_of(judged.limits)
    return [
        (before, step(before, reading, terms, now_ms))
        for label in {*readings, *known}
        for before in [known.get(label, Standing(rule.name, label))]
        for reading in [readings.get(label, at_ease(rule.severity))]
    ]


def _inhibited(standings: Iterable[Standing]) -> frozenset[str]:
    return frozenset(
        rule
        for standing in standings
        if standing.firing
        for rule in INHIBITS.get(standing.rule, ())
    )


def _news(kind: str, after: Standing, about: About, now_ms: int) -> AlertNews | None:
    episode = after.episode
    if episode is None:
        return None
    return AlertNews(
        kind,
        episode.rule,
        episode.label,
        episode.severity,
        about.title,
        after.sentence if kind == "resolved" else episode.sentence,
        episode.id,
        episode.step,
        now_ms,
        about.link_path,
        about.source,
        about.job_name,
    )


def _is_gone(rule: Rule, after: Standing) -> bool:
    """Need it not be remembered? A rule with one alert always is."""
    if not rule.labelled:
        return False
    idle = after.active_at is None and after.resolved_at is None
    return idle and (after.state is not AlertState.NO_DATA or after.label != "")
