"""What each rule makes of what was measured: pure, ``limits`` are those of the rule.

``limits`` are ``data.rules.alarms.checked``: shares in percent, by the thresholds' names.
The guards keep chance from raising an alarm more than once a year and rule;
``tests/data/test_quiet_years.py`` measures that.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from data.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from data.model import GroupStatus, Severity, Weeks
from data.rules.alerts import Reading
from data.rules.chance import at_least, dispersion, lower_bound
from data.rules.number_text import percent, things
from data.rules.stall_frequency import Usual, day_limit, is_usual
from data.rules.weeks import dates_before, dates_now, rate_change

Limits = Mapping[str, float]

#: How sure it must be that a share of viewers is above its limit; see judge_disconnects.
SURE: Final = 0.999
#: A share above the limit is critical when it is surely above so many times that.
CRITICAL_TIMES: Final = 2
#: How unlikely, by chance, a rise of the error rate must be; and that it is over.
RISE_CHANCE: Final = 0.003
_OVER_CHANCE: Final = 0.1
#: A ratio to a week without failures.
MOST_TIMES: Final = 100.0
_TITLE_LENGTH: Final = 160
_ID_LENGTH: Final = 80


class Viewers(NamedTuple):
    """Viewers in a quarter of an hour."""

    at: int
    #: with a visible second
    users: int
    #: of them, who lost the live connection
    lost: int


class Stalls(NamedTuple):
    """Runs that were first seen as stalled."""

    #: since midnight UTC
    today: int
    #: in the last 24 hours
    last_day: int
    #: on the whole days before today that are known
    usual: Usual


class NewGroup(NamedTuple):
    """A group of errors that was first seen, or came back, a short while ago."""

    title: str
    status: GroupStatus
    last_seen: int
    #: within one hour
    users: int
    events: int
    #: first seen, or back, less than a day ago, and surely not before
    is_new: bool


class Minutes(NamedTuple):
    """Minutes in which somebody looked at a page, and the bad ones of them."""

    long: int
    long_bad: int
    short: int
    short_bad: int


class Heard(NamedTuple):
    """When a browser asked for something, and when one told how it fares; None for never."""

    page: int | None
    telemetry: int | None


def judge_disconnects(windows: Sequence[Viewers], limits: Limits) -> Reading:
    """The worst quarter of an hour of those given: the present one and the one before.

    A share of few viewers is above 5 % by chance all the time. "At least 3 viewers, and
    the 95 % bound of Clopper and Pearson above the limit" is wrong once in a thousand
    windows, but a year has 35,040 of them: at a true 2 % that is 30, 21, 17 and 1
    false alarms a year with 10, 20, 50 and 100 viewers. With 99.9 % it is less than
    one in ten years, and a fault that strikes a third of 20 viewers is still seen.
    """
    judged = [one for one in windows if one.users >= limits["users"]]
    if not judged:
        users = max((one.users for one in windows), default=0)
        return _too_little(users, Severity.WARNING)
    worst = min(judged, key=lambda one: _luck(one, limits["fire"]))
    share = _percent(worst.lost, worst.users)
    breach = worst.lost >= limits["users"] and _is_surely_above(worst, limits["fire"])
    critical = breach and _is_surely_above(worst, CRITICAL_TIMES * limits["fire"])
    return Reading(
        share,
        breach,
        all(_percent(one.lost, one.users) < limits["resolve"] for one in judged),
        Severity.CRITICAL if critical else Severity.WARNING,
        f"{worst.lost} of {worst.users} viewers ({share:.1f} %) lost the live connection"
        f" within a quarter of an hour; the limit is {limits['fire']:g} %"
        f"{_said_of_chance(worst) if breach else '.'}",
        worst.users,
    )


def judge_stalls(stalls: Stalls, limits: Limits) -> Reading:
    """More on one day (UTC) than the limit; over when 24 hours bring few enough.

    Days are those of the chart, so that a bar above its line is what fires. In 24 hours
    that end at any instant chance alone finds 3 stalled runs more than twice a year where
    one in four days is usual; on days of the calendar it does not in most years.
    """
    limit, mean = day_limit(stalls.usual, limits), stalls.usual.mean
    over = max(limits["resolve"], mean if is_usual(mean) else 0)
    said = f"{things(stalls.today, 'run')} stalled today (UTC), {stalls.last_day} in 24 hours"
    if limit.enough:
        said = f"{said}; the limit is {limit.value:g} a day ({limit.why})."
    else:
        said = f"{limit.why[:1].upper()}{limit.why[1:]}. {said}."
    return Reading(
        stalls.today if limit.enough else None,
        limit.enough and stalls.today > limit.value,
        limit.enough and max(stalls.today, stalls.last_day) <= over,
        Severity.WARNING,
        said,
        stalls.last_day,
        enough=limit.enough,
    )


def judge_error_rate(weeks: Weeks, limits: Limits) -> Reading:
    """The rise of the error rate, when chance does not explain it.

    "Half as many again" alone fires 13 times a year with 5 failures a week. So many must
    have failed that it means something, and it must be unlikely that runs of one and
    the same rate fall so unevenly into both weeks. Failures come in bursts: all counts
    are divided by how much more than chance the days vary. It is judged at every hour
    of the year, not once a week: with p < 0.01 that is 1.7 false alarms a year with 20
    failures a week, with p < 0.003 it is 0.2, and 0.7 where they come in bursts.
    """
    if not weeks.finished or not weeks.finished_before:
        return _too_little(weeks.failed, Severity.WARNING)
    rate, before = weeks.rate or 0.0, weeks.rate_before or 0.0
    times = _ratio(rate, before)
    chance = _rise_by_chance(weeks)
    few = weeks.failed < limits["failed"]
    breach = times > limits["fire"] and not few and chance < RISE_CHANCE
    said = (
        f"{percent(rate)} of runs failed {dates_now(weeks)}, {percent(before)}"
        f" {dates_before(weeks)}: {rate_change(weeks)}, {times:.1f} times"
        f" (n={weeks.failed})."
    )
    return Reading(
        times,
        breach,
        times < limits["resolve"] or chance > _OVER_CHANCE,
        Severity.WARNING,
        f"Not enough data. {said}" if few else said,
        weeks.failed,
        enough=not few,
    )


def judge_new_group(group: NewGroup, limits: Limits, now_ms: int) -> Reading:
    """A new error that many met, or that came often, within an hour."""
    many = group.users >= limits["users"]
    often = group.events >= limits["events"]
    open_ = group.status in {GroupStatus.OPEN, GroupStatus.REGRESSED}
    quiet = now_ms - group.last_seen >= limits["quiet"] * HOUR_MS
    back = group.status is GroupStatus.REGRESSED
    return Reading(
        group.events,
        group.is_new and open_ and (many or often),
        not open_ or quiet,
        Severity.WARNING if many else Severity.INFO,
        f"{'Came back' if back else 'New'}: {group.title[:_TITLE_LENGTH]}"
        f" ({group.events} times, {group.users} people in an hour).",
        group.events,
    )


def judge_burn(minutes: Minutes, limits: Limits, severity: Severity) -> Reading:
    """Bad minutes above the limit in both spans; over when they are in neither."""
    if minutes.long < limits["minutes"]:
        return _too_little(minutes.long, severity)
    if not minutes.short:
        return _too_little(0, severity)
    long = _percent(minutes.long_bad, minutes.long)
    short = _percent(minutes.short_bad, minutes.short)
    return Reading(
        min(long, short),
        min(long, short) > limits["fire"],
        max(long, short) <= limits["fire"],
        severity,
        f"{long:.1f} % of {minutes.long} minutes were bad, {short:.1f} % of the last"
        f" {minutes.short}; the limit is {limits['fire']:g} % in both.",
        minutes.long,
    )


def judge_silence(heard: Heard, limits: Limits, now_ms: int) -> Reading:
    """Browsers ask for pages and tell nothing of themselves.

    Where no browser ever told anything telemetry is off, and nothing can be said.
    """
    if heard.telemetry is None:
        return _too_little(0, Severity.WARNING)
    within_ms = limits["silent"] * MINUTE_MS
    silent_ms = now_ms - heard.telemetry
    looked = heard.page is not None and now_ms - heard.page < within_ms
    if silent_ms >= within_ms and not looked:
        return Reading(
            None,
            breach=False,
            clear=False,
            severity=Severity.WARNING,
            sentence="No page is open that should send telemetry.",
            n=0,
            enough=False,
        )
    minutes = silent_ms / MINUTE_MS
    return Reading(
        max(minutes, 0),
        silent_ms >= within_ms,
        silent_ms < within_ms,
        Severity.WARNING,
        f"The last word from a page is {max(minutes, 0):.0f} min old; somebody looks.",
        1,
    )


def judge_stalled_run(job_name: str, run_id: str) -> Reading:
    """A run of a critical job type that is stalled now."""
    return Reading(
        1,
        breach=True,
        clear=False,
        severity=Severity.CRITICAL,
        sentence=f"Run {run_id[:_ID_LENGTH]} of {job_name[:_TITLE_LENGTH]} is stalled.",
        n=1,
    )


def judge_failures(job_name: str, failed: int, limits: Limits) -> Reading:
    """Runs of a critical job type that failed a short while ago."""
    return Reading(
        failed,
        failed >= limits["failed"],
        failed == 0,
        Severity.CRITICAL,
        f"{failed} {'run' if failed == 1 else 'runs'} of {job_name[:_TITLE_LENGTH]} failed"
        " within the last two hours.",
        failed,
    )


def judge_source(label: str, trouble: str, down_ms: int | None) -> Reading:
    """A source that cannot be read, since when and why; ``down_ms`` None: it can."""
    seconds = (down_ms or 0) / SECOND_MS
    why = f"cannot be read for {seconds:.0f} s: {trouble[:_TITLE_LENGTH]}"
    return Reading(
        seconds,
        down_ms is not None,
        down_ms is None,
        Severity.CRITICAL,
        f"{label}: {why if down_ms is not None else 'it answers.'}",
        1,
    )


def at_ease(severity: Severity) -> Reading:
    """Of an alert whose cause is not there any more."""
    return Reading(
        0.0,
        breach=False,
        clear=True,
        severity=severity,
        sentence="It is not there any more.",
        n=0,
    )


def _too_little(n: int, severity: Severity) -> Reading:
    return Reading(
        None,
        breach=False,
        clear=False,
        severity=severity,
        sentence=f"Not enough data (n={n}).",
        n=n,
        enough=False,
    )


def _luck(window: Viewers, limit: float) -> float:
    """How likely so many lose the link where the true share is the limit, in percent."""
    return at_least(min(window.lost, window.users), window.users, limit / 100)


def _is_surely_above(window: Viewers, limit: float) -> bool:
    """Is the lower bound of Clopper and Pearson above the limit? The same, and quicker."""
    return _luck(window, limit) < 1 - SURE


def _said_of_chance(window: Viewers) -> str:
    sure = lower_bound(min(window.lost, window.users), window.users, SURE)
    return f", and the true share is surely above {100 * sure:.1f} %."


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole


def _ratio(rate: float, before: float) -> float:
    if not before:
        return MOST_TIMES if rate else 1.0
    return min(rate / before, MOST_TIMES)


def _rise_by_chance(weeks: Weeks) -> float:
    """How likely so many of both weeks' failures are in the last one, or more."""
    varied = dispersion([*weeks.daily])
    share = weeks.finished / (weeks.finished + weeks.finished_before)
    now, all_ = weeks.failed, weeks.failed + weeks.failed_before
    return at_least(now / varied, all_ / varied, share)
