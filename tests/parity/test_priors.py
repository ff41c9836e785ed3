"""Every prior of the authors' networks, counted out one by one as Caffe's ``PriorBox`` layer does."""

from math import sqrt

import numpy as np
import pytest

from multibox.config_file import load_config
from multibox.models.maps import network_priors

VOC300 = {
    "cells": (38, 19, 10, 5, 3, 1),
    "steps": (8, 16, 32, 64, 100, 300),
    "least": (30, 60, 111, 162, 213, 264),
    "most": (60, 111, 162, 213, 264, 315),
    "ratios": ([2], [2, 3], [2, 3], [2, 3], [2], [2]),
}
COCO300 = VOC300 | {"least": (21, 45, 99, 153, 207, 261), "most": (45, 99, 153, 207, 261, 315)}
VOC512 = {
    "cells": (64, 32, 16, 8, 4, 2, 1),
    "steps": (8, 16, 32, 64, 128, 256, 512),
    "least": (35, 76, 153, 230, 307, 384, 460),
    "most": (76, 153, 230, 307, 384, 460, 537),
    "ratios": ([2], [2, 3], [2, 3], [2, 3], [2, 3], [2], [2]),
}


def prior_boxes(size, cells, steps, least, most, ratios):
    """REFERENCE: by map, row, column and shape; corners relative to a square image of ``size``."""
    found = []
    for n, step, low, high, flat in zip(cells, steps, least, most, ratios, strict=True):
        for row in range(n):
            for column in range(n):
                x, y = (column + 0.5) * step, (row + 0.5) * step
                shapes = [(low, low), (sqrt(low * high), sqrt(low * high))]
                for ratio in flat:
                    for r in (ratio, 1 / ratio):
                        shapes.append((low * sqrt(r), low / sqrt(r)))
                found += [
                    ((x - w / 2) / size, (y - h / 2) / size, (x + w / 2) / size, (y + h / 2) / size) for w, h in shapes
                ]
    return found


@pytest.mark.parametrize(
    ("preset", "sizes", "expected", "size", "count"),
    [
        ("ssd300-vgg16-voc0712", None, VOC300, 300, 8732),
        ("ssd300-vgg16-voc0712", [21, 45, 99, 153, 207, 261, 315], COCO300, 300, 8732),
        ("ssd300-resnet50-voc0712", None, VOC300, 300, 8732),
        ("ssd512-vgg16-voc0712", None, VOC512, 512, 24564),
    ],
    ids=["voc300", "coco300", "resnet50", "voc512"],
)
def test_all_priors_of_a_preset(preset, sizes, expected, size, count):
    config = load_config(preset, {"priors.sizes": sizes} if sizes else {})
    priors_rel = network_priors(config.network, config.priors)
    boxes = prior_boxes(size, **expected)
    assert len(boxes) == count
    np.testing.assert_allclose(priors_rel, boxes, atol=1e-6)
