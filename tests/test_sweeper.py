"""What a run of the tests starts ends with it."""

import subprocess
import sys
from pathlib import Path

from tests.browser.waiting import wait_for
from tests.sweeper import marked

#: A run that starts something which is no child of its own, and waits.
RUN = """
import subprocess, sys
from tests.sweeper import MARK, begin, end
sweeper = begin()
sleep = "import time; time.sleep(600)"
start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}])"
subprocess.run([sys.executable, "-c", start], start_new_session=True)
import os
print(os.environ[MARK], sweeper.pid, flush=True)
sys.stdin.read()
print(end(sweeper, limit_s=0.1))
"""


def begun() -> tuple[subprocess.Popen[str], str, int]:
    run = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", RUN],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    mark, sweeper = run.stdout.readline().split()
    assert [*marked(mark, but=int(sweeper))]
    return run, mark, int(sweeper)


def test_what_a_killed_run_has_started_is_ended() -> None:
    run, mark, sweeper = begun()

    run.kill()
    run.communicate()

    wait_for(lambda: not marked(mark, but=sweeper))


def test_what_is_left_at_the_end_of_a_run_is_named_and_ended() -> None:
    run, mark, sweeper = begun()

    said, _ = run.communicate()

    assert "time.sleep(600)" in said
    assert not marked(mark, but=sweeper)
