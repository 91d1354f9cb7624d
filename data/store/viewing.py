"""What viewers' pages tell of themselves: seconds, links that broke, reports."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    case,
    delete,
    distinct,
    func,
    select,
    update,
)

from data.clock import MINUTE_MS
from data.db import Database
from data.rules.viewing import (
    BUCKETS_S,
    FIRST_MS,
    Counters,
    Report,
    Spread,
    Told,
    growth,
    plus,
    spread_evenly,
)
from data.store.sums import Sums, add_sums, read_sums
from data.store.texts import storable, storable_key
from data.store.upserts import insert_into
from data.store.viewing_tables import (
    heard,
    viewer_report,
    viewer_session,
    viewer_slot,
    viewing_slot,
)

__all__ = ["Counters", "Report", "Told", "Viewing", "ViewingLog"]

#: Lengths of the slots of all viewers, and of single ones.
SLOT_MS: Final = 5 * MINUTE_MS
USER_SLOT_MS: Final = 15 * MINUTE_MS
_SECONDS: Final = ("good_s", "stale_s", "disconnected_s")
_OLD: Final = (
    viewer_session.c.last_at,
    viewer_slot.c.slot,
    viewing_slot.c.slot,
    viewer_report.c.at,
)
_u: Final = viewer_slot.c
_r: Final = viewer_report.c
#: How spreads are labelled among the totals, in the order of their counts.
LABELS: Final = (*(f"le={end}" for end in BUCKETS_S), "le=+Inf")


class Viewing(NamedTuple):
    """What all viewers saw in five minutes; seconds and minutes of visible pages."""

    #: start of the slot, epoch ms
    slot: int
    minutes: int
    good_minutes: int
    good_s: int
    stale_s: int
    disconnected_s: int
    #: links that broke
    faults: int


@dataclass(frozen=True)
class _Known:
    """What is known of a tab."""

    #: when it told something last, epoch ms; None before
    last_at: int | None
    number: int
    counters: Counters


class ViewingLog:
    """The telemetry of all viewers."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # ---- writing ----

    def tell(self, told: Told, now_ms: int) -> None:
        """Count what is new in one post: twice is once, whoever is told, in any order."""
        with self._db.writing() as connection:
            known = self._claim(connection, told, now_ms)
            if told.number > known.number:
                grown = self._believed(told, known, now_ms)
                _note(
                    connection, told, plus(known.counters, told.counters, grown), now_ms
                )
                self._spread(connection, told.visitor, grown, now_ms)
                add_sums(connection, self._db.dialect, _totals_of(grown))
            if told.report is not None:
                self._keep(connection, told.report, told.visitor, now_ms)
            self._hear(connection, "telemetry", now_ms)

    def _claim(self, connection: Connection, told: Told, now_ms: int) -> _Known:
        """What is known of the tab; nobody else changes it until this is committed."""
        row = {
            "session": told.session,
            "visitor": told.visitor,
            "last_at": now_ms,
            "counters": "",
        }
        insert = insert_into(viewer_session, self._db.dialect)
        connection.execute(insert.on_conflict_do_nothing(), row)
        c = viewer_session.c
        mine = select(c.last_at, c.counters).where(c.session == told.session)
        last_at, counters = connection.execute(mine.with_for_update()).one()
        if not counters:
            return _Known(None, 0, Counters())
        return _Known(last_at, *_unpacked(counters))

    def _believed(self, told: Told, known: _Known, now_ms: int) -> Counters:
        last_at = now_ms - FIRST_MS if known.last_at is None else known.last_at
        return growth(known.counters, told.counters, now_ms - last_at)

    def _spread(
        self, connection: Connection, visitor: str, grown: Counters, now_ms: int
    ) -> None:
        """Over the time that was visible, the faults to now."""
        since = now_ms - 1000 * grown.visible_s
        own = _slots(grown, _SECONDS, since, now_ms, USER_SLOT_MS)
        together = ("minutes", "good_minutes", *_SECONDS)
        all_ = _slots(grown, together, since, now_ms, SLOT_MS)
        self._upsert(connection, viewing_slot, {"slot"}, all_)
        mine = [{**row, "visitor": visitor} for row in own]
        self._upsert(connection, viewer_slot, {"slot", "visitor"}, mine)

    def _upsert(
        self,
        connection: Connection,
        table: Table,
        keys: set[str],
        rows: Sequence[Mapping[str, object]],
    ) -> None:
        """Add to rows, in one order for all: nobody waits for one who waits for him."""
        if not rows:
            return
        insert = insert_into(table, self._db.dialect)
        more = {
            name: table.c[name] + insert.excluded[name]
            for name in rows[0].keys() - keys
        }
        upsert = insert.on_conflict_do_update(index_elements=sorted(keys), set_=more)
        connection.execute(upsert, rows)

    def _keep(
        self, connection: Connection, report: Report, visitor: str, now_ms: int
    ) -> None:
        row = {
            "report_id": report.report_id,
            "at": now_ms,
            "visitor": visitor,
            "source": storable_key(report.source),
            "category": report.category,
            "note": storable(report.note),
            "record": storable(report.record),
            "confirmed": report.confirmed,
        }
        insert = insert_into(viewer_report, self._db.dialect).on_conflict_do_nothing(
            index_elements=[_r.report_id]
        )
        connection.execute(insert, row)

    def hear(self, name: str, at_ms: int) -> None:
        """Something was heard of: "page", when a browser asked for one."""
        with self._db.writing() as connection:
            self._hear(connection, name, at_ms)

    def _hear(self, connection: Connection, name: str, at_ms: int) -> None:
        insert = insert_into(heard, self._db.dialect)
        upsert = insert.on_conflict_do_update(
            index_elements=[heard.c.name],
            set_={"at": insert.excluded.at},
            where=insert.excluded.at > heard.c.at,
        )
        connection.execute(upsert, {"name": name, "at": at_ms})

    # ---- reading ----

    def slots(self, since: int, until: int) -> list[Viewing]:
        """The 5-minute slots that begin in the span, oldest first; empty ones left out."""
        c = viewing_slot.c
        statement = (
            select(*(c[name] for name in Viewing._fields))
            .where(c.slot >= since, c.slot < until)
            .order_by(c.slot)
        )
        return [Viewing(*row) for row in self._db.fetch(statement)]

    def seconds(self, since: int, until: int) -> int:
        """Seconds in which a page was visible, of the slots that begin in the span."""
        c = viewing_slot.c
        visible = func.sum(c.good_s + c.stale_s + c.disconnected_s)
        spent = select(func.coalesce(visible, 0)).where(c.slot >= since, c.slot < until)
        return int(self._db.fetch(spent)[0][0])

    def users(self, since: int, until: int) -> tuple[int, int]:
        """Viewers of the quarters of an hour that touch the span, and who lost the link."""
        touched = _u.slot > since - USER_SLOT_MS, _u.slot < until
        rows = self._db.fetch(select(*_viewers()).where(*touched))
        return int(rows[0][0]), int(rows[0][1])

    def users_by(
        self, since: int, until: int, step_ms: int
    ) -> list[tuple[int, int, int]]:
        """(start of the step, viewers, viewers who lost the link), oldest first.

        Of the quarters of an hour that begin in the span; ``step_ms`` holds whole ones.
        """
        start = _u.slot - _u.slot % step_ms
        statement = (
            select(start, *_viewers())
            .where(_u.slot >= since, _u.slot < until)
            .group_by(start)
            .order_by(start)
        )
        return [(int(s), int(n), int(lost)) for s, n, lost in self._db.fetch(statement)]

    def heard(self) -> dict[str, int]:
        """When each thing was heard of last, epoch ms: "page", "telemetry"."""
        rows = self._db.fetch(select(heard.c.name, heard.c.at))
        return {name: at for name, at in rows}  # noqa: C416  # rows are no pairs to mypy

    def totals(self) -> Sums:
        """Sums over all time by name and label."""
        with self._db.reading() as connection:
            return read_sums(connection)

    def reports(self, since: int, until: int, limit: int = 200) -> list[Report]:
        """What people reported in the span, newest first."""
        statement = (
            select(*(_r[name] for name in Report._fields))
            .where(_r.at >= since, _r.at < until)
            .order_by(_r.at.desc(), _r.id.desc())
            .limit(limit)
        )
        return [Report(*row) for row in self._db.fetch(statement)]

    # ---- forgetting ----

    def prune(self, before_ms: int) -> int:
        """Forget what was told before then; how many rows. Sums over all time stay."""
        with self._db.writing() as connection:
            return sum(
                connection.execute(delete(at.table).where(at < before_ms)).rowcount
                for at in _OLD
            )


