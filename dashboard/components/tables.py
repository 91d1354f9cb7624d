"""Parts of tables that people read, and that screen readers and keys get through."""

from dash import html

from dashboard.components.attributes import attributes


def heads(*words: str, last: str = "") -> list[html.Th]:
    """The heads of columns; ``last`` is one that only a screen reader says."""
    found = [html.Th(one, scope="col") for one in words]
    if last:
        found.append(html.Th(html.Span(last, className="visually-hidden"), scope="col"))
    return found


def scrolling(id_: str, label: str) -> html.Div:
    """The frame of a long table: arrow keys move it."""
    return html.Div(
        id=id_,
        className="groups-frame",
        tabIndex=0,
        role="region",
        **attributes(aria_label=label),
    )
