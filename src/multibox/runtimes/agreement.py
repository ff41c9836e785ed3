"""Whether two runtimes detect the same: the same scores, and boxes at the same places."""

from typing import NamedTuple

import cv2
import numpy as np

from multibox import boxes as box_math
from multibox.models.schema import Schema
from multibox.postprocess.decode import scores_of

Outputs = tuple[np.ndarray, np.ndarray]
"""What a :class:`~multibox.runtimes.Runtime` gives."""

SCORE, PIXELS = 1e-3, 0.1
"""How far scores, and boxes in pixels of the input, may be from those of another runtime in the same precision."""


class Difference(NamedTuple):
    """How far one runtime's numbers are from another's, at most.

    Attributes:
        score: of a class of a prior.
        pixels: of an edge of a prior's box, in the network's input, cut off at its edges.
    """

    score: float
    pixels: float

    @property
    def is_small(self) -> bool:
        """Whether nobody would see it; never where a number is not finite."""
        return self.score <= SCORE and self.pixels <= PIXELS


def difference(expected: Outputs, given: Outputs, schema: Schema) -> Difference:
    """Compare what two runtimes make of the same images.

    Args:
        expected: ``(B, P, C + 1)`` logits and ``(B, P, 4)`` deltas.
        given: likewise.
        schema: of the network.

    Returns:
        the largest differences; infinite where the shapes differ or a number is not finite.
    """
    if any(
        wanted.shape != got.shape or not np.isfinite(got).all() for wanted, got in zip(expected, given, strict=True)
    ):
        return Difference(np.inf, np.inf)
    priors_rel, (height, width) = schema.make_priors(), schema.network.size
    scale = np.array([width, height, width, height], np.float32)

    def read(outputs: Outputs) -> Outputs:
        scores = np.stack([scores_of(logits, schema.activation) for logits in outputs[0]])
        boxes = np.stack([box_math.decode(deltas, priors_rel, schema.priors.variances) for deltas in outputs[1]])
        return scores, np.clip(boxes, 0, 1) * scale

    (scores, boxes), (other_scores, other_boxes) = read(expected), read(given)
    return Difference(float(abs(scores - other_scores).max()), float(abs(boxes - other_boxes).max()))


def trial_images(schema: Schema) -> np.ndarray:
    """Two images of the network's input size to compare runtimes on: noise, and soft blots of colour.

    Returns:
        ``(2, H, W, 3)`` uint8 RGB, always the same.
    """
    rng = np.random.default_rng(0)
    height, width = schema.network.size
    blots = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.stack([rng.integers(0, 256, (height, width, 3), np.uint8), blots])
