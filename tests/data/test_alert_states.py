"""Every transition of an alert, on a clock that only the table moves."""

from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from data.model import AlertState, Severity
from data.rules.alerts import (
    CLOCK_ERROR_MS,
    ESCALATE_AFTER_MS,
    RESOLVED_KEPT_MS,
    Reading,
    Silence,
    Standing,
    Terms,
    announced,
    at_rest,
    instant_of,
    is_silenced,
    step,
)
from tests.factories import NOW

EVERY = 30 * SECOND_MS
TERMS = Terms(for_ms=2 * MINUTE_MS, keep_ms=MINUTE_MS)
AT_ONCE = Terms(for_ms=0, keep_ms=0)
IDLE, PEND, FIRE, OVER, NONE = (
    AlertState.INACTIVE,
    AlertState.PENDING,
    AlertState.FIRING,
    AlertState.RESOLVED,
    AlertState.NO_DATA,
)


def reading(kind: str, severity: Severity = Severity.WARNING) -> Reading:
    """``b`` breach, ``c`` clear, ``-`` between both limits, ``.`` no sample, ``f`` few."""
    values = {"b": 9.0, "c": 1.0, "-": 4.0, ".": None, "f": 1.0}
    return Reading(
        values[kind],
        breach=kind == "b",
        clear=kind in "cf",
        severity=severity,
        sentence=kind,
        n=5,
        enough=kind not in ".f",
    )


@dataclass
class Alert:
    """One alert that is evaluated every half minute."""

    terms: Terms = TERMS
    now: int = NOW
    standing: Standing = field(default_factory=lambda: Standing("SourceDown"))
    news: list[str] = field(default_factory=list)
    muted: bool = False

    def see(self, kinds: str, severity: Severity = Severity.WARNING) -> "Alert":
        for kind in kinds:
            self.take(reading(kind, severity))
            self.now += EVERY
        return self

    def take(self, seen: Reading) -> None:
        before = self.standing
        after = step(before, seen, self.terms, self.now)
        after, kind = announced(before, after, muted=self.muted, now_ms=self.now)
        if after.resolved_at is not None or not after.firing:
            after = after._replace(episode=None)
        self.standing = after
        if kind:
            self.news.append(kind)

    @property
    def state(self) -> AlertState:
        return self.standing.state


class Case(NamedTuple):
    name: str
    #: one letter an evaluation, every half minute; `for` is 2 min, `keep` 1 min
    seen: str
    state: AlertState
    news: list[str]


CASES = [
    Case("nothing happens", "cccc", IDLE, []),
    Case("between the limits nothing begins", "----", IDLE, []),
    Case("the first breach is pending", "b", PEND, []),
    Case("pending a moment before it fires", "bbbb", PEND, []),
    Case("firing when it lasted exactly for `for`", "bbbbb", FIRE, ["fired"]),
    Case("pending that recovers is dropped silently", "bbbbc", IDLE, []),
    Case("flapping never fires", "bbbc" * 20, IDLE, []),
    Case("pending stays between the limits", "bb---", PEND, []),
    Case("between the limits does not fire, however long", "b" + "-" * 20, PEND, []),
    Case("a breach after that does", "b---b", FIRE, ["fired"]),
    Case("firing stays between the limits", "bbbbb" + "-" * 20, FIRE, ["fired"]),
    Case("recovered, and kept", "bbbbbcc", FIRE, ["fired"]),
    Case("over when kept for exactly `keep`", "bbbbbccc", OVER, ["fired", "resolved"]),
    Case("breached again while kept: kept anew", "bbbbbccbcc", FIRE, ["fired"]),
    Case("kept, between the limits it is not over", "bbbbbcc--", FIRE, ["fired"]),
    Case("kept, and clear again after that", "bbbbbcc-c", OVER, ["fired", "resolved"]),
    Case(
        "flapping while firing is one episode",
        "bbbbb" + "ccb" * 8,
        FIRE,
        ["fired"],
    ),
    Case(
        "breached while resolved: pending anew",
        "bbbbbcccb",
        PEND,
        ["fired", "resolved"],
    ),
    Case(
        "and fires anew",
        "bbbbbccc" + "bbbbb",
        FIRE,
        ["fired", "resolved", "fired"],
    ),
    Case("two evaluations without samples say nothing", "..", IDLE, []),
    Case("the third says no data", "...", NONE, []),
    Case("no data never fires", "b" + "." * 40, NONE, []),
    Case("data again: well", "...c", IDLE, []),
    Case("data again: pending goes on where it was", "b...b", FIRE, ["fired"]),
    Case("a gap of two evaluations keeps pending", "b..", PEND, []),
    Case("no data never resolves", "bbbbb" + "." * 20, NONE, ["fired"]),
    Case("data again: firing goes on", "bbbbb....b", FIRE, ["fired"]),
    Case("data again, clear: kept first", "bbbbb....c", FIRE, ["fired"]),
    Case(
        "no data while kept: goes on where it was",
        "bbbbbc...c",
        OVER,
        ["fired", "resolved"],
    ),
    Case("few samples are no data", "fff", NONE, []),
    Case("few samples end no pending", "bfb", PEND, []),
    Case("but they can end what fires", "bbbbbfff", OVER, ["fired", "resolved"]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_transitions(case: Case) -> None:
    alert = Alert().see(case.seen)

    assert (alert.state, alert.news) == (case.state, case.news)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.state is OVER], ids=lambda case: case.name
)
def test_resolved_is_shown_for_a_quarter_of_an_hour(case: Case) -> None:
    alert = Alert().see(case.seen)
    resolved_at = alert.standing.resolved_at
    assert resolved_at is not None

    alert.now = resolved_at + RESOLVED_KEPT_MS - 1
    alert.see("c")
    assert alert.state is OVER
    alert.now = resolved_at + RESOLVED_KEPT_MS
    alert.see("c")
    assert alert.state is IDLE
    assert alert.standing.active_at is None


