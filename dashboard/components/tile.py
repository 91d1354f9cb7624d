"""One number with its note and sparkline."""

from dash import html

from dashboard.components.attributes import attributes


def tile(id_: str, label: str, spark: str) -> html.Div:
    """An empty tile; the painter in assets/overview.js fills it.

    ``spark`` says in words what the sparkline shows.
    """
    return html.Div(
        [
            html.Div(label, className="tile-label"),
            html.Div("—", className="tile-value"),
            html.Div(className="tile-note"),
            html.Div(className="tile-spark", title=spark),
        ],
        id=id_,
        className=f"tile {id_}",
        role="group",
        **attributes(aria_label=label),
    )