def _note(connection: Connection, told: Told, counters: Counters, now_ms: int) -> None:
    row = {
        "last_at": now_ms,
        "visitor": told.visitor,
        "counters": _packed(told.number, counters),
    }
    mine = viewer_session.c.session == told.session
    connection.execute(update(viewer_session).where(mine).values(row))


def _packed(number: int, counters: Counters) -> str:
    return json.dumps({"number": number, **counters._asdict()})


def _unpacked(text: str) -> tuple[int, Counters]:
    found: dict[str, Any] = json.loads(text)
    number = found.pop("number")
    for name in ("reconnects", "ages"):
        counts, sum_ms = found[name]
        found[name] = Spread(tuple(counts), sum_ms)
    return number, Counters(**found)


def _slots(
    grown: Counters, names: Iterable[str], since: int, until: int, step: int
) -> list[dict[str, int]]:
    """Rows of what grew, one a step, oldest first; all have the same keys."""
    parts = {
        name: spread_evenly(getattr(grown, name), since, until, step) for name in names
    }
    parts["faults"] = spread_evenly(sum(grown.faults.values()), until, until, step)
    return [
        {"slot": slot, **{name: part.get(slot, 0) for name, part in parts.items()}}
        for slot in sorted({slot for part in parts.values() for slot in part})
    ]


def _totals_of(grown: Counters) -> dict[tuple[str, str], int]:
    found = {
        ("seconds", "good"): grown.good_s,
        ("seconds", "stale"): grown.stale_s,
        ("seconds", "disconnected"): grown.disconnected_s,
        ("minutes", "good"): grown.good_minutes,
        ("minutes", "bad"): grown.minutes - grown.good_minutes,
        ("attempts", ""): grown.attempts,
    }
    found.update({("faults", cause): n for cause, n in grown.faults.items()})
    for name, spread in (("reconnect", grown.reconnects), ("age", grown.ages)):
        counts = zip(LABELS, spread.counts, strict=True)
        found.update({(name, label): n for label, n in counts})
        found[name, "sum_ms"] = spread.sum_ms
    return found


def _viewers() -> tuple[ColumnElement[int], ColumnElement[int]]:
    """How many different viewers there are in some slots, and how many lost the link."""
    lost = case((_u.faults > 0, _u.visitor))
    return func.count(distinct(_u.visitor)), func.count(distinct(lost))
