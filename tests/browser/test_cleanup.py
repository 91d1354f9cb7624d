"""Clean-up: the evidence before the click, the truth after it."""

from datetime import timedelta

import pytest

from data.exceptions import OutcomeUnknownError
from tests.browser.pages import wait_for_banner, wait_for_jobs
from tests.browser.waiting import wait_for, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

on_both = pytest.mark.parametrize("jobs", ["sqlite", "postgresql"], indirect=True)


@on_both
def test_cu001_stalled_runs_are_cleaned_up_and_put_back(launch, jobs):
    stalled = [
        jobs.stalled("resize-images", minutes=72, worker="img-1:7"),
        jobs.stalled("match-scores", worker=None),
    ]
    jobs.running("send-mail")
    before = jobs.table.rows()
    page, _ = launch()

    page.open_clean_up()

    assert page.confirm_words() == "Mark 2 runs as failed"
    assert [found.chosen for found in page.candidates()] == [True, True]
    assert "marks the selected runs as failed" in page.dialog()
    assert "check the logs" in page.dialog()
    first = page.candidates()[0].text
    assert first.startswith("resize-images")
    assert stalled[0] in first
    assert "running for 1h 12m" in first
    assert "limit 30m (default limit)" in first
    assert "never sent a heartbeat" in first
    assert "img-1:7" in first
    assert "no worker named" in page.candidates()[1].text

    said = page.confirm()

    assert "2 marked as failed" in said
    for run in stalled:
        assert run in said
        row = jobs.of(run)
        assert row["status"] == "FAILED"
        assert row["error_type"] == "Stalled"
        assert row["error"].startswith("Stalled: it ran for more than 30 min")
        assert "Marked as failed by local at " in row["error"]
        assert row["finished_at"] == row["cancel_requested_at"]
        assert abs(row["finished_at"] - jobs.now) < 60_000
    wait_for_banner(page, lambda banner: banner is None)
    wait_for_jobs(page, ["send-mail"])

    assert "2 running again" in page.undo()

    assert jobs.table.rows() == before
    wait_for_banner(page, bool)
    assert not page.can_undo()


@pytest.mark.exhaustive
def test_cu002_what_is_deselected_is_left_alone(launch, jobs):
    kept = jobs.stalled("keep-me")
    cleaned = jobs.stalled("clean-me")
    page, _ = launch()
    page.open_clean_up()

    page.toggle("keep-me")
    wait_for(lambda: page.confirm_words() == "Mark 1 run as failed")
    page.toggle("clean-me")
    wait_for(lambda: page.confirm_words() == "Nothing selected")
    assert not page.can_confirm()
    page.toggle("clean-me")
    wait_for(page.can_confirm)

    assert "1 marked as failed" in page.confirm()
    assert jobs.of(kept)["status"] == "RUNNING"
    assert jobs.of(cleaned)["status"] == "FAILED"
    banner = wait_for_banner(page, lambda found: found and "keep" in found.detail)
    assert banner.title == "1 job(s) may be stalled"


@on_both
def test_cu003_a_run_that_finished_meanwhile_keeps_its_result(launch, jobs):
    finished, stalled = jobs.stalled("finishes"), jobs.stalled("hangs")
    page, _ = launch()
    page.open_clean_up()

    jobs.succeed(finished)
    ended = jobs.of(finished)
    said = page.confirm()

    assert "1 marked as failed" in said
    assert "1 finished meanwhile, left alone" in said
    assert jobs.of(finished) == ended
    assert jobs.of(stalled)["status"] == "FAILED"


@on_both
def test_cu004_a_run_that_came_back_to_life_is_left_running(launch, jobs):
    revived = jobs.stalled("revives", heartbeat_at=jobs.ago(timedelta(minutes=9)))
    page, _ = launch()
    page.open_clean_up()
    evidence = "heartbeat lost, the last one 9m ago"
    wait_for(lambda: evidence in page.candidate_of("revives").text)

    jobs.beat(revived)
    said = page.confirm()

    assert "1 came back, left alone" in said
    assert jobs.of(revived)["status"] == "RUNNING"
    assert not page.can_undo()


@pytest.mark.exhaustive
def test_cu005_a_run_started_anew_is_left_running(launch, jobs):
    again = jobs.stalled("starts-again")
    page, _ = launch()
    page.open_clean_up()

    jobs.table.change(again, started_at=jobs.now)
    said = page.confirm()

    assert "1 came back, left alone" in said
    assert jobs.of(again)["status"] == "RUNNING"


def test_cu006_a_worker_that_still_beats_is_listed_apart_and_not_ticked(launch, jobs):
    alive = jobs.stalled("slow", heartbeat_at=jobs.now)
    dead = jobs.stalled("dead")
    page, _ = launch()
    page.open_clean_up()

    slow = page.candidate_of("slow")
    assert "still alive, last heartbeat" in slow.text
    assert (slow.chosen, page.candidate_of("dead").chosen) == (False, True)
    assert page.confirm_words() == "Mark 1 run as failed"
    page.toggle("slow")
    wait_for(lambda: page.confirm_words() == "Mark 2 runs as failed")
    jobs.beat(alive)
    said = page.confirm()

    # its beating is no news: it was shown, and chosen all the same
    assert "2 marked as failed" in said
    assert jobs.of(alive)["cancel_requested_at"] is not None
    assert jobs.of(dead)["status"] == "FAILED"


