"""What the store says is judged, kept and told, once, whoever leads."""

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from data.model import AlertNews, AlertState, GroupStatus, Severity
from data.monitor import Duties
from data.monitor.alerting import Alerting
from data.monitor.measures import named_by, run_label_of
from data.rules.alarms import MOST_LABELS, RULES
from data.rules.alerts import Standing
from data.store import Store, open_store
from tests.conftest import FakeClock
from tests.factories import NOW
from tests.incidents import CRITICAL, EVERY, INCIDENTS, Fault, Listener, fault

pytestmark = pytest.mark.one_database

VIEWER_RULES = [
    "WsDisconnectRate",
    "UptimeBurnFast",
    "UptimeBurnMid",
    "UptimeBurnSlow",
    "TelemetryDead",
]


@pytest.fixture
def it(store: Store, tmp_path: Path, clock: FakeClock) -> Iterator[Fault]:
    with fault(store, tmp_path, clock) as made:
        yield made


def alerting(it: Fault, teller: Listener | None = None, **options: bool) -> Alerting:
    return Alerting(
        {"orders": it.source},
        it.store,
        teller=teller,
        critical_jobs=[CRITICAL],
        **options,
    )


def stand(store: Store, rule: str, label: str = "") -> Standing:
    [found] = [
        one
        for one in store.alerts.standings()
        if (one.rule, one.label) == (rule, label)
    ]
    return found


def firing(store: Store) -> set[str]:
    return {one.rule for one in store.alerts.standings() if one.firing}


def critical_run(it: Fault) -> str:
    [found] = {
        one.run_id
        for one in it.store.episodes.open("orders")
        if one.job_name == CRITICAL
    }
    return found


def label_of_run(it: Fault) -> str:
    return run_label_of("orders", critical_run(it), CRITICAL)


# every rule


def instants(for_ms: int) -> list[int]:
    """All evaluations at both ends of that time, and some between."""
    every = range(NOW, NOW + for_ms + EVERY + 1, EVERY)
    return [*every] if len(every) < 12 else [*every[:4], *every[4:-4:8], *every[-4:]]


@pytest.mark.parametrize("rule", RULES)
def test_an_incident_is_caught_within_for_and_one_evaluation(
    rule: str, it: Fault
) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    for now in instants(RULES[rule].for_ms):
        assert listener.kinds(rule) == [] or now >= NOW + RULES[rule].for_ms
        INCIDENTS[rule](it, now)
        chore.do(now)

    assert listener.kinds(rule) == ["fired"]
    [news] = [one for one in listener.heard if one.rule == rule]
    assert news.at <= NOW + RULES[rule].for_ms + EVERY
    [episode] = it.store.alerts.episodes(rule=rule)
    assert (news.episode_id, news.severity) == (episode.id, episode.severity)
    assert news.link_path.startswith("/")


def test_in_a_store_that_knows_nothing_nothing_fires_and_nothing_is_green(
    it: Fault,
) -> None:
    chore = alerting(it)
    for n in range(4):
        chore.do(NOW + n * EVERY)

    states = {one.rule: one.state for one in it.store.alerts.standings()}
    for rule in [*VIEWER_RULES, "ErrorRateWoW"]:
        assert states[rule] is AlertState.NO_DATA, rule
        assert stand(it.store, rule).sentence == "Not enough data (n=0)."
    assert states["StalledFrequency"] is AlertState.NO_DATA
    assert stand(it.store, "StalledFrequency").sentence == (
        "Not enough data, 0 of 7 days before today are known. 0 runs stalled today (UTC),"
        " 0 in 24 hours."
    )
    assert states.keys() == {*VIEWER_RULES, "ErrorRateWoW", "StalledFrequency"}


