"""The page as plain HTML: numbers before any script, and every text a text."""

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import dash
import dash_bootstrap_components as dbc
import pytest
from dash import dcc, html
from fastapi.testclient import TestClient

from app import Composed, compose
from dashboard.asked import Asked, asked_of
from dashboard.components.static import Markup, to_html
from dashboard.index import without_unused
from dashboard.kept_files import KeptFiles
from dashboard.settings import load_settings
from data.clock import MINUTE_MS
from tests.conftest import FakeClock
from tests.factories import NOW, JobTable, job_table, make_run

HOSTILE = "<script>alert(1)</script>\"'&"


class Reader(HTMLParser):
    """What a browser makes of a page: ids with their texts, and all tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def ids(self) -> list[str]:
        return [str(found["id"]) for _, found in self.tags if "id" in found]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (None, ""),
        (True, ""),
        (0, "0"),
        ("a < b", "a &lt; b"),
        (["a", None, "b"], "ab"),
        (Markup("<b>"), "<b>"),
        (html.Div("x", className="a", hidden=True), '<div hidden class="a">x</div>'),
        (html.Div(hidden=False), "<div></div>"),
        (html.Label("x", htmlFor="y"), '<label for="y">x</label>'),
        (html.Img(src='"'), '<img src="&quot;">'),
        (html.Div(**{"data-tone": "warn"}), '<div data-tone="warn"></div>'),
        (dcc.Store(id="s"), ""),
        (dcc.Link("x", href="/h"), '<a href="/h">x</a>'),
        (dbc.Modal("x"), ""),
        (
            dbc.Button("x", className="b"),
            '<button class="btn btn-primary b">x</button>',
        ),
        (dbc.Input(type="search"), '<input type="search" class="form-control">'),
        (
            dbc.Select(id="s", options=[{"label": "<", "value": "a"}], value="a"),
            '<select id="s" class="form-select "><option value="a" selected>&lt;</option></select>',
        ),
    ],
)
def test_components_are_written_as_html(part: Any, expected: str) -> None:
    assert to_html(part) == expected


@pytest.mark.parametrize("part", [HOSTILE, [HOSTILE], html.P(HOSTILE)])
def test_what_a_job_wrote_is_text(part: Any) -> None:
    assert "<script" not in to_html(part)


@pytest.mark.parametrize(
    ("path", "query", "asked"),
    [
        ("/", b"", Asked("/", "")),
        ("/history", b"source=a%20b&x=1", Asked("/history", "a b")),
        ("/", b"source=a&source=b", Asked("/", "a")),
        ("/", b"\xff=%ff", Asked("/", "")),
    ],
)
def test_the_address_says_page_and_source(
    path: str, query: bytes, asked: Asked
) -> None:
    assert asked_of(path, query) == asked


def test_scripts_that_no_page_needs_are_left_out() -> None:
    tags = "".join(
        f'<script src="/x/{name}/y.js"></script>'
        for name in ("dash_table", "dash_ag_grid", "dcc")
    )

    assert "dash_table" not in without_unused(tags, grids=True)
    assert "dash_ag_grid" in without_unused(tags, grids=True)
    assert "dash_ag_grid" not in without_unused(tags, grids=False)
    assert "dcc" in without_unused(tags, grids=False)


# the page of a real app


@pytest.fixture
def table(sqlite_url: str) -> Iterator[JobTable]:
    with job_table(sqlite_url) as made:
        yield made


@pytest.fixture
def composed(table: JobTable, tmp_path: Path, clock: FakeClock) -> Iterator[Composed]:
    """A product of its own, which has read nothing yet."""
    with over(table, tmp_path, clock) as made:
        yield made
    dash.page_registry.clear()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """One product that has read a run, for all that leave it as it is."""
    place = tmp_path_factory.mktemp("shared")
    with (
        job_table(f"sqlite:///{place / 'jobs.db'}") as table,
        over(table, place, FakeClock()) as made,
    ):
        table.add(make_run())
        made.deps.snapshot("jobs")
        yield made
    dash.page_registry.clear()


@contextmanager
def over(table: JobTable, place: Path, clock: FakeClock) -> Iterator[Composed]:
    environ = {
        "JOBS_DATABASE_URL": table.url,
        "JOBS_STORE_URL": f"sqlite:///{place / 'store.db'}",
        "JOBS_FRAME_ANCESTORS": "self,https://portal.example",
    }
    made = compose(load_settings(environ, directory=place), clock=clock)
    page(made)  # Dash keeps what pages there are from the first one on
    yield made
    made.deps.store.close()


def page(composed: Composed, path: str = "/") -> str:
    client = TestClient(composed.asgi, base_url="http://127.0.0.1:8050")
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text


def first(text: str) -> Reader:
    """The part before the place of the app."""
    return Reader(
        text.split("<body>")[1].split('<div id="react-entry-point">', maxsplit=1)[0]
    )


def test_the_overview_comes_with_its_numbers(
    composed: Composed, table: JobTable
) -> None:
    table.add(
        make_run(job_name="stuck", heartbeat_at=NOW - 5 * MINUTE_MS),
        make_run(job_name="young", started_at=NOW - MINUTE_MS, progress=0.5),
        make_run(job_name="waits", status="PENDING", started_at=None),
    )
    composed.deps.snapshot("jobs")

    shown = first(page(composed))

    assert {"tile-running", "tile-stalled", "stalled-banner"} <= set(shown.ids)
    assert len(shown.ids) == len(set(shown.ids))
    words = " ".join(shown.texts)
    for said in (
        "1 job(s) may be stalled",
        "Connecting...",
        "stuck",
        "1h 00m / 30m",
        "heartbeat lost 5m ago",
        "young",
        "50%",
        "waits",
        "3 jobs",
    ):
        assert said in words, said


def test_nothing_is_read_for_it(composed: Composed) -> None:
    reader = composed.deps.sources["jobs"].reader

    text = page(composed)

    assert reader.reads == 0
    assert "—" in first(text).texts


def test_a_source_that_is_down_is_told_at_once(
    composed: Composed, table: JobTable
) -> None:
    table.execute("ALTER TABLE job_runs RENAME TO elsewhere")
    composed.deps.snapshot("jobs")

    assert "there is no table job_runs" in page(composed)


def test_hostile_names_are_text(composed: Composed, table: JobTable) -> None:
    table.add(make_run(job_name=HOSTILE, worker=HOSTILE, queue=HOSTILE))
    composed.deps.snapshot("jobs")

    shown = first(page(composed, f"/?source={HOSTILE}"))

    assert "script" not in {tag for tag, _ in shown.tags}
    assert any(HOSTILE in text for text in shown.texts)


@pytest.mark.parametrize(
    ("path", "there", "missing"),
    [
        ("/panel/status", "tile-running", "stalled-banner"),
        ("/panel/stalled", "stalled-banner", "tile-running"),
        ("/history", "source-select", "tile-running"),
        ("/audit", "source-select", "stalled-banner"),
    ],
)
def test_other_pages_come_with_their_part(
    shared: Composed, path: str, there: str, missing: str
) -> None:
    shown = first(page(shared, path))

    assert there in shown.ids
    assert missing not in shown.ids


@pytest.mark.parametrize(
    ("path", "grids"),
    [
        ("/", True),
        ("/history", True),
        ("/panel/active", True),
        ("/panel/status", False),
    ],
)
def test_the_grid_is_loaded_where_there_is_one(
    shared: Composed,
    path: str,
    grids: bool,  # noqa: FBT001
) -> None:
    scripts = [
        found["src"] or ""
        for tag, found in Reader(page(shared, path)).tags
        if tag == "script" and "src" in found
    ]

    assert any("dash_ag_grid" in src for src in scripts) == grids
    assert not any("dash_table" in src for src in scripts)


def test_who_may_frame_it_stands_in_the_policy_and_on_the_page(
    shared: Composed,
) -> None:
    client = TestClient(shared.asgi, base_url="http://127.0.0.1:8050")
    answer = client.get("/")

    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'self' https://portal.example" in policy
    assert "unsafe-eval" not in policy
    metas = {
        found.get("name"): found.get("content")
        for tag, found in Reader(answer.text).tags
        if tag == "meta"
    }
    assert metas["job-manager-ancestors"] == "'self' https://portal.example"


# files


def files(composed: Composed) -> list[str]:
    found = Reader(page(composed)).tags
    return [
        str(one.get("src") or one.get("href"))
        for tag, one in found
        if tag in ("script", "link") and (one.get("src") or one.get("href"))
    ]


def test_a_file_with_a_fingerprint_is_kept_for_good(shared: Composed) -> None:
    client = TestClient(shared.asgi, base_url="http://127.0.0.1:8050")
    asked = files(shared)
    assert len(asked) > 30
    for path in asked:
        answer = client.get(path)
        again = client.get(path)
        assert answer.status_code == again.status_code == 200, path
        assert again.content == answer.content
        kept = "immutable" in answer.headers["cache-control"]
        assert kept == ("theme.js" not in path and "icon.svg" not in path), path
        assert again.headers["cache-control"] == answer.headers["cache-control"]


def test_a_chunk_is_compressed_once_and_asked_about(shared: Composed) -> None:
    client = TestClient(shared.asgi, base_url="http://127.0.0.1:8050")
    path = "/_dash-component-suites/dash_ag_grid/async-community.js"
    page(shared)
    answer = client.get(path)

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "no-cache"
    known = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content


def test_made_up_addresses_fill_no_memory(
    composed: Composed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.kept_files._MOST", 300_000)
    client = TestClient(composed.asgi, base_url="http://127.0.0.1:8050")
    page(composed)
    path = "/_dash-component-suites/dash_ag_grid/async-community.js"
    sizes = {len(client.get(f"{path}?x={n}").content) for n in range(4)}

    assert len(sizes) == 1
    gates: Any = client.app.middleware_stack
    while not isinstance(gates, KeptFiles):
        gates = gates._app if hasattr(gates, "_app") else gates.app
    assert gates._bytes <= 300_000


def test_a_file_that_is_not_there_is_not_kept(shared: Composed) -> None:
    client = TestClient(shared.asgi, base_url="http://127.0.0.1:8050")
    for _ in range(2):
        assert client.get("/assets/nothing.js?m=1").status_code == 404
    assert client.get("/_dash-component-suites/nobody/x.js").status_code >= 400
