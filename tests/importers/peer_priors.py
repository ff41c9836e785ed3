"""The priors of the peers, worked out by loops, box by box, as each of them says."""

from math import sqrt

import numpy as np

CELLS = {300: (38, 19, 10, 5, 3, 1), 512: (64, 32, 16, 8, 4, 2, 1)}
STEPS = {300: (8, 16, 32, 64, 100, 300), 512: (8, 16, 32, 64, 128, 256, 512)}
RATIOS = {300: ([2], [2, 3], [2, 3], [2, 3], [2], [2]), 512: ([2], [2, 3], [2, 3], [2, 3], [2, 3], [2], [2])}
VOC = (30, 60, 111, 162, 213, 264, 315)
VOC_512 = (35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.65)
COCO_512 = (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72)
COCO = (21, 45, 99, 153, 207, 261, 315)


def caffe(size, sizes):
    """Whole pixels; for each ratio the box and its transpose."""
    sizes = [int(side) for side in sizes]
    return _boxes(size, sizes, lambda ratios: [r for ratio in ratios for r in (ratio, 1 / ratio)])


def exact(size, sizes):
    """As Caffe's, but of sizes with their fractions."""
    return _boxes(size, sizes, lambda ratios: [r for ratio in ratios for r in (ratio, 1 / ratio)])


def five_scripts(size, sizes):
    """All ratios, then all their inverses."""
    return _boxes(size, sizes, lambda ratios: [*ratios, *(1.0 / ratio for ratio in ratios)])


def centers_clipped(size, sizes):
    """As :func:`exact`; centre, width and height limited to the image before they become corners."""
    corners = exact(size, sizes)
    centers, sides = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    centers, sides = centers.clip(0, 1), sides.clip(0, 1)
    return np.concatenate([centers - sides / 2, centers + sides / 2], axis=1)


def _boxes(size, sizes, order):
    boxes = []
    for k, cells in enumerate(CELLS[size]):
        small, large = sizes[k], sqrt(sizes[k] * sizes[k + 1])
        shapes = [(small, small), (large, large)]
        shapes += [(small * sqrt(r), small / sqrt(r)) for r in order(RATIOS[size][k])]
        for row in range(cells):
            for column in range(cells):
                x, y = (column + 0.5) * STEPS[size][k], (row + 0.5) * STEPS[size][k]
                boxes += [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for w, h in shapes]
    return np.array(boxes) / size


def sizes_clipped(size, sizes):
    """As :func:`exact`; width and height limited to the image."""
    corners = exact(size, sizes)
    centers, sides = (corners[:, :2] + corners[:, 2:]) / 2, (corners[:, 2:] - corners[:, :2]).clip(0, 1)
    return np.concatenate([centers - sides / 2, centers + sides / 2], axis=1)
