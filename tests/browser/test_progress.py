"""Between a click and its outcome the page says that it works."""

from threading import Event
from typing import Any

import pytest

from data.actions import Actions
from data.snapshot import SnapshotReader
from tests.browser.conftest import Launch
from tests.browser.jobs import Jobs
from tests.browser.waiting import wait_for

pytestmark = pytest.mark.browser

_SHOWN = """
const element = document.getElementById(arguments[0]);
return element.checkVisibility() ? element.innerText.trim() : "";
"""


@pytest.mark.parametrize(
    "confirm", ["on", pytest.param("off", marks=pytest.mark.exhaustive)]
)
def test_pr001_a_clean_up_that_takes_its_time_says_so_beside_its_button(
    launch: Launch, jobs: Jobs, monkeypatch: pytest.MonkeyPatch, confirm: str
) -> None:
    jobs.stalled("stuck", heartbeat_at=None)
    page, _ = launch(JOBS_CLEANUP_CONFIRM=confirm)
    wait_for(page.banner)
    goes_on = Event()
    what = (Actions, "clean_up") if confirm == "off" else (SnapshotReader, "refresh")
    plain = getattr(*what)

    def slow(*arguments: Any, **more: Any) -> Any:
        goes_on.wait(60)
        return plain(*arguments, **more)

    monkeypatch.setattr(*what, slow)

    page.run("document.getElementById('cleanup-stalled').click()")

    wait_for(lambda: page.run(_SHOWN, "cleanup-busy") == "Working…")
    goes_on.set()
    wait_for(lambda: page.how_many("#cleanup-modal.show, .modal.show") == 1)
    wait_for(lambda: page.run(_SHOWN, "cleanup-busy") == "")
