"""A chart without data has the range that was asked for on its axis, and says so."""

from collections.abc import Iterator

import pytest

from app import Composed, compose
from dashboard.figures.alerts import preview_figure
from dashboard.figures.errors import errors_by_action
from dashboard.settings import load_settings
from dashboard.trends.asked import question_of
from dashboard.trends.metrics import METRICS
from dashboard.views.errors import RANGES as ERROR_RANGES
from dashboard.views.errors import steps_of
from dashboard.views.trends import trend_view
from data.clock import DAY_MS, from_ms
from tests.conftest import FakeClock
from tests.factories import NOW, job_table


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("empty")
    url = f"sqlite:///{folder / 'jobs.db'}"
    environ = {
        "JOBS_DATABASE_URL": url,
        "JOBS_STORE_URL": f"sqlite:///{folder / 'store.db'}",
    }
    with job_table(url):
        made = compose(load_settings(environ, directory=folder), clock=FakeClock())
        yield made
        made.deps.store.close()
        made.deps.sources["jobs"].engine.close()


def day(instant: str) -> str:
    return instant[:10]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "words",
    [
        {"range": "24h"},
        {"range": "7d"},
        {"range": "90d"},
        {"range": "custom", "from": "2025-12-30", "to": "2026-01-02"},
    ],
    ids=lambda words: words["range"],
)
def test_every_trend(place: Composed, metric: str, words: dict[str, str]) -> None:
    question = question_of(place.deps, words, NOW)
    view = trend_view(METRICS[metric].read(place.deps.store, question))

    assert view["empty"].endswith("in this range.")
    assert view["figure"]["data"] == []
    layout = view["figure"]["layout"]
    axis = layout["xaxis"]
    span = question.span.by_days() if metric == "stalled" else question.span
    half = span.step_ms // 2
    assert axis["type"] == "date"
    assert axis.get("visible", True)
    assert axis["range"] == [
        f"{from_ms(at - half):%Y-%m-%d %H:%M}" for at in (span.since, span.until)
    ]
    assert (layout.get("shapes", []), layout.get("annotations", [])) == ([], [])


@pytest.mark.parametrize("word", ERROR_RANGES)
def test_the_chart_of_errors(word: str) -> None:
    steps = steps_of(ERROR_RANGES[word], NOW)
    layout = errors_by_action([], steps)["layout"]

    first, last = layout["xaxis"]["range"]
    assert first < from_ms(steps[0]).isoformat()
    assert last > from_ms(steps[-1]).isoformat()
    assert day(last) in {day(from_ms(NOW + n * DAY_MS).isoformat()) for n in (0, 1)}
    assert [one["text"] for one in layout["annotations"]] == [
        "No error was tracked in this range."
    ]
    drawn = errors_by_action([(steps[0], "runJob", 1)], steps)["layout"]
    assert drawn["xaxis"]["range"] == layout["xaxis"]["range"]
    assert drawn["annotations"] == []


def test_the_preview_of_a_rule() -> None:
    layout = preview_figure([], [], None, "", (NOW - 30 * DAY_MS, NOW))["layout"]

    assert layout["xaxis"]["range"] == [
        from_ms(at).isoformat() for at in (NOW - 30 * DAY_MS, NOW)
    ]


def test_before_anything_was_asked_there_is_no_axis() -> None:
    assert errors_by_action([], [])["layout"]["xaxis"]["visible"] is False
    assert preview_figure([], [], None, "")["layout"]["xaxis"]["visible"] is False
