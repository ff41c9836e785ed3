"""Chapter 2: the maps of SSD300 and their priors."""

import numpy as np
from figure import BLUE, ORANGE, RED, Figure, row
from photo import HEIGHT, NAMES, OBJECTS, PHOTO, WIDTH

from multibox.boxes import iou
from multibox.config_file import load_config
from multibox.models.maps import feature_maps
from multibox.prepare.render import resize
from multibox.priors import FeatureMap, make_priors, prior_grids, shapes

CONFIG = load_config("ssd300-vgg16-voc0712")
MAPS = feature_maps(CONFIG.network)
GRIDS = prior_grids(MAPS, CONFIG.priors)
PRIORS = make_priors(MAPS, CONFIG.priors, CONFIG.network.size)
SIDE = CONFIG.network.size[0]
INPUT = resize(PHOTO, (SIDE, SIDE), 1)
FIRST = np.cumsum([0, *(grid.height * grid.width * grid.per_cell for grid in GRIDS)])

prior_count = f"{len(PRIORS):,}"
finest_count = f"{FIRST[1]:,}"
finest_share = f"{FIRST[1] / len(PRIORS):.0%}"

table = [("map", "cells", "step", "s", "s'", "ratios", "priors a cell", "priors")]
table += [
    (
        f"`{fmap.name}`",
        f"{fmap.height} × {fmap.width}",
        f"{fmap.step_x:g}",
        f"{CONFIG.priors.sizes[i]:g}",
        f"{CONFIG.priors.sizes[i + 1]:g}",
        "1, " + ", ".join(f"{r:g}, 1/{r:g}" for r in CONFIG.priors.ratios[i]),
        grid.per_cell,
        f"{grid.height * grid.width * grid.per_cell:,}",
    )
    for i, (fmap, grid) in enumerate(zip(MAPS, GRIDS, strict=True))
]

MIDDLE = 2  # the map that is looked at closely
sizes = (CONFIG.priors.sizes[MIDDLE], CONFIG.priors.sizes[MIDDLE + 1])
cell_shapes = [("prior", "width", "height", "width / height", "area")]
cell_shapes += [
    (name, f"{w:.1f}", f"{h:.1f}", f"{w / h:.2f}", f"{w * h:,.0f}")
    for name, (w, h) in zip(
        ("s", "√(s s')", "2", "1/2", "3", "1/3"), shapes(*sizes, CONFIG.priors.ratios[MIDDLE]), strict=True
    )
]

OBJECTS_REL = OBJECTS.boxes / (WIDTH, HEIGHT, WIDTH, HEIGHT)
BEST = iou(OBJECTS_REL, PRIORS)
best = [("object", "in the 300 × 300 input", "best prior's IoU", "on the map", "priors with IoU ≥ 0.5")]
best += [
    (
        name,
        f"{(box[2] - box[0]) * SIDE:.0f} × {(box[3] - box[1]) * SIDE:.0f}",
        f"{overlaps.max():.2f}",
        f"`{MAPS[np.searchsorted(FIRST, overlaps.argmax(), 'right') - 1].name}`",
        (overlaps >= 0.5).sum(),
    )
    for name, box, overlaps in zip(NAMES, OBJECTS_REL, BEST, strict=True)
]


def extent(fmap: FeatureMap) -> tuple[float, float, float, float]:
    """Where a map's cells lie in the input; the last ones may reach beyond it."""
    return 0, 0, fmap.width * fmap.step_x, fmap.height * fmap.step_y


def maps() -> Figure:
    """The cells of all six maps over the photo, and one square prior of a middle cell."""
    figures = []
    for i, fmap in enumerate(MAPS):
        figure = Figure(SIDE, SIDE).image(INPUT)
        figure.grid(fmap.height, fmap.width, extent(fmap), "white", opacity=0.65)
        cell = FIRST[i] + (fmap.height // 2 * fmap.width + fmap.width // 2) * GRIDS[i].per_cell
        figures.append(figure.box(PRIORS[cell] * SIDE, ORANGE, width=2.5))
    titles = [f"{fmap.name}: {fmap.height} × {fmap.width}" for fmap in MAPS]
    return row(figures, titles, "Six grids over the photo, from 38 × 38 cells to a single one", columns=3)


def one_cell() -> Figure:
    """All priors of one cell."""
    fmap, grid = MAPS[MIDDLE], GRIDS[MIDDLE]
    line, column = 5, 5
    first = FIRST[MIDDLE] + (line * fmap.width + column) * grid.per_cell
    figure = Figure(SIDE, SIDE, "The six priors of one cell: two squares, two wide, two tall", text=10).image(INPUT)
    figure.grid(fmap.height, fmap.width, extent(fmap), "white", opacity=0.5)
    step = fmap.step_x
    figure.box((column * step, line * step, (column + 1) * step, (line + 1) * step), "rgb(255, 255, 255)", fill=0.6)
    for box, color in zip(
        PRIORS[first : first + grid.per_cell] * SIDE, (BLUE, BLUE, RED, RED, ORANGE, ORANGE), strict=True
    ):
        figure.box(box, color, width=2)
    return figure.dot((column + 0.5) * step, (line + 0.5) * step, "white")


def best_priors() -> Figure:
    """Each object and the prior that overlaps it most."""
    figure = Figure(SIDE, SIDE, "The objects, and the one prior that fits each best", text=10).image(INPUT)
    for name, box, overlaps in zip(NAMES, OBJECTS_REL, BEST, strict=True):
        figure.box(box * SIDE, BLUE, f"{name} {overlaps.max():.2f}", width=2)
        figure.box(PRIORS[overlaps.argmax()] * SIDE, ORANGE, width=2, dash="6 3")
    return figure
