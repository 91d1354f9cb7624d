"""Everything by keys, and nothing while somebody types."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.history_page import HistoryPage
from tests.browser.waiting import wait_for
from tests.factories import finished_run

pytestmark = pytest.mark.browser


@pytest.fixture
def page(launch, jobs):
    jobs.table.add(*(finished_run(finished_at=jobs.now - at * 1000) for at in range(5)))
    overview, _ = launch(opened=False)
    return HistoryPage(overview).open()


def test_ke001_g_and_a_letter_go_to_a_page(page):
    for letter, path in (
        ("o", "/"),
        ("e", "/errors"),
        ("a", "/audit"),
        ("h", "/history"),
    ):
        page.keys("g", letter)
        wait_for(lambda path=path: page.path() == path)


def test_ke002_j_and_k_move_over_rows_and_enter_opens_one(page):
    ids = page.ids()
    page.keys("j")
    wait_for(lambda: page.focused_row() == ids[0])
    page.keys("j", "j", "k")
    wait_for(lambda: page.focused_row() == ids[1])
    page.keys("k", "k", "k")
    wait_for(lambda: page.focused_row() == ids[0])

    page.keys(Keys.ENTER)

    wait_for(lambda: page.shown("details-body"))
    assert f"run={ids[0]}" in page.query()
    page.keys(Keys.ESCAPE)
    wait_for(lambda: page.shown("run-details") is None)


def test_ke003_slash_searches_and_what_is_typed_is_no_shortcut(page):
    page.keys("/")
    wait_for(lambda: page.focused() == "history-search")
    for key in "go?j":
        page.keys(key)
    page.keys("kept in the order of the keys, however fast they come")

    typed = "go?jkept in the order of the keys, however fast they come"
    assert page.value("history-search") == typed
    assert page.path() == "/history"
    assert page.shown("keyboard-modal") is None


def test_ke004_a_question_mark_opens_the_help(page):
    page.keys("?")
    wait_for(lambda: "previous row" in (page.shown("keyboard-modal") or ""))
    page.keys("g", "o")
    assert page.path() == "/history"
    page.keys(Keys.ESCAPE)
    wait_for(lambda: page.shown("keyboard-modal") is None)
