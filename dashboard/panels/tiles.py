"""The six numbers at the top of the overview."""

from dash import html

from dashboard.components.attributes import attributes
from dashboard.components.tile import tile
from dashboard.ids import Tiles


def layout() -> html.Section:
    """The tiles, empty: the painter fills them."""
    return html.Section(
        [
            tile(Tiles.RUNNING, "Running", "Runs at work on average, by hour"),
            tile(Tiles.PENDING, "Pending", "Runs waiting on average, by hour"),
            tile(Tiles.SUCCEEDED, "Succeeded, 24 h", "Succeeded runs by hour"),
            tile(Tiles.FAILED, "Failed, 24 h", "Failed runs by hour"),
            tile(Tiles.ERROR_RATE, "Error rate", "Error rate by hour"),
            tile(Tiles.STALLED, "Stalled", "Runs that became stalled, by day"),
        ],
        className="tiles",
        **attributes(aria_label="Numbers"),
    )
