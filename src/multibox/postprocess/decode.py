"""From the network's numbers to scores and boxes, before anything is left out (SSD section 2.2, "Inference")."""

import cv2
import numpy as np

from multibox import boxes as box_math
from multibox.config import Activation

SMALLEST_LOGIT = -80.0
"""Below it, float32 cannot hold ``exp`` of the negative."""


def scores_of(logits: np.ndarray, activation: Activation = "softmax") -> np.ndarray:
    """Turn logits into the probabilities of the user's classes.

    Args:
        logits: ``(P, C + 1)`` as the network gives them; column 0 is background.
        activation: ``softmax`` over all columns, or the ``sigmoid`` of each, as the network was trained.

    Returns:
        ``(P, C)`` float32 in [0, 1], without background's.
    """
    by_class = _transposed(logits)
    return (sigmoid(by_class[1:]) if activation == "sigmoid" else softmax(by_class)).T


def softmax(by_class: np.ndarray) -> np.ndarray:
    """The classes' shares ``(C, P)`` of logits ``(C + 1, P)`` with background in row 0; takes their place."""
    by_class -= by_class.max(axis=0)
    np.exp(by_class, out=by_class)
    by_class /= by_class.sum(axis=0)
    return by_class[1:]


def sigmoid(by_class: np.ndarray) -> np.ndarray:
    """``1 / (1 + exp(-x))`` of every logit ``(C, P)``; takes their place."""
    np.maximum(by_class, SMALLEST_LOGIT, out=by_class)
    np.exp(np.negative(by_class, out=by_class), out=by_class)
    by_class += 1
    return np.reciprocal(by_class, out=by_class)


def _transposed(logits: np.ndarray) -> np.ndarray:
    """``(C + 1, P)`` float32, a copy: sums over long rows are several times faster, and OpenCV copies blockwise."""
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
    """Read one image's output.

    Args:
        logits: ``(P, C + 1)``; column 0 is background.
        deltas: ``(P, 4)`` from the priors, as :func:`multibox.boxes.encode` gives them.
        priors_rel: ``(P, 4)`` corners, relative to the network's input.
        variances: of the deltas.
        above: priors without any score above this are left out, which most are.
        activation: what makes scores of the logits.

    Returns:
        of the K priors that are left, in their order: ``(K, C)`` scores in [0, 1], and ``(K, 4)`` float32 corners
        relative to the input, not clipped to it.
    """
    scores = scores_of(logits, activation)
    live = np.flatnonzero(scores.max(axis=1, initial=0) > above)
    boxes_rel = box_math.decode(np.asarray(deltas[live], np.float32), priors_rel[live], variances)
    return scores.T[:, live].T, boxes_rel  # still stored class by class, as the choice by class reads them