def test_what_is_switched_off_is_not_judged_and_says_so(it: Fault) -> None:
    it.stalls(NOW, 5, CRITICAL)
    it.errors(NOW, 99)
    it.store.alerts.change("CriticalFailed", {"enabled": 0}, by="ada", at_ms=NOW)
    alerting(it, error_tracking=False, stall_detection=False).do(NOW)

    said = {one.rule: (one.state, one.sentence) for one in it.store.alerts.standings()}
    none = AlertState.NO_DATA
    stalls = "Not judged: stall detection is off (JOBS_STALL_DETECTION)."
    assert said["StalledFrequency"] == said["CriticalStalled"] == (none, stalls)
    assert said["NewErrorGroup"] == (
        none,
        "Not judged: error tracking is off (JOBS_ERROR_TRACKING).",
    )
    assert said["CriticalFailed"] == (none, "Not judged: the rule is switched off.")
    assert firing(it.store) == set()


def test_a_rule_that_is_switched_off_ends_what_fires_and_on_again_begins_anew(
    it: Fault,
) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    it.stalls(NOW, 1, CRITICAL)
    chore.do(NOW)
    it.store.alerts.change("CriticalStalled", {"enabled": 0}, by="ada", at_ms=NOW)
    chore.do(NOW + EVERY)
    assert firing(it.store) == set()

    it.store.alerts.change("CriticalStalled", {}, by="ada", at_ms=NOW)
    chore.do(NOW + 2 * EVERY)
    assert listener.kinds("CriticalStalled") == ["fired", "resolved", "fired"]
    assert [one.label for one in it.store.alerts.standings() if one.firing] == [
        label_of_run(it)
    ]


def test_no_job_type_is_critical_unless_somebody_says_so(it: Fault) -> None:
    it.stalls(NOW, 1, CRITICAL)
    Alerting({"orders": it.source}, it.store).do(NOW)

    assert firing(it.store) == set()
    assert "JOBS_CRITICAL_JOBS" in stand(it.store, "CriticalStalled").sentence


def test_changed_thresholds_are_those_of_the_next_evaluation(it: Fault) -> None:
    it.stalls_too_often(3)
    it.store.alerts.change("StalledFrequency", {"fire": 3}, by="ada", at_ms=NOW)
    chore = alerting(it)
    chore.do(NOW)
    assert firing(it.store) == set()

    it.store.alerts.change("StalledFrequency", {}, by="ada", at_ms=NOW)
    chore.do(NOW + EVERY)
    assert firing(it.store) == {"StalledFrequency"}


# labels


def test_each_critical_job_and_source_and_error_has_an_alert_of_its_own(
    it: Fault,
) -> None:
    listener = Listener()
    it.stalls(NOW, 1, CRITICAL)
    it.stalls_too_often(2)
    it.runs(NOW - HOUR_MS, 2, 5, CRITICAL)
    it.errors(NOW, 10, "v1:a")
    it.errors(NOW, 11, "v1:b")
    it.errors(NOW, 9, "v1:c")
    alerting(it, listener).do(NOW)

    links = {(one.rule, one.label): one.link_path for one in listener.heard}
    assert links == {
        ("StalledFrequency", ""): "/trends?range=7d",
        (
            "CriticalStalled",
            label_of_run(it),
        ): f"/?source=orders&run={critical_run(it)}",
        ("CriticalFailed", f"orders/{CRITICAL}"): (
            f"/history?source=orders&job={CRITICAL}&status=FAILED"
        ),
        ("NewErrorGroup", "v1:a"): "/errors?group=v1%3Aa",
        ("NewErrorGroup", "v1:b"): "/errors?group=v1%3Ab",
    }
    [failed] = [one for one in listener.heard if one.rule == "CriticalFailed"]
    assert (failed.source, failed.job_name) == ("orders", CRITICAL)
    assert failed.title == f"A critical job failed: {CRITICAL}"
    assert failed.sentence == f"2 runs of {CRITICAL} failed within the last two hours."


