"""Numbers -> the points of a sparkline."""

from collections.abc import Sequence
from typing import Final

#: The box the points lie in; the same numbers stand in the tile's ``viewBox``.
WIDTH: Final = 100
HEIGHT: Final = 24


def spark_points(values: Sequence[float]) -> str:
    """SVG polyline points from the first value (left) to the last (right).

    The scale runs from 0 to the largest value, so that lines can be compared with
    the axis; a flat line of zeros lies on the floor. Fewer than two values: "".
    """
    if len(values) < 2:  # noqa: PLR2004
        return ""
    top = max(values) or 1
    step = WIDTH / (len(values) - 1)
    return " ".join(
        f"{i * step:.4g},{1 + (HEIGHT - 2) * (1 - value / top):.4g}"
        for i, value in enumerate(values)
    )
