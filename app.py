"""The composition root: settings -> store, sources -> Deps -> the app; and the command."""

import os
import secrets
import socket
import sys
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple

from dash import Dash
from fastapi import FastAPI

from dashboard.around import around
from dashboard.build import build_of
from dashboard.cli import run_command
from dashboard.commands.tools import Tools, status_of
from dashboard.deps import Deps, Look, store_findings
from dashboard.live import Hub, Messages
from dashboard.serving import (
    LeavesInTime,
    configure_logging,
    share_the_interpreter,
    spare_the_collector,
)
from dashboard.settings import (
    Settings,
    SettingsError,
    SourceSettings,
    load_settings,
)
from dashboard.shell import create_app
from dashboard.workers import end_with_parent
from data.actions import Actions
from data.all_sources import all_of
from data.clock import Clock, to_duration_ms, utc_now
from data.db import Database
from data.engines.registry import open_engine
from data.exceptions import DataError, InvalidRequestError
from data.monitor import Monitor
from data.monitor.alerting import Alerting
from data.monitor.baselines import Baselines
from data.monitor.regrouping import Regroup
from data.monitor.weekly import WeeklySummary
from data.notify import Messenger
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from data.store import Store, open_store
from data.tracking import Tracker, track_warning
from data.tracking.sinks import GuardedSink, Sink
from data.tracking.webhook import Webhook


class Composed(NamedTuple):
    """Everything that was made, for those who serve it and for tests."""

    app: Dash
    deps: Deps
    monitor: Monitor
    hub: Hub

    @property
    def asgi(self) -> FastAPI:
        """The ASGI application."""
        server: FastAPI = self.app.server
        return server


def compose(
    settings: Settings, *, clock: Clock = utc_now, ribbon: str = ""
) -> Composed:
    """The whole program for these settings; nothing runs until it is served."""
    limits = limits_of(settings)
    retention_ms = to_duration_ms(settings.retention)
    store = open_store(
        settings.store_url.get_secret_value(),
        retention_ms=retention_ms,
        sources=settings.sources,
        critical_jobs=settings.critical_jobs,
    )
    sources = open_sources(settings, clock=clock)
    everything = all_of(sources)
    look = look_of(settings, ribbon)
    build = build_of(look, sources.values(), tracking=settings.error_tracking)
    messages = Messages(
        sources,
        everything,
        limits=limits,
        clock=clock,
        build=build,
        also=partial(store_findings, store),
    )
    hub = Hub(messages)
    tracker = tracker_of(settings, store, clock) if settings.error_tracking else None
    holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    messenger = messenger_of(settings, store, clock, holder)
    monitor = Monitor(
        sources,
        store,
        clock=clock,
        holder=holder,
        publish=hub.publish,
        probing=settings.live,
        retention_ms=retention_ms,
        limits=limits if settings.stall_detection else None,
        tracker=tracker,
        chores=[
            alerting_of(settings, sources, store, messenger),
            WeeklySummary(store, messenger, home=home_of(settings)),
            messenger,
            Baselines(store),
            Regroup(store),
        ],
    )
    actions = Actions(
        sources, store, limits=limits, clock=clock, changed=monitor.changed
    )
    deps = Deps(
        sources=sources,
        everything=everything,
        store=store,
        actions=actions,
        limits=limits,
        clock=clock,
        look=look,
        build=build,
        origins=settings.origins,
        host=settings.host,
        tracker=tracker,
        messenger=messenger,
        critical_jobs=settings.critical_jobs,
        duties=monitor.duties.all,
        salt=_key_of(settings).encode(),
    )
    return Composed(create_app(deps, hub, monitor), deps, monitor, hub)


def open_sources(settings: Settings, *, clock: Clock = utc_now) -> dict[str, Source]:
    """Every source by its name; nothing is connected yet."""
    return {
        name: _source(name, source, settings, clock)
        for name, source in settings.sources.items()
    }


def _source(
    name: str, source: SourceSettings, settings: Settings, clock: Clock
) -> Source:
    label = source.label or name
    database = Database(source.url.get_secret_value(), name=label)
    engine = open_engine(
        source.engine,
        database,
        schema=source.schema_name or None,
        read_only=source.read_only,
    )
    reader = SnapshotReader(
        name,
        engine,
        limits=limits_of(settings) if settings.stall_detection else None,
        clock=clock,
        poll_every_ms=to_duration_ms(settings.poll_every),
    )
    return Source(
        name=name, label=label, engine=engine, dialect=database.dialect, reader=reader
    )


