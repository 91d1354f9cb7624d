"""``job-manager serve`` as people start it: a process of its own."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM
from typing import NamedTuple, Protocol

import httpx
import pytest
from websockets.sync.client import connect

import app
from tests.browser.served import Served, run_command
from tests.browser.waiting import LIMIT_S, wait_for
from tests.factories import NOW, JobTable, finished_run, job_table


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as table:
        yield table


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Served, JobTable]]:
    """One server, and its table, for all that leave it as it is.

    It was killed, and started again.
    """
    place = tmp_path_factory.mktemp("standing")
    with job_table(f"sqlite:///{place / 'jobs.db'}") as table:
        server = Served(place, JOBS_DATABASE_URL=table.url).start()
        server.kill()
        yield server.start(), table
        server.stop()


class Ended(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


class Command(Protocol):
    """Runs the command to its end, in this process, with these settings."""

    def __call__(self, *arguments: str, **environ: str) -> Ended: ...


@pytest.fixture
def command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    def command(*arguments: str, **environ: str) -> Ended:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["job-manager", *arguments])
        for key, value in environ.items():
            monkeypatch.setenv(key, value)
        with pytest.raises(SystemExit) as ended:
            app.main()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, *capsys.readouterr())

    return command


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
        ),
        pytest.param(
            {"JOBS_PORT": "80500"},
            ["JOBS_PORT", "'80500'", "allowed:"],
            id="out-of-range",
        ),
        pytest.param(
            {"JOBS_STALL_MODE": "adaptive"},
            ["JOBS_STALL_MODE", "'adaptive'", "fixed"],
            id="not-yet",
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
        ),
    ],
)
def test_wrong_settings_are_one_line_and_exit_status_2(
    table: JobTable, command: Command, environ: dict[str, str], words: list[str]
) -> None:
    wanted = {"JOBS_DATABASE_URL": table.url, **environ}

    ended = command("serve", **wanted)

    assert ended.status == 2
    [line] = ended.err.strip().splitlines()
    assert all(word in line for word in words)
    assert "geheim" not in line
    assert ended.out == ""


def test_a_wrong_key_in_the_file_is_named_too(tmp_path: Path, command: Command) -> None:
    (tmp_path / "job-manager.toml").write_text("stal_after = '1h'\n", encoding="utf-8")

    ended = command("serve")

    assert ended.status == 2
    [line] = ended.err.strip().splitlines()
    assert "stal_after" in line
    assert "job-manager.toml" in line


def test_a_store_that_cannot_be_used_is_one_line_and_exit_status_1(
    table: JobTable, command: Command
) -> None:
    store = "sqlite:////nowhere/x.db"

    ended = command("serve", JOBS_DATABASE_URL=table.url, JOBS_STORE_URL=store)

    assert ended.status == 1
    [line] = ended.err.strip().splitlines()
    assert line.startswith(f"The store {store} cannot be used.")
    assert ended.out == ""


def test_without_a_source_it_says_how_to_name_one(tmp_path: Path) -> None:
    """In a process of its own: nothing else is said, and the system hears of it."""
    ended = run_command(tmp_path, "serve")

    assert ended.returncode == 2
    [line] = ended.stderr.strip().splitlines()
    assert line.startswith("No source: set JOBS_DATABASE_URL")
    assert ended.stdout == ""


@pytest.mark.parametrize("arguments", [[], ["sreve"], ["serve", "--fast"]])
def test_an_unknown_command_is_exit_status_2(
    command: Command, arguments: list[str]
) -> None:
    ended = command(*arguments)

    assert ended.status == 2
    assert "usage: job-manager" in ended.err


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


def test_a_second_start_after_a_kill_works_with_what_is_there(
    standing: tuple[Served, JobTable],
) -> None:
    server, _ = standing

    assert server.get("readyz").json()["ready"] is True


def test_sources_that_are_away_and_sigterm_are_said_in_a_line_and_without_passwords(
    table: JobTable, tmp_path: Path
) -> None:
    (tmp_path / "job-manager.toml").write_text(
        f'[sources.jobs]\nurl = "{table.url}"\n'
        '[sources.far]\nurl = "postgresql://jobs:geheim@127.0.0.1:1/orders"\n'
    )
    server = Served(tmp_path, JOBS_POLL_EVERY="100ms").start()
    address = server.url.replace("http", "ws") + "live"
    try:
        _says_no_password(server)
        with connect(address) as socket:
            socket.recv(timeout=LIMIT_S)

            (tmp_path / "jobs.db").rename(tmp_path / "away.db")
            _tells_of_its_source_once(server)

            assert server.terminate() in (0, -SIGTERM)
            wait_for(lambda: socket.protocol.close_code == 1012)
    finally:
        server.stop()
    assert "Traceback" not in "\n".join(server.lines())


def _says_no_password(server: Served) -> None:
    ready = server.get("readyz")
    page = server.get("_dash-layout").text

    assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert ready.json()["sources"]["far"] != "ok"
    said = [ready.text, page, *server.lines()]
    assert not [text for text in said if "geheim" in text]


def _tells_of_its_source_once(server: Served) -> None:
    reads = 'jobmanager_source_reads_total{source="jobs"}'
    wait_for(lambda: server.get("readyz").json()["sources"]["jobs"] != "ok")
    before = server.metric(reads)
    wait_for(lambda: server.metric(reads) >= before + 2)

    about = [line for line in server.lines() if "source jobs: " in line]
    assert len(about) == 1
    assert server.metric('jobmanager_source_up{source="jobs"}') == 0
    assert server.get("healthz").status_code == httpx.codes.OK


def test_rows_that_are_pruned_meanwhile_do_not_break_an_export(
    standing: tuple[Served, JobTable],
) -> None:
    server, table = standing
    ids = add_many(table, 20_000)
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


def add_many(table: JobTable, number: int) -> list[str]:
    """Runs that ended one after the other; their ids, the last one's first."""
    [first] = table.add(finished_run(finished_at=NOW))
    copied = [c.name for c in table.table.c if c.name not in ("id", "finished_at")]
    names = ", ".join(copied)
    table.execute(
        f"WITH RECURSIVE later(n) AS "  # noqa: S608
        f"(SELECT 1 UNION ALL SELECT n + 1 FROM later WHERE n < :more) "
        f"INSERT INTO job_runs (id, finished_at, {names}) "
        f"SELECT id + n, finished_at - n, {names} FROM job_runs, later WHERE id = :id",
        id=int(first),
        more=number - 1,
    )
    return [str(int(first) + n) for n in range(number)]
