"""What one message of the socket costs the browser's main thread.

The page is the product's, over a real socket; the messages are made by the product out
of snapshots that change a little. DevTools counts the CPU time of all tasks of the
main thread (``TaskDuration`` in thread time: the socket's handler, the renderer, React,
the grid, style, layout, paint), which neighbours on the machine do not disturb. What the
page spends anyway, its one ticker a second, is measured in silence and taken off; a
heartbeat's cost too, because silence is broken by them.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
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
from data.model import Job
from data.rules.stalls import StallLimits, judge

FIGURE: Final = "browser: one socket event"
_OPEN: Final = Open(running=500, overdue=2)
#: Rows on the page: a usual number, and the most there are.
_VIEWS: Final = (25, 500)
_EVENTS: Final = 40
_EVERY_S: Final = 0.2
#: As long as each kind is published, and as the silence lasts.
_SPAN_S: Final = _EVENTS * _EVERY_S
_SETTLE_S: Final = 3.0
#: Numbers of snapshots, far above what the product's own reader counts to.
_NUMBERS: Final = count(1_000_000)
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


class _Stream:
    """Publishes snapshots of ``rows`` runs that are made up, through the real hub."""

    def __init__(self, composed: Composed, rows: int) -> None:
        self._hub = composed.hub
        reader = next(iter(composed.deps.sources.values())).reader
        self._last = replace(reader.latest, jobs=reader.latest.jobs[:rows])

    def change(self, number: int) -> None:
        """One run tells of its progress, and another one starts, or ends."""
        now = now_ms(utc_now)
        jobs = list(self._last.jobs)
        told = 5 + number % (len(jobs) - 10)
        jobs[told] = jobs[told]._replace(heartbeat_at=now, progress=number / _EVENTS)
        if number % 2:
            jobs.append(jobs[5]._replace(run_id=f"9{now}", started_at=now - SECOND_MS))
        else:
            jobs.pop()
        self._publish(tuple(jobs), now)

    def same(self, _number: int) -> None:
        """Nothing changed but the time: the hub makes a heartbeat of it."""
        self._publish(self._last.jobs, now_ms(utc_now))

    def _publish(self, jobs: tuple[Job, ...], now: int) -> None:
        self._last = replace(
            self._last,
            seq=next(_NUMBERS),
            read_at=now,
            jobs=jobs,
            counts=Counter(job.state for job in jobs),
            judgement=judge(jobs, now_ms=now, limits=StallLimits()),
        )
        self._hub.publish(self._last)


def measure(asked: Asked) -> Iterator[Line]:
    """A line for each view and kind of message, and one for the state change."""
    url = asked.tables.fresh("sqlite", asked.usual, _OPEN)
    with _served(url) as (composed, address), chromium() as page:
        page.open(address)
        sleep(_SETTLE_S)
        page.devtools("Performance.enable", timeDomain="threadTicks")
        for rows in _VIEWS:
            costs = _costs(page, _Stream(composed, rows))
            yield from _lines(rows, costs)
        step_ms = float(page.run(_STEP, _STEPS))
    asked.tables.drop(url)
    yield Line(
        f"{FIGURE}, state change",
        "-",
        "-",
        f"{step_ms * 1000:.2f} µs",
        "",
        f"<= {_STEP_LIMIT_MS:g} ms",
        step_ms <= _STEP_LIMIT_MS,
    )


def _lines(rows: int, costs: _Costs) -> Iterator[Line]:
    for kind, cost_ms in costs._asdict().items():
        yield Line(
            f"{FIGURE}, {kind}",
            "-",
            f"{rows} rows",
            f"{cost_ms:.1f} ms",
            "",
            f"<= {_EVENT_LIMIT_MS:g} ms",
            cost_ms <= _EVENT_LIMIT_MS,
        )


def _costs(page: Page, stream: _Stream) -> _Costs:
    _span_ms(page, stream.change)  # the first ones compile the scripts
    silence_ms = _span_ms(page, None)
    beats_ms = _span_ms(page, stream.same)
    changes_ms = _span_ms(page, stream.change)
    silent_beats = _SPAN_S / HEARTBEAT_EVERY_S
    beat_ms = (beats_ms - silence_ms) / (_EVENTS - silent_beats)
    idle_ms = silence_ms - silent_beats * beat_ms
    return _Costs((changes_ms - idle_ms) / _EVENTS, beat_ms)


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


@contextmanager
def _served(url: str) -> Iterator[tuple[Composed, str]]:
    """The product in this process, and the address of its page."""
    port = free_port()
    with TemporaryDirectory(prefix="jobs-bench-") as place:
        settings = {
            **_QUIET,
            "JOBS_DATABASE_URL": url,
            "JOBS_STORE_URL": f"sqlite:///{place}/store.db",
            "JOBS_PORT": str(port),
        }
        composed = compose(load_settings(settings, directory=Path(place)))
        config = uvicorn.Config(
            composed.asgi, port=port, log_config=None, ws_per_message_deflate=False
        )
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, name="server", daemon=True)
        thread.start()
        wait_until(lambda: server.started, "The server did not start.")
        try:
            yield composed, f"http://127.0.0.1:{port}/"
        finally:
            server.should_exit = True
            thread.join()