def test_cu007_two_people_at_once_mark_a_run_only_once(launch, jobs):
    stalled = jobs.stalled()
    page, _ = launch()
    other = page.in_another_window().open()
    page.open_clean_up()
    other.open_clean_up()

    first = page.confirm()
    marked = jobs.of(stalled)
    second = other.confirm()

    assert "1 marked as failed" in first
    assert "1 finished meanwhile" in second
    assert jobs.of(stalled) == marked
    assert not other.can_undo()
    for each in (page, other):
        wait_for_banner(each, lambda banner: banner is None)


def test_cu008_without_confirmation_one_click_does_it_and_undo_is_offered(launch, jobs):
    stalled = jobs.stalled()
    alive = jobs.stalled("slow", heartbeat_at=jobs.now)
    page, _ = launch(JOBS_CLEANUP_CONFIRM="false")

    page.click_clean_up()

    assert "1 marked as failed" in page.wait_for_outcome()
    assert page.candidates() == []
    assert jobs.of(stalled)["status"] == "FAILED"
    assert jobs.of(alive)["status"] == "RUNNING"
    page.undo()
    assert jobs.of(stalled)["status"] == "RUNNING"


@pytest.mark.exhaustive
def test_cu009_each_run_links_to_its_logs(launch, jobs):
    run = jobs.stalled("a job/ü", worker="host:1")
    template = "https://logs.example/?run={run_id}&job={job_name}&at={worker}"
    page, _ = launch(JOBS_LOGS_URL=template)
    page.open_clean_up()

    link = page.candidates()[0].logs

    assert link == (f"https://logs.example/?run={run}&job=a%20job%2F%C3%BC&at=host%3A1")


def test_cu010_escape_closes_the_dialog_and_nothing_was_done(launch, jobs):
    stalled = jobs.stalled()
    page, _ = launch()
    page.open_clean_up()

    page.escape()

    wait_until(page.expect_no_dialog)
    assert jobs.of(stalled)["status"] == "RUNNING"
    assert page.open_clean_up().candidates()
    page.close_dialog()


@pytest.mark.exhaustive
def test_cu011_the_way_back_is_offered_after_the_dialog_was_closed(launch, jobs):
    stalled = jobs.stalled()
    page, _ = launch()
    page.open_clean_up().confirm()
    page.close_dialog()

    page.show_last_clean_up()

    assert "1 marked as failed" in page.wait_for_outcome()
    page.undo()
    assert jobs.of(stalled)["status"] == "RUNNING"


def test_cu012_what_somebody_changed_since_is_not_undone(launch, jobs):
    stalled = jobs.stalled()
    page, _ = launch()
    page.open_clean_up().confirm()
    jobs.table.change(stalled, status="SUCCEEDED", error_type=None)

    page.click_undo()

    page.wait_for_outcome("1 changed since, left alone")
    assert jobs.of(stalled)["status"] == "SUCCEEDED"


def test_cu013_a_database_that_is_gone_is_named_and_nothing_is_claimed(
    launch, jobs, tmp_path
):
    stalled = jobs.stalled()
    page, _ = launch()
    page.open_clean_up()

    (tmp_path / "jobs.db").rename(tmp_path / "away.db")
    said = page.confirm()

    assert "there is no database file" in said
    assert "marked as failed" not in said
    (tmp_path / "away.db").rename(tmp_path / "jobs.db")
    assert jobs.of(stalled)["status"] == "RUNNING"


@pytest.mark.exhaustive
def test_cu014_an_unknown_outcome_is_said_to_be_unknown(launch, jobs, monkeypatch):
    jobs.stalled()
    page, composed = launch()
    page.open_clean_up()

    # the one fault that no database can be made to have on demand
    engine = composed.deps.sources["jobs"].engine
    sentence = "Jobs: the database was lost before it answered. Look again."

    def lost(*_asked: object, **_more: object) -> list[str]:
        raise OutcomeUnknownError(sentence)

    monkeypatch.setattr(engine, "mark_stalled", lost)
    monkeypatch.setattr(composed.deps.actions, "_changed", lambda _source: None)
    said = page.confirm()

    assert "before it answered" in said
    assert "Look again" in said
    assert "marked as failed" not in said


def test_cu015_the_dialog_keeps_the_focus_and_gives_it_back(launch, jobs):
    jobs.stalled()
    page, _ = launch()
    assert _tab_to(page, "cleanup-stalled")

    page.press_enter()

    wait_for(page.candidates)
    wait_for(lambda: page.focused()[1] == "dialog")
    reached = {page.tab() for _ in range(12)}
    assert reached >= {"cleanup-cancel", "cleanup-confirm"}
    assert page.focused()[1] == "dialog"
    page.tab_back()
    page.tab_back()
    assert {page.tab_back() for _ in range(12)} == reached
    assert page.focused()[1] == "dialog"
    page.escape()
    wait_until(page.expect_no_dialog)
    wait_for(lambda: page.focused()[0] == "cleanup-stalled")


def _tab_to(page, id_):
    return any(page.tab() == id_ for _ in range(30))
