"""Pages of all sources at once: every run once, however long it goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from data.all_sources import AllSources, all_of
from data.db import Database
from data.engines.base import JobEngine
from data.engines.dbos import DbosEngine
from data.engines.native import NativeEngine
from data.exceptions import InvalidRequestError, SourceUnavailableError
from data.model import RunFilter
from data.rules.stalls import StallLimits
from data.snapshot import SnapshotReader, Source
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, finished_run, job_table
from tests.flows import Flows


class Sources(NamedTuple):
    a: JobTable
    b: JobTable
    flows: Flows
    all: AllSources
    folder: Path


@pytest.fixture
def sources(tmp_path: Path, clock: FakeClock) -> Iterator[Sources]:
    urls = {name: f"sqlite:///{tmp_path / name}.db" for name in ("a", "b", "flows")}
    flows = Flows(urls["flows"])
    with job_table(urls["a"]) as a, job_table(urls["b"]) as b:
        engines: dict[str, JobEngine] = {
            "a": NativeEngine(Database(urls["a"], name="a")),
            "b": NativeEngine(Database(urls["b"], name="b")),
            "flows": DbosEngine(Database(urls["flows"], name="flows")),
        }
        made = {
            name: Source(
                name=name,
                label=name,
                engine=engine,
                dialect="sqlite",
                reader=SnapshotReader(
                    name, engine, limits=StallLimits(), clock=clock, poll_every_ms=2_000
                ),
            )
            for name, engine in engines.items()
        }
        yield Sources(a, b, flows, all_of(made), tmp_path)
        for engine in engines.values():
            engine.close()
    flows.owner.dispose()


def walk(everything: AllSources, limit: int) -> tuple[list[str], int]:
    """The ids of every page in their order, and the longest cursor's length."""
    ids: list[str] = []
    longest = 0
    after = None
    while True:
        page = everything.engine.page(RunFilter(), after=after, limit=limit)
        ids += [job.run_id for job in page.jobs]
        if page.next is None:
            return ids, longest
        longest = max(longest, len(page.next))
        after = page.next


def interleave(sources: Sources, runs: int) -> list[str]:
    """Runs of two sources that end in turn; their ids, newest first."""
    turns = [("a", sources.a, 0), ("b", sources.b, 1)]
    ids = {
        name: table.add(
            *(finished_run(finished_at=NOW - 2 * at - later) for at in range(runs))
        )
        for name, table, later in turns
    }
    both = zip(ids["a"], ids["b"], strict=True)
    return [
        f"{name}/{id_}" for pair in both for name, id_ in zip("ab", pair, strict=True)
    ]


@pytest.mark.parametrize("limit", [60, 499])
def test_thousands_of_interleaved_runs_come_once_and_in_order(
    sources: Sources, limit: int
) -> None:
    expected = interleave(sources, 1_500)

    found, longest = walk(sources.all, limit)

    assert found == expected
    assert longest < 100


def test_a_source_whose_runs_are_all_older_waits_for_its_turn(
    sources: Sources,
) -> None:
    sources.a.add(*(finished_run(finished_at=NOW - at) for at in range(130)))
    for number in range(3):
        sources.flows.done(f"old/{number}", completed_at=NOW - 1_000 - number)

    found, _ = walk(sources.all, 20)

    assert found[:130] == [f"a/{id_}" for id_ in range(1, 131)]
    assert found[130:] == ["flows/old/0", "flows/old/1", "flows/old/2"]


def test_a_run_that_ends_meanwhile_moves_no_other(sources: Sources) -> None:
    expected = interleave(sources, 20)
    first = sources.all.engine.page(RunFilter(), limit=11)
    sources.a.add(finished_run(finished_at=NOW + 1))
    sources.b.add(finished_run(finished_at=NOW + 2))

    rest = sources.all.engine.page(RunFilter(), after=first.next, limit=100)

    assert [job.run_id for job in [*first.jobs, *rest.jobs]] == expected


def test_a_source_that_comes_back_goes_on_where_it_was(sources: Sources) -> None:
    expected = interleave(sources, 20)
    path = sources.folder / "b.db"
    first = sources.all.engine.page(RunFilter(), limit=10)
    path.rename(sources.folder / "b.gone")
    lame = sources.all.engine.page(RunFilter(), after=first.next, limit=10)
    (sources.folder / "b.gone").rename(path)
    rest = sources.all.engine.page(RunFilter(), after=lame.next, limit=100)

    assert len(lame.missing) == 1
    found = [job.run_id for page in (first, lame, rest) for job in page.jobs]
    assert sorted(found) == sorted(expected)


def test_a_cursor_that_one_engine_did_not_make_is_refused(sources: Sources) -> None:
    cursor = json.dumps({"a": None, "b": "nowhere"})

    with pytest.raises(InvalidRequestError, match="start again"):
        sources.all.engine.page(RunFilter(), after=cursor)


def test_when_no_source_answers_that_is_an_error_of_the_source(
    sources: Sources,
) -> None:
    for name in ("a", "b", "flows"):
        (sources.folder / f"{name}.db").unlink()

    with pytest.raises(SourceUnavailableError):
        sources.all.engine.page(RunFilter())


def test_failures_are_told_with_the_ids_of_all_sources(sources: Sources) -> None:
    [failed] = sources.a.add(finished_run(status="FAILED", error="declined"))
    sources.flows.done("f/1", "ERROR")

    found = sources.all.engine.failures([f"a/{failed}", "flows/f/1", "nobody/7"])

    errors = {failure.job.run_id: failure.error for failure in found}
    assert errors == {f"a/{failed}": "declined", "flows/f/1": ""}


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_runs_whose_end_is_no_instant_come_last_and_once(
    sources: Sources, limit: int
) -> None:
    expected = interleave(sources, 2)
    for table in (sources.a, sources.b):
        odd = table.add(finished_run(), finished_run())
        for run_id, end in zip(odd, (f"{NOW}000", "'soon'"), strict=True):
            change = f"UPDATE job_runs SET finished_at = {end} WHERE id = :id"  # noqa: S608
            table.execute(change, id=int(run_id))

    found, _ = walk(sources.all, limit)

    assert found[:4] == expected
    assert sorted(found[4:]) == ["a/3", "a/4", "b/3", "b/4"]
