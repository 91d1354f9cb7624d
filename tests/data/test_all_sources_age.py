"""The age of all sources together: it never goes back, also not when one is lost."""

from types import SimpleNamespace
from typing import Any

from data.all_sources import AllReader
from data.model import Snapshot, Trouble

TROUBLE = Trouble(since=3, unreachable=True, message="away.")


def reader_of(*snapshots: Snapshot) -> tuple[AllReader, dict[str, Any]]:
    """Of sources whose readers hold what the test puts there."""
    sources: dict[str, Any] = {
        one.source: SimpleNamespace(
            label=one.source, reader=SimpleNamespace(latest=one)
        )
        for one in snapshots
    }
    return AllReader(sources), sources


def test_it_is_that_of_the_oldest_that_can_be_read() -> None:
    reader, sources = reader_of(
        Snapshot(source="a", seq=1, read_at=10), Snapshot(source="b", seq=1, read_at=20)
    )
    assert reader.latest.read_at == 10
    sources["a"].reader.latest = Snapshot(
        source="a", seq=2, read_at=10, trouble=TROUBLE
    )
    assert reader.latest.read_at == 20


def test_when_the_last_one_is_lost_it_stays() -> None:
    reader, sources = reader_of(
        Snapshot(source="a", seq=1, read_at=10, trouble=TROUBLE),
        Snapshot(source="b", seq=1, read_at=20),
    )
    assert reader.latest.read_at == 20
    sources["b"].reader.latest = Snapshot(
        source="b", seq=2, read_at=20, trouble=TROUBLE
    )
    assert reader.latest.read_at == 20
    assert reader.latest.trouble


def test_snapshots_that_were_looked_at_late_replace_nothing() -> None:
    old = Snapshot(source="a", seq=1, read_at=10)
    reader, sources = reader_of(Snapshot(source="a", seq=2, read_at=20))
    assert reader.latest.seq == 2
    sources["a"].reader.latest = old
    assert reader.latest.seq == 2
