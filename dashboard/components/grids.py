"""What all grids share: theme, size, and cells out of assets/grid.js."""

from typing import Any, Final

_QUARTZ: Final = (
    "themeQuartz.withParams({"
    "browserColorScheme: 'inherit',"
    "accentColor: 'var(--accent)', backgroundColor: 'var(--surface)',"
    "foregroundColor: 'var(--text)', borderColor: 'var(--line)',"
    "headerBackgroundColor: 'var(--surface)', headerTextColor: 'var(--text-quiet)',"
    "headerFontWeight: 600, rowHoverColor: 'var(--hover)',"
    "fontFamily: 'inherit', fontSize: 14, headerFontSize: 12,"
    "wrapperBorder: false, headerColumnBorder: false, columnBorder: false,"
    "wrapperBorderRadius: 0, rowHeight: 40, headerHeight: 34, cellHorizontalPadding: 12"
    "})"
)
#: ``dashGridOptions`` of every grid.
GRID_OPTIONS: Final[dict[str, Any]] = {
    "theme": {"function": _QUARTZ},
    "animateRows": False,
    "suppressColumnMoveAnimation": True,
    "suppressNoRowsOverlay": True,
    "loading": False,
    "enableCellTextSelection": True,
    "rowBuffer": 4,
}


def cell(name: str) -> dict[str, Any]:
    """The part of a column that has it drawn by this cell."""
    return {"cellRendererSelector": {"function": f"cell('{name}')"}}
