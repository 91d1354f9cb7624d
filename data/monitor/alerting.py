"""Measures what the rules are about, judges it, and tells what became of alerts."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Final, Protocol
from urllib.parse import urlencode

from data.all_sources import ALL
from data.clock import SECOND_MS
from data.model import AlertNews
from data.monitor.deciding import About, Judged, decide
from data.monitor.measures import Measures, named_by
from data.monitor.previews import Preview, preview
from data.rules.alarms import RULES, Rule, checked
from data.rules.alerts import Standing, instant_of
from data.snapshot import Source
from data.store import Store
from data.store.alerts import OTHERS

__all__ = ["Alerting", "Preview", "Teller", "about_of", "preview"]

_STALLS: Final = frozenset({"StalledFrequency", "CriticalStalled"})
_CRITICAL: Final = frozenset({"CriticalStalled", "CriticalFailed"})


class Teller(Protocol):
    """Whoever takes news of alerts to people."""

    def tell(self, event: AlertNews, now_ms: int) -> None:
        """Send it; what has the same episode, kind and step is sent once."""


class Alerting:
    """A chore of the process that holds the lease.

    State and news are written in one transaction and news are handed over after it, until
    the teller has taken them: whoever leads next goes on with what is left.
    """

    name: Final = "alerts"
    every_ms: Final = 30 * SECOND_MS

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        *,
        teller: Teller | None = None,
        critical_jobs: Collection[str] = (),
        error_tracking: bool = True,
        stall_detection: bool = True,
    ) -> None:
        self._sources = sources
        self._store = store
        self._teller = teller
        self._critical = frozenset(critical_jobs)
        self._error_tracking = error_tracking
        self._stall_detection = stall_detection

    def do(self, now_ms: int) -> None:
        """Judge every rule and tell what is new. Raises DataError."""
        standings = self._store.alerts.standings()
        last = max((one.evaluated_at for one in standings), default=0)
        now = instant_of(last, now_ms)
        judged = self._judged(standings, now)
        about = partial(about_of, self._sources)
        self._store.alerts.advance(partial(decide, judged, about, now), now)
        self._hand_over(now_ms)

    def _judged(self, standings: Collection[Standing], now: int) -> list[Judged]:
        changed = self._store.alerts.settings()
        measures = Measures(self._sources, self._store, self._critical, now)
        found: list[Judged] = []
        for name, rule in RULES.items():
            limits = checked(name, changed.get(name, {}))
            if rest := self._why_not(name, limits):
                found.append(Judged(rule, limits, {}, rest))
                continue
            known = {one.label for one in standings if one.rule == name and one.label}
            readings = measures.readings(name, limits, known)
            found.append(Judged(rule, limits, readings))
        return found

    def _why_not(self, rule: str, limits: Mapping[str, float]) -> str:
        """Why the rule is not judged; "" when it is."""
        if not limits["enabled"]:
            return "Not judged: the rule is switched off."
        if rule == "NewErrorGroup" and not self._error_tracking:
            return "Not judged: error tracking is off (JOBS_ERROR_TRACKING)."
        if rule in _STALLS and not self._stall_detection:
            return "Not judged: stall detection is off (JOBS_STALL_DETECTION)."
        if rule in _CRITICAL and not self._critical:
            return "Not judged: no job type is critical (JOBS_CRITICAL_JOBS)."
        return ""

    def _hand_over(self, now_ms: int) -> None:
        for waiting in self._store.alerts.waiting():
            if self._teller is not None:
                self._teller.tell(waiting.news, now_ms)
            self._store.alerts.note_told(waiting.id)


def about_of(sources: Mapping[str, Source], rule: Rule, label: str) -> About:
    """What an alert is about, and the page with its cause, of all sources or of one."""
    everything = {"source": ALL} if len(sources) > 1 else {}
    if rule.name == "NewErrorGroup" and label != OTHERS:
        return About(rule.title, f"/errors?{urlencode({'group': label, **everything})}")
    if rule.name == "NewErrorGroup":
        return About(rule.title, f"/errors?{urlencode(everything)}".rstrip("?"))
    if rule.name == "SourceDown":
        known = sources.get(label)
        title = f"{rule.title}: {known.label}" if known else rule.title
        return About(title, f"/?{urlencode({'source': label})}", label)
    if rule.name == "CriticalStalled" and label != OTHERS:
        return _about_run(rule, *named_by(label))
    if rule.name == "CriticalFailed" and label != OTHERS:
        return _about_job(rule, *label.partition("/")[::2])
    query = urlencode({"range": "7d", **everything})
    return About(rule.title, "/alerts" if rule.labelled else f"/trends?{query}")


def _about_run(rule: Rule, source: str, run_id: str, job: str) -> About:
    path = f"/?{urlencode({'source': source, 'run': run_id})}"
    return About(f"{rule.title}: {job}", path, source, job)


def _about_job(rule: Rule, source: str, job: str) -> About:
    query = {"source": source, "job": job, "status": "FAILED"}
    return About(f"{rule.title}: {job}", f"/history?{urlencode(query)}", source, job)
