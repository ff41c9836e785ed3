"""Decoding of the network's logits and deltas to scores and boxes (SSD section 2.2, "Inference")."""

import cv2
import numpy as np

from multibox import boxes as box_math
from multibox.config import Activation

SMALLEST_LOGIT = -80.0
"""Lowest logit. Lower logits are raised to this value, because ``exp(-x)`` of a lower logit would overflow float32."""


def scores_of(logits: np.ndarray, activation: Activation = "softmax") -> np.ndarray:
    """Convert logits to the probabilities of the user's classes.

    Args:
        logits: ``(P, C + 1)`` logits of the network, with background in column 0.
        activation: ``softmax`` over all columns, or ``sigmoid`` of each column, as the network was trained.

    Returns:
        ``(P, C)`` float32 in [0, 1], without background.
    """
    by_class = _transposed(logits)
    return (sigmoid(by_class[1:]) if activation == "sigmoid" else softmax(by_class)).T


def softmax(by_class: np.ndarray) -> np.ndarray:
    """Probabilities ``(C, P)`` for logits ``(C + 1, P)`` with background in row 0. Overwrites the logits."""
    by_class -= by_class.max(axis=0)
    np.exp(by_class, out=by_class)
    by_class /= by_class.sum(axis=0)
    return by_class[1:]


def sigmoid(by_class: np.ndarray) -> np.ndarray:
    """Probabilities ``1 / (1 + exp(-x))`` for logits ``(C, P)``. Overwrites the logits."""
    np.maximum(by_class, SMALLEST_LOGIT, out=by_class)
    np.exp(np.negative(by_class, out=by_class), out=by_class)
    by_class += 1
    return np.reciprocal(by_class, out=by_class)


def _transposed(logits: np.ndarray) -> np.ndarray:
    """A copy ``(C + 1, P)`` float32. Sums over long rows are several times faster, and OpenCV copies in blocks."""
    rows = np.ascontiguousarray(logits, np.float32)
    return cv2.transpose(rows) if rows.size else rows.T.copy()


def decode(
    logits: np.ndarray,
    deltas: np.ndarray,
    priors_rel: np.ndarray,
    variances: tuple[float, ...] = box_math.VARIANCES,
    above: float = 0.0,
    activation: Activation = "softmax",
) -> tuple[np.ndarray, np.ndarray]:
    """Decode the network's outputs for one input.

    Most priors have low scores and are dropped before their boxes are computed.

    Args:
        logits: ``(P, C + 1)`` logits, with background in column 0.
        deltas: ``(P, 4)`` deltas from the priors, as :func:`multibox.boxes.encode` computes them.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the priors, relative to the network's input.
        variances: Factors of the four deltas (centre x, centre y, width, height), such as (0.1, 0.1, 0.2, 0.2).
        above: Score that a prior must exceed in at least one class. Other priors are dropped.
        activation: Function from logits to scores, ``softmax`` or ``sigmoid``.

    Returns:
        ``(K, C)`` scores in [0, 1] of the K remaining priors in their order, and ``(K, 4)`` float32 corners x0, y0, x1,
        y1 of their boxes, relative to the input and not clipped to it.
    """
    scores = scores_of(logits, activation)
    live = np.flatnonzero(scores.max(axis=1, initial=0) > above)
    boxes_rel = box_math.decode(np.asarray(deltas[live], np.float32), priors_rel[live], variances)
    return scores.T[:, live].T, boxes_rel  # stored class by class, as selection reads them
