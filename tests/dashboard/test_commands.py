"""The commands beside serving, as people and programs use them."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dash
import pytest

from app import compose, open_sources
from dashboard.cli import run_command
from dashboard.commands.tools import Tools
from data.clock import DAY_MS, MINUTE_MS, now_ms, utc_now
from data.store import open_store
from data.store.audit import AuditEntry, AuditFilter
from tests.factories import JobTable, job_table, make_run


@pytest.fixture
def table(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("JOBS_DATABASE_URL", made.url)
        monkeypatch.setenv("JOBS_STORE_URL", f"sqlite:///{tmp_path / 'store.db'}")
        yield made


def command(*arguments: str) -> int:
    try:
        return run_command(arguments, Tools(compose, open_sources))
    finally:
        dash.page_registry.clear()


def stalled(table: JobTable, **changes: object) -> str:
    started = now_ms(utc_now) - 45 * MINUTE_MS - MINUTE_MS // 2
    run = make_run(started_at=started, heartbeat_at=started, **changes)
    return table.add(run)[0]


def test_doctor_says_what_helps_and_exits_1(
    table: JobTable, capsys: pytest.CaptureFixture[str]
) -> None:
    table.execute("DROP INDEX job_runs_failed")

    assert command("doctor") == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok    jobs: jobs answers."
    [at] = [n for n, line in enumerate(lines) if "has no index" in line]
    assert lines[at].startswith("mend  jobs: job_runs has no index")
    assert lines[at + 1].startswith("        CREATE INDEX job_runs_failed")


def test_doctor_speaks_json(
    table: JobTable, capsys: pytest.CaptureFixture[str]
) -> None:
    table.execute("PRAGMA journal_mode=WAL")

    assert command("doctor", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert set(told["findings"][0]) == {"where", "what", "grade", "message", "mend"}
    assert {finding["grade"] for finding in told["findings"]} == {"ok"}


def test_a_dry_run_lists_the_evidence_and_changes_nothing(
    table: JobTable, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = stalled(table, job_name="resize")

    assert command("cleanup", "--source", "jobs", "--dry-run") == 0

    told = capsys.readouterr().out
    assert f"{run_id}  resize  running for 45m" in told
    assert "1 stalled, 1 would be marked as failed. Nothing was changed." in told
    assert table.row(run_id)["status"] == "RUNNING"


def test_cleanup_marks_tells_and_can_be_undone(
    table: JobTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = stalled(table)

    assert command("cleanup", "--yes") == 0

    told = capsys.readouterr().out
    assert f"1 marked as failed: {run_id}" in told
    assert table.row(run_id)["status"] == "FAILED"
    token = told.split()[-1]
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    [row] = store.audit.page(AuditFilter())
    store.close()
    assert row.batch == token
    assert row.actor.startswith("cli:")


def test_cleanup_asks_and_nobody_there_is_a_no(
    table: JobTable,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = stalled(table)

    assert command("cleanup") == 1
    assert "--yes" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert command("cleanup") == 1
    assert table.row(run_id)["status"] == "RUNNING"
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert command("cleanup") == 0
    assert table.row(run_id)["status"] == "FAILED"
    assert command("cleanup") == 0
    assert "nothing is stalled" in capsys.readouterr().out


def test_cleanup_lists_what_is_alive_and_leaves_it_alone(
    table: JobTable, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = stalled(table)
    table.change(dead, heartbeat_at=None)
    [alive] = table.add(
        {**table.row(dead), "id": 77, "heartbeat_at": now_ms(utc_now), "params": {}}
    )

    assert command("cleanup", "--yes") == 0

    told = capsys.readouterr().out
    [line] = [one for one in told.splitlines() if one.startswith(f"{alive} ")]
    assert line.endswith("(slow, not dead: left alone)")
    assert table.row(alive)["status"] == "RUNNING"
    assert table.row(dead)["status"] == "FAILED"
    assert command("cleanup", "--yes") == 0
    assert "1 slow, not dead. Nothing was changed." in capsys.readouterr().out


def test_cleanup_names_a_source_that_is_not_there_or_down(
    table: JobTable, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("cleanup", "--source", "nope") == 1
    assert "There is no source 'nope'. Sources: jobs." in capsys.readouterr().err
    table.execute("DROP TABLE job_runs")
    assert command("cleanup", "--yes") == 1
    assert "there is no table job_runs" in capsys.readouterr().err


def test_prune_forgets_by_age_and_says_how_much(
    table: JobTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    for days in (91, 89):
        entry = AuditEntry(str(days), "mail", {}, "")
        store.audit.open_batch(
            "ann", "jobs", "cancel", [entry], now_ms(utc_now) - days * DAY_MS
        )
    store.close()

    assert command("prune") == 0

    assert "1 of audit" in capsys.readouterr().out
    with sqlite3.connect(tmp_path / "store.db") as kept:
        assert kept.execute("SELECT run_id FROM audit").fetchall() == [("89",)]


def test_openapi_needs_no_database_and_leaves_nothing_behind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert command("openapi") == 0

    described = json.loads(capsys.readouterr().out)
    assert "/api/stalled/cleanup" in described["paths"]
    assert list(tmp_path.iterdir()) == []


def test_without_a_source_they_say_how_to_name_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert command("doctor") == 2
    assert "JOBS_DATABASE_URL" in capsys.readouterr().err