def test_without_for_it_fires_at_the_first_breach_and_ends_at_the_first_recovery() -> (
    None
):
    alert = Alert(AT_ONCE)
    assert alert.see("b").state is FIRE
    assert alert.see("c").state is OVER
    assert alert.see("b").state is FIRE
    assert alert.news == ["fired", "resolved", "fired"]


def test_raising_for_sends_what_fires_back_to_pending_and_lowering_fires() -> None:
    alert = Alert().see("bbbbb")
    alert.terms = TERMS._replace(for_ms=10 * MINUTE_MS)
    assert alert.see("b").state is PEND
    assert alert.news == ["fired", "resolved"]

    alert.terms = TERMS
    assert alert.see("b").state is FIRE
    assert alert.news == ["fired", "resolved", "fired"]


def test_raising_for_leaves_alone_what_lasted_longer() -> None:
    alert = Alert().see("b" * 30)
    alert.terms = TERMS._replace(for_ms=10 * MINUTE_MS)

    assert alert.see("b").state is FIRE


def test_what_is_not_judged_any_more_ends_and_says_why() -> None:
    before = Alert().see("bbbbb").standing
    after = at_rest(before, "Switched off.", NOW + HOUR_MS)
    after, kind = announced(before, after, muted=False, now_ms=NOW + HOUR_MS)

    assert (after.state, after.sentence, kind) == (NONE, "Switched off.", "resolved")
    assert after.episode
    assert after.episode.resolved_at == NOW + HOUR_MS


# the clock


@pytest.mark.parametrize("seen", ["b", "bbbbb", "bbbbbcc", "bbbbbccc", "bb.."])
@pytest.mark.parametrize("then", ["b", "c", "-", "."])
@pytest.mark.parametrize(
    "back_ms", [1, MINUTE_MS, CLOCK_ERROR_MS, DAY_MS, 400 * DAY_MS]
)
def test_a_clock_set_back_fires_and_resolves_nothing(
    seen: str, then: str, back_ms: int
) -> None:
    alert = Alert().see(seen)
    state, news = alert.standing.firing, list(alert.news)
    alert.now = alert.standing.evaluated_at - back_ms
    alert.see(then)

    assert alert.standing.firing == state
    assert alert.news == news


def test_after_a_clock_was_set_back_far_durations_go_on() -> None:
    alert = Alert().see("bbb")
    alert.now -= 40 * DAY_MS
    assert alert.see("b").state is PEND
    assert alert.see("b").state is PEND
    assert alert.see("bb").state is FIRE


def test_after_a_small_step_back_time_stands_still_until_it_is_caught_up() -> None:
    alert = Alert().see("bbbb")
    alert.now -= 10 * MINUTE_MS
    alert.see("b" * 19)
    assert alert.state is PEND
    assert alert.see("bb").state is FIRE


