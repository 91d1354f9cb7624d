"""Parts of the overview as pages of their own, for the frames of a portal."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dash import html

from dashboard.ids import Overview, Stalled
from dashboard.panels import active, cleanup, stalled, tiles

#: Below this path, the panels by name.
PATH: Final = "/panel/"


def _status() -> list[Any]:
    return [tiles.layout()]


def _stalled() -> list[Any]:
    nothing = html.Div("Nothing is stalled.", id=Stalled.NOTHING, className="quiet")
    return [stalled.layout(), nothing, cleanup.layout()]


def _active() -> list[Any]:
    return [active.layout()]


#: What each panel is made of.
PANELS: Final[Mapping[str, Callable[[], list[Any]]]] = {
    "status": _status,
    "stalled": _stalled,
    "active": _active,
}


def layout_of(name: str) -> Callable[..., html.Div]:
    """The layout of the panel of that name, empty: the painter fills it."""

    def layout(**_query: str) -> html.Div:
        return html.Div(
            [
                html.H1(name.capitalize(), className="visually-hidden"),
                html.Div(
                    id=Overview.TROUBLE, className="trouble", role="alert", hidden=True
                ),
                *PANELS[name](),
            ],
            id=Overview.PAGE,
            className="page loading",
        )

    return layout
