"""The tests that a date could break, run at dates that break things: ``make dates``.

libfaketime gives the whole process tree another time, but for the browser, which does not
bear it: a page takes its time from the server.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
#: Everything that reads the machine's clock or zone, itself or through the product.
PARTS = [
    "tests/contract/test_workers.py",
    "tests/dashboard/test_api.py",
    "tests/dashboard/test_commands.py",
    "tests/dashboard/test_live.py",
    "tests/dashboard/test_serve.py",
    "tests/data/demo",
    "tests/data/notify",
    "tests/data/test_clock.py",
    "tests/data/test_doctor.py",
    "tests/data/test_monitor.py",
    "tests/data/test_quiet.py",
    "tests/browser/test_overview.py",
    "tests/browser/test_start.py",
    "tests/browser/test_trends.py",
]


class Date(NamedTuple):
    """When and where the tests believe to be."""

    name: str
    begins: datetime
    zone: str = "UTC"


DATES = [
    Date("the last night of a year", datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)),
    Date("29 February", datetime(2028, 2, 29, 23, 59, 30, tzinfo=UTC)),
    Date(
        "clocks go forward in Berlin",
        datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC),
        "Europe/Berlin",
    ),
    Date(
        "clocks go back in New York",
        datetime(2026, 11, 1, 5, 59, 30, tzinfo=UTC),
        "America/New_York",
    ),
]


def library() -> str:
    """The path of libfaketime, "" where it is not installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return str(found[0]) if found else ""


def environ_at(date: Date) -> dict[str, str]:
    """The environment of a process tree that lives then; durations stay as they are."""
    ahead = date.begins - datetime.now(UTC)  # noqa: TID251 - the machine's own time
    return {
        **os.environ,
        "LD_PRELOAD": library(),
        "FAKETIME": f"{ahead.total_seconds():+.3f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(ROOT / "tests/clocked"),
        "TZ": date.zone,
    }


def main() -> int:
    """Run the parts at every date; 1 when any of them failed."""
    failed = []
    for date in DATES:
        sys.stdout.write(f"\n{date.name}: {date.begins:%Y-%m-%d %H:%M:%S} UTC\n")
        sys.stdout.flush()
        command = [sys.executable, "-m", "pytest", "-q", "-n", "3", *sys.argv[1:]]
        ended = subprocess.run(  # noqa: S603
            [*command, *PARTS], cwd=ROOT, env=environ_at(date), check=False
        )
        if ended.returncode:
            failed.append(date.name)
    sys.stdout.write(f"\nfailed at: {', '.join(failed) or 'no date'}\n")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
