"""A run of the tests can be taken to another date: a look at how ``make dates`` does it."""

import subprocess
import sys

import pytest

from tests.dates import DATES, PARTS, ROOT, Date, environ_at, library

LOOK = """
import subprocess, sys, time
from datetime import datetime, UTC
began = time.monotonic()
time.sleep(0.01)
assert 0.01 <= time.monotonic() - began < 60
show = "from datetime import datetime, UTC; print(datetime.now(UTC).isoformat())"
print(subprocess.check_output([sys.executable, "-c", show], text=True))
print(datetime.now().astimezone().utcoffset())
"""


@pytest.mark.skipif(not library(), reason="libfaketime is not installed")
@pytest.mark.parametrize(
    ("date", "offset"),
    [*zip(DATES, ["0:00:00", "0:00:00", "1:00:00", "-1 day, 20:00:00"], strict=True)],
    ids=[date.name for date in DATES],
)
def test_all_processes_live_at_that_date(date: Date, offset: str) -> None:
    said = subprocess.check_output(  # noqa: S603
        [sys.executable, "-c", LOOK], env=environ_at(date), text=True
    )

    assert said.startswith(date.begins.isoformat()[:10])
    assert said.split("\n")[-2] == offset


def test_every_part_is_there() -> None:
    assert [part for part in PARTS if not (ROOT / part).exists()] == []
