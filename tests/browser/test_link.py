"""The live link: lost, noticed, said, made again; and the page without it.

How soon, tests/js/live.test.js holds to the millisecond, with a clock of its own.
"""

import threading
from itertools import pairwise
from signal import SIGTERM

import pytest

from tests.browser.pages import wait_for_banner, wait_for_jobs
from tests.browser.waiting import wait_for, wait_until

pytestmark = pytest.mark.browser

AMBER = "rgb(224, 153, 15)"
GREEN = "rgb(11, 122, 75)"


@pytest.mark.parametrize(
    "how", ["kill", pytest.param("terminate", marks=pytest.mark.exhaustive)]
)
def test_li001_the_page_survives_a_restart_of_the_server(serve, jobs, page_at, how):
    first = jobs.running("first")
    server = serve()
    page = page_at(server.url).open("?theme=light")
    assert page.wait_for_state("live").colour == GREEN
    page.mark()
    page.record_events()

    getattr(server, how)()

    lost = page.wait_for_state("reconnecting")
    assert lost.words == "Reconnecting..."
    assert lost.colour == AMBER
    assert lost.can_reconnect
    assert not page.is_connected()
    wait_for(lambda: page.badge().attempts == "attempt 2")
    assert page.jobs() == ["first"]

    jobs.succeed(first)
    jobs.stalled("meanwhile")
    server.start()

    back = page.wait_for_state("live")
    assert back.words == "Live"
    assert back.attempts == ""
    assert not back.can_reconnect
    wait_for_jobs(page, ["meanwhile"])
    assert wait_for_banner(page, bool).title == "1 job(s) may be stalled"
    assert page.tab_state() is True
    assert page.connection_events() == [False, True]
    assert page.status_writes() == ["Reconnecting...", "Live"]


def test_li002_a_restart_that_was_announced_is_made_good(serve, jobs, page_at):
    server = serve()
    page = page_at(server.url).open()
    page.wait_for_state("live")

    assert server.terminate() in (0, -SIGTERM)
    page.wait_for_state("reconnecting")
    server.start()

    page.wait_for_state("live")
    assert page.how_many("#reload-notice:not([hidden])") == 0  # it is the same build


def test_li003_a_half_open_link_is_noticed(proxied, jobs, page_at):
    proxy = proxied(JOBS_REFRESH_EVERY="1h")
    page = page_at(proxy.url).open()
    page.wait_for_state("live")
    jobs.running("first")
    wait_for_jobs(page, ["first"])

    page.record_events()
    proxy.lose_route()
    jobs.running("second")
    page.pass_time(12)

    wait_for(lambda: page.connection_events()[:1] == [False])
    page.wait_for_state("live")
    wait_for_jobs(page, ["first", "second"])
    assert page.status_writes() == ["Reconnecting...", "Live"]


def test_li016_a_server_that_does_not_answer_is_given_up_and_found_again(
    proxied, jobs, page_at
):
    proxy = proxied()
    jobs.running("first")
    page = page_at(proxy.url).open()
    wait_for_jobs(page, ["first"])  # nothing of the page is under way any more
    page.wait_for_state("live")
    tried = proxy.sockets
    proxy.swallowing = True
    proxy.cut()
    page.wait_for_state("reconnecting")
    jobs.running("second")
    wait_for(lambda: proxy.sockets > tried)
    page.pass_time(10)

    wait_for(lambda: page.badge().attempts == "attempt 2")
    proxy.swallowing = False

    page.wait_for_state("live")
    wait_for_jobs(page, ["first", "second"])


@pytest.mark.exhaustive
def test_li004_a_flapping_link_ends_live_and_announces_each_change_once(
    proxied, jobs, page_at
):
    proxy = proxied()
    page = page_at(proxy.url).open()
    page.wait_for_state("live")
    page.record_events()

    for flaps in (1, 2, 3):
        proxy.cut()
        wait_for(lambda n=flaps: page.connection_events().count(False) == n)
        page.wait_for_state("live")

    said = page.status_writes()
    assert said == ["Reconnecting...", "Live"] * 3
    assert page.connection_events() == [False, True] * 3


def test_li005_refused_sockets_are_tried_with_growing_pauses(proxied, jobs, page_at):
    proxy = proxied()
    proxy.without_sockets = True
    page = page_at(proxy.url).open()

    wait_for(lambda: page.badge().attempts == "attempt 3")

    assert page.badge().state == "reconnecting"
    assert 3 <= proxy.sockets <= 4
    proxy.without_sockets = False
    page.reconnect()
    page.wait_for_state("live")


