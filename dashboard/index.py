"""The page that carries the app: its head, what can be read at once, its scripts."""

import re
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from typing import Any, Final

from dash import Dash
from starlette.requests import Request
from starlette.responses import Response

from dashboard.asked import ASKED, Asked
from dashboard.deps import Deps
from dashboard.first_view import first_view, overview_parts
from dashboard.live import Messages
from dashboard.offload import offload
from dashboard.pages import overview, panel
from dashboard.panels import header
from dashboard.urls import (
    BOOTSTRAP,
    ERRORS_SCRIPT,
    EXTRA_SCRIPT,
    ICON,
    THEME_SCRIPT,
    below,
    is_address,
)
from data.exceptions import UnknownSourceError

#: Pages have threads of their own: what they show is known, and waits for no source.
_LANE: Final = "/page"
#: What the renderer would load and no page of ours uses.
_UNUSED: Final = "/dash_table/"
_GRIDS: Final = "/dash_ag_grid/"
_SCRIPT: Final = re.compile(r'<script src="([^"]*)"[^>]*></script>')


class PageApp(Dash):
    """Dash, with the snapshot in the page itself.

    ``pages`` are paths and titles of what the header leads to.
    """

    def __init__(
        self,
        deps: Deps,
        messages: Messages,
        pages: list[tuple[str, str]],
        **options: Any,
    ) -> None:
        self._deps = deps
        self._messages = messages
        self._pages = pages
        super().__init__(index_string=index_string(deps), **options)

    def _add_url(
        self, name: str, view_func: Any, methods: Sequence[str] = ("GET",)
    ) -> None:
        """Dash makes its answer on the event loop; the page is made in a thread."""
        view = self._answer_index if name == "" else view_func
        add: Any = super()._add_url
        add(name, view, methods)

    async def _answer_index(self, _request: Request) -> Response:
        page = await offload(self.index, lane=_LANE)()
        return Response(content=page, media_type="text/html")

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]
        """The page that is asked for, readable before its scripts have run."""
        asked = ASKED.get(Asked())
        has_grid = _panel_of(asked) not in ("status", "stalled")
        parts["scripts"] = without_unused(parts["scripts"], grids=has_grid)
        parts["app_entry"] = self._first_view(asked) + parts["app_entry"]
        page: Any = super().interpolate_index
        return str(page(**parts))

    def _first_view(self, asked: Asked) -> str:
        """Made from what is known; nothing is read for it."""
        deps = self._deps
        try:
            place = deps.place(asked.source)
        except UnknownSourceError:
            place = deps.source(None)
        bar = header.layout(deps, self._pages, source=place.name, page=asked.path)
        name = _panel_of(asked)
        if asked.path != overview.PATH and not name:
            return first_view(bar, [])
        answer = self._messages.answer(place.reader.latest)
        parts = overview_parts(answer["view"], answer["at"])
        names = [name] if name else ["stalled", "status", "active"]
        shown = [parts[one] for one in ("trouble", *names)]
        return first_view(bar, shown, answer)


def without_unused(scripts: str, *, grids: bool) -> str:
    """Script tags without those that the page does not need."""
    unneeded = (_UNUSED,) if grids else (_UNUSED, _GRIDS)

    def kept(tag: re.Match[str]) -> str:
        return "" if any(part in tag[1] for part in unneeded) else tag[0]

    return _SCRIPT.sub(kept, scripts)


def index_string(deps: Deps) -> str:
    """The page with places for what Dash puts in."""
    prefix = deps.look.prefix
    bootstrap, icon, theme = (
        below(prefix, path) for path in (BOOTSTRAP, ICON, THEME_SCRIPT)
    )
    bootstrap += f"?m={version('bootstrap-flask')}"
    scripts = "".join(f"    {tag}\n" for tag in _first_scripts(deps))
    ancestors = escape(" ".join(deps.look.frame_ancestors))
    return f"""<!DOCTYPE html>
<html lang="en">
  <head>
    {{%metas%}}
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{{%title%}}</title>
{scripts}    <script src="{theme}"></script>
    <meta name="job-manager-ancestors" content="{ancestors}">
    <meta name="job-manager-refresh-ms" content="{deps.look.refresh_every_ms}">
    <meta name="job-manager-build" content="{deps.build}">
    <meta name="job-manager-live" content="{"on" if deps.look.live else "off"}">
    <link rel="icon" type="image/svg+xml" href="{icon}">
    <link rel="stylesheet" href="{bootstrap}">
    {{%css%}}
  </head>
  <body>
    {{%app_entry%}}
    <footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer>
  </body>
</html>"""


def _first_scripts(deps: Deps) -> list[str]:
    """What runs before everything else: the error tracker, a script of one's own."""
    look = deps.look
    tags = []
    if deps.tracker is not None:
        address = below(look.prefix, "api/errors")
        source = f"{below(look.prefix, ERRORS_SCRIPT)}?m={version('job-manager')}"
        tags.append(
            f'<script src="{source}" data-errors="{address}" '
            f'data-release="{version("job-manager")}"></script>'
        )
    if look.extra_script:
        own = is_address(look.extra_script)
        source = look.extra_script if own else below(look.prefix, EXTRA_SCRIPT)
        tags.append(f'<script src="{escape(source)}"></script>')
    return tags


def _panel_of(asked: Asked) -> str:
    """The panel that is asked for alone, "" for none."""
    name = asked.path.removeprefix(panel.PATH)
    return name if name in panel.PANELS else ""
