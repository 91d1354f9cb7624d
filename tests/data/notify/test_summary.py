"""The week in words and as a picture, and that each channel is told of it once."""

import struct
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, to_ms
from data.model import JobState, Severity
from data.monitor.weekly import WeeklySummary, figures, week_of
from data.notify import Messenger
from data.notify.courier import Outcome, deliver
from data.notify.picture import Week, picture_of
from data.notify.summary import (
    CommonError,
    Figures,
    summary_of,
    week_before,
    week_name,
)
from data.rules.messages import Message
from data.store import Store
from data.store.tables import rollup_day, stall_episode
from tests.conftest import FakeClock
from tests.data.notify.mailbox import Mailbox, receiving_mail
from tests.data.notify.news import HOME, messenger_over
from tests.data.tracking.receiver import receiving
from tests.factories import until as wait_until

pytestmark = pytest.mark.one_database

#: A Monday.
MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
SINCE = to_ms(MONDAY) - WEEK_MS


def told(
    now: Figures | None = None,
    before: Figures | None = None,
    errors: tuple[CommonError, ...] = (),
) -> Message:
    return summary_of(SINCE, now or Figures(), before or Figures(), errors, HOME)


def test_a_week_in_words() -> None:
    now = Figures(
        succeeded=12_345,
        failed=144,
        stalled=3,
        repairs_ms=[30 * MINUTE_MS, 90 * MINUTE_MS] * 5,
        minutes=40_000,
        good_minutes=39_884,
    )
    before = now._replace(failed=288, stalled=5, repairs_ms=[2 * HOUR_MS] * 10)
    error = CommonError("ValueError: no row 7", 54, "errors?group=v1:12ab")

    message = told(now, before, (error,))

    assert message.key == "summary:2026-W48"
    assert message.title == "Week 2026-W48: 1.15% of runs failed, 3 runs stalled"
    assert message.body.splitlines() == [
        (
            "2026-11-23 to 2026-11-29 (UTC), in brackets the week before:"
            " 2026-11-16 to 2026-11-22."
        ),
        "Error rate: 1.15% of 12,489 runs (2.28% of 12,633 runs; −1.13 pp)",
        "Stalled runs: 3 (5; −40%)",
        "Time to repair: 1h 00m, 10 incidents (2h 00m, 10 incidents; −50%)",
        "Perceived uptime: 99.71% of 40,000 minutes (99.71%; target 99.5%)",
        "Most frequent errors:",
        "- 54 times: ValueError: no row 7",
        "  https://jobs.example.org/jm/errors?group=v1:12ab",
        "Trends: https://jobs.example.org/jm/trends?range=7d",
        "Alerts: https://jobs.example.org/jm/alerts",
    ]


def test_a_week_without_anything() -> None:
    message = told()

    assert message.title == "Week 2026-W48: unknown of runs failed, 0 runs stalled"
    assert message.body.splitlines()[1:6] == [
        "Error rate: unknown of 0 runs (unknown of 0 runs; no comparison)",
        "Stalled runs: 0 (0; no change)",
        "Time to repair: 0 incidents (0 incidents; too few to compare)",
        "Perceived uptime: unknown of 0 minutes (unknown; target 99.5%)",
        "No errors were tracked.",
    ]


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [(1, 0, "none before"), (0, 2, "−100%"), (2, 2, "no change"), (3, 2, "+50%")],
)
def test_changes(now: int, before: int, words: str) -> None:
    message = told(Figures(stalled=now), Figures(stalled=before))

    assert f"Stalled runs: {now} ({before}; {words})" in message.body


def test_what_an_error_calls_itself_is_only_read() -> None:
    error = CommonError("@everyone\n<!channel> password=hunter2", 1, "/errors")

    body = told(errors=(error,)).body

    assert "- 1 time: @\u200beveryone <\u200b!channel> password=[Filtered]" in body


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (MONDAY, "2026-W48"),
        (datetime(2026, 12, 6, 23, 59, tzinfo=UTC), "2026-W48"),
        (datetime(2026, 12, 7, tzinfo=UTC), "2026-W49"),
        (datetime(2027, 1, 4, 8, tzinfo=UTC), "2026-W53"),
        (datetime(2027, 1, 11, 8, tzinfo=UTC), "2027-W01"),
    ],
)
def test_the_last_whole_week(now: datetime, name: str) -> None:
    since, until_ms = week_before(to_ms(now))

    assert week_name(since) == name
    assert until_ms - since == WEEK_MS
    assert until_ms <= to_ms(now) < until_ms + WEEK_MS


# told by a chore


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mail() as found:
        yield found


def added(messenger: Messenger, url: str, severity: Severity) -> None:
    about: dict[str, Any] = {"quiet": "", "by": "local", "at_ms": 0}
    messenger.add("", url, min_severity=severity, **about)


def done(chore: WeeklySummary, messenger: Messenger, clock: FakeClock) -> None:
    chore.do(clock.now_ms)
    messenger.do(clock.now_ms)
    wait_until(lambda: not any(line.is_busy for line in messenger._lines.values()))


