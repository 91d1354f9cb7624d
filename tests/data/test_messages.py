"""Which messages are sent now, to whom, and when again."""

import pytest

from data.clock import MINUTE_MS, SECOND_MS
from data.model import Severity
from data.rules.messages import (
    GROUP_MS,
    Delivery,
    DeliveryState,
    Kind,
    Outlet,
    next_try,
    together,
    wants,
)

NOW = 1_800_000_000_000
INFO, WARNING, CRITICAL = Severity


def a_delivery(id_: int = 1, **changes: object) -> Delivery:
    made = Delivery(
        id=id_,
        channel="1",
        key=str(id_),
        about="",
        kind=Kind.ALERT,
        severity=WARNING,
        title="",
        body="",
        state=DeliveryState.WAITING,
        tries=0,
        made_at=NOW,
        due_at=NOW,
        done_at=None,
        holder="",
        problem="",
    )
    return made._replace(**changes)


@pytest.mark.parametrize("least", Severity)
@pytest.mark.parametrize("severity", Severity)
def test_a_channel_wants_what_matters_enough(
    least: Severity, severity: Severity
) -> None:
    outlet = Outlet("1", "", "", least, "", True, 0, "")  # noqa: FBT003
    order = [INFO, WARNING, CRITICAL]

    assert wants(outlet, severity) is (order.index(severity) >= order.index(least))
    assert not wants(outlet._replace(enabled=False), severity)


@pytest.mark.parametrize(
    ("last", "goes"),
    [
        pytest.param(None, True, id="never"),
        pytest.param(NOW - GROUP_MS + 1, False, id="just too soon"),
        pytest.param(NOW - GROUP_MS, True, id="long enough"),
        pytest.param(NOW + 1, True, id="the clock was set back"),
    ],
)
def test_others_wait_their_turn(last: int | None, goes: bool) -> None:  # noqa: FBT001
    due = [a_delivery(1), a_delivery(2)]

    assert together(due, last, NOW) == (due if goes else [])


def test_critical_ones_go_at_once_and_a_test_goes_alone() -> None:
    critical = [a_delivery(no, severity=CRITICAL) for no in (2, 3)]
    test = a_delivery(4, kind=Kind.TEST)

    assert together([a_delivery(1), *critical], NOW, NOW) == critical
    assert together([a_delivery(1), *critical, test], NOW, NOW) == [test]
    assert together([], None, NOW) == []


def test_not_everything_fits_in_one_message() -> None:
    assert len(together([a_delivery(no) for no in range(80)], None, NOW)) == 50


@pytest.mark.parametrize(
    ("tries", "pause"), [(0, 30 * SECOND_MS), (1, 2 * MINUTE_MS), (2, None), (9, None)]
)
def test_there_are_three_tries(tries: int, pause: int | None) -> None:
    again = next_try(a_delivery(tries=tries), NOW)

    assert again == (NOW + pause if pause else None)
    assert next_try(a_delivery(tries=tries, kind=Kind.TEST), NOW) is None