def test_every_stalled_run_of_a_critical_job_is_told_whoever_sees_to_another(
    it: Fault,
) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    it.stalls(NOW, 1, CRITICAL)
    chore.do(NOW)
    [first] = it.store.alerts.episodes(rule="CriticalStalled")
    it.store.alerts.acknowledge(first.id, by="ada", note="", at_ms=NOW)

    it.stalls(NOW + MINUTE_MS, 1, CRITICAL)
    chore.do(NOW + MINUTE_MS)

    runs = {one.run_id for one in it.store.episodes.open("orders")}
    told = [one for one in listener.heard if one.rule == "CriticalStalled"]
    assert [one.kind for one in told] == ["fired", "fired"]
    assert {one.sentence for one in told} == {
        f"Run {run_id} of {CRITICAL} is stalled." for run_id in runs
    }


@pytest.mark.parametrize(
    "names", [("orders", "7", "etl"), ("o", "a/b?c=%2F", "mail/daily"), ("o", "", "")]
)
def test_the_name_of_an_alert_about_a_run_can_be_read(
    names: tuple[str, str, str],
) -> None:
    assert named_by(run_label_of(*names)) == names


def test_an_alert_ends_with_its_cause_and_is_forgotten_later(it: Fault) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    it.stalls(NOW, 1, CRITICAL)
    chore.do(NOW)
    [run] = [one.run_id for one in it.store.episodes.open("orders")]
    it.store.episodes.close("orders", {run: "succeeded"}, NOW)
    for minute in range(1, 18):
        chore.do(NOW + minute * MINUTE_MS)

    assert listener.kinds("CriticalStalled") == ["fired", "resolved"]
    assert "CriticalStalled" not in {one.rule for one in it.store.alerts.standings()}
    [episode] = it.store.alerts.episodes(rule="CriticalStalled")
    assert episode.resolved_at == NOW + MINUTE_MS


@pytest.mark.parametrize("status", [GroupStatus.RESOLVED, GroupStatus.IGNORED])
def test_an_error_that_somebody_sorted_is_over(it: Fault, status: GroupStatus) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    it.errors(NOW, 10)
    chore.do(NOW)
    it.store.errors.set_status("v1:new", status, by="ada", at_ms=NOW + 1)
    for minute in (1, 61, 62):
        chore.do(NOW + minute * MINUTE_MS)

    assert listener.kinds("NewErrorGroup") == ["fired", "resolved"]


def test_an_error_stays_until_it_is_quiet_for_a_day_and_is_new_again_when_it_returns(
    it: Fault,
) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    it.errors(NOW, 10)
    for hour in range(24):
        chore.do(NOW + hour * HOUR_MS)
    assert listener.kinds("NewErrorGroup")[-1] == "escalated"
    chore.do(NOW + DAY_MS)
    chore.do(NOW + DAY_MS + HOUR_MS)
    assert listener.kinds("NewErrorGroup")[-1] == "resolved"

    it.store.errors.set_status(
        "v1:new", GroupStatus.RESOLVED, by="", at_ms=NOW + DAY_MS
    )
    later = NOW + 5 * DAY_MS
    it.errors(later, 10)
    chore.do(later)
    assert listener.kinds("NewErrorGroup")[-1] == "fired"
    assert listener.heard[-1].sentence.startswith("Came back: KeyError in v1:new")


def test_old_failures_that_are_read_backwards_are_not_new(it: Fault) -> None:
    """A store that has just begun: yesterday's failures are read before last week's."""
    event_at = NOW - HOUR_MS
    it.errors(event_at, 50)
    with it.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE error_group SET origin = 'job'")
    it.store.errors.note_scanned("orders", NOW, NOW - DAY_MS)
    alerting(it).do(NOW)
    assert firing(it.store) == set()

    it.store.errors.note_scanned("orders", NOW, NOW - WEEK_MS - DAY_MS)
    alerting(it).do(NOW + 1)
    assert firing(it.store) == {"NewErrorGroup"}