def test_the_time_that_alerts_go_by() -> None:
    assert instant_of(0, NOW) == NOW
    assert instant_of(NOW - 1, NOW) == NOW
    assert instant_of(NOW + CLOCK_ERROR_MS, NOW) == NOW + CLOCK_ERROR_MS
    assert instant_of(NOW + CLOCK_ERROR_MS + 1, NOW) == NOW


# who is told


def test_nobody_acknowledges_three_escalations_and_no_more() -> None:
    alert = Alert(AT_ONCE).see("b" * (2 * 60 * 3))

    assert alert.news == ["fired"] + ["escalated"] * 3
    assert alert.standing.episode
    assert alert.standing.episode.step == 3


def test_an_escalation_comes_exactly_a_quarter_of_an_hour_after_the_last_message() -> (
    None
):
    alert = Alert(AT_ONCE).see("b")
    alert.now = NOW + ESCALATE_AFTER_MS - 1
    alert.see("b")
    assert alert.news == ["fired"]
    alert.now = NOW + ESCALATE_AFTER_MS
    alert.see("b")
    assert alert.news == ["fired", "escalated"]


def test_an_acknowledged_alert_is_not_escalated_but_its_end_is_told() -> None:
    alert = Alert(AT_ONCE).see("b")
    assert alert.standing.episode
    seen_to = alert.standing.episode._replace(acked_at=alert.now, acked_by="ada")
    alert.standing = alert.standing._replace(episode=seen_to)

    alert.see("b" * 200)
    alert.see("b", Severity.CRITICAL)
    assert alert.news == ["fired"]
    assert alert.see("c").news == ["fired", "resolved"]


def test_escalations_go_on_without_data() -> None:
    assert Alert(AT_ONCE).see("b" + "." * 31).news == ["fired", "escalated"]


def test_a_silenced_alert_moves_and_is_told_when_the_silence_ends_and_it_still_fires() -> (
    None
):
    alert = Alert(AT_ONCE, muted=True).see("b" * 100)
    assert (alert.state, alert.news) == (FIRE, [])

    alert.muted = False
    assert alert.see("b").news == ["fired"]
    assert alert.standing.episode
    assert alert.standing.episode.step == 0


def test_nobody_is_told_of_the_end_of_what_nobody_was_told_of() -> None:
    alert = Alert(AT_ONCE, muted=True).see("bbb")
    alert.muted = False

    assert alert.see("c").news == []
    assert alert.state is OVER


def test_a_silence_stops_escalations_but_not_the_word_that_it_is_over() -> None:
    alert = Alert(AT_ONCE).see("b")
    alert.muted = True

    assert alert.see("b" * 100).news == ["fired"]
    assert alert.see("c").news == ["fired", "resolved"]


def test_what_becomes_critical_is_told_at_once() -> None:
    alert = Alert(AT_ONCE).see("b")
    alert.see("b", Severity.CRITICAL)
    assert alert.news == ["fired", "escalated"]
    alert.see("b").see("b", Severity.CRITICAL)

    assert alert.news == ["fired", "escalated"]
    assert alert.standing.episode
    assert alert.standing.episode.severity is Severity.CRITICAL


def test_an_episode_keeps_the_worst_of_its_time() -> None:
    alert = Alert(AT_ONCE)
    for value in (6.0, 60.0, 7.0):
        alert.take(reading("b")._replace(value=value, sentence=f"{value}"))

    assert alert.standing.episode
    assert alert.standing.episode.value == 60
    assert alert.standing.episode.sentence == "60.0"
    assert (alert.standing.value, alert.standing.sentence) == (7, "7.0")


@pytest.mark.parametrize(
    ("rule", "label", "at", "silenced"),
    [
        ("", "", NOW, True),
        ("SourceDown", "", NOW, True),
        ("SourceDown", "orders", NOW, True),
        ("SourceDown", "others", NOW, False),
        ("TelemetryDead", "", NOW, False),
        ("", "orders", NOW, True),
        ("", "", NOW - 1, False),
        ("", "", NOW + HOUR_MS - 1, True),
        ("", "", NOW + HOUR_MS, False),
    ],
)
def test_a_silence_is_about_a_rule_an_alert_and_a_time(
    rule: str, label: str, at: int, *, silenced: bool
) -> None:
    silence = Silence(1, rule, label, "moving house", "ada", NOW, NOW + HOUR_MS)

    assert is_silenced("SourceDown", "orders", [silence], at) == silenced
