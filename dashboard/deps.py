"""What callbacks may touch, and who asks. Made once, in app.py."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from data.actions import Actions
from data.all_sources import ALL, AllSources, by_source, parted
from data.clock import Clock
from data.engines.base import Finding, Remedy
from data.exceptions import UnknownRunError, UnknownSourceError
from data.model import Snapshot
from data.monitor.duty import Duty
from data.notify import Messenger
from data.rules.stalls import StallLimits
from data.snapshot import Source
from data.store import Store
from data.tracking import Tracker


class Action(StrEnum):
    """What a viewer may be allowed to do."""

    VIEW = "view"
    EXPORT = "export"
    CLEAN_UP = "clean up"
    UNDO = "undo"
    ENQUEUE = "run jobs"
    CANCEL = "cancel"
    RETRY = "run again"
    #: tell of an error that one met
    REPORT = "report errors"
    #: resolve, ignore, merge and split errors
    TRIAGE = "sort errors"
    #: acknowledge and silence alerts, change rules and channels
    ALERT = "look after alerts"


class Role(StrEnum):
    """What a viewer is."""

    VIEWER = "viewer"
    ADMIN = "admin"


_ALLOWED: Final[dict[Role, frozenset[Action]]] = {
    Role.VIEWER: frozenset({Action.VIEW, Action.EXPORT, Action.REPORT}),
    Role.ADMIN: frozenset(Action),
}


@dataclass(frozen=True)
class Viewer:
    """Who asks. ``name`` is what the audit keeps."""

    name: str
    role: Role

    def may(self, action: Action) -> bool:
        """Is this viewer allowed to do that?"""
        return action in _ALLOWED[self.role]


#: Everyone, while nobody signs in.
LOCAL: Final = Viewer("local", Role.ADMIN)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How the pages look and behave: plain values out of the settings."""

    title: str = "Job Manager"
    #: below which path everything lives; starts and ends with a slash
    prefix: str = "/"
    #: said beside the title, "demo" for the demo
    ribbon: str = ""
    support_url: str = ""
    #: template of a link to a run's logs, "" without
    logs_url: str = ""
    refresh_every_ms: int = 15_000
    #: evidence first; False: one click, undo offered
    confirm_clean_up: bool = True
    #: who may frame the pages, as CSP spells them
    frame_ancestors: tuple[str, ...] = ("'self'",)
    live: bool = True
    #: a script of one's own, served with the page: a file, or an address; "" without
    extra_script: str = ""
    #: origins that it may talk to
    csp_connect: tuple[str, ...] = ()


def store_findings(store: Store) -> list[Finding]:
    """What people must know of the store; nothing is asked of it."""
    if not (problem := store.database.write_problem):
        return []
    return [Finding(f"Job Manager's own store cannot be written. {problem}", "")]


@dataclass(frozen=True, kw_only=True)
class Deps:
    """Everything the pages work with."""

    sources: Mapping[str, Source]
    #: the same, to be asked like one
    everything: AllSources
    store: Store
    actions: Actions
    messenger: Messenger
    limits: StallLimits
    clock: Clock
    look: Look
    #: tells pages of this version with these settings from others (dashboard/build.py)
    build: str = ""
    origins: tuple[str, ...] = ()
    #: the address it listens on
    host: str = "127.0.0.1"
    viewer: Callable[[], Viewer] = lambda: LOCAL
    #: job types whose stalls and failures are told at once
    critical_jobs: tuple[str, ...] = ()
    #: None: errors are not tracked
    tracker: Tracker | None = None
    #: what runs beside the pages, for those who watch how it goes
    duties: Sequence[Duty] = ()
    #: of the hashes that stand for tabs
    salt: bytes = b""

    def home(self, name: str | None, run_id: str) -> tuple[Source, str]:
        """The source that a run of ``name`` belongs to, and its id there."""
        if name != ALL:
            return self.source(name), run_id
        source, rest = parted(run_id)
        if source not in self.sources:
            message = f"No source has a run {run_id[:100]}. It may be gone."
            raise UnknownRunError(message)
        return self.sources[source], rest

    def remedies(self, source: str | None, run_ids: Iterable[str]) -> set[Remedy]:
        """What a clean-up of these runs does to them."""
        names = [source or ""]
        if source == ALL:
            names = [*by_source(run_ids, self.sources)]
        return {self.source(name).engine.capabilities.remedy for name in names}

    def narrowed(self, name: str | None) -> str:
        """The source that a list of several ones' things is narrowed to; "" for none.

        With one source alone everything is about it.
        """
        return name if name and name != ALL and len(self.sources) > 1 else ""

    def place(self, name: str | None) -> Source | AllSources:
        """The source of that name, or all of them."""
        return self.everything if name == ALL else self.source(name)

    def source(self, name: str | None) -> Source:
        """The source of that name; without a name the first one."""
        if not name:
            return next(iter(self.sources.values()))
        if name not in self.sources:
            raise UnknownSourceError(name, sorted(self.sources))
        return self.sources[name]

    def findings(self, name: str | None) -> list[Finding]:
        """What was found at a source, and what is wrong with the store."""
        return [*self.place(name).reader.findings, *store_findings(self.store)]

    def snapshot(self, name: str | None) -> Snapshot:
        """The current snapshot of a source; reads when the last one is too old."""
        return self.place(name).reader.current()
