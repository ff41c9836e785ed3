"""The chart of prior coverage: objects by their width and height, together with the shapes of the priors."""

from itertools import cycle
from typing import Final

import numpy as np

from multibox.config import Config
from multibox.inspection.coverage import REACHED, best_ious
from multibox.models.maps import feature_maps
from multibox.priors import cell_shapes
from multibox.report.chart import Chart, Points

HEIGHT: Final = 350
"""Height of the chart in pixels. With this height, both axes are about equally long."""

MOST: Final = 20_000
"""Largest number of objects in a chart."""

BANDS: Final = (
    ("best IoU from 0.7", 0.7, np.inf, "#467dbe"),
    ("best IoU 0.5 to 0.7", REACHED, 0.7, "#f08c00"),
    ("no prior reaches IoU 0.5", 0.0, REACHED, "#d7303c"),
)
"""Ranges of the best IoU: name, lowest and highest IoU, and colour of the objects in the range. The last range is drawn
on top."""

MAP_COLORS: Final = ("#2b8a3e", "#a63db8", "#0c8599", "#e64980", "#8a5a1c", "#74b816", "#868e96")
"""Colours of the priors, one for each feature map."""


def coverage_chart(boxes_rel: np.ndarray, config: Config, title: str) -> Chart:
    """Draw objects by their width and height in the network's input, on logarithmic axes.

    The colour of a point is the best IoU of any prior with the object. Crosses are the shapes of the priors.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the network's input.
        config: Configuration of the network and its priors.
        title: Title of the chart.

    Returns:
        Text of the SVG chart.
    """
    height, width = config.network.size
    some = boxes_rel[:: max(1, len(boxes_rel) // MOST)]
    sides = (some[:, 2:] - some[:, :2]) * (width, height)
    best = best_ious(some, config)
    series = []
    for name, low, high, color in BANDS:
        inside = sides[(best >= low) & (best < high)]
        series.append(Points(name, inside[:, 0], inside[:, 1], color))
    for (name, priors), color in zip(_prior_shapes(config).items(), cycle(MAP_COLORS), strict=False):
        series.append(Points(f"priors of {name}", priors[:, 0], priors[:, 1], color, "cross"))
    limits = (3.0, 1.3 * max(height, width))
    return Chart(
        title,
        series,
        x="width in the network's input, pixels",
        y="height, pixels",
        x_range=limits,
        y_range=limits,
        x_log=True,
        y_log=True,
        height=HEIGHT,
    )


def _prior_shapes(config: Config) -> dict[str, np.ndarray]:
    """Widths and heights of the priors of each map, ``(A, 2)`` pixels of the network's input."""
    network = config.network
    cells = cell_shapes(config.priors, network.size, network.peer.prior_order)
    return {fmap.name: cell for fmap, cell in zip(feature_maps(network), cells, strict=True)}