def test_beyond_fifty_alerts_of_a_rule_there_is_one_more(it: Fault) -> None:
    listener = Listener()
    for n in range(MOST_LABELS + 5):
        it.errors(NOW, 10, f"v1:{n:03}")
    chore = alerting(it, listener)
    chore.do(NOW)

    labels = [one.label for one in listener.heard if one.rule == "NewErrorGroup"]
    assert len(labels) == MOST_LABELS + 1
    others = next(one for one in listener.heard if one.label == "others")
    assert others.sentence == "5 more: v1:050, v1:051, v1:052..."
    assert others.link_path == "/errors"
    # those that stand keep their places
    for n in range(100, 120):
        it.errors(NOW, 10, f"v1:{n:03}0")
    chore.do(NOW + EVERY)
    assert len(listener.heard) == MOST_LABELS + 1


# who is told


def down(it: Fault, chore: Alerting, until: int) -> None:
    """The source goes away and stays away."""
    it.take_away()
    for now in range(NOW, until + 1, EVERY):
        chore.do(now)


def test_a_source_that_is_back_is_told_of(it: Fault) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    down(it, chore, NOW + 2 * MINUTE_MS)
    it.give_back()
    for minute in (3, 4, 5):
        chore.do(NOW + minute * MINUTE_MS)

    assert listener.kinds("SourceDown") == ["fired", "resolved"]
    fired = listener.heard[0]
    assert (fired.severity, fired.source) == (Severity.CRITICAL, "orders")
    assert fired.title == "A source cannot be read: Orders"
    assert listener.heard[1].sentence == "It is not there any more."


def test_while_a_source_is_down_nobody_is_told_of_what_follows_from_it(
    it: Fault,
) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    down(it, chore, NOW + MINUTE_MS)
    for minute in range(2, 10):
        it.disconnects(NOW + minute * MINUTE_MS)
        chore.do(NOW + minute * MINUTE_MS)
    assert firing(it.store) == {"SourceDown", "WsDisconnectRate"}
    assert {one.rule for one in listener.heard} == {"SourceDown"}

    it.give_back()
    for minute in range(10, 14):
        it.disconnects(NOW + minute * MINUTE_MS)
        chore.do(NOW + minute * MINUTE_MS)
    assert listener.kinds("SourceDown") == ["fired", "resolved"]
    assert listener.kinds("WsDisconnectRate") == ["fired"]


def test_a_silenced_alert_is_told_when_the_silence_ends_while_it_fires(
    it: Fault,
) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    it.store.alerts.silence(
        "CriticalStalled",
        "",
        reason="moving house",
        by="ada",
        from_ms=NOW,
        until_ms=NOW + HOUR_MS,
    )
    it.stalls(NOW, 1, CRITICAL)
    chore.do(NOW)
    chore.do(NOW + HOUR_MS - 1)
    assert firing(it.store) == {"CriticalStalled"}
    assert listener.heard == []

    chore.do(NOW + HOUR_MS)
    assert listener.kinds("CriticalStalled") == ["fired"]


def test_an_acknowledged_alert_is_not_escalated(it: Fault) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    it.stalls(NOW, 1, CRITICAL)
    chore.do(NOW)
    chore.do(NOW + 15 * MINUTE_MS)
    assert [(one.kind, one.step) for one in listener.heard] == [
        ("fired", 0),
        ("escalated", 1),
    ]
    episode = listener.heard[0].episode_id
    it.store.alerts.acknowledge(episode, by="ada", note="on it", at_ms=NOW)
    for minute in range(16, 120, 7):
        chore.do(NOW + minute * MINUTE_MS)
    assert len(listener.heard) == 2


# once


class Dying(Listener):
    """Dies while it is told something: before, or after, it has taken it."""

    def __init__(self, *, after: bool) -> None:
        super().__init__()
        self.after = after

    def tell(self, event: AlertNews, now_ms: int) -> None:
        if self.after:
            super().tell(event, now_ms)
        raise ConnectionAbortedError


