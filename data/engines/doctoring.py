"""What ``job-manager doctor`` asks a source's database.

Plans are asked for, never measured: EXPLAIN runs nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, func, select, text

from data.clock import DAY_MS, SECOND_MS, Clock, now_ms
from data.engines.base import Diagnosis, Finding, Grade
from data.engines.native_queries import CALENDAR, GUIDE
from data.model import Anomaly
from data.rules.units import FIXES, unit_of

#: Clocks closer than this count as equal.
CLOCK_TOLERANCE_MS: Final = 2 * SECOND_MS
#: Open runs that are looked at, and the largest number; texts sort behind it.
_OPEN: Final = 500
_LARGEST: Final = 9_000_000_000_000_000_000
_FUTURE_MS: Final = DAY_MS
_EXPLAIN: Final = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
#: What PostgreSQL does when it has to: tells whether there is an index at all.
_FORCED: Final = ("SET LOCAL enable_seqscan = off", "SET LOCAL enable_sort = off")
#: PostgreSQL's own estimate, in pages read: a scan of less takes a few milliseconds.
_SMALL_COST: Final = 2_000.0
_COST: Final = re.compile(r"cost=[\d.]+?\.\.(\d+(?:\.\d+)?)")


def plans(
    connection: Connection,
    tables: Sequence[str],
    questions: Mapping[str, Select[Any]],
    *,
    guided: bool = False,
) -> Iterator[Diagnosis]:
    """For each of our questions: does an index answer it, as it is asked every day?

    ``guided`` questions are asked with ``by_index``.
    """
    partial = _partial_indexes(connection, tables)
    for question, statement in questions.items():
        steps = plan_of(connection, statement, GUIDE if guided else ())
        if connection.dialect.name == "sqlite":
            able = [step for step in steps if step.split()[-1] not in partial]
            bad = _slow(able, tables)
        else:
            able = plan_of(connection, statement, _FORCED)
            bad = [step for step in steps if _is_costly_scan(step, tables)]
        if _slow(able, tables):
            message = (
                f"{question} has to read more than it needs: {_slow(able, tables)[0]}."
            )
            mend = "Make the indexes that are missing, or run ANALYZE."
            yield Diagnosis("plan", Grade.MEND, message, mend)
        elif bad:
            message = (
                f"{question} reads the whole table, though there is an index: {bad[0]}."
            )
            yield Diagnosis("plan", Grade.MEND, message, f"ANALYZE {tables[0]};")
        else:
            yield Diagnosis("plan", Grade.OK, f"{question}: {steps[-1]}.")


def _partial_indexes(connection: Connection, tables: Sequence[str]) -> set[str]:
    """Of a SQLite file: a walk over such an index reads no more rows than are wanted."""
    if connection.dialect.name != "sqlite":
        return set()
    asked = text("SELECT name FROM pragma_index_list(:table) WHERE partial")
    return {
        str(name)
        for table in tables
        for name in connection.scalars(asked, {"table": table})
    }


def plan_of(
    connection: Connection, statement: Select[Any], settings: Sequence[str] = ()
) -> list[str]:
    """The steps in the database's own words; nothing is run, no setting is kept."""
    compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
    connection.exec_driver_sql("SAVEPOINT plan")
    if connection.dialect.name == "postgresql":
        for setting in settings:
            connection.exec_driver_sql(setting)
    explain = _EXPLAIN[connection.dialect.name]
    rows = connection.exec_driver_sql(f"{explain} {compiled}").all()
    connection.exec_driver_sql("ROLLBACK TO SAVEPOINT plan")
    connection.exec_driver_sql("RELEASE SAVEPOINT plan")
    return [str(row[-1]).strip() for row in rows]


def _slow(steps: Sequence[str], tables: Sequence[str]) -> list[str]:
    return [step for step in steps for name in tables if is_slow(step, name)]


def _is_costly_scan(step: str, tables: Sequence[str]) -> bool:
    """Does PostgreSQL mean to walk a whole table that is not small?"""
    cost = _COST.search(step)
    is_small = cost is not None and float(cost[1]) <= _SMALL_COST
    return not is_small and any(f"Seq Scan on {name}" in step for name in tables)


