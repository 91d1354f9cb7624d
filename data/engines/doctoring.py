"""What ``job-manager doctor`` asks a source's database.

Plans are asked for, never measured: EXPLAIN runs nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, func, select, text

from data.clock import DAY_MS, SECOND_MS
from data.engines.base import Diagnosis, Grade
from data.engines.native_queries import CALENDAR

#: Clocks closer than this count as equal.
CLOCK_TOLERANCE_MS: Final = 2 * SECOND_MS
#: Epoch milliseconds of 1973, and epoch seconds of the year 5138.
_TOO_SMALL: Final = 100_000_000_000
_FUTURE_MS: Final = DAY_MS
_PLAN: Final = {
    "sqlite": ("EXPLAIN QUERY PLAN", ()),
    # a small table is scanned because that is quicker; asked is whether it has to be
    "postgresql": (
        "EXPLAIN",
        ("SET LOCAL enable_seqscan = off", "SET LOCAL enable_sort = off"),
    ),
}


def plans(
    connection: Connection, tables: Sequence[str], questions: Mapping[str, Select[Any]]
) -> Iterator[Diagnosis]:
    """For each of our questions: does an index answer it?"""
    for question, statement in questions.items():
        steps = plan_of(connection, statement)
        bad = [step for step in steps for name in tables if is_slow(step, name)]
        if bad:
            message = f"{question} has to read more than it needs: {bad[0]}."
            mend = "Make the indexes that are missing, or run ANALYZE."
            yield Diagnosis("plan", Grade.MEND, message, mend)
        else:
            yield Diagnosis("plan", Grade.OK, f"{question}: {steps[-1]}.")


def plan_of(connection: Connection, statement: Select[Any]) -> list[str]:
    """The steps in the database's own words; nothing is run."""
    explain, settings = _PLAN[connection.dialect.name]
    for setting in settings:
        connection.execute(text(setting))
    compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
    rows = connection.exec_driver_sql(f"{explain} {compiled}").all()
    return [str(row[-1]).strip() for row in rows]


def is_slow(step: str, table: str) -> bool:
    """Does this step walk the whole table, or sort what it found?"""
    scans = step.startswith(f"SCAN {table}") or f"Seq Scan on {table}" in step
    sorts = "TEMP B-TREE FOR ORDER BY" in step or step.lstrip("-> ").startswith(
        "Sort  ("
    )
    return scans or sorts


def surroundings(connection: Connection, now_ms: int) -> Iterator[Diagnosis]:
    """Journal, clock and time zone of the database."""
    if connection.dialect.name == "sqlite":
        yield _journal(str(connection.exec_driver_sql("PRAGMA journal_mode").scalar()))
        return
    yield _skew(connection, now_ms)
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


def _skew(connection: Connection, now_ms: int) -> Diagnosis:
    epoch = func.extract("epoch", func.clock_timestamp())
    there = round(float(connection.scalar(select(epoch)) or 0) * 1000)
    apart = there - now_ms
    if abs(apart) <= CLOCK_TOLERANCE_MS:
        return Diagnosis("clock", Grade.OK, "The database's clock agrees with ours.")
    side = "ahead of" if apart > 0 else "behind"
    message = (
        f"The database's clock is {abs(apart) / 1000:.1f} s {side} this machine's."
    )
    return Diagnosis("clock", Grade.MEND, message, "Let NTP set both clocks.")


def units(connection: Connection, table: Table, now_ms: int) -> Iterator[Diagnosis]:
    """The last end of a run, by index: seconds in place of milliseconds, or a wrong clock."""
    ends = table.c.finished_at
    sane = ends.between(*CALENDAR["sqlite"])
    last = connection.scalar(select(ends).where(sane).order_by(ends.desc()).limit(1))
    if last is None:
        return
    if 0 < last < _TOO_SMALL:
        message = f"finished_at is {last}: these are seconds, and must be milliseconds."
        columns = "multiply every instant by 1000 where it is written"
        yield Diagnosis("units", Grade.MEND, message, columns)
    elif last > now_ms + _FUTURE_MS:
        message = "A run ended in the future: the clock of a worker is ahead."
        yield Diagnosis("clock", Grade.MEND, message, "Let NTP set its clock.")
    else:
        yield Diagnosis("units", Grade.OK, "Instants are epoch milliseconds, UTC.")