@pytest.mark.exhaustive
def test_li006_the_button_connects_at_once(proxied, jobs, page_at):
    proxy = proxied()
    page = page_at(proxy.url).open()
    page.wait_for_state("live")
    proxy.without_sockets = True
    proxy.cut()
    wait_for(lambda: page.badge().attempts == "attempt 3")

    proxy.without_sockets = False
    page.reconnect()

    page.wait_for_state("live")


@pytest.mark.exhaustive
def test_li007_the_badge_does_not_move_for_those_who_asked_for_stillness(
    proxied, jobs, page_at
):
    proxy = proxied()
    proxy.without_sockets = True
    page = page_at(proxy.url).open()
    page.wait_for_state("reconnecting")
    page.move(reduced=False)
    wait_for(lambda: page.animations() > 0)

    page.move(reduced=True)

    wait_for(lambda: page.animations() == 0)


def test_li008_nothing_is_left_behind_when_pages_go(launch, jobs):
    page, composed = launch()
    page.wait_for_state("live")
    threads = threading.active_count()
    windows = [page.in_another_window().open() for _ in range(2)]
    for window in windows:
        window.wait_for_state("live")
    assert composed.hub.viewers == 3

    for window in windows:
        window.leave()

    wait_until(lambda: _equal(composed.hub.viewers, 1))
    page.reload().wait_for_state("live")
    wait_until(lambda: _equal(composed.hub.viewers, 1))
    page.leave()
    wait_until(lambda: _equal(composed.hub.viewers, 0))
    # threads of the pool stay for the next ones; there are ten at most
    assert threading.active_count() <= threads + 10
    assert not [each for each in threading.enumerate() if "watch" in each.name][1:]


def test_li009_the_threads_end_with_the_server(launch, jobs, dash_duo):
    page, _ = launch()
    page.wait_for_state("live")

    page.leave()
    dash_duo.server.stop()

    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("watch", "duties"))]


@pytest.mark.exhaustive
def test_li010_the_server_counts_its_viewers(serve, jobs, page_at):
    server = serve()
    page = page_at(server.url).open()
    page.wait_for_state("live")
    assert server.metric("jobmanager_ws_viewers") == 1

    page.leave()

    wait_until(lambda: _equal(server.metric("jobmanager_ws_viewers"), 0))


def test_li011_with_websockets_blocked_the_page_is_right_all_the_same(
    proxied, jobs, page_at
):
    proxy = proxied(JOBS_REFRESH_EVERY="1s")
    proxy.without_sockets = True
    page = page_at(proxy.url).open()
    assert page.banner() is None

    run = jobs.running("first")
    stalled = jobs.stalled()

    wait_for_jobs(page, ["first", "resize-images"])
    assert page.banner().title == "1 job(s) may be stalled"
    assert page.badge().state == "reconnecting"
    said = page.open_clean_up().confirm()
    assert "1 marked as failed" in said
    page.close_dialog()
    wait_for_banner(page, lambda banner: banner is None)
    assert jobs.of(stalled)["status"] == "FAILED"
    jobs.succeed(run)
    wait_for_jobs(page, [])


def test_li012_a_slow_answer_is_waited_for_and_still_shown(proxied, jobs, page_at):
    proxy = proxied(JOBS_REFRESH_EVERY="200ms", JOBS_LIVE="off")
    page = page_at(proxy.url).open()
    first = len(page.questions())

    proxy.delay_s = 0.7
    jobs.running("first")

    wait_for_jobs(page, ["first"])
    asked = wait_for(lambda: page.questions()[first + 4 :] and page.questions())
    ends_before_next = [end <= begin for (_, end), (begin, _) in pairwise(asked)]
    assert all(ends_before_next)


def test_li013_a_hidden_page_asks_nothing_and_catches_up_when_it_is_back(launch, jobs):
    page, _ = launch(JOBS_LIVE="off", JOBS_REFRESH_EVERY="200ms")
    wait_for(lambda: len(page.questions()) > 2)

    page.hide(hidden=True)
    other = page.in_another_window().open()
    asked = len(page.questions())
    jobs.running("first")
    wait_for_jobs(other, ["first"])

    assert len(page.questions()) == asked
    assert page.jobs() == []
    page.hide(hidden=False)
    wait_for_jobs(page, ["first"])


@pytest.mark.exhaustive
def test_li014_the_help_says_what_to_do(launch, jobs):
    page, _ = launch(JOBS_SUPPORT_URL="https://help.example/jobs")

    page.open_help()

    words = wait_for(page.help)
    assert "Refresh the page." in words
    assert "Check your internet connection." in words
    assert "After 5 minutes, contact support." in words
    assert page.how_many('.popover a[href="https://help.example/jobs"]') == 1


def _equal(found: float, wanted: float) -> None:
    assert found == wanted