def is_slow(step: str, table: str) -> bool:
    """Does this step walk the whole table, or sort what it found?"""
    scans = step.startswith(f"SCAN {table}") or f"Seq Scan on {table}" in step
    sorts = "TEMP B-TREE FOR ORDER BY" in step or step.lstrip("-> ").startswith(
        "Sort  ("
    )
    return scans or sorts


def surroundings(connection: Connection, clock: Clock) -> Iterator[Diagnosis]:
    """Journal, clock and time zone of the database."""
    if connection.dialect.name == "sqlite":
        yield _journal(str(connection.exec_driver_sql("PRAGMA journal_mode").scalar()))
        return
    yield _skew(connection, clock)
    zone = connection.exec_driver_sql("SHOW timezone").scalar()
    message = f"Instants carry their zone; the session's is {zone}."
    yield Diagnosis("timezone", Grade.OK, message)


def _journal(mode: str) -> Diagnosis:
    if mode == "wal":
        return Diagnosis("journal", Grade.OK, "The journal mode is WAL.")
    message = (
        f"The journal mode is {mode.upper()}: readers and writers wait for each other."
    )
    return Diagnosis("journal", Grade.MEND, message, "PRAGMA journal_mode=WAL;")


def _skew(connection: Connection, clock: Clock) -> Diagnosis:
    epoch = func.extract("epoch", func.clock_timestamp())
    asked = now_ms(clock)
    there = round(float(connection.scalar(select(epoch)) or 0) * 1000)
    # it was read at some time until the answer came
    apart = there - min(max(there, asked), now_ms(clock))
    if abs(apart) <= CLOCK_TOLERANCE_MS:
        return Diagnosis("clock", Grade.OK, "The database's clock agrees with ours.")
    side = "ahead of" if apart > 0 else "behind"
    message = (
        f"The database's clock is {abs(apart) / 1000:.1f} s {side} this machine's."
    )
    return Diagnosis("clock", Grade.MEND, message, "Let NTP set both clocks.")


def units(connection: Connection, table: Table, now_ms: int) -> Iterator[Diagnosis]:
    """Instants that are no milliseconds, and ends in the future: a clock that is ahead."""
    wrong = wrong_units(connection, table)
    yield from (Diagnosis("units", Grade.MEND, *finding) for finding in wrong)
    ends = table.c.finished_at
    sane = ends.between(*CALENDAR["sqlite"])
    last = connection.scalar(select(ends).where(sane).order_by(ends.desc()).limit(1))
    if last is not None and last > now_ms + _FUTURE_MS:
        message = "A run ended in the future: the clock of a worker is ahead."
        yield Diagnosis("clock", Grade.MEND, message, "Let NTP set its clock.")
    elif last is not None and not wrong:
        yield Diagnosis("units", Grade.OK, "Instants are epoch milliseconds, UTC.")


def wrong_units(connection: Connection, table: Table) -> list[Finding]:
    """Seconds, microseconds or nanoseconds: for each unit the columns, with an example.

    The first and the last end are read by index, and some of the open runs.
    """
    c = table.c
    is_open = c.finished_at.is_(None)
    columns = (c.enqueued_at, c.scheduled_at, c.started_at, c.heartbeat_at)
    examples = [
        (column.name, value)
        for row in connection.execute(select(*columns).where(is_open).limit(_OPEN))
        for column, value in zip(columns, row, strict=True)
    ]
    first = select(c.finished_at).where(c.finished_at > 0).order_by(c.finished_at)
    last = select(c.finished_at).where(c.finished_at < _LARGEST)
    for statement in (first, last.order_by(c.finished_at.desc())):
        value = connection.scalar(statement.limit(1))
        examples.append((c.finished_at.name, value))
    found: dict[Anomaly, dict[str, object]] = {}
    for name, value in examples:
        if _is_number(value) and (unit := unit_of(int(value))):
            found.setdefault(unit, {}).setdefault(name, value)
    return [
        Finding(
            f"{table.fullname} holds a {unit.value}, where milliseconds are meant"
            f" ({', '.join(f'{name} {value}' for name, value in columns.items())}):"
            " such runs are not judged.",
            FIXES[unit],
        )
        for unit, columns in sorted(found.items())
    ]


def _is_number(value: object) -> bool:
    """SQLite takes anything in any column, infinity too."""
    return isinstance(value, int | float) and isfinite(value)