@pytest.mark.parametrize("after", [False, True])
def test_what_a_leader_that_died_did_not_tell_the_next_one_tells_once(
    it: Fault, store_url: str, *, after: bool
) -> None:
    dying, listener = Dying(after=after), Listener()
    it.stalls(NOW, 1, CRITICAL)
    with pytest.raises(ConnectionAbortedError):
        alerting(it, dying).do(NOW)

    listener.heard = dying.heard  # one place for messages, as the store is for both
    other = open_store(store_url)
    next_leader = Alerting(
        {"orders": it.source}, other, teller=listener, critical_jobs=[CRITICAL]
    )
    for n in range(1, 5):
        next_leader.do(NOW + n * EVERY)
    other.close()

    assert listener.kinds("CriticalStalled") == ["fired"]
    assert listener.told == 1
    assert it.store.alerts.waiting() == []


def test_two_that_lead_for_a_moment_tell_and_keep_once(
    it: Fault, store_url: str
) -> None:
    listener = Listener()
    stores = [open_store(store_url) for _ in range(2)]
    leaders = [
        Alerting({"orders": it.source}, one, teller=listener, critical_jobs=[CRITICAL])
        for one in stores
    ]
    it.stalls(NOW, 1, CRITICAL)
    it.stalls_too_often(2)
    start = Barrier(2)

    def lead(leader: Alerting) -> None:
        start.wait()
        for n in range(8):
            leader.do(NOW + n * EVERY)

    leading = [Thread(target=lead, args=(leader,)) for leader in leaders]
    for thread in leading:
        thread.start()
    for thread in leading:
        thread.join()
    for one in stores:
        one.close()

    episodes = it.store.alerts.episodes()
    assert sorted(one.rule for one in episodes) == [
        "CriticalStalled",
        "StalledFrequency",
    ]
    assert sorted(one.kind for one in listener.heard) == ["fired", "fired"]


@pytest.mark.parametrize(
    "restarting", [pytest.param(False, marks=pytest.mark.exhaustive), True]
)
def test_restarts_at_any_moment_change_nothing(
    it: Fault, store_url: str, *, restarting: bool
) -> None:
    """Pending, firing, without data and kept: the state comes back from the store."""
    listener = Listener()
    story = "bbbbbbbbbbbbbb" + "....." + "b" + "cccccccccccccccccccccccc" + "bb"
    states: list[AlertState] = []
    store = it.store
    for n, kind in enumerate(story):
        now = NOW + n * EVERY
        if restarting:
            store = open_store(store_url)
        with store.database.writing() as connection:
            connection.exec_driver_sql("DELETE FROM viewer_slot")
        if kind != ".":
            it.disconnects(now, lost=15 if kind == "b" else 0)
        Alerting({"orders": it.source}, store, teller=listener).do(now)
        states.append(stand(store, "WsDisconnectRate").state)
        if restarting:
            store.close()

    expected = ["pending"] * 10 + ["firing"] * 6 + ["no data"] * 3
    expected += ["firing"] * 21 + ["resolved"] * 4 + ["pending"] * 2
    assert [state.value for state in states] == expected
    assert listener.kinds("WsDisconnectRate") == ["fired", "resolved"]


def test_a_clock_set_back_fires_and_resolves_nothing(it: Fault) -> None:
    listener = Listener()
    chore = alerting(it, listener)
    it.stalls(NOW - 25 * HOUR_MS, 3)
    it.stalls(NOW, 1, CRITICAL)
    chore.do(NOW)
    before = firing(it.store)
    for back in (MINUTE_MS, HOUR_MS - MINUTE_MS):
        chore.do(NOW - back)

    assert before == firing(it.store) == {"CriticalStalled"}
    assert len(listener.heard) == 1


def test_who_leads_judges_every_half_minute(it: Fault, clock: FakeClock) -> None:
    duties = [
        Duties({}, it.store, clock=clock, holder=name, chores=[alerting(it)])
        for name in ("me", "you")
    ]
    seen: list[int] = []
    for _ in range(40):
        for one in duties:
            one.step(Event())
        seen.append(stand(it.store, "StalledFrequency").evaluated_at)
        clock.advance_ms(2_000)

    assert sorted(set(seen)) == [NOW, NOW + EVERY, NOW + 2 * EVERY]
