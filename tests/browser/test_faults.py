"""Databases that are away, tables that are wrong, jobs that mean harm."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import make_url

from data.clock import HOUR_MS
from tests.browser.pages import wait_for_banner, wait_for_jobs
from tests.browser.waiting import wait_for
from tests.factories import JobTable

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

on_both = pytest.mark.parametrize("jobs", ["sqlite", "postgresql"], indirect=True)

HOSTILE = {
    "script": "<script>document.title='owned';window.owned=1</script>",
    "image": "<img src=x onerror=\"window.owned=1;document.title='owned'\">",
    "quotes": "\"double\" 'single' `back` \\ &amp; </span>",
    "emoji": "👩‍👩‍👧 party 🎉",
    "right to left": "مهمة التقارير",
    "template": "{{constructor.constructor('window.owned=1')()}} ${window.owned=1}",
    "formula": '=HYPERLINK("http://evil.example","x")',
}


def test_fa001_a_source_that_is_missing_at_the_start_comes_by_itself(
    launch, jobs, tmp_path
):
    jobs.running("first")
    file = tmp_path / "jobs.db"
    file.rename(tmp_path / "away.db")
    page, _ = launch()

    said = page.trouble()
    assert said.startswith("Database unreachable since ")
    assert "No data was read yet." in said
    assert "there is no database file" in said
    assert "No active jobs" not in page.emptiness()
    assert {tile.value for tile in page.tiles().values()} == {"—"}
    assert page.wait_for_state("live")

    (tmp_path / "away.db").rename(file)

    wait_for_jobs(page, ["first"])
    assert page.trouble() is None


def test_fa002_a_source_that_goes_away_keeps_its_data_and_comes_back(
    launch, jobs, tmp_path, caplog
):
    caplog.set_level("INFO", "data.snapshot")
    jobs.stalled("first")
    file = tmp_path / "jobs.db"
    page, composed = launch(JOBS_POLL_EVERY="500ms")
    wait_for_jobs(page, ["first"])
    assert httpx.get(f"{page.url}readyz").status_code == 200

    file.rename(tmp_path / "away.db")

    said = wait_for(page.trouble)
    assert said.startswith("Database unreachable since ")
    assert ", data from " in said
    assert page.jobs() == ["first"]
    assert page.emptiness() is None
    assert page.banner().title == "1 job(s) may be stalled"
    assert httpx.get(f"{page.url}healthz").status_code == 200
    ready = httpx.get(f"{page.url}readyz")
    assert ready.status_code == 503
    assert "there is no database file" in ready.json()["sources"]["jobs"]
    page.reload()
    assert page.jobs() == ["first"]
    reader = composed.deps.sources["jobs"].reader
    reads = reader.reads
    wait_for(lambda: reader.reads >= reads + 2)

    (tmp_path / "away.db").rename(file)
    jobs.running("second")

    wait_for_jobs(page, ["first", "second"])
    assert page.trouble() is None
    assert httpx.get(f"{page.url}readyz").status_code == 200
    about = [line for line in caplog.messages if "source jobs" in line]
    assert len(about) == 2
    assert "there is no database file" in about[0]
    assert "answers again" in about[1]


@pytest.mark.exhaustive
def test_fa003_an_empty_list_of_a_database_that_is_away_is_not_no_jobs(
    launch, jobs, tmp_path
):
    page, _ = launch()
    assert "No active jobs" in page.emptiness()

    (tmp_path / "jobs.db").rename(tmp_path / "away.db")

    wait_for(page.trouble)
    assert "No active jobs" not in page.emptiness()
    assert "there were no active jobs" in page.emptiness()


@on_both
def test_fa004_a_missing_table_is_named_with_the_command_that_makes_it(launch, jobs):
    jobs.table.execute("DROP TABLE job_runs")
    page, _ = launch()

    said = page.trouble()

    assert said.startswith("Job table not readable since ")
    assert "there is no table job_runs" in said
    assert "CREATE TABLE job_runs" in said

    jobs.table.create()
    jobs.running("first")

    wait_for_jobs(page, ["first"])
    assert page.trouble() is None


@pytest.mark.exhaustive
def test_fa005_a_missing_column_is_named_with_the_command_that_adds_it(launch, jobs):
    jobs.table.execute("ALTER TABLE job_runs DROP COLUMN heartbeat_at")
    page, _ = launch()

    said = page.trouble()

    assert "job_runs has no column heartbeat_at" in said
    assert "ALTER TABLE job_runs ADD COLUMN heartbeat_at" in said


@pytest.mark.parametrize("jobs", ["postgresql"], indirect=True)
def test_fa006_with_select_rights_only_the_actions_are_hidden_and_why(launch, jobs):
    jobs.stalled()
    jobs.table.execute(
        "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN;"
        "GRANT SELECT ON job_runs TO reader"
    )
    url = make_url(jobs.url).set(username="reader", drivername="postgresql")
    page, _ = launch(JOBS_DATABASE_URL=url.render_as_string(hide_password=False))

    banner = wait_for_banner(page, bool)

    assert banner.title == "1 job(s) may be stalled"
    assert not banner.can_clean_up
    assert "This database user may only read." in banner.unavailable
    assert "GRANT UPDATE ON job_runs TO" in banner.unavailable
    jobs.table.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_fa007_hostile_names_are_text(launch, jobs):
    for name in HOSTILE.values():
        jobs.running(name, worker=name)
    jobs.stalled(HOSTILE["script"])
    jobs.stalled(HOSTILE["image"])
    page, _ = launch(JOBS_LOGS_URL="https://logs.example/{job_name}")
    before = page.title()
    page.wait_for_state("live")

    shown = page.jobs()
    said = page.open_clean_up().dialog()
    outcome = page.confirm()

    assert set(shown) >= set(HOSTILE.values())
    assert HOSTILE["script"] in said
    assert HOSTILE["image"] in said
    assert "2 marked as failed" in outcome
    assert page.run("return window.owned") is None
    assert page.title() == before
    assert page.how_many("img") == 0


@pytest.mark.exhaustive
def test_fa008_a_name_of_10000_characters_is_shortened(launch, jobs):
    jobs.stalled("long-" + "x" * 9_995)
    page, _ = launch()

    [row] = page.rows()

    assert row.job.startswith("long-xxx")
    assert len(row.job) <= 255
    assert len(page.banner().detail) < 250
    page.open_clean_up()
    assert len(page.candidates()[0].text) < 300
    assert page.width() <= 1360


@pytest.mark.exhaustive
def test_fa009_characters_that_reorder_or_hide_text_are_made_visible(launch, jobs):
    jobs.running("in\u202evoice\u200b.exe")
    page, _ = launch()

    wait_for(lambda: page.jobs() == ["in\ufffdvoice\ufffd.exe"])


@pytest.mark.exhaustive
def test_fa010_runs_whose_clock_differs_are_shown_and_not_judged(launch, jobs):
    jobs.running("starts-later", started_at=jobs.now + HOUR_MS)
    jobs.running("beats-later", minutes=50, heartbeat_at=jobs.now + HOUR_MS)
    jobs.running("no-start", started_at=None, heartbeat_at=None)
    page, _ = launch()
    wait_for_jobs(page, ["starts-later", "beats-later", "no-start"])

    assert page.row_of("starts-later").alive == "clock differs, not judged"
    assert page.row_of("beats-later").alive == "clock differs, not judged"
    assert page.row_of("no-start").alive == "no start time, not judged"
    assert page.banner() is None
    assert {row.status for row in page.rows()} == {"Running"}
    said = httpx.get(page.url + "metrics").text
    assert 'jobmanager_unjudged_runs{reason="clock differs",source="jobs"} 2.0' in said
    assert 'jobmanager_unjudged_runs{reason="no start time",source="jobs"} 1.0' in said


@pytest.mark.exhaustive
def test_fa011_an_unknown_status_word_is_shown_as_it_is(launch, sqlite_url, jobs):
    _without_checks(jobs.table)
    jobs.running("odd", status="PAUSED", minutes=90)
    page, _ = launch()

    row = page.row_of("odd")

    assert row.status == "PAUSED"
    assert row.alive == "unknown status, not judged"
    assert page.banner() is None


@on_both
def test_fa012_5000_open_runs_with_300_stalled(launch, jobs):
    stalled = [jobs.row(f"slow-{n % 7}", minutes=47 + n) for n in range(300)]
    running = [jobs.row(f"job-{n % 40}", minutes=n / 100) for n in range(2_700)]
    waiting = [
        jobs.row("waits", status="PENDING", started_at=None, worker=None)
    ] * 2_000
    jobs.table.add(*running, *stalled, *waiting)
    page, composed = launch()
    page.wait_for_state("live")

    tiles = page.tiles()

    assert tiles["running"].value == "3,000"
    assert tiles["pending"].value == "2,000"
    assert tiles["stalled"].value == "300"
    assert page.banner().title == "300 job(s) may be stalled"
    assert page.more() == "Showing 500 of 5,000 active jobs."
    assert page.row_count() == 500
    assert {row.status for row in page.rows()} == {"⚠ Stalled"}
    message = composed.hub.messages.of(composed.deps.snapshot("jobs"))
    assert len(message.text.encode()) <= 200_000
    page.open_clean_up()
    assert page.confirm_words() == "Mark 300 runs as failed"
    assert "300 marked as failed" in page.confirm()
    wait_for_banner(page, lambda banner: banner is None)


@pytest.mark.exhaustive
def test_fa013_a_missing_index_is_said_with_the_command_that_makes_it(launch, jobs):
    jobs.table.execute("DROP INDEX job_runs_finished")
    page, _ = launch()

    said = page.notices()

    assert "job_runs has no index on (finished_at, id)." in said
    assert page.trouble() is None


def test_fa014_a_browser_whose_clock_is_off_shows_true_ages(launch, jobs):
    jobs.running("send-mail", minutes=5)
    page, _ = launch(opened=False)
    page.cdp(
        "Page.addScriptToEvaluateOnNewDocument",
        source="const real = Date.now; Date.now = () => real() + 3 * 3600 * 1000;",
    )

    page.open()
    page.wait_for_state("live")

    wait_for(lambda: page.row_of("send-mail").elapsed.startswith("5m 0"))
    assert page.badge().last_message in ("just now", "1 s ago", "2 s ago")


def test_fa015_an_old_failure_stays_visible_until_it_is_over(launch, jobs, tmp_path):
    jobs.running("first", minutes=timedelta(minutes=29).total_seconds() / 60)
    page, _ = launch()
    (tmp_path / "jobs.db").rename(tmp_path / "away.db")
    first = wait_for(page.trouble)
    since = first.split(",")[0]

    page.reload()

    assert page.trouble().split(",")[0] == since


def _without_checks(table: JobTable) -> None:
    """Not everybody's table has the constraint of the contract."""
    made = table.scalar("SELECT sql FROM sqlite_master WHERE name = 'job_runs'")
    start = made.index(", \n\tCONSTRAINT job_runs_status")
    table.execute("DROP TABLE job_runs")
    table.execute(made[:start] + "\n)")


@pytest.mark.parametrize("jobs", ["postgresql"], indirect=True)
def test_fa016_a_server_that_hangs_up_is_said_and_found_again(
    launch, jobs, postgresql_server
):
    jobs.running("first")
    page, _ = launch()
    wait_for_jobs(page, ["first"])
    name = make_url(jobs.url).database
    maintenance = JobTable(postgresql_server.render_as_string(hide_password=False))

    maintenance.execute(
        "UPDATE pg_database SET datallowconn = false WHERE datname = :name;"
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name",
        name=name,
    )

    said = wait_for(page.trouble)
    assert said.startswith("Database unreachable since ")
    assert page.jobs() == ["first"]

    maintenance.execute(
        "UPDATE pg_database SET datallowconn = true WHERE datname = :name", name=name
    )
    jobs.table.owner.dispose()
    jobs.running("second")

    wait_for_jobs(page, ["first", "second"])
    assert page.trouble() is None
    maintenance.close()
