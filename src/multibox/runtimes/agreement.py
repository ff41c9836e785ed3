"""Comparison of two runtimes: the differences between their scores and boxes."""

from typing import NamedTuple

import cv2
import numpy as np

from multibox import boxes as box_math
from multibox.models.schema import Schema
from multibox.postprocess.decode import scores_of
from multibox.runtimes.outputs import NETWORK, Outputs

SCORE, PIXELS = 1e-3, 0.1
"""Largest differences that are accepted between two runtimes of the same precision: in scores, and in box edges in
pixels of the input."""


class Difference(NamedTuple):
    """Largest differences between the outputs of two runtimes.

    Attributes:
        score: Largest difference between the two runtimes' scores for the same prior and class.
        pixels: Largest difference between the two runtimes' positions of the same edge of a prior's box, in pixels of
            the network's input. Boxes are clipped to the input first.
    """

    score: float
    pixels: float

    @property
    def is_small(self) -> bool:
        """Whether the differences can be explained by rounding. False if a number is not finite."""
        return self.score <= SCORE and self.pixels <= PIXELS


def difference(expected: Outputs, given: Outputs, schema: Schema) -> Difference:
    """Compare the outputs of two runtimes for the same images.

    Args:
        expected: Outputs of the network in the first runtime, as :data:`~multibox.runtimes.outputs.NETWORK` describes
            them.
        given: Outputs of the same network for the same images in the second runtime.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.

    Returns:
        Largest differences, infinite if shapes differ or a number of ``given`` is not finite.
    """
    if any(expected[name].shape != given[name].shape or not np.isfinite(given[name]).all() for name in NETWORK):
        return Difference(np.inf, np.inf)
    priors_rel, (height, width) = schema.make_priors(), schema.network.size
    scale = np.array([width, height, width, height], np.float32)

    def read(outputs: Outputs) -> tuple[np.ndarray, np.ndarray]:
        scores = np.stack([scores_of(logits, schema.activation) for logits in outputs["classes"]])
        boxes = np.stack([box_math.decode(deltas, priors_rel, schema.priors.variances) for deltas in outputs["boxes"]])
        return scores, np.clip(boxes, 0, 1) * scale

    (scores, boxes), (other_scores, other_boxes) = read(expected), read(given)
    return Difference(float(abs(scores - other_scores).max()), float(abs(boxes - other_boxes).max()))


def trial_images(schema: Schema) -> np.ndarray:
    """Make two images to compare runtimes on: noise, and blurred patches of colour.

    Args:
        schema: Schema of the network, which holds the size of the images.

    Returns:
        ``(2, H, W, 3)`` uint8 RGB, the same two images at every call.
    """
    rng = np.random.default_rng(0)
    height, width = schema.network.size
    blots = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.stack([rng.integers(0, 256, (height, width, 3), np.uint8), blots])
