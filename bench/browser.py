"""A page of the product in Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from selenium import webdriver
from selenium.webdriver.chrome.options import Options

from bench.waiting import wait_until

_ARGUMENTS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1360,900",
)
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_LIVE: Final = """
return document.getElementById('live-badge')?.dataset.state === 'live'
  && document.getElementById('overview')?.dataset.painted === 'yes';
"""


class Page:
    """One open page."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def run(self, script: str, *arguments: object) -> Any:
        """What ``script`` returns in the page."""
        return self._driver.execute_script(script, *arguments)  # type: ignore[no-untyped-call]

    def devtools(self, command: str, **parameters: object) -> Any:
        """The answer of the browser's developer tools."""
        return self._driver.execute_cdp_cmd(command, parameters)

    def open(self, address: str) -> None:
        """Go there, and wait until the page is live and painted."""
        self._driver.get(address)
        wait_until(lambda: bool(self.run(_LIVE)), "The page is not live.")


@contextmanager
def chromium() -> Iterator[Page]:
    """A browser of one's own with an empty page."""
    options = Options()
    options.binary_location = next(filter(None, map(shutil.which, _NAMES)), "")
    for argument in _ARGUMENTS:
        options.add_argument(argument)  # type: ignore[no-untyped-call]
    driver = webdriver.Chrome(options=options)
    try:
        yield Page(driver)
    finally:
        driver.quit()
