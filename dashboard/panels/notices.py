"""What is said below the header of every page: old data, a page to be reloaded.

assets/freshness.js and assets/reload.js show them; the ages that move each second stand
outside the status roles, which are read aloud at every change.
"""

from dash import html

from dashboard.components.attributes import attributes
from dashboard.ids import Notices

_RESTARTED = (
    "Job Manager was restarted with another version or other settings: "
    "reload this page."
)


def layout() -> html.Section:
    """Both notices, hidden."""
    return html.Section(
        [_stale(), _reload()],
        className="page-notices",
        **attributes(aria_label="About this page"),
    )


def _stale() -> html.Div:
    return html.Div(
        [
            html.Strong(id=Notices.STALE_WORDS, role="status"),
            html.Span(id=Notices.STALE_AGE),
        ],
        id=Notices.STALE,
        className="page-notice",
        hidden=True,
    )


def _reload() -> html.Div:
    return html.Div(
        [
            html.Strong(_RESTARTED, role="status"),
            html.Button("Reload", id=Notices.RELOAD_PAGE, className="btn button-main"),
        ],
        id=Notices.RELOAD,
        className="page-notice",
        hidden=True,
    )
