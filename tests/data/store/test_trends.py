"""The numbers behind charts, against the same numbers counted by hand."""

from data.clock import DAY_MS
from data.store import Store
from tests.conftest import FakeClock


def test_nothing_is_told_of_a_source_that_was_never_read(
    store: Store, clock: FakeClock
) -> None:
    since, until = clock.now_ms - 90 * DAY_MS, clock.now_ms
    trends = store.trends

    for source in ("orders", ""):
        assert trends.hours(source, since, until) == []
        assert trends.days(source, since, until) == []
        assert trends.totals(source, since, until, DAY_MS) == {}
        assert trends.percentiles(source, since, until, DAY_MS) == []
        assert trends.top_jobs(source, since, until, 5) == []
        assert trends.stalled(source, since, until) == []
        assert trends.incidents(source, since, until) == []
        assert trends.known_since(source) is None
        assert trends.progress(source) is None
    assert trends.generation() == trends.generation()
