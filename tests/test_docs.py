"""What README and the guides say is true: settings, links, the map, every statement."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import make_url, text

from dashboard.settings import Settings, SourceSettings, load_settings
from data.clock import from_ms
from data.engines.native_check import create_statements
from data.engines.native_table import job_runs
from data.store import Store
from tests.factories import NOW, JobTable, job_table, make_run, native_engine

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CONNECT = ROOT / "docs/connect.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", re.MULTILINE)
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LARGEST_PICTURE = 200 * 1024
A_SOURCE = {"JOBS_DATABASE_URL": "sqlite:///orders.db"}
#: Where settings take effect; all else receives plain values.
READERS = ["app.py", "dashboard/cli.py", "dashboard/serving.py"]
#: Taken by the settings themselves, or with one value only.
NOBODYS = {
    *("JOBS_AUTH", "JOBS_CONFIG", "JOBS_DATABASE_URL"),
    *("JOBS_ENGINE", "JOBS_PUBLIC_ORIGINS", "JOBS_STALL_MODE"),
}

every_page = pytest.mark.parametrize("page", PAGES, ids=PAGE_NAMES)


class Fence(NamedTuple):
    """A block of code: what stands behind the backticks, and what is inside."""

    info: str
    body: str


def fences(page: Path, info: str | None = None) -> list[Fence]:
    found = FENCE.findall(page.read_text())
    return [Fence(*parts) for parts in found if info is None or parts[0] == info]


def section(title: str) -> str:
    """What README says below this heading, up to the next one."""
    return README.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def defaults(rows: str, prefix: str = "") -> dict[str, str]:
    """The table's keys that start with ``prefix``, each with its default."""
    return {
        key: default.strip("`")
        for key, default, _ in ROW.findall(rows)
        if key.startswith(prefix)
    }


def statements(sql: str) -> set[str]:
    """Single statements, however they are laid out."""
    flat = re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.split()))
    return {part.strip() for part in flat.split(";") if part.strip()}


# ---- settings ----


def test_every_setting_is_in_the_readme_and_no_other() -> None:
    known = {f"JOBS_{name.upper()}" for name in Settings.model_fields}
    documented = defaults(section("Settings"), "JOBS_")
    assert {*documented} == (known - {"JOBS_NAMED_SOURCES"}) | {"JOBS_CONFIG"}


def test_every_key_of_a_source_is_in_the_readme_and_no_other() -> None:
    known = {field.alias or n for n, field in SourceSettings.model_fields.items()}
    documented = {key for key in defaults(section("Settings")) if key.islower()}
    assert documented == known


def test_the_defaults_in_the_readme_are_the_defaults(tmp_path: Path) -> None:
    plain = load_settings(A_SOURCE, directory=tmp_path)
    documented = defaults(section("Settings"), "JOBS_")
    del documented["JOBS_CONFIG"]
    for key, default in documented.items():
        asked = {} if default == "-" else {key: default}
        name = key.removeprefix("JOBS_").lower()
        said = getattr(load_settings({**A_SOURCE, **asked}, directory=tmp_path), name)
        assert said == getattr(plain, name), key
        if default == "-" and key not in A_SOURCE:
            assert not said, key


def test_every_setting_has_an_effect() -> None:
    code = "".join((ROOT / reader).read_text() for reader in READERS)
    for key in defaults(section("Settings"), "JOBS_").keys() - NOBODYS:
        name = key.removeprefix("JOBS_").lower()
        assert f"settings.{name}" in code, f"{key} has no effect"


