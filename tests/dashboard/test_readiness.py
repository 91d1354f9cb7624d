"""/readyz looks at every source at once."""

from functools import partial
from pathlib import Path
from threading import Barrier

from dashboard.api.health import readiness
from data.snapshot import Snapshot
from tests.composing import composed
from tests.conftest import FakeClock
from tests.factories import job_table

#: Longer than threads of a busy machine need to meet.
_LIMIT_S = 60


def test_no_source_waits_for_another(
    clock: FakeClock, sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "job-manager.toml").write_text(
        "".join(f"[sources.{name}]\nurl = '{sqlite_url}'\n" for name in ("far", "near"))
    )
    with (
        job_table(sqlite_url),
        composed(clock, sqlite_url, tmp_path) as made,
    ):
        both = Barrier(len(made.deps.sources))

        def wait_for_the_other(name: str) -> Snapshot:
            both.wait(_LIMIT_S)
            return read[name]()

        read = {
            name: source.reader.current for name, source in made.deps.sources.items()
        }
        for source in made.deps.sources.values():
            source.reader.current = partial(wait_for_the_other, source.name)

        state = readiness(made.deps)

    assert state["ready"]
    assert set(state["sources"].values()) == {"ok"}