def test_it_is_told_on_monday_at_eight_and_once(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    clock.now = MONDAY
    store.made_at(SINCE)
    store.rollups.refresh("jobs", lambda _since, _until: [], clock.now_ms)
    add_day(store, JobState.SUCCEEDED, 3)
    add_day(store, JobState.FAILED, 1)
    messenger = messenger_over(store, clock)
    with receiving_mail() as critical_only:
        added(messenger, mailbox.url, Severity.WARNING)
        added(messenger, critical_only.url, Severity.CRITICAL)
        chores = [WeeklySummary(store, messenger, home=HOME) for _ in range(2)]

        for hour in range(24 * 14):
            if hour == 24 * 7 + 7:
                assert len(mailbox.mails) == 1
            for chore in chores:
                done(chore, messenger, clock)
            clock.advance_ms(HOUR_MS)

        assert [mail.subject for mail in mailbox.mails] == [
            "Week 2026-W48: 25% of runs failed",  # it is not known from its first day on
            "Week 2026-W49: unknown of runs failed, 0 runs stalled",
        ]
        assert critical_only.mails == []
        for mail in mailbox.mails:
            [(name, kind, drawn)] = mail.attached
            assert (name, kind) == ("week-1.png", "image/png")
            assert size_of(drawn) == (800, 340)
        made = [one.made_at for one in reversed(messenger.deliveries(10))]
        assert made == [to_ms(MONDAY) + 8 * HOUR_MS + n * WEEK_MS for n in (0, 1)]


def test_a_store_that_is_younger_than_the_week_tells_nothing_of_it(
    store: Store, mailbox: Mailbox, clock: FakeClock
) -> None:
    messenger = messenger_over(store, clock)
    added(messenger, mailbox.url, Severity.WARNING)
    clock.now = MONDAY + timedelta(hours=9)
    done(WeeklySummary(store, messenger, home=HOME), messenger, clock)
    assert messenger.deliveries(1) == []

    clock.advance_ms(WEEK_MS)
    done(WeeklySummary(store, messenger, home=HOME), messenger, clock)
    assert [mail.subject[:13] for mail in mailbox.wait_for(1)] == ["Week 2026-W49"]


def test_days_are_drawn_as_they_were(store: Store) -> None:
    store.rollups.refresh("jobs", lambda _since, _until: [], SINCE)
    add_day(store, JobState.SUCCEEDED, 3)
    add_day(store, JobState.FAILED, 1)
    store.alerts.change("StalledFrequency", {"fire": 5}, by="ann", at_ms=SINCE)

    week = week_of(store, SINCE)

    assert (week.name, week.limit) == ("2026-W48", 5)
    assert [day.error_rate for day in week.days] == [None, 25, *[None] * 5]
    assert [day.at for day in week.before] == [day.at - WEEK_MS for day in week.days]
    drawn = picture_of(week)
    assert drawn is not None
    assert drawn != picture_of(week._replace(days=week.before))


def test_stalled_runs_are_drawn_on_the_day_they_were_seen(store: Store) -> None:
    store.rollups.refresh("jobs", lambda _since, _until: [], SINCE)
    with store.database.writing() as connection:
        for number, at in enumerate([SINCE, SINCE + 1, SINCE - 1]):
            connection.execute(insert(stall_episode).values(episode(number, at)))

    week = week_of(store, SINCE)

    assert [day.stalled for day in week.days] == [2, *[0] * 6]
    assert [day.stalled for day in week.before] == [*[0] * 6, 1]


def test_of_a_week_that_is_not_known_whole_no_stalled_runs_are_told(
    store: Store,
) -> None:
    store.rollups.refresh("jobs", lambda _since, _until: [], SINCE + DAY_MS)
    with store.database.writing() as connection:
        connection.execute(insert(stall_episode).values(episode(1, SINCE + DAY_MS)))

    until = SINCE + WEEK_MS
    first = figures(store, SINCE, until)
    second = figures(store, until, until + WEEK_MS)
    words = summary_of(until, second, first, (), HOME)

    assert (first.stalled, second.stalled) == (None, 0)
    assert "Stalled runs: 0 (unknown; no comparison)" in words.body
    assert summary_of(SINCE, first, first, (), HOME).title.endswith("of runs failed")
    week = week_of(store, SINCE)
    assert week.limit is None
    assert picture_of(week) != picture_of(week._replace(limit=2))


def test_without_the_extra_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    assert picture_of(Week("2026-W48", [], [], 2)) is None


def test_a_service_that_takes_no_picture_gets_the_words() -> None:
    with receiving() as receiver:
        url = f"gotify://127.0.0.1:{receiver.port}/token"

        assert deliver(url, Severity.INFO, "title", "words", [b"png"]) == Outcome()

        [(_, _, body)] = receiver.got
    assert b"words" in body
    assert b"png" not in body


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def episode(number: int, first_seen_at: int) -> dict[str, Any]:
    return {
        "source": "jobs",
        "run_id": str(number),
        "run_started_at": first_seen_at - HOUR_MS,
        "job_name": "send-mail",
        "state": "overdue",
        "rule": "default limit",
        "limit_ms": HOUR_MS,
        "first_seen_at": first_seen_at,
    }


def add_day(store: Store, status: JobState, runs: int) -> None:
    """Runs of the Tuesday of that week."""
    row = {
        "source": "jobs",
        "day": SINCE + DAY_MS,
        "job_name": "send-mail",
        "status": status.value,
        "runs": runs,
        "duration_ms": 0,
        "wait_ms": 0,
        "durations": b"",
    }
    with store.database.writing() as connection:
        connection.execute(insert(rollup_day).values(row))
