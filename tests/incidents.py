"""Things that go wrong, written into a store as the parts that watch them do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from data.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, Clock
from data.db import Database
from data.engines.native import NativeEngine
from data.model import (
    AlertNews,
    ErrorEvent,
    Evidence,
    JobState,
    Liveness,
    StallRule,
    StallState,
    Verdict,
)
from data.monitor.alerting import Alerting
from data.rules.series import QUARTER_MS, SLOT_MS
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store
from data.store.tables import rollup_hour, rollup_state
from data.store.upserts import insert_into
from data.store.viewing_tables import viewer_slot, viewing_slot
from tests.factories import NOW, JobTable, job_table

EVERY = Alerting.every_ms
CRITICAL = "pay-salaries"


class Listener:
    """Takes news of alerts, each episode, kind and step once, as the messenger does."""

    def __init__(self) -> None:
        self.heard: list[AlertNews] = []
        self.told = 0

    def tell(self, event: AlertNews, now_ms: int) -> None:
        self.told += 1
        known = {(one.episode_id, one.kind, one.step) for one in self.heard}
        if (event.episode_id, event.kind, event.step) not in known:
            self.heard.append(event)

    def kinds(self, rule: str) -> list[str]:
        return [one.kind for one in self.heard if one.rule == rule]


class Fault:
    """Writes what each rule is about; ``now`` is moved by whoever tests."""

    def __init__(self, store: Store, table: JobTable, source: Source) -> None:
        self.store = store
        self.table = table
        self.source = source

    def disconnects(self, now: int, users: int = 20, lost: int = 15) -> None:
        start = now - now % QUARTER_MS
        rows = [viewer(start, f"v{n}", int(n < lost)) for n in range(users)]
        self._put(viewer_slot, ["slot", "visitor"], rows)

    def minutes(self, since: int, until: int, minutes: int, good: int) -> None:
        rows = [
            _slot(at, minutes, good)
            for at in range(since - since % SLOT_MS, until, SLOT_MS)
        ]
        self._put(viewing_slot, ["slot"], rows)

    def stalls(self, now: int, runs: int, job: str = "report") -> None:
        ids = [f"{job}-{now}-{n}" for n in range(runs)]
        verdict = Verdict(
            StallState.OVERDUE,
            StallRule.DEFAULT_LIMIT,
            1_000,
            2_000,
            Evidence(now - HOUR_MS, None, Liveness.NONE, None),
        )
        self.store.episodes.record(
            "orders", dict.fromkeys(ids, verdict), dict.fromkeys(ids, job), now
        )

    def runs(self, hour: int, failed: int, succeeded: int, job: str = "report") -> None:
        for status, runs in (
            (JobState.FAILED, failed),
            (JobState.SUCCEEDED, succeeded),
        ):
            row = {
                "source": "orders",
                "hour": hour - hour % HOUR_MS,
                "job_name": job,
                "status": status.value,
                "runs": runs,
                "duration_ms": runs,
                "wait_ms": runs,
                "durations": b"",
            }
            self._put(rollup_hour, ["source", "hour", "job_name", "status"], [row])

    def stalls_too_often(self, runs: int) -> None:
        """So many today, where the weeks before are known and had none."""
        self.known_since(NOW - 9 * WEEK_MS)
        self.stalls(NOW, runs)

    def known_since(self, since: int) -> None:
        state = {
            "source": "orders",
            "generation": 1,
            "refreshed_until": NOW,
            "backfilled_from": since,
            "complete": False,
            "audited_hour": since,
            "episodes_from": since,
        }
        self._put(rollup_state, ["source"], [state])

    def two_weeks(self, failed_a_day: int) -> None:
        """Four failed runs a day, and so many in the last seven days."""
        self.known_since(NOW - 3 * WEEK_MS)
        for day in range(14):
            failed = failed_a_day if day < 7 else 4
            self.runs(NOW - day * DAY_MS, failed, 1_000)

    def errors(self, now: int, times: int, fingerprint: str = "v1:new") -> None:
        event = ErrorEvent(
            event_id=f"{fingerprint}{now}",
            fingerprint=fingerprint,
            title=f"KeyError in {fingerprint}",
            at=now,
            received_at=now,
            level="error",
            origin="browser",
            kind="error",
            type="KeyError",
            message="no such key",
            visitor="somebody",
            times=times,
        )
        self.store.errors.write([event])

    def take_away(self) -> None:
        self.table.execute("ALTER TABLE job_runs RENAME TO away")
        self.source.reader.refresh()

    def give_back(self) -> None:
        self.table.execute("ALTER TABLE away RENAME TO job_runs")
        self.source.reader.refresh()

    def _put(
        self, table: object, keys: list[str], rows: list[dict[str, object]]
    ) -> None:
        statement = insert_into(table, self.store.database.dialect)  # type: ignore[arg-type]
        changed = {
            name: statement.excluded[name] for name in rows[0] if name not in keys
        }
        upsert = statement.on_conflict_do_update(index_elements=keys, set_=changed)
        with self.store.database.writing() as connection:
            connection.execute(upsert, rows)


def viewer(slot: int, visitor: str, faults: int) -> dict[str, object]:
    """The row of somebody who looked at a page."""
    return {
        "slot": slot,
        "visitor": visitor,
        "good_s": 60,
        "stale_s": 0,
        "disconnected_s": 0,
        "faults": faults,
    }


def _slot(slot: int, minutes: int, good: int) -> dict[str, object]:
    return {
        "slot": slot,
        "minutes": minutes,
        "good_minutes": good,
        "good_s": 60 * good,
        "stale_s": 60 * (minutes - good),
        "disconnected_s": 0,
        "faults": 0,
    }


@contextmanager
def fault(store: Store, folder: Path, clock: Clock) -> Iterator[Fault]:
    """What can go wrong with one real source called "orders"."""
    with job_table(f"sqlite:///{folder / 'orders.db'}") as table:
        engine = NativeEngine(Database(table.url, name="Orders"))
        reader = SnapshotReader(
            "orders", engine, limits=StallLimits(), clock=clock, poll_every_ms=MINUTE_MS
        )
        reader.refresh()
        source = Source(
            name="orders",
            label="Orders",
            engine=engine,
            dialect="sqlite",
            reader=reader,
        )
        yield Fault(store, table, source)
        engine.close()


def _silent(it: Fault, now: int) -> None:
    it.store.viewing.hear("page", now)
    it.store.viewing.hear("telemetry", NOW - 10 * MINUTE_MS)


def _rising(it: Fault, now: int) -> None:
    if now == NOW:
        it.two_weeks(12)


def _gone(it: Fault, now: int) -> None:
    if now == NOW:
        it.take_away()


def _burning(it: Fault, now: int, span_ms: int, minutes: int, good: int) -> None:
    """The whole span at first, then what is new of it."""
    since = now - span_ms if now == NOW else now - 10 * EVERY
    it.minutes(since, now, minutes, good)


#: By rule, something that must raise its alarm; called before each evaluation.
INCIDENTS: dict[str, Callable[[Fault, int], None]] = {
    "WsDisconnectRate": lambda it, now: it.disconnects(now),
    "StalledFrequency": lambda it, now: it.stalls_too_often(3),
    "NewErrorGroup": lambda it, now: it.errors(NOW, 10),
    "UptimeBurnFast": lambda it, now: _burning(it, now, HOUR_MS, 20, 10),
    "UptimeBurnMid": lambda it, now: _burning(it, now, 6 * HOUR_MS, 20, 19),
    "UptimeBurnSlow": lambda it, now: _burning(it, now, 3 * DAY_MS, 100, 99),
    "CriticalStalled": lambda it, now: it.stalls(NOW, 1, CRITICAL),
    "CriticalFailed": lambda it, now: it.runs(NOW, 1, 0, CRITICAL),
    "TelemetryDead": _silent,
    "ErrorRateWoW": _rising,
    "SourceDown": _gone,
}
