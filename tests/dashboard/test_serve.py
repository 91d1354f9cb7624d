"""``job-manager serve`` as people start it: a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import httpx
import pytest
from websockets.sync.client import connect

from tests.browser.served import Served, run_command
from tests.browser.waiting import LIMIT_S, wait_for
from tests.factories import NOW, JobTable, finished_run, job_table


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as table:
        yield table


@pytest.fixture
def server(table: JobTable, tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path, JOBS_DATABASE_URL=table.url)
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Served, JobTable]]:
    """One server, and its table, for all that leave it as it is."""
    place = tmp_path_factory.mktemp("standing")
    with job_table(f"sqlite:///{place / 'jobs.db'}") as table:
        server = Served(place, JOBS_DATABASE_URL=table.url).start()
        yield server, table
        server.stop()


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param(
            {"JOBS_STAL_AFTER": "30m"},
            ["JOBS_STAL_AFTER", "JOBS_STALL_AFTER"],
            id="unknown-key",
        ),
        pytest.param(
            {"JOBS_STALL_AFTER": "soon"},
            ["JOBS_STALL_AFTER", "'soon'", "allowed: 90s, 30m"],
            id="unreadable-value",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            {"JOBS_PORT": "80500"},
            ["JOBS_PORT", "'80500'", "allowed:"],
            id="out-of-range",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            {"JOBS_STALL_MODE": "adaptive"},
            ["JOBS_STALL_MODE", "'adaptive'", "fixed"],
            id="not-yet",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            {"JOBS_HOST": "0.0.0.0"},  # noqa: S104  # that is what is refused
            ["JOBS_AUTH", "JOBS_HOST", "0.0.0.0", "allowed"],  # noqa: S104
            id="open-to-all-without-sign-in",
        ),
        pytest.param(
            {"JOBS_DATABASE_URL": "mysql://me:geheim@db/orders"},
            ["JOBS_DATABASE_URL", "allowed: sqlite"],
            id="another-database",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_wrong_settings_are_one_line_and_exit_status_2(
    table: JobTable, tmp_path: Path, environ: dict[str, str], words: list[str]
) -> None:
    wanted = {"JOBS_DATABASE_URL": table.url, **environ}

    ended = run_command(tmp_path, "serve", **wanted)

    assert ended.returncode == 2
    [line] = ended.stderr.strip().splitlines()
    assert all(word in line for word in words)
    assert "geheim" not in line
    assert ended.stdout == ""


def test_a_wrong_key_in_the_file_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "job-manager.toml").write_text("stal_after = '1h'\n", encoding="utf-8")

    ended = run_command(tmp_path, "serve")

    assert ended.returncode == 2
    [line] = ended.stderr.strip().splitlines()
    assert "stal_after" in line
    assert "job-manager.toml" in line


def test_without_a_source_it_says_how_to_name_one(tmp_path: Path) -> None:
    ended = run_command(tmp_path, "serve")

    assert ended.returncode == 2
    [line] = ended.stderr.strip().splitlines()
    assert line.startswith("No source: set JOBS_DATABASE_URL")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], marks=pytest.mark.exhaustive),
        ["sreve"],
        pytest.param(["serve", "--fast"], marks=pytest.mark.exhaustive),
    ],
)
def test_an_unknown_command_is_exit_status_2(
    tmp_path: Path, arguments: list[str]
) -> None:
    ended = run_command(tmp_path, *arguments)

    assert ended.returncode == 2
    assert "usage: job-manager" in ended.stderr


def test_a_port_that_is_taken_is_said_and_is_no_success(
    standing: tuple[Served, JobTable], tmp_path: Path
) -> None:
    server, table = standing

    ended = run_command(
        tmp_path, "serve", JOBS_DATABASE_URL=table.url, JOBS_PORT=str(server.port)
    )

    assert ended.returncode not in (0, 2)
    assert "address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_says_where_it_is_when_it_answers(
    standing: tuple[Served, JobTable],
) -> None:
    server, _ = standing

    assert f"Job Manager is at {server.url}" in server.lines()
    assert server.get("").status_code == 200
    assert server.get("readyz").json()["ready"] is True


def test_sigterm_ends_it_and_tells_the_viewers_that_it_restarts(server: Served) -> None:
    address = server.url.replace("http", "ws") + "live"
    with connect(address) as socket:
        socket.recv(timeout=LIMIT_S)

        status = server.terminate()

        assert status in (0, -SIGTERM)
        wait_for(lambda: socket.protocol.close_code == 1012)
    assert "Traceback" not in "\n".join(server.lines())


def test_a_second_start_after_a_kill_works_with_what_is_there(server: Served) -> None:
    server.kill()
    server.start()

    assert server.get("readyz").json()["ready"] is True


def test_a_source_that_is_away_is_one_line_in_the_log(
    server: Served, tmp_path: Path
) -> None:
    (tmp_path / "jobs.db").rename(tmp_path / "away.db")
    reads = 'jobmanager_source_reads_total{source="jobs"}'

    wait_for(
        lambda: server.get("readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE
    )
    before = server.metric(reads)
    wait_for(lambda: server.metric(reads) >= before + 2)

    about = [line for line in server.lines() if "source jobs: " in line]
    assert len(about) == 1
    assert server.metric('jobmanager_source_up{source="jobs"}') == 0
    assert server.get("healthz").status_code == httpx.codes.OK


def test_the_password_of_a_database_is_said_nowhere(tmp_path: Path) -> None:
    url = "postgresql://jobs:geheim@127.0.0.1:1/orders"
    server = Served(tmp_path, JOBS_DATABASE_URL=url)
    server.start()
    try:
        ready = server.get("readyz")
        page = server.get("_dash-layout").text
    finally:
        server.stop()

    assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
    said = [ready.text, page, *server.lines()]
    assert not [text for text in said if "geheim" in text]


def test_several_processes_serve_the_same_page(table: JobTable, tmp_path: Path) -> None:
    server = Served(tmp_path, JOBS_DATABASE_URL=table.url, JOBS_WORKERS="2")
    server.start()
    try:
        answers = [server.get("_dash-layout").status_code for _ in range(6)]
        assert answers == [httpx.codes.OK] * 6
    finally:
        assert server.terminate() in (0, -SIGTERM)


def test_rows_that_are_pruned_meanwhile_do_not_break_an_export(
    standing: tuple[Served, JobTable],
) -> None:
    server, table = standing
    ids = table.add(*(finished_run(finished_at=NOW - n) for n in range(20_000)))
    pruned = {*ids[1_000:19_000]}

    with httpx.stream("GET", f"{server.url}api/runs.csv", timeout=LIMIT_S) as answer:
        lines = answer.iter_lines()
        next(lines)
        first = next(lines)
        table.execute(
            "DELETE FROM job_runs WHERE id BETWEEN :first AND :last",
            first=int(ids[1_000]),
            last=int(ids[18_999]),
        )
        found = [line.split(",")[0] for line in (first, *lines)]

    assert len(found) == len(set(found))
    assert [run_id for run_id in found if run_id not in pruned] == [
        run_id for run_id in ids if run_id not in pruned
    ]
    assert len(found) < len(ids)
