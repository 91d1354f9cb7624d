"""Ninety days of what the pages of fifty-six people told of themselves."""

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

from sqlalchemy import insert

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS
from data.db import Database
from data.store.viewing_tables import viewer_report, viewer_slot, viewing_slot

DAYS: Final = 90
_SEED: Final = 20_263
_USERS: Final = 56
_QUARTER_MS: Final = 15 * MINUTE_MS
_SLOT_MS: Final = 5 * MINUTE_MS
_SLOTS: Final = _QUARTER_MS // _SLOT_MS
#: Who is there on a working day, and at the weekend.
_PRESENT: Final = (0.62, 0.06)
_WORKDAYS: Final = 5
#: 1970-01-01 was a Thursday.
_EPOCH_WEEKDAY: Final = 3
#: Of the quarters of an hour between coming and going, in how many the page is open.
_OPEN: Final = 0.42
_FAULTY: Final = 0.0006
#: How much of the time the data is too old, on an ordinary quarter and on a bad one.
_STALE: Final = (0.0012, 0.16)
#: When the proxy was restarted or the network failed: days ago, hour (UTC).
_BAD_HOURS: Final = ((71, 9), (52, 14), (33, 10), (12, 13))
_BAD_FAULTY: Final = 0.3
#: days ago, confirmed, what was told
_REPORTS: Final = (
    (71, True, "numbers stood still for some minutes"),
    (40, False, ""),
    (12, True, "Reconnecting... since lunch"),
)


class Quarter(NamedTuple):
    """One person's page in a quarter of an hour."""

    slot: int
    visitor: str
    good_s: int
    stale_s: int
    disconnected_s: int
    faults: int


def write_viewing(database: Database, *, now_ms: int) -> None:
    """Write what the pages told; the same for the same ``now_ms``."""
    quarters = [*_quarters(now_ms)]
    with database.writing() as connection:
        connection.execute(insert(viewer_slot), [one._asdict() for one in quarters])
        connection.execute(insert(viewing_slot), _together(quarters))
        connection.execute(insert(viewer_report), [*_reports(now_ms)])


def _quarters(now_ms: int) -> Iterator[Quarter]:
    rng = Random(_SEED)  # noqa: S311 - a demo, and it must repeat
    midnight = now_ms // DAY_MS * DAY_MS
    bad = {midnight - ago * DAY_MS + hour * HOUR_MS for ago, hour in _BAD_HOURS}
    for day in range(midnight - DAYS * DAY_MS, now_ms, DAY_MS):
        weekday = (day // DAY_MS + _EPOCH_WEEKDAY) % 7
        for user in range(_USERS):
            if rng.random() > _PRESENT[weekday >= _WORKDAYS]:
                continue
            comes = day + round(rng.gauss(8.2, 0.9) * 4) * _QUARTER_MS
            goes = day + round(rng.gauss(17.1, 1.1) * 4) * _QUARTER_MS
            for slot in range(comes, min(goes, now_ms - _QUARTER_MS), _QUARTER_MS):
                is_bad = slot // HOUR_MS * HOUR_MS in bad
                if is_bad or rng.random() < _OPEN:
                    yield _quarter(slot, f"{user * 7919:016x}", rng, is_bad=is_bad)


def _quarter(slot: int, visitor: str, rng: Random, *, is_bad: bool) -> Quarter:
    visible_s = rng.randrange(4, 16) * 60
    has_fault = rng.random() < (_BAD_FAULTY if is_bad else _FAULTY)
    share = _STALE[is_bad] * rng.random() * 2
    stale_s = round(visible_s * share)
    disconnected_s = min(rng.randrange(20, 200), visible_s) if has_fault else 0
    stale_s = min(stale_s, visible_s - disconnected_s)
    good_s = visible_s - stale_s - disconnected_s
    return Quarter(slot, visitor, good_s, stale_s, disconnected_s, int(has_fault))


def _together(quarters: list[Quarter]) -> list[dict[str, int]]:
    """All people's pages in slots of five minutes."""
    sums: dict[int, list[int]] = defaultdict(lambda: [0] * 6)
    for one in quarters:
        visible_s = one.good_s + one.stale_s + one.disconnected_s
        minutes = visible_s // 60
        poor = min(-(-(one.stale_s + one.disconnected_s) // 60), minutes)
        # less than five seconds of a minute do no harm
        poor = 0 if one.stale_s + one.disconnected_s < 5 else poor  # noqa: PLR2004
        for part in range(_SLOTS):
            cell = sums[one.slot + part * _SLOT_MS]
            told = (minutes, minutes - poor, *one[2:])
            for place, number in enumerate(told):
                cell[place] += (number + _SLOTS - 1 - part) // _SLOTS
    names = [column.name for column in viewing_slot.columns][1:]
    return [
        {"slot": slot, **dict(zip(names, cell, strict=True))}
        for slot, cell in sorted(sums.items())
    ]


def _reports(now_ms: int) -> Iterator[dict[str, Any]]:
    for ago, confirmed, note in _REPORTS:
        age_ms = 95_000 if confirmed else 2_000
        yield {
            "report_id": f"{ago:032x}",
            "at": now_ms - ago * DAY_MS,
            "visitor": f"{ago * 7919:016x}",
            "source": "orders",
            "category": "not_updating",
            "note": note,
            "record": f'{{"age_ms": {age_ms}}}',
            "confirmed": confirmed,
        }