@every_page
def test_every_setting_that_a_page_names_is_a_real_one(page: Path) -> None:
    known = {f"JOBS_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"JOBS_[A-Z_]*[A-Z]", page.read_text()))
    assert named <= known | {"JOBS_CONFIG"}


@every_page
def test_every_setting_that_a_page_sets_is_accepted(page: Path, tmp_path: Path) -> None:
    for key, value in re.findall(r"(JOBS_[A-Z_]+)=([^\s`]+)", page.read_text()):
        load_settings({**A_SOURCE, key: value}, directory=tmp_path)


def test_the_file_that_the_readme_shows_is_accepted(tmp_path: Path) -> None:
    [shown] = fences(README, "toml")
    (tmp_path / "job-manager.toml").write_text(shown.body)
    settings = load_settings({}, directory=tmp_path)
    assert settings.sources["orders"].schema_name == "jobs"


# ---- links, pictures, the map ----


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.is_file(), target
        assert not anchor or anchor in anchors(place), target


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


def test_pictures_are_small_enough_to_be_kept_and_each_is_shown() -> None:
    shown = README.read_text()
    for picture in (ROOT / "docs/pictures").glob("*.png"):
        assert picture.stat().st_size < LARGEST_PICTURE, picture.name
        assert f"docs/pictures/{picture.name}" in shown


def test_the_map_of_the_house_names_what_is_there_and_nothing_else() -> None:
    named: dict[str, set[str]] = {}
    package = ""
    for line in section("Map of the house").split("```")[1].strip().splitlines():
        inside = line.startswith("  ")
        names = set(re.findall(r"[\w.]+(?:\.py|/)(?= )", f"{line[:21]} "))
        if inside:
            named[package] |= names
        else:
            package = line.split()[0]
            named[package] = set()
            assert (ROOT / package).exists(), package
    for package in ("data/", "dashboard/"):
        assert named[package] == parts_of(ROOT / package)


def parts_of(package: Path) -> set[str]:
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    return modules | {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}


# ---- statements ----


@pytest.fixture
def table(database_url: str) -> Iterator[JobTable]:
    """An empty database; the test runs once on each kind."""
    made = JobTable(database_url)
    yield made
    made.close()


def documented_table(dialect: str) -> str:
    [fence] = fences(CONNECT, f"sql {dialect} create")
    return fence.body


def test_the_table_in_the_guide_is_the_one_the_product_makes(table: JobTable) -> None:
    with table.owner.connect() as connection:
        made = create_statements(connection, job_runs())
    assert statements(documented_table(table.dialect)) == statements(made)


def test_the_table_in_the_guide_leaves_nothing_to_mend(table: JobTable) -> None:
    table.execute(documented_table(table.dialect))
    with native_engine(table.url) as engine:
        assert engine.check() == []
        assert engine.capabilities.clean_up


@every_page
def test_every_statement_says_where_it_runs(page: Path) -> None:
    known = {"sql", "sql sqlite", "sql postgresql", "sql store"}
    creates = {"sql sqlite create", "sql postgresql create"}
    said = {fence.info for fence in fences(page) if fence.info.startswith("sql")}
    assert said <= known | creates


def test_a_writer_that_follows_the_guide_changes_its_own_runs_only(
    table: JobTable,
) -> None:
    table.create()
    for fence in fences(CONNECT, "sql"):
        waiting, running, cleaned = table.add(
            make_run(status="PENDING", started_at=None),
            make_run(),
            make_run(status="FAILED", finished_at=NOW, error_type="Stalled"),
        )
        touched = {
            run_id: execute(table, fence.body, run_id)
            for run_id in (waiting, running, cleaned)
        }
        if fence.body.startswith("UPDATE"):
            assert sorted(touched.values()) == [0, 0, 1], fence.body
            assert touched[cleaned] == 0


def execute(table: JobTable, statement: str, run_id: str) -> int:
    """How many rows ``statement`` touched as the worker of this run."""
    values: dict[str, Any] = {
        "id": int(run_id),
        "started_at": instant(table, make_run()["started_at"]),
        "now": instant(table, NOW),
        "job_name": "send-mail",
        "params": '{"to": "somebody"}',
        "result": "{}",
        "worker": "host:1",
        "progress": 0.5,
        "error_type": "ValueError",
        "error": "ValueError: no",
    }
    used = {key: values[key] for key in re.findall(r":(\w+)", statement)}
    with table.owner.begin() as connection:
        return connection.execute(text(statement), used).rowcount


def instant(table: JobTable, ms: int) -> int | datetime:
    return ms if table.dialect == "sqlite" else from_ms(ms)


@every_page
def test_statements_for_sqlite_run_there(page: Path, sqlite_url: str) -> None:
    with job_table(sqlite_url) as table:
        for fence in fences(page, "sql sqlite"):
            table.scalar(fence.body.rstrip("; \n"))


def test_rights_in_the_guide_are_enough(postgresql_url: str) -> None:
    looking, acting = fences(CONNECT, "sql postgresql")
    url = make_url(postgresql_url).set(username="job_manager")
    with job_table(postgresql_url) as table:
        table.execute(looking.body)
        try:
            with native_engine(url.render_as_string(hide_password=False)) as engine:
                assert engine.check() == []
                assert not engine.capabilities.clean_up
                table.execute(acting.body)
                assert engine.check() == []
                assert engine.capabilities.clean_up
        finally:
            table.execute("DROP OWNED BY job_manager; DROP ROLE job_manager")


@every_page
def test_statements_for_the_store_run_there(page: Path, store: Store) -> None:
    for fence in fences(page, "sql store"):
        assert store.database.fetch(text(fence.body.rstrip("; \n"))) == []