def tracker_of(settings: Settings, store: Store, clock: Clock) -> Tracker:
    """The error tracker, with the sinks that are configured."""
    key = _key_of(settings)
    sinks: list[Sink] = []
    if settings.sentry_dsn:
        sinks.append(_sentry(settings.sentry_dsn.get_secret_value()))
    if settings.error_webhook:
        sinks.append(Webhook(settings.error_webhook.get_secret_value(), key))
    return Tracker(
        store.errors,
        clock=clock,
        sinks=[GuardedSink(sink) for sink in sinks],
        around=around,
        salt=key.encode(),
    )


def _key_of(settings: Settings) -> str:
    return settings.secret_key.get_secret_value() if settings.secret_key else ""


def _sentry(dsn: str) -> Sink:
    try:
        # only here: sentry-sdk is an extra
        open_sentry = resolve_name("data.tracking.sentry:Sentry")
        made: Sink = open_sentry(dsn, release=version("job-manager"))
    except ModuleNotFoundError:
        message = "JOBS_SENTRY_DSN needs a package: pip install 'job-manager[sentry]'"
        raise SettingsError(message) from None
    except ValueError as error:
        message = f"JOBS_SENTRY_DSN: {error}; allowed: https://KEY@HOST/PROJECT"
        raise SettingsError(message) from None
    return made


def messenger_of(
    settings: Settings, store: Store, clock: Clock, holder: str
) -> Messenger:
    """Who takes messages to the channels, those of the settings included."""
    try:
        return Messenger(
            store.messages,
            clock=clock,
            holder=holder,
            home=home_of(settings),
            urls=[url.get_secret_value() for url in settings.notify_urls],
            warn=partial(track_warning, action="monitor", component="messages"),
        )
    except InvalidRequestError as error:
        raise SettingsError(f"JOBS_NOTIFY_URLS: {error}") from None


def home_of(settings: Settings) -> str:
    """The address of the overview, for links in messages."""
    return f"{settings.origins[0]}{settings.prefix}"


def alerting_of(
    settings: Settings,
    sources: Mapping[str, Source],
    store: Store,
    messenger: Messenger,
) -> Alerting:
    """The alerts, as far as what they are about is switched on."""
    return Alerting(
        sources,
        store,
        teller=messenger,
        critical_jobs=settings.critical_jobs,
        error_tracking=settings.error_tracking,
        stall_detection=settings.stall_detection,
    )


def limits_of(settings: Settings) -> StallLimits:
    """How long runs may take."""
    return StallLimits(
        default_ms=to_duration_ms(settings.stall_after),
        by_type={
            name: to_duration_ms(limit) for name, limit in settings.stall_limits.items()
        },
    )


def look_of(settings: Settings, ribbon: str) -> Look:
    """What the pages need to know of the settings."""
    return Look(
        title=settings.title,
        prefix=settings.prefix,
        ribbon=ribbon,
        support_url=settings.support_url,
        logs_url=settings.logs_url,
        refresh_every_ms=to_duration_ms(settings.refresh_every),
        confirm_clean_up=settings.cleanup_confirm,
        frame_ancestors=settings.frame_ancestors,
        live=settings.live,
        extra_script=settings.extra_script,
        csp_connect=settings.csp_connect,
    )


def server() -> LeavesInTime:
    """The ASGI application for ``uvicorn app:server --factory``, one in each process.

    What it cannot start with is one line and the exit status of the command.
    """
    configure_logging()
    try:
        asgi = compose(load_settings(os.environ, directory=Path.cwd())).asgi
    except (SettingsError, DataError) as error:
        sys.exit(status_of(error))
    spare_the_collector()
    share_the_interpreter()
    return LeavesInTime(asgi)


def worker() -> LeavesInTime:
    """``server`` for one of several processes, which ends with the one that started it."""
    end_with_parent()
    return server()


def main() -> None:
    """The ``job-manager`` command."""
    sys.exit(run_command(sys.argv[1:], Tools(compose, open_sources)))
