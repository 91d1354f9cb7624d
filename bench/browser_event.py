"""What one message of the socket costs the browser's main thread.

The page is the product's, over a real socket; the messages are made by the product out
of snapshots that change a little. DevTools counts the main thread's CPU time
(``Performance.getMetrics`` in thread time, which neighbours on the machine disturb
little). Handling is scripts, style and layout together: the socket's handler, the
painter, the grid. The frame that is painted then costs what it costs
without a graphics card; it is in the second number. What the page spends anyway, its
one ticker a second, is measured in silence and taken off. Three turns are measured, and
the least disturbed one of each kind counts: a busy machine only ever adds.
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
_TURNS: Final = 3
_EVENTS: Final = 40
_EVERY_S: Final = 0.1
_WARM_UPS: Final = 100
_WARM_UP_EVERY_S: Final = 0.05
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


class _Busy(NamedTuple):
    """Milliseconds of the main thread."""

    #: scripts, style and layout
    handling: float
    #: all tasks, painting too
    all: float

    def __sub__(self, other: "_Busy") -> "_Busy":
        return _Busy(self.handling - other.handling, self.all - other.all)

    def times(self, factor: float) -> "_Busy":
        """So many times this."""
        return _Busy(self.handling * factor, self.all * factor)


class _Stream:
    """Publishes snapshots of ``rows`` runs that are made up, through the real hub."""

    def __init__(self, composed: Composed, rows: int) -> None:
        self._hub = composed.hub
        reader = next(iter(composed.deps.sources.values())).reader
        self._last = replace(reader.latest, jobs=reader.latest.jobs[:rows])

    def one_row(self, number: int) -> None:
        """One run tells of its progress."""
        now = now_ms(utc_now)
        self._publish(self._told(number, now), now)

    def two_rows(self, number: int) -> None:
        """One run tells of its progress, and another one starts, or ends."""
        now = now_ms(utc_now)
        jobs = self._told(number, now)
        if number % 2:
            jobs.append(jobs[5]._replace(run_id=f"9{now}", started_at=now - SECOND_MS))
        else:
            jobs.pop()
        self._publish(jobs, now)

    def same(self, _number: int) -> None:
        """Nothing changed but the time: the hub makes a heartbeat of it."""
        self._publish(list(self._last.jobs), now_ms(utc_now))

    def _told(self, number: int, now: int) -> list[Job]:
        jobs = list(self._last.jobs)
        told = 5 + number % (len(jobs) - 10)
        jobs[told] = jobs[told]._replace(heartbeat_at=now, progress=number / 1000)
        return jobs

    def _publish(self, jobs: list[Job], now: int) -> None:
        self._last = replace(
            self._last,
            seq=next(_NUMBERS),
            read_at=now,
            jobs=tuple(jobs),
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
            for kind, cost in _costs(page, _Stream(composed, rows)).items():
                yield _line(rows, kind, cost)
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


def _line(rows: int, kind: str, cost: _Busy) -> Line:
    return Line(
        f"{FIGURE}, {kind}",
        "-",
        f"{rows} rows",
        f"{cost.handling:.1f} ms (painted {cost.all:.1f} ms)",
        "",
        f"<= {_EVENT_LIMIT_MS:g} ms",
        cost.handling <= _EVENT_LIMIT_MS,
    )


def _costs(page: Page, stream: _Stream) -> dict[str, _Busy]:
    """The cost of one event of each kind."""
    for number in range(_WARM_UPS):
        stream.two_rows(number)
        sleep(_WARM_UP_EVERY_S)
    kinds = {
        "silence": None,
        "heartbeat": stream.same,
        "one row": stream.one_row,
        "two rows": stream.two_rows,
    }
    turns = [
        {kind: _span(page, publish) for kind, publish in kinds.items()}
        for _ in range(_TURNS)
    ]
    best = {kind: min(turn[kind] for turn in turns) for kind in kinds}
    silent_beats = _SPAN_S / HEARTBEAT_EVERY_S
    beats = best.pop("heartbeat")
    silence = best.pop("silence")
    beat = (beats - silence).times(1 / (_EVENTS - silent_beats))
    idle = silence - beat.times(silent_beats)
    changes = {kind: (span - idle).times(1 / _EVENTS) for kind, span in best.items()}
    return {"heartbeat": beat, **changes}


def _span(page: Page, publish: Callable[[int], None] | None) -> _Busy:
    """What the main thread does while something is published, or nothing is."""
    before = _busy(page)
    for number in range(_EVENTS):
        if publish is not None:
            publish(number)
        sleep(_EVERY_S)
    return _busy(page) - before


def _busy(page: Page) -> _Busy:
    metrics = page.devtools("Performance.getMetrics")["metrics"]
    ms = {metric["name"]: float(metric["value"]) * 1000 for metric in metrics}
    # DevTools counts style and layout that a script forces as these, not as script.
    handling = ms["ScriptDuration"] + ms["RecalcStyleDuration"] + ms["LayoutDuration"]
    return _Busy(handling, ms["TaskDuration"])


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
