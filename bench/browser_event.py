"""What one message of the socket costs the browser's main thread.

The page is the product's, over a real socket; the messages are made by the product out
of snapshots that change a little. DevTools counts the CPU time of all tasks of the
main thread (``TaskDuration`` in thread time: the socket's handler, the renderer, React,
the grid, style, layout, paint), which neighbours on the machine do not disturb. What the
page spends anyway, its one ticker a second, is measured in silence and taken off; a
heartbeat's cost too, because silence is broken by them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import sleep
from typing import Final, NamedTuple

import uvicorn

from app import Composed, compose
from bench.asked import Asked
from bench.browser import Page, chromium
from bench.report import Line
from bench.servers import free_port
from bench.tables import Open
from bench.waiting import wait_until
from dashboard.live import HEARTBEAT_EVERY_S
from dashboard.settings import load_settings
from data.clock import SECOND_MS, now_ms, utc_now
from data.model import Snapshot
from data.rules.stalls import StallLimits, judge

FIGURE: Final = "browser: one socket event"
_VIEWS: Final = (Open(running=25, overdue=2), Open(running=500, overdue=20))
_EVENTS: Final = 40
_EVERY_S: Final = 0.2
#: The page gives up a link that is silent for longer.
_SPAN_S: Final = _EVENTS * _EVERY_S
_SETTLE_S: Final = 3.0
_EVENT_LIMIT_MS: Final = 3.0
_STEP_LIMIT_MS: Final = 0.1
#: Nothing is read or asked but what the benchmark publishes.
_QUIET: Final = {"JOBS_POLL_EVERY": "1h", "JOBS_REFRESH_EVERY": "1h"}

_STEPS: Final = 20_000
_STEP: Final = """
const { initial, step } = window.jobManagerLive;
const events = [{ type: 'message' }, { type: 'tick' }];
let link = step(initial, { type: 'started' }, 0, 0.5).link;
link = step(link, { type: 'opened' }, 1, 0.5).link;
const started = performance.now();
for (let n = 0; n < arguments[0]; n += 1) {
  link = step(link, events[n % 2], 1000 + n, 0.5).link;
}
return (performance.now() - started) / arguments[0];
"""


class _Costs(NamedTuple):
    """Main-thread milliseconds of one event of each kind."""

    snapshot: float
    heartbeat: float


def measure(asked: Asked) -> Iterator[Line]:
    """A line for each kind of message, and for the state change."""
    step_ms = 0.0
    for view in _VIEWS:
        url = asked.tables.fresh("sqlite", asked.usual, view)
        with _served(url) as (composed, address), chromium() as page:
            page.open(address)
            sleep(_SETTLE_S)
            costs = _costs(page, composed)
            step_ms = float(page.run(_STEP, _STEPS))
        asked.tables.drop(url)
        for kind, cost in costs._asdict().items():
            yield Line(
                f"{FIGURE}, {kind}",
                "-",
                f"{view.running} rows",
                f"{cost:.1f} ms",
                "",
                f"<= {_EVENT_LIMIT_MS:g} ms",
                cost <= _EVENT_LIMIT_MS,
            )
    value = f"{step_ms * 1000:.2f} µs"
    limit = f"<= {_STEP_LIMIT_MS:g} ms"
    yield Line(f"{FIGURE}, state change", "-", "-", value, "", limit, step_ms <= _STEP_LIMIT_MS)


def _costs(page: Page, composed: Composed) -> _Costs:
    changing, same = _changing(composed), _same(composed)
    page.devtools("Performance.enable", timeDomain="threadTicks")
    _span_ms(page, changing)  # the first ones compile the scripts
    silent_beats = _SPAN_S / HEARTBEAT_EVERY_S
    silence_ms = _span_ms(page, None)
    beats_ms = _span_ms(page, same)
    snapshots_ms = _span_ms(page, changing)
    beat_ms = (beats_ms - silence_ms) / (_EVENTS - silent_beats)
    idle_ms = silence_ms - silent_beats * beat_ms
    return _Costs((snapshots_ms - idle_ms) / _EVENTS, beat_ms)


def _span_ms(page: Page, publish: Callable[[int], None] | None) -> float:
    """What the main thread does while something is published, or nothing is."""
    before = _busy_ms(page)
    for number in range(_EVENTS):
        if publish is not None:
            publish(number)
        sleep(_EVERY_S)
    return _busy_ms(page) - before


def _busy_ms(page: Page) -> float:
    metrics = page.devtools("Performance.getMetrics")["metrics"]
    values = {metric["name"]: float(metric["value"]) for metric in metrics}
    return values["TaskDuration"] * 1000


def _changing(composed: Composed) -> Callable[[int], None]:
    """Each time one run tells of its progress, and another ends or starts."""

    def publish(number: int) -> None:
        before = _last(composed)
        now = now_ms(utc_now)
        first, *others = before.jobs
        told = others[number % (len(others) - 2)]
        beat = told._replace(heartbeat_at=now, progress=number / _EVENTS)
        jobs = [first, *(beat if job is told else job for job in others)]
        if number % 2:
            started = first._replace(run_id=f"9{now}", started_at=now - SECOND_MS)
            jobs.append(started._replace(heartbeat_at=now))
        else:
            jobs.pop()
        _publish(composed, before, jobs_at=now, jobs=tuple(jobs))

    return publish


def _same(composed: Composed) -> Callable[[int], None]:
    """Nothing changed but the time: a heartbeat."""

    def publish(_number: int) -> None:
        before = _last(composed)
        _publish(composed, before, jobs_at=now_ms(utc_now), jobs=before.jobs)

    return publish
