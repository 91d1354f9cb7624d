"""The files of ``deploy/`` are loaded by the programs they are for."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboard.settings import load_settings
from tests.browser.nginx import DEPLOY, WAYS, is_sound, location, server_block

UNIT = DEPLOY / "job-manager.service"


def _environment() -> dict[str, str]:
    lines = (DEPLOY / "job-manager.env").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return dict(pairs)


def test_the_environment_file_is_accepted(tmp_path: Path) -> None:
    settings = load_settings(_environment(), directory=tmp_path)

    assert settings.prefix == "/jobs/"
    assert settings.origins == ("https://portal.example.org",)
    assert [*settings.sources] == ["jobs"]


def test_what_is_commented_out_is_accepted_too(tmp_path: Path) -> None:
    lines = (DEPLOY / "job-manager.env").read_text().splitlines()
    more = [line[2:].split("=", 1) for line in lines if line.startswith("# JOBS_")]

    assert len(more) >= 5
    load_settings({**_environment(), **dict(more)}, directory=tmp_path)


@pytest.mark.parametrize("way", WAYS)
def test_nginx_accepts_its_file(way: str, tmp_path: Path) -> None:
    said = is_sound(tmp_path, server_block(8099, location(way, 8050)))

    assert said.returncode == 0, said.stderr


def test_both_ways_differ_in_what_they_hand_on_only() -> None:
    keep, strip = ((DEPLOY / name).read_text() for name in WAYS.values())
    changed = {*keep.splitlines()} ^ {*strip.splitlines()}

    assert len(changed) == 4
    assert any("proxy_pass http://127.0.0.1:8050;" in line for line in changed)
    assert any("proxy_pass http://127.0.0.1:8050/;" in line for line in changed)


def test_the_unit_says_what_it_has_to() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)

    service = unit["Service"]
    assert service["ExecStart"].endswith("/job-manager serve")
    assert service["User"] == "job-manager"
    assert service["EnvironmentFile"] == "/etc/job-manager/job-manager.env"
    assert service["ProtectSystem"] == "strict"
    assert unit["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd here"
)
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Its program is not installed here: one that is stands in for it."""
    text = UNIT.read_text().replace(
        "/opt/job-manager/.venv/bin/job-manager", "/bin/true"
    )
    copy = tmp_path / UNIT.name
    copy.write_text(text)

    said = subprocess.run(  # noqa: S603
        ["systemd-analyze", "verify", "--man=no", str(copy)],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    ours = [line for line in said.stderr.splitlines() if UNIT.name in line]
    assert ours == []
