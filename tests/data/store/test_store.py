"""A store that cannot be used is refused with a sentence, never with a password."""

from pathlib import Path

import pytest

from data.exceptions import SourceUnavailableError
from data.store import open_store

SECRET = "tr0ub4dor"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://jobs:{SECRET}@127.0.0.1:1/jobs",
        f"postgresql://jobs@127.0.0.1:1/jobs?password={SECRET}",
        f"mysql://jobs:{SECRET}@127.0.0.1/jobs",
    ],
)
def test_the_url_is_named_without_its_password(url: str) -> None:
    with pytest.raises(SourceUnavailableError) as refused:
        open_store(url)

    assert "127.0.0.1" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_url_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(SourceUnavailableError, match="cannot be read"):
        open_store(f"job-manager.db:{SECRET}")


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailableError, match=r"nowhere/jobs\.db"):
        open_store(f"sqlite:///{tmp_path}/nowhere/jobs.db")


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "letter.db"
    file.write_text("Dear Sir or Madam, " * 100)

    with pytest.raises(SourceUnavailableError, match="not a SQLite database"):
        open_store(f"sqlite:///{file}")

    assert file.read_text().startswith("Dear Sir")
