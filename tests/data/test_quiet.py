"""Quiet hours to the minute, over midnight, and when the clocks are changed."""

from datetime import UTC, datetime

import pytest

from data.clock import MINUTE_MS, to_ms
from data.exceptions import InvalidRequestError
from data.rules.quiet import quiet_of, quiet_until

NIGHT = "22:00-07:00 Europe/Berlin"


def at(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        pytest.param("2026-11-24T20:59", None, id="one minute before"),
        pytest.param("2026-11-24T21:00", "2026-11-25T06:00", id="as it begins"),
        pytest.param("2026-11-24T23:30", "2026-11-25T06:00", id="after midnight there"),
        pytest.param("2026-11-25T05:59", "2026-11-25T06:00", id="last minute"),
        pytest.param("2026-11-25T06:00", None, id="as it ends"),
        pytest.param("2026-11-25T12:00", None, id="noon"),
        pytest.param("2026-07-01T20:00", "2026-07-02T05:00", id="in summer"),
        # 2026-03-29: 02:00 becomes 03:00, the night is an hour shorter
        pytest.param("2026-03-28T21:00", "2026-03-29T05:00", id="clocks go forward"),
        # 2026-10-25: 03:00 becomes 02:00, the night is an hour longer
        pytest.param("2026-10-24T20:00", "2026-10-25T06:00", id="clocks go back"),
        pytest.param("2026-10-25T05:30", "2026-10-25T06:00", id="06:30, gone back"),
    ],
)
def test_a_night_is_quiet_until_its_end(now: str, until: str | None) -> None:
    end = quiet_until(quiet_of(NIGHT), at(now))

    assert end == (at(until) if until else None)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        # 02:30 is there twice on 2026-10-25: at 00:30 and at 01:30 UTC
        ("01:00-02:30 Europe/Berlin", "2026-10-25T00:45", "2026-10-25T01:30"),
        ("01:00-02:30 Europe/Berlin", "2026-10-25T01:29", "2026-10-25T01:30"),
        ("01:00-02:30 Europe/Berlin", "2026-10-25T01:30", None),
        # and not at all on 2026-03-29: what is skipped counts from the gap's beginning
        ("01:00-02:30 Europe/Berlin", "2026-03-29T01:29", "2026-03-29T01:30"),
        ("01:00-02:30 Europe/Berlin", "2026-03-29T01:30", None),
        ("09:00-17:00 UTC", "2026-03-29T16:59", "2026-03-29T17:00"),
        ("00:00-23:59 Pacific/Kiritimati", "2026-03-29T10:00", "2026-03-30T09:59"),
    ],
)
def test_an_end_within_the_hour_that_changes(
    quiet: str, now: str, until: str | None
) -> None:
    end = quiet_until(quiet_of(quiet), at(now))

    assert end == (at(until) if until else None)


def test_every_minute_of_a_year_is_quiet_or_not_as_the_clock_there_shows() -> None:
    quiet = quiet_of(NIGHT)
    assert quiet is not None
    start, end = at("2026-01-01T00:00"), at("2027-01-01T00:00")

    for now in range(start, end, 7 * MINUTE_MS):
        shown = datetime.fromtimestamp(now / 1000, quiet.zone).time()
        is_quiet = shown >= quiet.start or shown < quiet.end
        assert (quiet_until(quiet, now) is not None) is is_quiet, now


def test_no_quiet_hours() -> None:
    assert quiet_of(" ") is None
    assert quiet_until(None, at("2026-11-24T23:00")) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("22-07 Europe/Berlin", "These are no quiet hours"),
        ("22:00-07:00", "These are no quiet hours"),
        ("22:00-24:00 UTC", "These are no quiet hours"),
        ("07:00-07:00 UTC", "These are no quiet hours"),
        ("22:00-07:00 Europe/Atlantis", "There is no such time zone"),
        ("22:00-07:00 Europe", "There is no such time zone"),
        ("22:00-07:00 ../../etc/passwd", "There is no such time zone"),
    ],
)
def test_others_are_refused_with_the_form_that_helps(text: str, said: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        quiet_of(text)

    assert str(refused.value).startswith(said)
    assert "22:00-07:00 Europe/Berlin" in str(refused.value)
